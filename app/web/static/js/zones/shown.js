// Draws the shapes that a page is about over the map of what is in force, and shows them whole.

import { fit } from "./fit.js";

const data = JSON.parse(document.getElementById("page-data").textContent);
const map = window.pilotageMap;

const shapes = L.geoJSON(
  { type: "FeatureCollection", features: data.shapes },
  { style: ({ properties }) => ({ className: `shown is-${properties.tone}` }), interactive: false },
).addTo(map);
fit(map, shapes.getBounds(), data.around);
