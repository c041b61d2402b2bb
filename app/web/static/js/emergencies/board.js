// The live board: asked for every second, and written into rows that stay where they are while somebody points at them.

import { icon, page } from "../page.js";
import { fit } from "../zones/fit.js";

const EVERY_MS = 1_000;
const TWO_MINUTES_MS = 120_000;
const UNHEARD_MS = 10_000;
const TONES = {
  inside: "bad", leaving: "warning", left: "good", kept_out: "good", unclear: "warning",
  told: "calm", received: "busy", accepted: "good", refused: "bad", silent: "bad",
};
/** Whose name stands on the map; the others say theirs when somebody points at them. */
const isNamed = ({ whereabouts, response, is_overdue: isOverdue }) =>
  whereabouts === "inside" && (isOverdue || ["refused", "silent"].includes(response));
const ALERTS = { inside: "critical", unclear: "warning", leaving: "warning" };

const map = window.pilotageMap;
const list = document.getElementById("board-rows");
const lost = document.getElementById("board-lost");
const rowTemplate = document.getElementById("row-template");
const permitTemplate = document.getElementById("permit-template");
const title = document.title;
const rows = new Map();
const markers = new Map();

const closed = L.geoJSON(
  { type: "FeatureCollection", features: page.shapes },
  { style: { className: "shown is-emergency" }, interactive: false },
).addTo(map);

const part = (row, name) => row.querySelector(`[data-part=${name}]`);

function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function filled(template, n) {
  return template.replace("{n}", String(n));
}

function clock(ms) {
  if (ms === null) return "–";
  const seconds = Math.floor(ms / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

function makeRow(vehicle) {
  const row = rowTemplate.content.firstElementChild.cloneNode(true);
  row.id = `row-${vehicle.vehicle_id}`;
  const link = part(row, "vehicle");
  link.href = vehicle.vehicle_url;
  link.textContent = vehicle.vehicle_id;
  say(part(row, "operator"), `${vehicle.operator} · ${page.words.concern[vehicle.concern]}`);
  const order = part(row, "order");
  if (order) {
    order.action = vehicle.order_url;
    order.querySelector("button").setAttribute("aria-label", filled(page.words.order_again, vehicle.vehicle_id));
  }
  return row;
}

function showBadge(node, code, words) {
  node.className = `badge is-${TONES[code]}`;
  say(node, words[code]);
}

function whereItIs({ seen }, atMs) {
  if (!seen) return page.words.never_heard;
  const away = seen.depth_m >= 0 ? page.words.to_go : page.words.out_by;
  const parts = [filled(away, Math.round(Math.abs(seen.depth_m)))];
  const unheardMs = atMs - seen.at_ms;
  if (unheardMs > UNHEARD_MS) parts.push(filled(page.words.unheard, Math.round(unheardMs / 1000)));
  return parts.join(" · ");
}

function showPermits(node, permits) {
  const numbers = permits.map(({ number }) => number).join(" ");
  if (node.dataset.numbers === numbers) return;
  node.dataset.numbers = numbers;
  node.replaceChildren(...permits.map(({ number, url }) => {
    const link = permitTemplate.content.firstElementChild.cloneNode(true);
    link.href = url;
    link.title = number;
    return link;
  }));
}

function showRow(vehicle, atMs, isOver) {
  if (!rows.has(vehicle.vehicle_id)) rows.set(vehicle.vehicle_id, makeRow(vehicle));
  const row = rows.get(vehicle.vehicle_id);
  row.dataset.whereabouts = vehicle.whereabouts;
  row.classList.toggle("is-overdue", vehicle.is_overdue);
  say(part(row, "clock"), clock(vehicle.clock_ms));
  part(row, "bar").style.width = `${Math.min((vehicle.clock_ms ?? 0) / TWO_MINUTES_MS, 1) * 100}%`;
  showBadge(part(row, "whereabouts"), vehicle.whereabouts, page.words.whereabouts);
  showBadge(part(row, "response"), vehicle.response, page.words.response);
  say(part(row, "seen"), isOver ? "" : whereItIs(vehicle, atMs));
  showPermits(part(row, "permits"), vehicle.permits);
}

function nameOnMap(marker, name, permanent) {
  if (marker.getTooltip()?.options.permanent === permanent) return;
  marker.unbindTooltip();
  marker.bindTooltip(name, { permanent, direction: "right", offset: [14, 0], className: "board-label" });
}

function showOnMap(vehicle) {
  if (!vehicle.seen) return;
  const { lat, lon, heading_deg: heading } = vehicle.seen;
  let marker = markers.get(vehicle.vehicle_id);
  if (!marker) {
    const body = document.createElement("div");
    body.className = "vehicle-body";
    const halo = document.createElement("span");
    halo.className = "vehicle-halo";
    body.append(halo, icon(vehicle.kind === "air" ? "evtol" : "car", "vehicle-shape"));
    marker = L.marker([lat, lon], {
      icon: L.divIcon({ className: "vehicle", html: body, iconSize: [44, 44] }),
      pane: "vehicles", keyboard: false, alt: vehicle.vehicle_id,
    }).addTo(map);
    marker.getElement().dataset.kind = vehicle.kind;
    markers.set(vehicle.vehicle_id, marker);
  }
  nameOnMap(marker, vehicle.vehicle_id, isNamed(vehicle));
  marker.setLatLng([lat, lon]);
  marker.getElement().dataset.alert = ALERTS[vehicle.whereabouts] ?? "none";
  if (Number.isFinite(heading)) marker.getElement().querySelector(".vehicle-shape").style.transform = `rotate(${heading}deg)`;
}

/** In the order of urgency; not under somebody's finger. */
function putInOrder(vehicles) {
  const wanted = vehicles.map(({ vehicle_id: id }) => rows.get(id));
  const isInOrder = wanted.length === list.children.length && wanted.every((row, place) => list.children[place] === row);
  const isHeld = list.children.length === wanted.length && list.matches(":hover, :focus-within");
  if (!isInOrder && !isHeld) list.replaceChildren(...wanted);
}

function show(board) {
  for (const tile of document.querySelectorAll("[data-total]")) {
    const value = board.totals[tile.dataset.total];
    say(tile.querySelector(".tile-value"), String(value));
    if (tile.dataset.tone) tile.classList.toggle(`is-${tile.dataset.tone}`, value > 0);
  }
  for (const vehicle of board.rows) {
    showRow(vehicle, board.at_ms, board.is_over);
    if (!board.is_over) showOnMap(vehicle);
  }
  putInOrder(board.rows);
  document.getElementById("board-empty").hidden = board.rows.length > 0;
  const inside = board.totals.inside + board.totals.leaving;
  document.title = inside > 0 && !board.is_over ? `(${inside}) ${title}` : title;
}

/** A look that is under way while a form is sent would bring back the session from before it, and lose its message. */
const leaving = new AbortController();
document.addEventListener("submit", () => leaving.abort());

async function look() {
  const answer = await fetch(page.board_url, { headers: { Accept: "application/json" }, signal: leaving.signal });
  if (!answer.ok) throw new Error(`answered ${answer.status}`);
  const board = await answer.json();
  if (board.is_over !== page.board.is_over) {
    window.location.reload(); // its buttons are others now
    return;
  }
  show(board);
  lost.hidden = true;
}

async function keepLooking() {
  if (leaving.signal.aborted) return;
  if (!document.hidden) await look().catch(() => { lost.hidden = leaving.signal.aborted; });
  setTimeout(keepLooking, EVERY_MS);
}

show(page.board);
const seen = page.board.rows.filter(({ seen: place }) => place).map(({ seen: { lat, lon } }) => [lat, lon]);
fit(map, seen.reduce((bounds, place) => bounds.extend(place), closed.getBounds()), page.around);
if (!page.board.is_over) setTimeout(keepLooking, EVERY_MS);
