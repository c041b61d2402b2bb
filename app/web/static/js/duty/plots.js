// Small plots on one time axis: speed, altitude, battery as lines, the mode as bands.

import { text } from "../page.js";

const SVG = "http://www.w3.org/2000/svg";
/** Of letters of 12 pixels; everything grows with the letters that the style sheet gives the drawing. */
const LETTERS = 12;
const LINES = [
  { key: "speed", height: 44, scale: 3.6, digits: 0 },
  { key: "altitude", height: 44, scale: 1, digits: 0 },
  { key: "battery", height: 26, scale: 1, digits: 0, range: [0, 100] },
];
const COLUMNS = { speed: "speed_mps", altitude: "altitude_m", battery: "battery_percent" };
const RIGHT = 10;
const GAP = 7;
const BAND = 16;
const AXIS = 16;
/** What stands between the names of plots and their ground: the limits of a line. */
const LIMITS = 36;
const HEIGHT = LINES.reduce((sum, { height }) => sum + height + GAP, 0) + BAND + GAP + AXIS;
/** A mark of the time axis needs so much room. */
const MARK = 92;

/** An element of a drawing. */
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

/** Runs of [x, y] without a hole: a line breaks where a value or a stretch of time is missing. */
function runsOf(times, values, gaps, x, y) {
  const broken = new Set(gaps);
  const runs = [];
  let run = null;
  values.forEach((value, place) => {
    if (!Number.isFinite(value)) { run = null; return; }
    if (run === null || broken.has(place)) runs.push(run = []);
    run.push(`${x(times[place]).toFixed(1)} ${y(value).toFixed(1)}`);
  });
  return runs;
}

/** The names of the plots stand left of all of them, however long a language makes them. */
function nameWidth(svg, names) {
  const widths = names.map((name) => {
    const probe = svg.appendChild(node("text", { class: "plot-label" }, name));
    const width = probe.getComputedTextLength();
    probe.remove();
    return width;
  });
  return Math.max(...widths);
}

/** Draws `trail` into `svg`; returns where an x of the drawing is in time, and back. */
export function drawPlots(svg, trail, width, clock) {
  const unit = parseFloat(getComputedStyle(svg).fontSize) / LETTERS;
  const height = HEIGHT * unit;
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.setAttribute("width", String(width));
  svg.setAttribute("height", String(height));
  svg.replaceChildren();
  const left = nameWidth(svg, [...LINES.map(({ key }) => text(`plot_${key}`)), text("plot_mode")]) + LIMITS * unit;
  const times = trail.timestamp_ms;
  const [first, last] = [times[0], Math.max(times.at(-1), times[0] + 1000)];
  const x = (at) => left + ((at - first) / (last - first)) * (width - left - RIGHT);
  const marks = marksOf(first, last, (width - left - RIGHT) / (MARK * unit));
  const frame = { svg, unit, left, width, x, marks };
  let top = 0;
  for (const line of LINES) {
    const values = trail[COLUMNS[line.key]].map((value) => (value === null ? NaN : value * line.scale));
    drawLine(frame, line, top, times, values, trail.gaps);
    top += (line.height + GAP) * unit;
  }
  drawBands(frame, trail, top);
  drawAxis(frame, top + (BAND + GAP) * unit, clock);
  return { timeAt: (at) => first + ((at - left) / (width - left - RIGHT)) * (last - first), xOf: x, bottom: top + BAND * unit };
}

/** Nothing below nought is nought: "-0" is no height. */
function rounded(value, digits) {
  return (Number(value.toFixed(digits)) + 0).toFixed(digits);
}

function marksOf(first, last, room) {
  const count = Math.min(5, Math.max(2, Math.floor(room)));
  return Array.from({ length: count }, (_, number) => first + ((last - first) * number) / (count - 1));
}

function drawLine({ svg, unit, left, width, x, marks }, { key, height: letters, digits, range }, top, times, values, gaps) {
  const bounds = extent(values, range);
  const height = letters * unit;
  svg.append(node("rect", { class: "plot-ground", x: left, y: top, width: width - left - RIGHT, height }));
  for (const at of marks) svg.append(node("line", { class: "plot-mark", x1: x(at), x2: x(at), y1: top, y2: top + height }));
  svg.append(node("text", { class: "plot-label", x: 0, y: top + 11 * unit }, text(`plot_${key}`)));
  if (bounds === null || !values.some(Number.isFinite)) {
    svg.append(node("text", { class: "plot-limit", x: 0, y: top + 25 * unit }, text("plot_none")));
    return;
  }
  const y = (value) => top + height - 2 - ((value - bounds[0]) / (bounds[1] - bounds[0])) * (height - 4);
  const limit = { class: "plot-limit", x: left - 6, "text-anchor": "end" };
  svg.append(node("text", { ...limit, y: top + 9 * unit }, rounded(bounds[1], digits)));
  svg.append(node("text", { ...limit, y: top + height }, rounded(bounds[0], digits)));
  for (const run of runsOf(times, values, gaps, x, y)) {
    const [from, until] = [run[0], run.at(-1)].map((point) => point.split(" ")[0]);
    svg.append(node("path", { class: "plot-area", d: `M${from} ${top + height}L${run.join("L")}L${until} ${top + height}Z` }));
    svg.append(node("path", { class: "plot-line", d: `M${run.join("L")}` }));
  }
}

function drawBands({ svg, unit, x }, trail, top) {
  svg.append(node("text", { class: "plot-label", x: 0, y: top + 12 * unit }, text("plot_mode")));
  const times = trail.timestamp_ms;
  let begun = 0;
  for (let place = 1; place <= times.length; place += 1) {
    if (place < times.length && trail.mode[place] === trail.mode[begun]) continue;
    const from = x(times[begun]);
    const until = x(times[Math.min(place, times.length - 1)]);
    const mode = trail.mode[begun] ?? "none";
    svg.append(node("rect", { class: `plot-band is-${mode}`, x: from, y: top, width: Math.max(until - from, 1.5), height: BAND * unit }));
    const name = svg.appendChild(node("text", { class: "plot-mode", x: from + 5, y: top + 12 * unit }, mode === "none" ? text("plot_none") : text(`mode_${mode}`)));
    if (name.getComputedTextLength() > until - from - 8) name.remove();
    begun = place;
  }
}

function drawAxis({ svg, unit, x, marks }, top, clock) {
  marks.forEach((at, number) => {
    const anchor = number === 0 ? "start" : number === marks.length - 1 ? "end" : "middle";
    svg.append(node("text", { class: "plot-limit", x: x(at), y: top + 10 * unit, "text-anchor": anchor }, clock(at)));
  });
}

export function crosshair(svg, axis, at) {
  let line = svg.querySelector(".plot-crosshair");
  if (!line) {
    line = node("line", { class: "plot-crosshair", y1: 0, y2: axis.bottom });
    svg.append(line);
  }
  line.setAttribute("x1", String(at));
  line.setAttribute("x2", String(at));
}
