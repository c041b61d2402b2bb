// Declaring an emergency: the place, for how long, and who would be told.

import { page } from "../page.js";
import { fit } from "../zones/fit.js";
import { Drawing } from "./drawing.js";
import { Told } from "./told.js";

const map = window.pilotageMap;
const form = document.getElementById("emergency-form");
const drawing = new Drawing(form, map, page.words, document.getElementById("geometry"));
const told = new Told(form, page);

drawing.addEventListener("changed", () => told.soon());
for (const name of ["lower_m", "upper_m", "datum"]) form.elements[name].addEventListener("change", () => told.soon());
form.elements.until_further_notice.addEventListener("change", ({ target }) => {
  form.elements.duration_min.disabled = target.checked;
});
form.elements.duration_min.disabled = form.elements.until_further_notice.checked;
if (drawing.isEmpty) fit(map, L.latLngBounds([]), page.around);
else drawing.show();
