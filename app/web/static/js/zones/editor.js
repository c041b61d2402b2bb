// The zone editor: tools, map, table and windows over the fields of one form.

import { Canvas } from "./canvas.js";
import { Check } from "./check.js";
import { fit } from "./fit.js";
import { Shape } from "./shape.js";
import { Snapper } from "./snapping.js";
import { Vertices } from "./vertices.js";
import { Windows } from "./windows.js";

const data = JSON.parse(document.getElementById("page-data").textContent);
const form = document.getElementById("zone-form");
const geometry = document.getElementById("geometry");
const status = document.getElementById("editor-status");
const circleBox = document.getElementById("circle-box");
const map = window.pilotageMap;
const shape = new Shape();
const snapper = new Snapper(map, shape);
const canvas = new Canvas(map, shape, snapper);
const check = new Check(form, data);
let measure = "";

const kind = () => form.elements.kind.value;
const roleByKind = () => (["test_road", "air_corridor"].includes(kind()) ? "line" : "outer");
const tool = (name) => form.querySelector(`[data-tool=${name}]`);

new Vertices(shape, data.words, roleByKind);
const windows = new Windows(() => {
  const { lat, lng } = canvas.bounds().isValid() ? canvas.bounds().getCenter() : map.getCenter();
  return { lon: Number(lng.toFixed(4)), lat: Number(lat.toFixed(4)) };
});

function draw(role) {
  circleBox.hidden = true;
  canvas.drawing = true;
  canvas.chosen = null;
  shape.start(role);
  map.doubleClickZoom.disable();
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

function openCircle() {
  finish();
  const { lat, lng } = map.getCenter();
  circleBox.hidden = !circleBox.hidden;
  document.getElementById("circle-lat").value = lat.toFixed(6);
  document.getElementById("circle-lon").value = lng.toFixed(6);
  if (!circleBox.hidden) document.getElementById("circle-radius").focus();
}

async function drawCircle() {
  const value = (name) => document.getElementById(`circle-${name}`).value.trim();
  const asked = new URLSearchParams({ lat: value("lat"), lon: value("lon"), radius_m: value("radius") });
  const answer = await fetch(`${data.circle}?${asked}`);
  if (!answer.ok) {
    status.textContent = data.words.outside_map;
    return;
  }
  const { ring } = await answer.json();
  shape.replace("outer", ring.slice(0, -1).map(([lon, lat]) => [lat, lon]));
  circleBox.hidden = true;
  fit(map, canvas.bounds());
}

const actions = {
  line: () => draw("line"),
  area: () => draw("outer"),
  hole: () => draw("hole"),
  circle: openCircle,
  finish,
  remove,
  undo: () => { canvas.chosen = null; shape.undo(); },
  redo: () => shape.redo(),
  fit: () => fit(map, canvas.bounds()),
};

function tell() {
  const { words } = data;
  const role = { line: "line", outer: "area", hole: "hole" }[shape.path?.role];
  const hint = canvas.drawing ? words[`drawing_${role}`] : shape.isEmpty ? words.empty : words.editing;
  status.textContent = measure ? `${measure} · ${hint}` : hint;
  tool("finish").disabled = !canvas.drawing;
  tool("undo").disabled = !shape.canUndo;
  tool("redo").disabled = !shape.canRedo;
  tool("remove").disabled = shape.points.length === 0;
  tool("hole").disabled = shape.isEmpty || shape.isLine;
  for (const name of ["line", "area", "hole"]) {
    tool(name).setAttribute("aria-pressed", String(canvas.drawing && name === role));
  }
}

/** Fields that this shape or kind does not have are put away, and not sent. */
function fitFields() {
  const show = (selector, isShown) => {
    const box = form.querySelector(selector);
    box.hidden = !isShown;
    for (const input of box.querySelectorAll("input")) input.disabled = !isShown;
  };
  show("[data-shape=line]", shape.isEmpty ? roleByKind() === "line" : shape.isLine);
  show("[data-kind=speed_limit]", kind() === "speed_limit");
}

function settle() {
  geometry.value = shape.write();
  fitFields();
  tell();
  check.soon();
}

shape.addEventListener("changed", settle);
check.onOutline = (outline) => {
  canvas.showOutline(outline);
  measure = outline?.measure ?? "";
  tell();
};
windows.onChange = () => check.soon();
canvas.onClose = finish;

map.on("click", ({ latlng }) => {
  if (!circleBox.hidden) {
    document.getElementById("circle-lat").value = latlng.lat.toFixed(6);
    document.getElementById("circle-lon").value = latlng.lng.toFixed(6);
    drawCircle();
    return;
  }
  if (canvas.drawing) shape.insert(shape.points.length, snapper.snapped(latlng));
});
map.on("dblclick", () => {
  if (!canvas.drawing) return;
  const [last, before] = [shape.points.at(-1), shape.points.at(-2)];
  if (last && before && last[0] === before[0] && last[1] === before[1]) shape.remove(shape.points.length - 1);
  finish();
});
for (const [name, act] of Object.entries(actions)) tool(name).addEventListener("click", act);
document.getElementById("circle-draw").addEventListener("click", drawCircle);
document.getElementById("snap").addEventListener("change", ({ target }) => { snapper.isOn = target.checked; });
form.addEventListener("input", ({ target }) => { if (!target.closest(".vertices, .circle-box")) check.soon(); });
form.addEventListener("change", fitFields);
form.addEventListener("keydown", (event) => {
  // Enter in a field of the drawing never sends the form.
  if (event.key === "Enter" && event.target.closest("input") && event.target.closest(".editor-map")) event.preventDefault();
});
document.addEventListener("keydown", (event) => {
  if (event.target.closest("input, textarea, select")) return;
  const undoing = (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z";
  if (event.key === "Enter" && canvas.drawing && !event.target.closest("button, a, summary")) finish();
  else if (event.key === "Escape" && canvas.drawing) finish();
  else if (event.key === "Delete") remove();
  else if (undoing) (event.shiftKey ? shape.redo() : shape.undo());
});

document.getElementById("geometry-field").hidden = true;
for (const button of form.querySelectorAll("[data-tool], #circle-draw, #vertices-add, #windows-add")) button.disabled = false;
snapper.isOn = document.getElementById("snap").checked;
snapper.load(data.urls.centrelines, data.zone_id);
shape.read(geometry.value);
fit(map, canvas.bounds(), data.around);
