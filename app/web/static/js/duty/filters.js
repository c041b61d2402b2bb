// The filter of the board: the form, the severities above it, and what this person has saved.

import { localised, page, text } from "../page.js";
import { ask, Refused } from "./actions.js";
import { criteriaOf, NOTHING, writeCriteria } from "./criteria.js";
import { askForText } from "./dialogs.js";

const SELECTS = { shown: "shown", finding: "finding", organisation: "operator", kind: "kind", zone: "zone", grouping: "grouping" };
/** What only this screen's alerts and vehicles tell: these are offered as they come. */
const OFFERED = ["organisation", "zone"];

const byId = (id) => document.getElementById(id);
const severityButtons = [...document.querySelectorAll("[data-severity]")];

function option(value, name) {
  const made = document.createElement("option");
  made.value = value;
  made.textContent = name;
  return made;
}

export class Filters {
  /** `onChange(criteria)` hears every change, `onSay(words)` what is to be said. */
  constructor({ onChange, onSay }) {
    this.onChange = onChange;
    this.onSay = onSay;
    this.criteria = NOTHING;
    this.offered = Object.fromEntries(OFFERED.map((criterion) => [criterion, new Map()]));
    this.saved = [];
    byId("search").addEventListener("input", () => this.read());
    for (const id of Object.values(SELECTS)) byId(id).addEventListener("change", () => this.read());
    for (const button of severityButtons) {
      button.addEventListener("click", () => {
        button.setAttribute("aria-pressed", String(button.getAttribute("aria-pressed") !== "true"));
        this.read();
      });
    }
    byId("filters").addEventListener("submit", (event) => event.preventDefault());
    byId("clear-filter").addEventListener("click", (event) => { event.preventDefault(); byId("saved").value = ""; this.show(NOTHING); });
    byId("more-filters").addEventListener("click", () => this.unfold(byId("filter-more").hidden));
    byId("saved").addEventListener("change", () => this.choose());
    byId("save-filter").addEventListener("click", () => this.save());
    byId("delete-filter").addEventListener("click", () => this.forget());
    this.put(criteriaOf(new URLSearchParams(window.location.search)));
    this.unfold(this.isNarrow);
    this.load();
  }

  /** Whether one of the folded fields leaves something out. */
  get isNarrow() {
    const { finding, organisation, kind, zone } = this.criteria;
    return Boolean(finding || organisation || kind || zone);
  }

  unfold(isOpen) {
    byId("filter-more").hidden = !isOpen;
    byId("more-filters").setAttribute("aria-expanded", String(isOpen));
  }

  /** What the form says; of a select that does not know what was asked for, nothing. */
  form() {
    const selects = Object.entries(SELECTS).map(([criterion, id]) => [criterion, byId(id).value || NOTHING[criterion]]);
    return {
      ...Object.fromEntries(selects),
      severities: severityButtons.filter((button) => button.getAttribute("aria-pressed") === "true").map((button) => button.dataset.severity),
      text: byId("search").value,
    };
  }

  put(criteria) {
    for (const criterion of OFFERED) this.know(criterion, [[criteria[criterion], null]]);
    for (const [criterion, id] of Object.entries(SELECTS)) byId(id).value = criteria[criterion] ?? "";
    for (const id of ["shown", "grouping"]) if (byId(id).selectedIndex < 0) byId(id).value = NOTHING[id];
    byId("search").value = criteria.text;
    for (const button of severityButtons) button.setAttribute("aria-pressed", String(criteria.severities.includes(button.dataset.severity)));
    this.criteria = this.form();
    byId("more-filters").classList.toggle("is-on", this.isNarrow);
  }

  read() {
    byId("saved").value = "";
    this.criteria = this.form();
    this.tell();
  }

  show(criteria) {
    this.put({ ...NOTHING, ...criteria });
    this.tell();
  }

  tell() {
    byId("more-filters").classList.toggle("is-on", this.isNarrow);
    byId("delete-filter").disabled = byId("saved").value === "";
    this.write();
    this.onChange(this.criteria);
  }

  /** The address says what is shown: it can be sent to somebody, or come back to. */
  write() {
    const address = new URL(window.location.href);
    writeCriteria(address.searchParams, this.criteria);
    window.history.replaceState(null, "", address);
  }

  /** Offers the operators of these alerts or vehicles, and the zones of these alerts, too. */
  offer(things) {
    this.know("organisation", things.map((thing) => [thing.organisation, thing.operator_names]));
    this.know("zone", things.filter((thing) => thing.place).map(({ place }) => [place.zone_id, place]));
  }

  /** Pairs of a value and its names in both languages; without names the value stands for itself. */
  know(criterion, pairs) {
    const known = this.offered[criterion];
    const before = known.size;
    let isNamed = false;
    for (const [value, names] of pairs) {
      if (!value || (known.has(value) && (!names || known.get(value) !== value))) continue;
      isNamed ||= known.has(value);
      known.set(value, localised(names) ?? value);
    }
    if (known.size === before && !isNamed) return;
    const select = byId(SELECTS[criterion]);
    const { value } = select;
    const sorted = [...known].sort((a, b) => a[1].localeCompare(b[1], page.locale));
    select.replaceChildren(select.options[0], ...sorted.map(([each, name]) => option(each, name)));
    select.value = value;
  }

  async load() {
    const found = [];
    let cursor = null;
    do {
      const more = cursor === null ? "" : `&cursor=${encodeURIComponent(cursor)}`;
      const answer = await ask("GET", `${page.urls.filters}?limit=100${more}`);
      found.push(...answer.items);
      cursor = answer.next_cursor;
    } while (cursor !== null);
    this.saved = found;
    const select = byId("saved");
    select.replaceChildren(option("", text("no_filter")), ...found.map((each) => option(String(each.id), each.name)));
  }

  choose() {
    const { value } = byId("saved");
    const chosen = this.saved.find((each) => String(each.id) === value);
    if (chosen) this.show(chosen.criteria);
  }

  async save() {
    const name = await askForText({ title: text("save_filter"), label: text("filter_name"), send: text("save"), most: 200 });
    if (name === null) return;
    await this.attempt(async () => {
      const made = await ask("POST", page.urls.filters, { body: { name: name.replaceAll(/\s+/g, " "), criteria: this.criteria } });
      await this.load();
      byId("saved").value = String(made.id);
      this.tell();
      this.onSay(text("filter_saved"));
    });
  }

  async forget() {
    const chosen = this.saved.find((each) => String(each.id) === byId("saved").value);
    if (!chosen) return;
    await this.attempt(async () => {
      await ask("DELETE", `${page.urls.filters}/${chosen.id}`, { version: chosen.version });
      await this.load();
      this.tell();
      this.onSay(text("filter_deleted"));
    });
  }

  async attempt(work) {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this.onSay(error.message, true);
    }
  }
}
