// An order to vehicles: where they are, and for an order to leave the place, a zone or one that is drawn.

import { icon, page } from "../page.js";
import { fit } from "../zones/fit.js";
import { Drawing } from "./drawing.js";

const EVERY_MS = 3_000;
const MOST_VEHICLES = 60;

const map = window.pilotageMap;
const form = document.getElementById("order-form");
const placeFields = document.getElementById("place-fields");
const speedFields = document.getElementById("speed-fields");
const drawing = new Drawing(form, map, page.words, document.getElementById("place"));
const zone = L.geoJSON(null, { style: { className: "shown is-emergency" }, interactive: false }).addTo(map);
const markers = new Map();
let isFitted = false;
let shownZone = "";

const chosen = () => new FormData(form).getAll("vehicles").flatMap((text) => text.split(/[\s,;\uff0c\uff1b\u3001]+/)).filter(Boolean);
const kind = () => form.elements.kind.value;

function marker(id) {
  const body = document.createElement("div");
  body.className = "vehicle-body";
  body.append(icon("car", "vehicle-shape"));
  const made = L.marker([0, 0], {
    icon: L.divIcon({ className: "vehicle", html: body, iconSize: [44, 44] }), pane: "vehicles", keyboard: false, alt: id,
  });
  made.bindTooltip(id, { permanent: true, direction: "right", offset: [14, 0], className: "board-label" });
  return made;
}

async function position(id) {
  const answer = await fetch(page.position_url.replace("HERE", encodeURIComponent(id)), { headers: { Accept: "application/geo+json" } });
  return answer.ok ? answer.json() : null; // a vehicle that was never heard is nowhere
}

function place(id, { geometry, properties }) {
  const [lon, lat] = geometry.coordinates;
  if (!markers.has(id)) markers.set(id, marker(id));
  const shown = markers.get(id).setLatLng([lat, lon]).addTo(map);
  shown.getElement().dataset.kind = properties.kind ?? "road";
  if (Number.isFinite(properties.heading_deg)) shown.getElement().querySelector(".vehicle-shape").style.transform = `rotate(${properties.heading_deg}deg)`;
}

async function look() {
  const ids = chosen().slice(0, MOST_VEHICLES);
  for (const [id, shown] of markers) if (!ids.includes(id)) shown.remove();
  const found = await Promise.all(ids.map(async (id) => [id, await position(id).catch(() => null)]));
  for (const [id, feature] of found) if (feature && chosen().includes(id)) place(id, feature);
  if (!isFitted) show();
}

/** Everything that the order is about, whole. */
function show() {
  const bounds = L.latLngBounds([]);
  for (const shown of markers.values()) if (map.hasLayer(shown)) bounds.extend(shown.getLatLng());
  if (zone.getLayers().length > 0) bounds.extend(zone.getBounds());
  if (!drawing.isEmpty) bounds.extend(drawing.bounds);
  isFitted = bounds.isValid();
  fit(map, bounds, page.around);
}

async function showZone() {
  zone.clearLayers();
  const id = form.elements.zone.value.trim();
  shownZone = id;
  if (kind() !== "leave" || id === "") return;
  const answer = await fetch(page.urls.zones).catch(() => null);
  const { features } = answer?.ok ? await answer.json() : { features: [] };
  zone.addData(features.filter(({ properties }) => properties.id === id));
  show();
}

/** What another order needs is put away, and not sent. */
function settle() {
  const isLeave = kind() === "leave";
  placeFields.hidden = !isLeave;
  form.elements.zone.disabled = !isLeave;
  speedFields.hidden = kind() !== "slow";
  form.elements.speed_kmh.disabled = kind() !== "slow";
  drawing.isOff = !isLeave || form.elements.zone.value.trim() !== "";
  showZone();
}

form.addEventListener("change", ({ target }) => {
  if (["kind", "zone"].includes(target.name)) settle();
});
form.addEventListener("input", ({ target }) => { if (target.name === "zone") settle(); });

async function keepLooking() {
  if (form.elements.zone.value.trim() !== shownZone) settle(); // chosen by the search, which tells no event
  if (!document.hidden) await look();
  setTimeout(keepLooking, EVERY_MS);
}

settle();
show();
keepLooking();
