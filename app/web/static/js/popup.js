// What a click on a vehicle shows. Built from text nodes only.

import { element, findingDescription, findingName, icon, text } from "./page.js";

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

function findingTags(alerts) {
  const box = element("div", "popup-findings");
  for (const { finding, severity } of alerts) {
    const tag = element("span", `tag is-${severity}`, findingName(finding));
    tag.title = findingDescription(finding);
    box.append(tag);
  }
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
  rows(list, [["altitude", vehicle.kind === "air" ? altitude(properties) : null]]);
  if (list.childElementCount) box.append(list);
  box.append(findingTags(alerts));
  box.append(element("p", "popup-note", text("pseudonym_note")));
  return box;
}
