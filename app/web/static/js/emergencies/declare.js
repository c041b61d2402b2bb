// Declaring an emergency: a circle that is clicked or typed, or an outline that is drawn. Only one of them is sent.

import { Canvas } from "../zones/canvas.js";
import { fit } from "../zones/fit.js";
import { Shape } from "../zones/shape.js";

const data = JSON.parse(document.getElementById("page-data").textContent);
const map = window.pilotageMap;
const form = document.getElementById("emergency-form");
const geometry = document.getElementById("geometry");
const status = document.getElementById("editor-status");
const circleFields = document.getElementById("circle-fields");
const shape = new Shape();
const canvas = new Canvas(map, shape, { snapped: ({ lat, lng }) => [lat, lng] });
const circle = L.circle([0, 0], { radius: 1, className: "shown is-emergency", interactive: false });
const centre = L.circleMarker([0, 0], { radius: 5, className: "emergency-centre", interactive: false });

const tool = (name) => form.querySelector(`[data-tool=${name}]`);
const field = (name) => form.elements[`circle.${name}`];
const isCircle = () => !circleFields.hidden;

function typed() {
  const [lat, lon, radius] = ["lat", "lon", "radius_m"].map((name) => {
    const text = field(name).value.trim().replace(",", ".");
    return text === "" ? NaN : Number(text);
  });
  const isWhole = Math.abs(lat) <= 90 && Math.abs(lon) <= 180 && radius > 0;
  return isWhole ? { lat, lon, radius } : null;
}

function drawCircle() {
  const given = isCircle() ? typed() : null;
  for (const layer of [circle, centre]) {
    if (given) layer.setLatLng([given.lat, given.lon]).addTo(map);
    else layer.remove();
  }
  if (given) circle.setRadius(given.radius);
  return given;
}

function show() {
  const given = drawCircle();
  if (given) fit(map, circle.getBounds());
  else if (!isCircle()) fit(map, canvas.bounds());
}

function tell() {
  status.textContent = isCircle() ? data.words.circle : canvas.drawing ? data.words.drawing_area : data.words.editing;
  tool("circle").setAttribute("aria-pressed", String(isCircle()));
  tool("area").setAttribute("aria-pressed", String(!isCircle()));
  tool("finish").disabled = !canvas.drawing;
  tool("undo").disabled = isCircle() || !shape.canUndo;
  tool("remove").disabled = isCircle() || shape.points.length === 0;
}

/** What is not chosen is put away, and not sent. */
function choose(circleIsChosen) {
  finish();
  circleFields.hidden = !circleIsChosen;
  for (const input of circleFields.querySelectorAll("input")) input.disabled = !circleIsChosen;
  geometry.disabled = circleIsChosen;
  if (circleIsChosen) shape.change((paths) => { paths.length = 0; });
  drawCircle();
  tell();
}

function draw() {
  choose(false);
  canvas.drawing = true;
  canvas.chosen = null;
  shape.start("outer");
  map.doubleClickZoom.disable();
  tell();
}

function finish() {
  if (!canvas.drawing) return;
  canvas.drawing = false;
  map.doubleClickZoom.enable();
  canvas.render();
  tell();
}

function remove() {
  if (canvas.chosen === null || canvas.chosen >= shape.points.length) return;
  const index = canvas.chosen;
  canvas.chosen = null;
  shape.remove(index);
}

const actions = {
  circle: () => choose(true),
  area: draw,
  finish,
  remove,
  undo: () => { canvas.chosen = null; shape.undo(); },
  fit: show,
};

shape.addEventListener("changed", () => {
  geometry.value = shape.write();
  tell();
});
canvas.onClose = finish;
map.on("click", ({ latlng }) => {
  if (isCircle()) {
    field("lat").value = latlng.lat.toFixed(6);
    field("lon").value = latlng.lng.toFixed(6);
    drawCircle();
  } else if (canvas.drawing) {
    shape.insert(shape.points.length, [latlng.lat, latlng.lng]);
  }
});
map.on("dblclick", () => {
  if (!canvas.drawing) return;
  const [last, before] = [shape.points.at(-1), shape.points.at(-2)];
  if (last && before && last[0] === before[0] && last[1] === before[1]) shape.remove(shape.points.length - 1);
  finish();
});
for (const [name, act] of Object.entries(actions)) tool(name).addEventListener("click", act);
circleFields.addEventListener("input", drawCircle);
circleFields.addEventListener("change", () => { if (typed()) show(); });
document.addEventListener("keydown", (event) => {
  if (event.target.closest("input, textarea, select")) return;
  if (["Enter", "Escape"].includes(event.key) && canvas.drawing && !event.target.closest("button, a, summary")) finish();
  else if (event.key === "Delete") remove();
});
form.elements.until_further_notice.addEventListener("change", ({ target }) => {
  form.elements.duration_min.disabled = target.checked;
});

document.getElementById("geometry-field").hidden = true;
for (const button of form.querySelectorAll("[data-tool]")) button.disabled = false;
form.elements.duration_min.disabled = form.elements.until_further_notice.checked;
const drawn = geometry.value.trim();
choose(drawn === "");
if (drawn !== "") shape.read(drawn);
show();
if (!typed() && drawn === "") fit(map, L.latLngBounds([]), data.around);
tell();
