// Two aircraft too close to each other: how far apart they are across and in height, as last seen and when nearest.

import { element, page, text, timeElement } from "../page.js";
import { node } from "./plots.js";

const WIDTH = 360;
const HEIGHT = 150;
const [LEFT, RIGHT, TOP, BOTTOM] = [34, 14, 20, 34];
const MARKS = 4;

/** What of `encounter` belongs among the facts of its alert, through `add(label, ...parts)`. */
export function addEncounter(encounter, add) {
  add("encounter", otherAircraft(encounter));
  add("encounter_seen", timeElement(encounter.seen_at_ms), " ", distances(encounter.horizontal_m, encounter.vertical_m));
  if (encounter.closest_at_ms > encounter.seen_at_ms) {
    add("encounter_nearest", timeElement(encounter.closest_at_ms), " ", distances(encounter.closest_horizontal_m, encounter.closest_vertical_m));
  }
}

/** Distance across and in height, with the minima: the nearer to the corner, the nearer they are. */
export function drawEncounter(encounter) {
  const { horizontal_m: across, vertical_m: height } = page.separation;
  const now = { across: encounter.horizontal_m, height: encounter.vertical_m };
  const then = { across: encounter.closest_horizontal_m, height: encounter.closest_vertical_m };
  const most = { across: room(across, now.across, then.across), height: room(height, now.height ?? 0, then.height ?? 0) };
  const x = (metres) => LEFT + (metres / most.across) * (WIDTH - LEFT - RIGHT);
  const y = (metres) => HEIGHT - BOTTOM - (metres / most.height) * (HEIGHT - TOP - BOTTOM);
  const svg = node("svg", { class: "encounter-plot", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": text("encounter_plot") });
  svg.append(node("rect", { class: "plot-ground", x: LEFT, y: TOP, width: WIDTH - LEFT - RIGHT, height: HEIGHT - TOP - BOTTOM }));
  svg.append(node("rect", { class: "encounter-minima", x: x(0), y: y(height), width: x(across) - x(0), height: y(0) - y(height) }));
  drawScale(svg, most, x, y);
  if (encounter.closest_at_ms > encounter.seen_at_ms) {
    svg.append(node("line", { class: "encounter-way", x1: x(now.across), y1: y(now.height ?? 0), x2: x(then.across), y2: y(then.height ?? 0) }));
    drawPlace(svg, then, "is-nearest", x, y);
  }
  drawPlace(svg, now, "is-now", x, y);
  const figure = element("figure", "encounter");
  figure.append(svg, legend(encounter));
  return figure;
}

function otherAircraft(encounter) {
  if (encounter.other_vehicle_id === null) return text("another");
  const link = element("a", "", encounter.other_vehicle_id);
  link.href = page.urls.vehicle.replace("HERE", encodeURIComponent(encounter.other_vehicle_id));
  return link;
}

function distances(across, height) {
  if (height === null) return text("encounter_without_height", { across: Math.round(across) });
  return text("encounter_apart", { across: Math.round(across), height: Math.round(height) });
}

/** Enough for the minima and both places, in a round number. */
function room(...metres) {
  const most = Math.max(1, ...metres) * 1.15;
  const step = 10 ** Math.floor(Math.log10(most / MARKS));
  return Math.ceil(most / (step * MARKS)) * step * MARKS;
}

function drawScale(svg, most, x, y) {
  for (let number = 0; number <= MARKS; number += 1) {
    const [across, height] = [(most.across * number) / MARKS, (most.height * number) / MARKS];
    svg.append(node("text", { class: "plot-limit", x: x(across), y: HEIGHT - BOTTOM + 13, "text-anchor": number === MARKS ? "end" : "middle" }, String(across)));
    if (number % 2 === 0) svg.append(node("text", { class: "plot-limit", x: LEFT - 5, y: y(height) + 4, "text-anchor": "end" }, String(height)));
  }
  svg.append(node("text", { class: "plot-limit", x: WIDTH - RIGHT, y: HEIGHT - 5, "text-anchor": "end" }, text("encounter_across")));
  svg.append(node("text", { class: "plot-limit", x: 2, y: 11 }, text("encounter_height")));
}

/** A dot; where a height is unknown, every height that it may be. */
function drawPlace(svg, { across, height }, name, x, y) {
  if (height === null) svg.append(node("line", { class: `encounter-place ${name}`, x1: x(across), y1: TOP, x2: x(across), y2: HEIGHT - BOTTOM }));
  else svg.append(node("circle", { class: `encounter-place ${name}`, cx: x(across), cy: y(height), r: 5 }));
}

function legend(encounter) {
  const list = element("figcaption", "encounter-legend");
  const { horizontal_m: across, vertical_m: height } = page.separation;
  const entries = [["is-now", text("encounter_seen")]];
  if (encounter.closest_at_ms > encounter.seen_at_ms) entries.push(["is-nearest", text("encounter_nearest")]);
  entries.push(["is-minima", text("encounter_minima", { across, height })]);
  for (const [name, words] of entries) list.append(element("span", `encounter-entry ${name}`, words));
  return list;
}
