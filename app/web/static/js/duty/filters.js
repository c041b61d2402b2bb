// The filter of the board: the form, the severities above it, and what this person has saved.

import { localised, page, text } from "../page.js";
import { ask, Refused } from "./actions.js";
import { askForText } from "./dialogs.js";

const NOTHING = { shown: "all", severities: [], finding: null, organisation: null, kind: null, text: "", grouping: "vehicle" };
const SELECTS = { shown: "shown", finding: "finding", organisation: "operator", kind: "kind", grouping: "grouping" };

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
    this.operators = new Map();
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
    byId("clear-filter").addEventListener("click", (event) => { event.preventDefault(); this.show(NOTHING); });
    byId("more-filters").addEventListener("click", () => this.unfold(byId("filter-more").hidden));
    byId("saved").addEventListener("change", () => this.choose());
    byId("save-filter").addEventListener("click", () => this.save());
    byId("delete-filter").addEventListener("click", () => this.forget());
    this.load();
  }

  unfold(isOpen) {
    byId("filter-more").hidden = !isOpen;
    byId("more-filters").setAttribute("aria-expanded", String(isOpen));
  }

  read() {
    const value = (name) => byId(SELECTS[name]).value || null;
    this.criteria = {
      shown: value("shown"),
      severities: severityButtons.filter((button) => button.getAttribute("aria-pressed") === "true").map((button) => button.dataset.severity),
      finding: value("finding"),
      organisation: value("organisation"),
      kind: value("kind"),
      text: byId("search").value,
      grouping: value("grouping"),
    };
    byId("saved").value = "";
    this.tell();
  }

  show(criteria) {
    this.know(criteria.organisation, null);
    for (const [name, id] of Object.entries(SELECTS)) byId(id).value = criteria[name] ?? "";
    byId("search").value = criteria.text;
    for (const button of severityButtons) button.setAttribute("aria-pressed", String(criteria.severities.includes(button.dataset.severity)));
    this.criteria = criteria;
    this.tell();
  }

  tell() {
    byId("more-filters").classList.toggle("is-on", Boolean(this.criteria.finding || this.criteria.organisation || this.criteria.kind));
    byId("delete-filter").disabled = byId("saved").value === "";
    this.onChange(this.criteria);
  }

  /** Offers the operators of these alerts or vehicles too. */
  offer(things) {
    for (const { organisation, operator_names: names } of things) if (!this.operators.has(organisation)) this.know(organisation, names);
  }

  know(code, names) {
    if (!code || (this.operators.has(code) && !names)) return;
    this.operators.set(code, localised(names) ?? code);
    const select = byId("operator");
    const { value } = select;
    const sorted = [...this.operators].sort((a, b) => a[1].localeCompare(b[1], page.locale));
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
