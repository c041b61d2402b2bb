// The list of open alerts, newest first.

import { element, findingDescription, findingName, icon, localised, text, timeElement } from "./page.js";

const SHOWN = 100;

export function vehicleOf(alert) {
  const id = alert.vehicle_id ?? alert.vehicle;
  return id === null || id === undefined ? null : String(id);
}

function isClosed(alert) {
  return alert.closed === true || Number.isFinite(alert.closed_at_ms);
}

function line(className, ...parts) {
  const node = element("span", className);
  node.append(...parts);
  return node;
}

function buildItem(alert, onChoose) {
  const item = element("li", `alert-item is-${alert.severity}`);
  item.dataset.finding = alert.finding;
  const button = element("button", "alert-button");
  button.type = "button";
  button.title = findingDescription(alert.finding);
  const first = line("alert-line");
  first.append(element("strong", "alert-name", findingName(alert.finding)), timeElement(alert.opened_at_ms));
  const second = line("alert-line alert-detail");
  second.append(line("alert-vehicle", icon(alert.kind === "air" ? "evtol" : "car", "alert-icon"), vehicleOf(alert) ?? "–"));
  const place = localised(alert.place);
  if (place) second.append(element("span", "alert-place", place));
  const severity = element("span", "visually-hidden", text(`severity_${alert.severity}`));
  button.append(severity, first, second);
  button.addEventListener("click", () => onChoose(alert));
  item.append(button);
  return item;
}

export class AlertList {
  /** `onChoose(alert)` hears a click; `onChange(vehicleId)` that a vehicle's alerts changed. */
  constructor(container, { onChoose, onChange }) {
    this.container = container;
    this.onChoose = onChoose;
    this.onChange = onChange;
    this.open = new Map();
    this.byVehicle = new Map();
    this.items = new Map();
    this.announcement = document.getElementById("alert-announcement");
  }

  replace(alerts) {
    const vehicles = new Set([...this.open.values()].map(vehicleOf));
    this.open = new Map(alerts.filter((alert) => !isClosed(alert)).map((alert) => [String(alert.id), alert]));
    for (const alert of this.open.values()) vehicles.add(vehicleOf(alert));
    this.render();
    for (const vehicle of vehicles) this.onChange(vehicle);
  }

  update(alert) {
    const id = String(alert.id);
    const isNew = !this.open.has(id) && !isClosed(alert);
    if (isClosed(alert)) this.open.delete(id);
    else this.open.set(id, { ...this.open.get(id), ...alert });
    if (isNew) this.announcement.textContent = `${findingName(alert.finding)}, ${vehicleOf(alert) ?? ""}`;
    this.render();
    this.onChange(vehicleOf(alert));
  }

  openOf(vehicleId) {
    return this.byVehicle.get(vehicleId) ?? [];
  }

  render() {
    // Public times are coarse: of two that are equal, the one heard later is the newer.
    const newestFirst = [...this.open.values()].reverse().sort((a, b) => b.opened_at_ms - a.opened_at_ms);
    this.byVehicle = new Map();
    for (const alert of newestFirst) {
      const vehicle = vehicleOf(alert);
      this.byVehicle.set(vehicle, [...(this.byVehicle.get(vehicle) ?? []), alert]);
    }
    const wanted = newestFirst.slice(0, SHOWN).map((alert) => String(alert.id));
    for (const [id, item] of this.items) {
      if (wanted.includes(id)) continue;
      item.remove();
      this.items.delete(id);
    }
    wanted.forEach((id, place) => this.put(id, place));
    document.getElementById("alert-empty").hidden = this.open.size > 0;
    const more = this.open.size - wanted.length;
    const note = document.getElementById("alert-more");
    note.hidden = more <= 0;
    note.textContent = text("more_alerts", { count: more });
  }

  put(id, place) {
    if (!this.items.has(id)) this.items.set(id, buildItem(this.open.get(id), this.onChoose));
    const item = this.items.get(id);
    // Moving an element loses its focus, so only what is out of place moves.
    if (this.container.children[place] !== item) this.container.insertBefore(item, this.container.children[place] ?? null);
  }
}
