// The replay: a player over the recording, the map that it moves, and the alerts that it jumps to.

import { vehicleOf } from "../alerts.js";
import { FleetCanvas } from "../fleet/canvas.js";
import { element, findingDescription, findingName, icon, localised, page, text } from "../page.js";
import { Chosen } from "./chosen.js";
import { PastFleet } from "./past_fleet.js";
import { Player } from "./player.js";
import { Recording } from "./recording.js";
import { Timeline } from "./timeline.js";

const STEP_MS = 5_000;
const ALERTS_AT_ONCE = 500;
const MOST_ALERTS = 2_000;
const LISTED = 300;

const map = window.pilotageMap;
const byId = (id) => document.getElementById(id);
const clock = new Intl.DateTimeFormat("sv-SE", { timeZone: "Asia/Shanghai", dateStyle: "short", timeStyle: "medium" });
const note = byId("replay-note");

const recording = new Recording({ url: page.urls.section, since_ms: page.since_ms, until_ms: page.until_ms, gap_ms: page.gap_ms });
const player = new Player({ ...page, isReady: (at) => recording.pieceAt(at) !== null });
const timeline = new Timeline({ since_ms: page.since_ms, until_ms: page.until_ms, onMove: (at) => player.goTo(at) });
const fleet = new PastFleet(recording);
const vehicles = new FleetCanvas(map, fleet, { onChoose: (id) => { if (id !== null) choose(id); } });
const chosen = new Chosen(map, () => { vehicles.choose(null); render(); });
let zonesUntil = 0;
let zonesSince = 0;
let zonesAsked = false;
let saidWhat = "";
let toldSecond = null;
let toldWords = "";

/** Faster play needs fewer samples a second of what was. */
function stepOf(speed) { return speed <= 5 ? 1_000 : speed <= 10 ? 2_000 : speed <= 30 ? 5_000 : 10_000; }

function render() {
  const { at } = player;
  fleet.goTo(at);
  vehicles.animate();
  const known = chosen.id === null ? null : recording.seen(chosen.id, at);
  chosen.show(known && fleet.isShown(chosen.id) ? known : null);
  tellInstant(at);
  document.body.dataset.vehicles = String(fleet.shown);
  recording.want(at, player.speed);
  const piece = recording.pieceAt(at);
  if (!piece || player.isWaiting) say(text("loading"));
  else say(piece.count === 0 ? text("empty") : "");
  if (at < zonesSince || at >= zonesUntil) loadZones(at);
}

/** The clock is written once a second of what was, the slider goes along. */
function tellInstant(at) {
  const second = Math.floor(at / 1000);
  if (second !== toldSecond) {
    toldSecond = second;
    toldWords = clock.format(at);
    byId("now").textContent = toldWords;
  }
  timeline.show(at, toldWords);
}

function say(words) {
  if (words === saidWhat) return;
  saidWhat = words;
  note.textContent = words;
  note.hidden = words === "";
}

async function loadZones(at) {
  if (zonesAsked) return;
  zonesAsked = true;
  try {
    const answer = await fetch(`${page.urls.past_zones}?at_ms=${Math.round(at)}`, { headers: { Accept: "application/geo+json" } });
    if (!answer.ok) throw new Error(`zones: ${answer.status}`);
    const { features, generated_at_ms, until_ms } = await answer.json();
    [zonesSince, zonesUntil] = [generated_at_ms, until_ms];
    await window.pilotage.show(features);
  } catch (error) {
    console.warn(String(error));
    // Tried again at another instant, not at every frame.
    [zonesSince, zonesUntil] = [at, at + STEP_MS];
    say(text("zones_missing"));
  } finally {
    zonesAsked = false;
  }
}

function choose(id) {
  chosen.choose(id);
  vehicles.choose(id);
  render();
}

function jump(alert) {
  player.goTo(alert.opened_at_ms);
  const [lon, lat] = alert.geometry.coordinates;
  map.setView([lat, lon], Math.max(map.getZoom(), 16), { animate: false });
  if (vehicleOf(alert) !== chosen.id) choose(vehicleOf(alert));
}

async function loadAlerts() {
  const found = [];
  let cursor = null;
  do {
    const query = new URLSearchParams({ state: "all", since_ms: page.since_ms, until_ms: page.until_ms, limit: ALERTS_AT_ONCE });
    if (cursor) query.set("cursor", cursor);
    const answer = await fetch(`${page.urls.alerts}?${query}`, { headers: { Accept: "application/json" } });
    if (!answer.ok) throw new Error(`alerts: ${answer.status}`);
    const part = await answer.json();
    found.push(...part.items);
    cursor = part.next_cursor;
  } while (cursor && found.length < MOST_ALERTS);
  return { found, isCut: cursor !== null };
}

function listAlerts({ found, isCut }) {
  timeline.alerts = found;
  byId("alert-count").textContent = String(found.length) + (isCut ? "+" : "");
  byId("alert-list").replaceChildren(...found.slice(0, LISTED).map(alertItem));
  const more = byId("alert-more");
  more.hidden = found.length > 0 && found.length <= LISTED && !isCut;
  more.textContent = found.length === 0 ? text("no_alerts") : text("many_alerts", { count: Math.min(found.length, LISTED) });
}

function alertItem(alert) {
  const item = element("li", `alert-item is-${alert.severity}`);
  const button = element("button", "alert-button");
  button.type = "button";
  button.title = findingDescription(alert.finding);
  const when = clock.format(alert.opened_at_ms);
  const first = element("span", "alert-line");
  first.append(element("strong", "alert-name", findingName(alert.finding)), element("time", "", when.slice(11)));
  const second = element("span", "alert-line alert-detail");
  const vehicle = element("span", "alert-vehicle");
  vehicle.append(icon(alert.kind === "air" ? "evtol" : "car", "alert-icon"), vehicleOf(alert));
  second.append(vehicle);
  const place = localised(alert.place);
  if (place) second.append(element("span", "alert-place", place));
  button.append(element("span", "visually-hidden", `${text(`severity_${alert.severity}`)}, ${text("jump_to", { time: when })}`), first, second);
  button.addEventListener("click", () => jump(alert));
  item.append(button);
  return item;
}

/** The address that leads to this instant and view. */
function address() {
  const { lat, lng } = map.getCenter();
  const values = { since_ms: page.since_ms, until_ms: page.until_ms, at_ms: Math.round(player.at), speed: player.speed, lat: lat.toFixed(6), lon: lng.toFixed(6), zoom: map.getZoom() };
  if (chosen.id) values.vehicle = chosen.id;
  return new URL(`${page.urls.page}?${new URLSearchParams(values)}`, window.location.href).href;
}

async function share() {
  player.pause();
  const url = address();
  window.history.replaceState(null, "", url);
  const copied = await navigator.clipboard?.writeText(url).then(() => true, () => false);
  say(copied ? text("copied") : text("copy_by_hand"));
  setTimeout(() => { if (!player.isPlaying) render(); }, 4_000);
}

function toAlert(direction) {
  const at = timeline.neighbour(player.at, direction);
  if (at !== null) player.goTo(at);
}

/** Texts and lists keep their keys, and so does the map for those who move it by them. */
function isOthers(target) {
  return target.closest("input:not([type=range]), select, textarea, summary, .folium-map, .alert-list") !== null;
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || isOthers(event.target)) return;
  const isButton = event.target.closest("button, a") !== null;
  if (event.key === " " && !isButton) player.toggle();
  else if (event.key === "ArrowLeft" || event.key === "ArrowRight") {
    const direction = event.key === "ArrowLeft" ? -1 : 1;
    if (event.shiftKey) toAlert(direction);
    else player.goTo(player.at + direction * STEP_MS * (player.speed > 5 ? 6 : 1));
  } else return;
  event.preventDefault();
});

player.addEventListener("moved", render);
player.addEventListener("state", () => {
  byId("play-icon").className = `fa-solid fa-${player.isPlaying ? "pause" : "play"}`;
  byId("play").setAttribute("aria-label", text(player.isPlaying ? "pause" : "play"));
  document.body.dataset.playing = String(player.isPlaying);
});
recording.addEventListener("loaded", () => { if (!player.isPlaying) render(); });
recording.addEventListener("failed", () => { player.pause(); say(text("failed")); });
byId("play").addEventListener("click", () => player.toggle());
byId("previous-alert").addEventListener("click", () => toAlert(-1));
byId("next-alert").addEventListener("click", () => toAlert(1));
byId("share").addEventListener("click", share);
byId("speed").addEventListener("change", ({ target }) => {
  player.speed = Number(target.value);
  recording.stepMs = stepOf(player.speed);
  render();
});

recording.stepMs = stepOf(player.speed);
if (page.view) map.setView(page.view.slice(0, 2), page.view[2], { animate: false });
else if (page.around) map.fitBounds(page.around, { padding: [24, 24], animate: false });
if (page.vehicle) choose(page.vehicle);
else render();
loadAlerts().then(listAlerts, (error) => { console.warn(String(error)); say(text("failed")); });
