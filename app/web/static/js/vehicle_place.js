// Puts one vehicle on the map of its page, where it was last.

import { icon } from "./page.js";

const { place } = JSON.parse(document.getElementById("page-data").textContent);
const map = window.pilotageMap;
const ZOOM = 16;

const body = document.createElement("div");
body.className = "vehicle-body";
const shape = icon(place.kind === "air" ? "evtol" : "car", "vehicle-shape");
if (Number.isFinite(place.heading_deg)) shape.style.transform = `rotate(${place.heading_deg}deg)`;
body.append(shape);

const marker = L.marker([place.lat, place.lon], {
  icon: L.divIcon({ className: "vehicle", html: body, iconSize: [44, 44] }),
  pane: "vehicles",
  keyboard: false,
  interactive: false,
  alt: place.label,
}).addTo(map);
marker.getElement().dataset.kind = place.kind;
map.setView([place.lat, place.lon], ZOOM, { animate: false });
