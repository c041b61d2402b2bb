// What a click on a vehicle shows. Built from text nodes only.

import { element, findingDescription, findingName, icon, isStaff, localised, text, timeElement } from "./page.js";

function rows(list, pairs) {
  for (const [label, value] of pairs) {
    if (value === null || value === undefined || value === "") continue;
    list.append(element("dt", "", text(label)));
    const cell = element("dd");
    cell.append(value);
    list.append(cell);
  }
}

function altitude(properties) {
  if (!Number.isFinite(properties.altitude_m)) return null;
  const datum = properties.altitude_datum ? ` ${properties.altitude_datum}` : "";
  return `${Math.round(properties.altitude_m)} m${datum}`;
}

function speed(mps) {
  return Number.isFinite(mps) ? `${(mps * 3.6).toFixed(0)} km/h` : null;
}

function coded(prefix, code) {
  return code ? text(`${prefix}_${code}`) : null;
}

function staffRows(list, properties) {
  const battery = Number.isFinite(properties.battery_percent) ? `${Math.round(properties.battery_percent)} %` : null;
  rows(list, [
    ["operator", localised(properties.operator_names) ?? properties.operator],
    ["speed", speed(properties.speed_mps)],
    ["mode", coded("mode", properties.mode)],
    ["altitude", altitude(properties)],
    ["officer", coded("officer", properties.safety_officer)],
    ["battery", battery],
    ["seen", Number.isFinite(properties.timestamp_ms) ? timeElement(properties.timestamp_ms) : null],
  ]);
}

/** Open alerts first, then what the newest sample shows beyond them, then what could not be decided. */
function findingTags({ findings = [], undecided = [] }, alerts) {
  const box = element("div", "popup-findings");
  const add = (code, className, note) => {
    const tag = element("span", `tag ${className}`, note ? `${findingName(code)} · ${text(note)}` : findingName(code));
    tag.title = findingDescription(code);
    box.append(tag);
  };
  const alerted = new Set(alerts.map((alert) => alert.finding));
  for (const alert of alerts) add(alert.finding, `is-${alert.severity}`);
  for (const code of findings) if (!alerted.has(code)) add(code, "is-finding", "now");
  for (const code of undecided) add(code, "is-undecided", "undecided");
  return box;
}

/** The popup of a vehicle with its open alerts, as an element. */
export function popupContent(vehicle, alerts) {
  const { properties } = vehicle;
  const box = element("article", "popup");
  box.dataset.alert = vehicle.alert ?? "none";
  const head = element("header", "popup-head");
  const title = element("div");
  title.append(element("h3", "popup-title", vehicle.id));
  title.append(element("p", "popup-kind", text(vehicle.kind === "air" ? "kind_air" : "kind_road")));
  head.append(icon(vehicle.kind === "air" ? "evtol" : "car", "popup-icon"), title);
  if (vehicle.alert) head.append(element("span", `badge-severity is-${vehicle.alert}`, text(`severity_${vehicle.alert}`)));
  box.append(head);
  const list = element("dl", "popup-facts");
  if (isStaff) staffRows(list, properties);
  else rows(list, [["altitude", vehicle.kind === "air" ? altitude(properties) : null]]);
  if (list.childElementCount) box.append(list);
  box.append(findingTags(properties, alerts));
  if (!isStaff) box.append(element("p", "popup-note", text("pseudonym_note")));
  if (properties.stale) box.append(element("p", "popup-note is-stale", text("stale_note")));
  return box;
}
