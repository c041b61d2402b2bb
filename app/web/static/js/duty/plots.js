// Small plots on one time axis: speed, altitude, battery as lines, the mode as bands.

import { text } from "../page.js";

const SVG = "http://www.w3.org/2000/svg";
const LEFT = 96;
const RIGHT = 10;
const LINES = [
  { key: "speed", height: 42, scale: 3.6, digits: 0 },
  { key: "altitude", height: 42, scale: 1, digits: 0 },
  { key: "battery", height: 26, scale: 1, digits: 0, range: [0, 100] },
];
const COLUMNS = { speed: "speed_mps", altitude: "altitude_m", battery: "battery_percent" };
const GAP = 7;
const BAND = 15;
const AXIS = 16;
export const PLOTS_HEIGHT = LINES.reduce((sum, { height }) => sum + height + GAP, 0) + BAND + GAP + AXIS;

export function node(name, attributes, content) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  if (content !== undefined) made.textContent = content;
  return made;
}

function extent(values, fixed) {
  if (fixed) return fixed;
  const known = values.filter(Number.isFinite);
  if (known.length === 0) return null;
  const [low, high] = [Math.min(...known), Math.max(...known)];
  return high - low < 1 ? [low - 0.5, high + 0.5] : [low, high];
}

/** A path that breaks where a value or a stretch of time is missing. */
function pathOf(times, values, gaps, x, y) {
  const broken = new Set(gaps);
  let path = "";
  let isDown = false;
  values.forEach((value, place) => {
    if (!Number.isFinite(value)) { isDown = false; return; }
    path += `${isDown && !broken.has(place) ? "L" : "M"}${x(times[place]).toFixed(1)} ${y(value).toFixed(1)}`;
    isDown = true;
  });
  return path;
}

/** Draws `trail` into `svg`; returns where an x of the drawing is in time, and back. */
export function drawPlots(svg, trail, width, clock) {
  const times = trail.timestamp_ms;
  const [first, last] = [times[0], Math.max(times.at(-1), times[0] + 1000)];
  const x = (at) => LEFT + ((at - first) / (last - first)) * (width - LEFT - RIGHT);
  svg.setAttribute("viewBox", `0 0 ${width} ${PLOTS_HEIGHT}`);
  svg.setAttribute("width", String(width));
  svg.setAttribute("height", String(PLOTS_HEIGHT));
  svg.replaceChildren();
  let top = 0;
  for (const { key, height, scale, digits, range } of LINES) {
    drawLine(svg, { key, height, digits, range, top, width, x }, times, trail[COLUMNS[key]].map((value) => (value === null ? NaN : value * scale)), trail.gaps);
    top += height + GAP;
  }
  drawBands(svg, trail, top, x);
  top += BAND + GAP;
  drawAxis(svg, first, last, top, x, clock);
  return { timeAt: (at) => first + ((at - LEFT) / (width - LEFT - RIGHT)) * (last - first), xOf: x };
}

function drawLine(svg, { key, height, digits, range, top, width, x }, times, values, gaps) {
  const bounds = extent(values, range);
  svg.append(node("rect", { class: "plot-ground", x: LEFT, y: top, width: width - LEFT - RIGHT, height }));
  svg.append(node("text", { class: "plot-label", x: 0, y: top + 11 }, text(`plot_${key}`)));
  if (bounds === null || !values.some(Number.isFinite)) {
    svg.append(node("text", { class: "plot-limit", x: 0, y: top + 25 }, text("plot_none")));
    return;
  }
  const y = (value) => top + height - 2 - ((value - bounds[0]) / (bounds[1] - bounds[0])) * (height - 4);
  svg.append(node("text", { class: "plot-limit", x: LEFT - 6, y: top + 9, "text-anchor": "end" }, bounds[1].toFixed(digits)));
  svg.append(node("text", { class: "plot-limit", x: LEFT - 6, y: top + height, "text-anchor": "end" }, bounds[0].toFixed(digits)));
  svg.append(node("path", { class: "plot-line", d: pathOf(times, values, gaps, x, y) }));
}

function drawBands(svg, trail, top, x) {
  svg.append(node("text", { class: "plot-label", x: 0, y: top + 11 }, text("plot_mode")));
  const times = trail.timestamp_ms;
  let begun = 0;
  for (let place = 1; place <= times.length; place += 1) {
    if (place < times.length && trail.mode[place] === trail.mode[begun]) continue;
    const from = x(times[begun]);
    const until = x(times[Math.min(place, times.length - 1)]);
    const mode = trail.mode[begun] ?? "none";
    svg.append(node("rect", { class: `plot-band is-${mode}`, x: from, y: top, width: Math.max(until - from, 1.5), height: BAND }));
    const name = mode === "none" ? text("plot_none") : text(`mode_${mode}`);
    if (until - from > name.length * 9) svg.append(node("text", { class: "plot-mode", x: from + 5, y: top + 11 }, name));
    begun = place;
  }
}

function drawAxis(svg, first, last, top, x, clock) {
  const marks = 5;
  for (let number = 0; number < marks; number += 1) {
    const at = first + ((last - first) * number) / (marks - 1);
    const anchor = number === 0 ? "start" : number === marks - 1 ? "end" : "middle";
    svg.append(node("text", { class: "plot-limit", x: x(at), y: top + 10, "text-anchor": anchor }, clock(at)));
  }
}

export function crosshair(svg, at) {
  let line = svg.querySelector(".plot-crosshair");
  if (!line) {
    line = node("line", { class: "plot-crosshair", y1: 0, y2: PLOTS_HEIGHT - AXIS });
    svg.append(line);
  }
  line.setAttribute("x1", String(at));
  line.setAttribute("x2", String(at));
}
