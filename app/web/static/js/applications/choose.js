// Places on the map and their boxes in the list: one choice, shown twice. The list alone does the work
// for the keyboard and for screen readers; the map follows it, and a click on the map goes to the list.

import { fit } from "../zones/fit.js";

const { offers } = JSON.parse(document.getElementById("page-data").textContent);
const map = window.pilotageMap;
const list = document.getElementById("zones-list");
const count = document.getElementById("zone-count");
const boxes = new Map([...list.querySelectorAll("input[name=zones]")].map((box) => [box.value, box]));
const layers = new Map();

const drawn = L.geoJSON(
  { type: "FeatureCollection", features: offers },
  {
    style: { className: "zone-offer" },
    onEachFeature({ properties }, layer) {
      layers.set(properties.id, layer);
      const name = document.createElement("span");
      name.textContent = properties.name; // as text: a name may hold anything
      layer.bindTooltip(name, { sticky: true });
      layer.on("click", (event) => {
        L.DomEvent.stopPropagation(event);
        const box = boxes.get(properties.id);
        box.checked = !box.checked;
        box.closest("label").scrollIntoView({ block: "nearest" });
        show();
      });
      layer.on("mouseover", () => point(properties.id, true));
      layer.on("mouseout", () => point(properties.id, false));
    },
  },
).addTo(map);

function point(id, pointed) {
  layers.get(id)?.getElement()?.classList.toggle("is-pointed", pointed);
}

function show() {
  let chosen = 0;
  for (const [id, box] of boxes) {
    chosen += box.checked ? 1 : 0;
    layers.get(id)?.getElement()?.classList.toggle("is-chosen", box.checked);
    if (box.checked) layers.get(id)?.bringToFront();
  }
  count.textContent = `${chosen} / ${boxes.size}`;
}

list.addEventListener("change", show);
for (const [name, pointed] of [["mouseover", true], ["focusin", true], ["mouseout", false], ["focusout", false]]) {
  list.addEventListener(name, ({ target }) => {
    const box = target.closest("label")?.querySelector("input");
    if (box) point(box.value, pointed);
  });
}
fit(map, drawn.getBounds());
show();
