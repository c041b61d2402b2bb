// The chosen vehicle: its values at the instant that is shown, and its way through the period.

import { element, findingName, page, text } from "../page.js";

const KMH_PER_MPS = 3.6;
const POINTS = 5_000;

export class Chosen {
  #map;
  #trail = L.layerGroup();
  #facts = document.getElementById("chosen-facts");
  #box = document.getElementById("chosen");
  #note = document.getElementById("chosen-note");
  #shown = "";
  id = null;

  constructor(map, onChange) {
    this.#map = map;
    this.#trail.addTo(map);
    document.getElementById("chosen-close").addEventListener("click", () => { this.choose(null); onChange(); });
  }

  choose(id) {
    this.id = id;
    this.#shown = "";
    this.#trail.clearLayers();
    this.#box.hidden = id === null;
    if (id === null) return;
    const link = element("a", "", id);
    link.href = page.urls.vehicle.replace("VEHICLE", encodeURIComponent(id));
    document.getElementById("chosen-name").replaceChildren(link);
    this.#load(id).catch((error) => console.warn(String(error)));
  }

  async #load(id) {
    const url = page.urls.trail.replace("VEHICLE", encodeURIComponent(id));
    const query = new URLSearchParams({ since_ms: page.since_ms, until_ms: page.until_ms, most: POINTS });
    const answer = await fetch(`${url}?${query}`, { headers: { Accept: "application/json" } });
    if (!answer.ok) throw new Error(`${url}: ${answer.status}`);
    const { trails } = await answer.json();
    if (this.id !== id || trails.length === 0) return;
    for (const part of parts(trails[0])) {
      L.polyline(part, { className: "trail-line", interactive: false }).addTo(this.#trail);
    }
  }

  /** `bracket` as Recording.at gives it, or null when nothing is known. */
  show(bracket) {
    if (this.id === null) return;
    const key = bracket ? `${bracket.last.timestamp_ms} ${bracket.last.row} ${bracket.next === null}` : "";
    if (key === this.#shown && this.#facts.childElementCount) return;
    this.#shown = key;
    this.#facts.replaceChildren(...(bracket ? facts(bracket.last) : []));
    const words = bracket ? (bracket.last.isLate ? text("late") : "") : text("not_seen", { vehicle: this.id });
    this.#note.textContent = words;
    this.#note.hidden = words === "";
  }
}

function facts(seen) {
  const altitude = seen.value("altitude_m");
  const speed = seen.value("speed_mps");
  const battery = seen.value("battery_percent");
  const heading = seen.value("heading_deg");
  const findings = seen.codes("verdict").map(findingName);
  const undecided = seen.codes("undecided").map((code) => `${findingName(code)} · ${text("undecided")}`);
  const pairs = [
    ["seen", new Date(seen.timestamp_ms).toLocaleTimeString(page.locale, { timeZone: "Asia/Shanghai", hourCycle: "h23" })],
    ["speed", Number.isFinite(speed) ? `${(speed * KMH_PER_MPS).toFixed(1)} km/h` : null],
    ["altitude", Number.isFinite(altitude) ? `${altitude.toFixed(1)} m ${seen.value("altitude_datum") ?? ""}` : null],
    ["heading", Number.isFinite(heading) ? `${Math.round(heading)}°` : null],
    ["mode", seen.value("mode") && text(`mode_${seen.value("mode")}`)],
    ["officer", seen.value("safety_officer") && text(`officer_${seen.value("safety_officer")}`)],
    ["battery", Number.isFinite(battery) ? `${Math.round(battery)} %` : null],
    ["findings", [...findings, ...undecided].join(", ") || text("no_findings")],
  ];
  return pairs.filter(([, value]) => value).flatMap(([key, value]) => [element("dt", "", text(key)), element("dd", "", value)]);
}

/** The trail as lines of [lat, lon], cut at its gaps. */
function parts({ lat, lon, gaps }) {
  const cuts = [0, ...gaps, lat.length];
  return cuts.slice(1).map((end, place) => lat.slice(cuts[place], end).map((each, index) => [each, lon[cuts[place] + index]]));
}
