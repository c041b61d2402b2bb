// Keeps one vehicle on the map of its page where it was last, and what the page says of it up to date.

import { icon } from "./page.js";

const { place } = JSON.parse(document.getElementById("page-data").textContent);
const map = window.pilotageMap;
const lost = document.getElementById("position-lost");
const time = document.querySelector("#position time");
const ZOOM = 16;
const EVERY_MS = 2_000;
const KMH_PER_MPS = 3.6;
const UNKNOWN = "–";
/** Written as the server writes times: 2026-11-21 23:08:46. */
const shanghai = new Intl.DateTimeFormat("sv-SE", { timeZone: "Asia/Shanghai", dateStyle: "short", timeStyle: "medium" });

const body = document.createElement("div");
body.className = "vehicle-body";
const shape = icon(place.kind === "air" ? "evtol" : "car", "vehicle-shape");
body.append(shape);

const marker = L.marker([place.lat, place.lon], {
  icon: L.divIcon({ className: "vehicle", html: body, iconSize: [44, 44] }),
  pane: "vehicles",
  keyboard: false,
  interactive: false,
  alt: place.label,
}).addTo(map);
marker.getElement().dataset.kind = place.kind;
turn(place.heading_deg);
map.setView([place.lat, place.lon], ZOOM, { animate: false });

function turn(heading_deg) {
  if (Number.isFinite(heading_deg)) shape.style.transform = `rotate(${heading_deg}deg)`;
}

function say(name, value, write) {
  document.querySelector(`[data-kept=${name}]`).textContent = Number.isFinite(value) ? write(value) : UNKNOWN;
}

function show({ geometry, properties }) {
  const [lon, lat] = geometry.coordinates;
  marker.setLatLng([lat, lon]);
  if (!map.getBounds().pad(-0.1).contains([lat, lon])) map.panTo([lat, lon]);
  turn(properties.heading_deg);
  const seen = new Date(properties.timestamp_ms);
  time.textContent = shanghai.format(seen);
  time.dateTime = `${seen.toISOString().slice(0, 19)}Z`;
  time.title = `${seen.toISOString().slice(0, 19).replace("T", " ")} UTC`;
  say("place", lat, () => `${lat.toFixed(6)}, ${lon.toFixed(6)}`);
  say("speed", properties.speed_mps, (mps) => `${(mps * KMH_PER_MPS).toFixed(1)} km/h`);
  say("altitude", properties.altitude_m, (metres) => `${metres.toFixed(1)} m (${properties.altitude_datum ?? place.unknown_datum})`);
  say("accuracy", properties.horizontal_accuracy_m, (metres) => `${metres.toFixed(1)} m`);
}

async function look() {
  const answer = await fetch(place.url, { headers: { Accept: "application/geo+json" } });
  if (!answer.ok) throw new Error(`answered ${answer.status}`);
  show(await answer.json());
  lost.hidden = true;
}

setInterval(() => { if (!document.hidden) look().catch(() => { lost.hidden = false; }); }, EVERY_MS);
