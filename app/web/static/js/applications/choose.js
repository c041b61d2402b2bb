// Places on the map and in the form: one choice, shown twice. The form alone does the work for the keyboard and
// for screen readers; the map follows it, and a click on the map goes to the form. A short list is boxes, a long
// one a search (kit/picker.js, which runs before this).

import { fit } from "../zones/fit.js";

const { language, offers } = JSON.parse(document.getElementById("page-data").textContent);
const map = window.pilotageMap;
const form = document.getElementById("zone-choice");
const count = document.getElementById("zone-count");
const choice = form.querySelector("[data-picker]") ? overPicker(form.querySelector("[data-picker]").picker) : overBoxes();
const layers = new Map();

function overPicker(picker) {
  return { has: (id) => picker.has(id), toggle: (id, name) => picker.toggle(id, name), listen: (hear) => picker.addEventListener("changed", hear) };
}

function overBoxes() {
  const boxes = new Map([...form.querySelectorAll("input[name=zones]")].map((box) => [box.value, box]));
  return {
    has: (id) => boxes.get(id)?.checked ?? false,
    toggle(id) {
      const box = boxes.get(id);
      box.checked = !box.checked;
      box.closest("label").scrollIntoView({ block: "nearest" });
      show();
    },
    listen: (hear) => form.addEventListener("change", hear),
  };
}

function offer({ properties }, layer) {
  const { id, names } = properties;
  layers.set(id, layer);
  const name = document.createElement("span");
  name.textContent = names[language]; // as text: a name may hold anything
  layer.bindTooltip(name, { sticky: true });
  layer.on("click", (event) => {
    L.DomEvent.stopPropagation(event);
    choice.toggle(id, `${names[language]} (${id})`);
  });
  layer.on("mouseover", () => point(id, true));
  layer.on("mouseout", () => point(id, false));
}

function point(id, pointed) {
  layers.get(id)?.getElement()?.classList.toggle("is-pointed", pointed);
}

function show() {
  let chosen = 0;
  for (const [id, layer] of layers) {
    const isChosen = choice.has(id);
    chosen += isChosen ? 1 : 0;
    layer.getElement()?.classList.toggle("is-chosen", isChosen);
    if (isChosen) layer.bringToFront();
  }
  count.textContent = `${chosen} / ${layers.size}`;
}

for (const [name, pointed] of [["mouseover", true], ["focusin", true], ["mouseout", false], ["focusout", false]]) {
  form.addEventListener(name, ({ target }) => {
    const box = target.closest("label")?.querySelector("input");
    if (box) point(box.value, pointed);
  });
}

const offered = new Set(offers.ids);
const inForce = (await window.pilotage.zones).filter(({ id }) => offered.has(id));
const drawn = L.geoJSON(
  { type: "FeatureCollection", features: [...inForce, ...offers.others] },
  { style: { className: "zone-offer" }, onEachFeature: offer },
).addTo(map);
choice.listen(show);
fit(map, drawn.getBounds());
show();
