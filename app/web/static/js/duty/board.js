// The list of alerts as a tree of which only the visible rows exist: ten thousand cost what twenty do.

import { element, findingName, icon, localised, text, timeElement } from "../page.js";
import { isEnded, isNew } from "./alert_store.js";

/** Rows beyond the edges, so that scrolling shows no holes. */
const SPARE = 6;

function chip(className, content) {
  return element("span", `chip-state ${className}`, content);
}

function states(alert) {
  const chips = [];
  if (isEnded(alert)) chips.push(chip("is-ended", text("state_ended")));
  if (alert.resolved_at_ms !== null) chips.push(chip("is-resolved", text("state_resolved")));
  else if (alert.acknowledged_at_ms !== null) chips.push(chip("is-seen", text("state_acknowledged")));
  else chips.push(chip("is-new", text("state_new")));
  if (alert.escalated_at_ms !== null && alert.resolved_at_ms === null) chips.push(chip("is-escalated", text("state_escalated")));
  if (alert.assignee) chips.push(chip("is-assigned", text("assigned_to", { name: alert.assignee.name })));
  if (alert.comments > 0) chips.push(chip("is-comments", text("comment_count", { count: alert.comments })));
  return chips;
}

function line(className, ...parts) {
  const node = element("span", className);
  node.append(...parts);
  return node;
}

function alertParts({ alert }) {
  const other = alert.encounter?.other_vehicle_id;
  const who = other ? `${alert.vehicle_id} ↔ ${other}` : alert.vehicle_id;
  const vehicle = line("row-vehicle", icon(alert.kind === "air" ? "evtol" : "car", "row-icon"), who);
  return [
    line("row-line", element("strong", "row-name", findingName(alert.finding)), timeElement(alert.opened_at_ms)),
    line("row-line row-detail", vehicle, element("span", "row-place", localised(alert.place) ?? "")),
    line("row-line row-states", ...states(alert)),
  ];
}

function groupParts({ alert, members, isOpen }, grouping) {
  const values = {
    count: members.length, vehicle: alert.vehicle_id, place: localised(alert.place) ?? text("no_place"),
    vehicles: new Set(members.map((one) => one.vehicle_id)).size,
  };
  const fold = element("i", `fa-solid ${isOpen ? "fa-chevron-down" : "fa-chevron-right"} row-fold`);
  fold.setAttribute("aria-hidden", "true");
  const unseen = members.filter(isNew).length;
  const chips = [];
  if (unseen) chips.push(chip("is-new", `${text("state_new")} ${unseen}`));
  const ended = members.filter(isEnded).length;
  if (ended) chips.push(chip("is-ended", `${text("state_ended")} ${ended}`));
  const escalated = members.filter((one) => one.escalated_at_ms !== null && one.resolved_at_ms === null).length;
  if (escalated) chips.push(chip("is-escalated", `${text("state_escalated")} ${escalated}`));
  return [
    line("row-line", line("row-group", fold, element("strong", "row-name", findingName(alert.finding))), timeElement(alert.opened_at_ms)),
    line("row-line row-detail", text(`group_${grouping}`, values)),
    line("row-line row-states", ...chips),
  ];
}

export class Board {
  /** `onChoose(row)` hears the choice of a row (null: none), `onFold(row)` that a group opens or closes. */
  constructor(container, space, { onChoose, onFold }) {
    this.container = container;
    this.space = space;
    this.onChoose = onChoose;
    this.onFold = onFold;
    this.rows = [];
    this.grouping = "vehicle";
    this.chosen = null;
    this.place = 0;
    this.nodes = new Map();
    container.addEventListener("scroll", () => this.draw(), { passive: true });
    container.addEventListener("click", (event) => this.click(event));
    container.addEventListener("keydown", (event) => this.key(event));
    new ResizeObserver(() => this.draw()).observe(container);
  }

  get height() {
    return parseFloat(getComputedStyle(this.container).getPropertyValue("--row"));
  }

  show(rows, grouping) {
    this.rows = rows;
    this.grouping = grouping;
    this.space.style.height = `${rows.length * this.height}px`;
    this.draw();
  }

  /** Only what can be seen is built; what has not changed stays as it is. */
  draw() {
    const { height } = this;
    const first = Math.max(0, Math.floor(this.container.scrollTop / height) - SPARE);
    const last = Math.min(this.rows.length, Math.ceil((this.container.scrollTop + this.container.clientHeight) / height) + SPARE);
    const wanted = new Map();
    for (let place = first; place < last; place += 1) wanted.set(this.rows[place].key, place);
    for (const [key, known] of this.nodes) {
      if (wanted.has(key)) continue;
      known.node.remove();
      this.nodes.delete(key);
    }
    for (const [key, place] of wanted) this.put(key, this.rows[place], place, height);
    this.pointOut();
  }

  put(key, row, place, height) {
    let known = this.nodes.get(key);
    if (!known) {
      known = { node: element("div", "alert-row"), row: null, place: null };
      known.node.id = `row-${key.replaceAll(/\W/g, (sign) => `_${sign.codePointAt(0)}`)}`;
      known.node.setAttribute("role", "treeitem");
      known.node.dataset.key = key;
      this.space.append(known.node);
      this.nodes.set(key, known);
    }
    if (known.place !== place) known.node.style.transform = `translateY(${place * height}px)`;
    known.place = place;
    if (!same(known.row, row)) this.dress(known.node, row);
    known.row = row;
  }

  dress(node, row) {
    const { alert, members, level } = row;
    const calm = members ? !members.some(isNew) : !isNew(alert);
    node.className = `alert-row is-${alert.severity}${level === 2 ? " is-member" : ""}${calm ? " is-calm" : ""}${members ? " is-group" : ""}`;
    const severity = element("span", "row-severity", text(`severity_${alert.severity}`));
    node.replaceChildren(severity, ...(members ? groupParts(row, this.grouping) : alertParts(row)));
    node.setAttribute("aria-level", String(level));
    node.setAttribute("aria-posinset", String(row.position));
    node.setAttribute("aria-setsize", String(row.size));
    if (members) node.setAttribute("aria-expanded", String(row.isOpen));
  }

  pointOut() {
    let active = "";
    for (const [key, { node }] of this.nodes) {
      const isChosen = key === this.chosen;
      node.setAttribute("aria-selected", String(isChosen));
      if (isChosen) active = node.id;
    }
    if (active) this.container.setAttribute("aria-activedescendant", active);
    else this.container.removeAttribute("aria-activedescendant");
  }

  get chosenRow() {
    return this.rows.find((row) => row.key === this.chosen) ?? null;
  }

  choose(key, { scroll = true } = {}) {
    this.chosen = key;
    const place = this.rows.findIndex((row) => row.key === key);
    this.place = Math.max(place, 0);
    if (place >= 0 && scroll) this.reveal(place);
    this.draw();
    this.onChoose(place >= 0 ? this.rows[place] : null);
  }

  reveal(place) {
    const { height, container } = this;
    const top = place * height;
    if (top < container.scrollTop) container.scrollTop = top;
    else if (top + height > container.scrollTop + container.clientHeight) container.scrollTop = top + height - container.clientHeight;
  }

  /** The next row (1) or the one before (-1); when the chosen one has gone, from where it was. */
  step(by) {
    if (this.rows.length === 0) return;
    const place = this.rows.findIndex((row) => row.key === this.chosen);
    const next = place >= 0 ? place + by : this.place + (by > 0 ? 0 : -1);
    this.choose(this.rows[Math.min(Math.max(next, 0), this.rows.length - 1)].key);
  }

  fold(row = this.chosenRow) {
    if (row?.members) this.onFold(row);
  }

  /** What a tree does with these keys; the screen's own shortcuts are in duty.js. */
  key(event) {
    const row = this.chosenRow;
    const acts = {
      ArrowDown: () => this.step(1),
      ArrowUp: () => this.step(-1),
      ArrowRight: () => row?.members && !row.isOpen && this.fold(),
      ArrowLeft: () => row?.members && row.isOpen && this.fold(),
      Home: () => this.rows.length > 0 && this.choose(this.rows[0].key),
      End: () => this.rows.length > 0 && this.choose(this.rows.at(-1).key),
    };
    if (!acts[event.key]) return;
    event.preventDefault();
    acts[event.key]();
  }

  click(event) {
    const node = event.target.closest(".alert-row");
    if (!node) return;
    this.choose(node.dataset.key, { scroll: false });
    this.fold();
  }
}

function same(before, row) {
  return before !== null && before.alert === row.alert && before.isOpen === row.isOpen && before.position === row.position
    && before.size === row.size && before.level === row.level && before.members?.length === row.members?.length
    && (!row.members || row.members.every((alert, place) => before.members[place] === alert));
}
