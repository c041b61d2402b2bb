// The state of the fleet besides its alerts: who does not send, whose battery is low, who watches how many.

import { element, localised, page, text } from "../page.js";

/** A list of more is no list that anybody reads. */
const SHOWN = 60;
/** A vehicle counts for a remote officer while its newest sample is this young: telemetry/officers.py. */
const OFFICER_NEAR_MS = 10_000;

export class Fleet {
  constructor() {
    this.features = new Map();
    this.offsetMs = 0;
  }

  /** The server's clock as of a snapshot: ages are told by it. */
  setClock(generatedAtMs) {
    this.offsetMs = generatedAtMs - Date.now();
  }

  nowMs() {
    return Date.now() + this.offsetMs;
  }

  replace(features) {
    this.features = new Map();
    this.update(features);
  }

  update(features) {
    for (const feature of features) this.features.set(feature.id, feature);
  }

  /** Vehicles of which only these have changed: [id, timestamp_ms, lon, lat, altitude_m, heading_deg, speed_mps, battery_percent]. */
  move(moves) {
    const moved = [];
    for (const [id, timestamp_ms, lon, lat, altitude_m, heading_deg, speed_mps, battery_percent] of moves) {
      const feature = this.features.get(id);
      if (!feature) continue; // taken off the map meanwhile
      feature.geometry.coordinates = altitude_m === null ? [lon, lat] : [lon, lat, altitude_m];
      Object.assign(feature.properties, { timestamp_ms, altitude_m, heading_deg, speed_mps, battery_percent });
      moved.push(feature);
    }
    return moved;
  }

  remove(id) {
    this.features.delete(id);
  }

  ageMs(feature) {
    return this.nowMs() - feature.properties.timestamp_ms;
  }

  isLost(feature) {
    return this.ageMs(feature) > page.lost_after_s * 1000;
  }

  isLow(feature) {
    const { battery_percent: percent } = feature.properties;
    return Number.isFinite(percent) && percent < page.low_battery_percent;
  }

  counts() {
    let air = 0;
    for (const feature of this.features.values()) if (feature.properties.kind === "air") air += 1;
    return { air, road: this.features.size - air };
  }

  /** Who does not send, the longest first. */
  lost() {
    return [...this.features.values()].filter((feature) => this.isLost(feature)).sort((a, b) => a.properties.timestamp_ms - b.properties.timestamp_ms);
  }

  low() {
    return [...this.features.values()].filter((feature) => this.isLow(feature)).sort((a, b) => a.properties.battery_percent - b.properties.battery_percent);
  }

  /** Remote officers with how many vehicles each has now, and may have (null: any); who has too many comes first. */
  officers() {
    const found = new Map();
    for (const feature of this.features.values()) {
      const { officer_id: id, safety_officer: place, officer_limit: limit, operator_names: operator } = feature.properties;
      if (place !== "remote" || !id || this.ageMs(feature) > OFFICER_NEAR_MS) continue;
      const officer = found.get(id) ?? { id, operator, vehicles: [], limit: null };
      officer.vehicles.push(feature.id);
      if (limit !== null) officer.limit = officer.limit === null ? limit : Math.min(limit, officer.limit);
      found.set(id, officer);
    }
    for (const officer of found.values()) officer.isOver = officer.limit !== null && officer.vehicles.length > officer.limit;
    return [...found.values()].sort((a, b) => b.isOver - a.isOver || b.vehicles.length - a.vehicles.length || (a.id < b.id ? -1 : 1));
  }
}

/** "No data for 42 s". */
export function silence(ageMs) {
  const seconds = Math.floor(ageMs / 1000);
  return seconds < 120 ? text("no_data", { seconds }) : text("no_data_minutes", { minutes: Math.floor(seconds / 60) });
}

function fill(list, items, empty, build) {
  const nodes = items.slice(0, SHOWN).map(build);
  if (items.length > SHOWN) nodes.push(element("li", "fleet-more", text("vehicles_many", { count: items.length - SHOWN })));
  if (items.length === 0) nodes.push(element("li", "fleet-empty", empty));
  // The focus stays where it is while the list is written anew.
  const focused = list.contains(document.activeElement) ? document.activeElement.dataset.vehicle : null;
  list.replaceChildren(...nodes);
  if (focused) list.querySelector(`[data-vehicle="${CSS.escape(focused)}"]`)?.focus();
}

function vehicleItem(feature, words, tone, onChoose) {
  const item = element("li", "fleet-item");
  const button = element("button", "fleet-button");
  button.type = "button";
  button.dataset.vehicle = feature.id;
  button.append(element("strong", "", feature.id), element("span", "fleet-operator", localised(feature.properties.operator_names)), element("span", `fleet-state ${tone}`, words));
  button.addEventListener("click", () => onChoose(feature.id));
  item.append(button);
  return item;
}

function officerItem(officer) {
  const item = element("li", `fleet-item officer${officer.isOver ? " is-over" : ""}`);
  const values = { count: officer.vehicles.length, limit: officer.limit };
  const words = text(officer.limit === null ? "officer_unlimited" : "officer_vehicles", values);
  const state = element("span", `fleet-state ${officer.isOver ? "is-bad" : ""}`, officer.isOver ? `${words} · ${text("over_limit")}` : words);
  item.append(element("strong", "", officer.id), element("span", "fleet-operator", localised(officer.operator)), state);
  item.append(element("span", "officer-vehicles", officer.vehicles.sort().slice(0, 12).join(", ")));
  return item;
}

/** Writes the three lists and their counts; `onChoose(id)` hears a click on a vehicle. */
export function showFleet(fleet, onChoose) {
  const [lost, low, officers] = [fleet.lost(), fleet.low(), fleet.officers()];
  const tell = (id, count) => { document.getElementById(id).textContent = count > 0 ? String(count) : ""; };
  const over = officers.filter((officer) => officer.isOver).length;
  tell("tab-count-fleet", lost.length + low.length);
  tell("tab-count-officers", over);
  for (const [id, count] of [["note-lost", lost.length], ["note-low", low.length], ["note-over", over]]) document.getElementById(id).textContent = String(count);
  if (!document.getElementById("panel-fleet").hidden) {
    fill(document.getElementById("fleet-lost"), lost, text("nothing_lost"), (feature) => vehicleItem(feature, silence(fleet.ageMs(feature)), "is-bad", onChoose));
    fill(document.getElementById("fleet-low"), low, text("nothing_low"), (feature) =>
      vehicleItem(feature, text("battery_low", { percent: Math.round(feature.properties.battery_percent) }), "is-warning", onChoose));
  }
  if (!document.getElementById("panel-officers").hidden) fill(document.getElementById("officer-list"), officers, text("no_officers"), officerItem);
}
