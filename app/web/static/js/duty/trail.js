// A vehicle's last ten minutes: a line on the map in the colours of its modes, and plots beneath on one axis.

import { localised, page, text } from "../page.js";
import { ask } from "./actions.js";
import { silence } from "./fleet.js";
import { crosshair, drawPlots } from "./plots.js";

const AGAIN_MS = 10_000;
/** Modes differ by their dashes too. */
const DASHES = { autonomous: null, manual: "2 6", remote: "9 5", takeover: "12 4 2 4", minimal_risk: "1 4", none: "3 9" };

const panel = document.getElementById("trail");
const frame = document.getElementById("trail-plots");
const told = document.getElementById("trail-read");

export class TrailPanel {
  constructor(map, fleet, { onClose }) {
    this.map = map;
    this.fleet = fleet;
    this.onClose = onClose;
    this.vehicle = null;
    this.trail = null;
    this.place = null;
    this.timer = null;
    this.line = L.layerGroup().addTo(map);
    this.dot = L.circleMarker([0, 0], { radius: 7, className: "trail-dot", interactive: false, pane: "markerPane" });
    this.clock = new Intl.DateTimeFormat(page.locale, { timeZone: "Asia/Shanghai", hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
    this.svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    this.svg.setAttribute("class", "plots");
    this.svg.setAttribute("role", "img");
    this.svg.setAttribute("tabindex", "0");
    frame.append(this.svg);
    document.getElementById("trail-close").addEventListener("click", () => this.close());
    this.svg.addEventListener("pointermove", (event) => this.point(event));
    this.svg.addEventListener("pointerleave", () => this.forgetPoint());
    this.svg.addEventListener("keydown", (event) => this.key(event));
    new ResizeObserver(() => this.draw()).observe(frame);
  }

  get isOpen() {
    return this.vehicle !== null;
  }

  async open(vehicle) {
    if (this.vehicle !== vehicle) this.trail = null;
    this.vehicle = vehicle;
    panel.hidden = false;
    const title = document.getElementById("trail-title");
    title.replaceChildren(link(vehicle));
    this.svg.setAttribute("aria-label", text("trail_title", { vehicle }));
    this.forgetPoint();
    this.map.invalidateSize({ pan: false });
    await this.load();
  }

  close() {
    if (!this.isOpen) return;
    clearTimeout(this.timer);
    this.vehicle = null;
    this.trail = null;
    this.line.clearLayers();
    this.dot.remove();
    panel.hidden = true;
    this.map.invalidateSize({ pan: false });
    this.onClose();
  }

  async load() {
    const { vehicle } = this;
    clearTimeout(this.timer);
    try {
      const section = await ask("GET", page.urls.trail.replace("HERE", encodeURIComponent(vehicle)));
      if (this.vehicle !== vehicle) return;
      this.trail = section.trails[0] ?? null;
      told.textContent = this.trail === null ? text("trail_empty") : "";
    } catch {
      if (this.vehicle !== vehicle) return;
      told.textContent = text("trail_failed");
    }
    this.draw();
    this.timer = setTimeout(() => this.load(), AGAIN_MS);
  }

  /** What the newest position says, beside the title. */
  tell(feature) {
    const facts = document.getElementById("trail-facts");
    if (!feature) {
      facts.textContent = "";
      return;
    }
    const { properties } = feature;
    const parts = [localised(properties.operator_names)];
    if (properties.mode) parts.push(text(`mode_${properties.mode}`));
    if (Number.isFinite(properties.speed_mps)) parts.push(`${Math.round(properties.speed_mps * 3.6)} km/h`);
    if (Number.isFinite(properties.altitude_m)) parts.push(`${Math.round(properties.altitude_m)} m ${properties.altitude_datum ?? ""}`.trim());
    if (Number.isFinite(properties.battery_percent)) parts.push(text("battery_low", { percent: Math.round(properties.battery_percent) }));
    if (this.fleet.isLost(feature)) parts.push(silence(this.fleet.ageMs(feature)));
    facts.textContent = parts.join(" · ");
  }

  draw() {
    this.line.clearLayers();
    this.svg.toggleAttribute("hidden", this.trail === null);
    if (this.trail === null || frame.clientWidth === 0) return;
    for (const { mode, points } of stretches(this.trail)) {
      L.polyline(points, { className: "trail-casing", interactive: false }).addTo(this.line);
      L.polyline(points, { className: `trail-line is-${mode}`, dashArray: DASHES[mode], interactive: false }).addTo(this.line);
    }
    this.axis = drawPlots(this.svg, this.trail, frame.clientWidth, (at) => this.clock.format(at));
    if (this.place !== null) this.show(Math.min(this.place, this.trail.timestamp_ms.length - 1));
  }

  point(event) {
    if (!this.trail) return;
    const at = this.axis.timeAt(event.clientX - this.svg.getBoundingClientRect().left);
    const times = this.trail.timestamp_ms;
    let place = times.findIndex((time) => time >= at);
    if (place < 0) place = times.length - 1;
    if (place > 0 && at - times[place - 1] < times[place] - at) place -= 1;
    this.show(place);
  }

  key(event) {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!by || !this.trail) return;
    event.preventDefault();
    event.stopPropagation();
    const { length } = this.trail.timestamp_ms;
    this.show(Math.min(Math.max((this.place ?? length - 1) + by, 0), length - 1));
  }

  /** The crosshair, the point on the map, and the values there in words. */
  show(place) {
    this.place = place;
    const { trail } = this;
    crosshair(this.svg, this.axis, this.axis.xOf(trail.timestamp_ms[place]));
    this.dot.setLatLng([trail.lat[place], trail.lon[place]]).addTo(this.map);
    const parts = [this.clock.format(trail.timestamp_ms[place])];
    if (trail.speed_mps[place] !== null) parts.push(`${(trail.speed_mps[place] * 3.6).toFixed(1)} km/h`);
    if (trail.altitude_m[place] !== null) parts.push(`${trail.altitude_m[place].toFixed(1)} m ${trail.altitude_datum[place] ?? ""}`.trim());
    if (trail.mode[place]) parts.push(text(`mode_${trail.mode[place]}`));
    if (trail.battery_percent[place] !== null) parts.push(`${Math.round(trail.battery_percent[place])} %`);
    told.textContent = parts.join(" · ");
  }

  forgetPoint() {
    this.place = null;
    this.dot.remove();
    this.svg.querySelector(".plot-crosshair")?.remove();
    if (this.trail) told.textContent = "";
  }
}

function link(vehicle) {
  const made = document.createElement("a");
  made.href = page.urls.vehicle.replace("HERE", encodeURIComponent(vehicle));
  made.textContent = text("trail_title", { vehicle });
  return made;
}

/** Runs of one mode as lines of [lat, lon]; a gap ends a run, a change of mode begins at the point before. */
function stretches({ lat, lon, mode, gaps }) {
  const broken = new Set(gaps);
  const found = [];
  lat.forEach((_, place) => {
    const name = mode[place] ?? "none";
    const last = found.at(-1);
    if (!last || broken.has(place)) found.push({ mode: name, points: [] });
    else if (last.mode !== name) found.push({ mode: name, points: [last.points.at(-1)] });
    found.at(-1).points.push([lat[place], lon[place]]);
  });
  return found;
}
