// The duty screen: the event stream, the board, the map and what joins them.

import { FleetCanvas } from "../fleet/canvas.js";
import { element, findingName, page, text } from "../page.js";
import { nameRoads } from "../roads.js";
import { listen } from "../stream.js";
import { read, Refused } from "./actions.js";
import { AlertStore, isEnded, isNew } from "./alert_store.js";
import { Board } from "./board.js";
import { Detail } from "./detail.js";
import { showHelp } from "./dialogs.js";
import { Filters } from "./filters.js";
import { Fleet, showFleet } from "./fleet.js";
import { GlidingFleet } from "./gliding.js";
import { listenForKeys } from "./keys.js";
import { fits, rowsOf } from "./rows.js";
import { alarm, toggleSound } from "./sound.js";
import { follow } from "./streaming.js";
import { TrailPanel } from "./trail.js";

const TITLE = document.title;

/** The board is written anew at most so often: a flood of alerts is read by people, not by frames. */
const REDRAW_MS = 200;
const TICK_MS = 1000;
const CLOSE_ZOOM = 16;
const SHORTEST_SEARCH = 2;
const MOST_FOUND = 6;

const byId = (id) => document.getElementById(id);
const map = window.pilotageMap;
const still = window.matchMedia("(prefers-reduced-motion: reduce)");
const store = new AlertStore();
const fleet = new Fleet();
const opened = new Set();
const asked = new URLSearchParams(window.location.search);

const board = new Board(byId("rows"), byId("rows-space"), {
  onChoose: (row) => detail.show(row),
  onFold: (row) => {
    if (opened.has(row.key)) opened.delete(row.key);
    else opened.add(row.key);
    redraw();
  },
});
const detail = new Detail({ newest: (id) => store.get(id), onNews: learn, onShow: showVehicle, onSay: say });
const filters = new Filters({ onChange: () => { redraw(); findVehicles(); }, onSay: say });
const gliding = new GlidingFleet((feature) => (fleet.isLost(feature) ? "?" : fleet.isLow(feature) ? "!" : ""));
const vehicles = new FleetCanvas(map, gliding, { onChoose: (id) => (id === null ? trail.close() : showVehicle(id, { moves: false })) });
const trail = new TrailPanel(map, fleet, { onClose: () => vehicles.choose(null) });

let waiting = null;

/** The board is out of date: it is written anew soon, once for everything that happens until then. */
function expire() {
  waiting ??= setTimeout(redraw, REDRAW_MS);
}

function redraw() {
  clearTimeout(waiting);
  waiting = null;
  const alerts = store.all();
  const { criteria } = filters;
  const { rows, count } = rowsOf(alerts, criteria, page.me, opened);
  board.show(rows, criteria.grouping);
  detail.show(board.chosenRow ?? hiddenRow(board.chosen));
  tellCounts(alerts, count);
}

/** The search finds vehicles too, with or without alerts. */
function findVehicles() {
  const wanted = filters.criteria.text.trim().toLowerCase();
  const found = wanted.length < SHORTEST_SEARCH ? [] : [...fleet.features.keys()].filter((id) => id.toLowerCase().includes(wanted)).sort().slice(0, MOST_FOUND);
  byId("found-vehicles").replaceChildren(...found.map((id) => {
    const button = element("button", "quiet", id);
    button.type = "button";
    button.addEventListener("click", () => showVehicle(id));
    return button;
  }));
}

/** What is chosen stays so although the filter hides it: it may have been handled just now. */
function hiddenRow(id) {
  const alert = store.get(id);
  return alert ? { key: id, alert } : null;
}

function tellCounts(alerts, shown) {
  const all = { notice: 0, warning: 0, critical: 0 };
  const unseen = { notice: 0, warning: 0, critical: 0 };
  for (const alert of alerts) {
    if (!isEnded(alert) || isNew(alert)) all[alert.severity] += 1;
    if (isNew(alert)) unseen[alert.severity] += 1;
  }
  for (const severity of Object.keys(all)) {
    byId(`count-${severity}`).textContent = String(all[severity]);
    byId(`new-${severity}`).textContent = String(unseen[severity]);
  }
  const news = unseen.notice + unseen.warning + unseen.critical;
  document.title = `${news > 0 ? `(${news}) ` : ""}${TITLE}`;
  byId("tab-count-alerts").textContent = news > 0 ? String(news) : "";
  byId("switch-count").textContent = news > 0 ? String(news) : "";
  byId("shown-count").textContent = text("alerts_shown", { shown, all: alerts.length });
  const empty = byId("rows-empty");
  empty.hidden = shown > 0;
  empty.textContent = text(alerts.length > 0 ? "no_matches" : "all_calm");
}

/** How many more wait for a person, of which only the list of all alerts tells. */
function tellBeyond(count) {
  const told = byId("beyond");
  told.hidden = count === 0;
  told.textContent = text("alerts_beyond", { count });
}

/** Takes an alert from the stream or from an answer of the API. */
function learn(alert) {
  const isNews = store.update(alert);
  if (isNews && !isEnded(alert)) {
    if (alert.severity === "critical") {
      alarm();
      announce(alert);
    }
    filters.offer([alert]);
  }
  expire();
}

let announcedMs = -Infinity;

/** A screen reader hears of critical alerts, and not of each one of a flood. */
function announce(alert) {
  if (performance.now() - announcedMs < 3000 || !fits(alert, filters.criteria, page.me)) return;
  announcedMs = performance.now();
  const values = { finding: findingName(alert.finding), vehicle: alert.vehicle_id, severity: text(`severity_${alert.severity}`) };
  byId("announcement").textContent = text("announced", values);
}

let quiet = null;

/** A line at the top that goes by itself; a refusal stays longer. */
function say(words, isRefusal = false) {
  let line = byId("said");
  if (!line) {
    line = document.createElement("p");
    line.id = "said";
    byId("main").append(line);
  }
  line.setAttribute("role", isRefusal ? "alert" : "status");
  line.className = `said${isRefusal ? " is-refusal" : ""}`;
  line.textContent = words;
  line.hidden = false;
  clearTimeout(quiet);
  quiet = setTimeout(() => { line.hidden = true; }, isRefusal ? 8000 : 2500);
}

function showVehicle(id, { moves = true } = {}) {
  const place = gliding.placeOf(id);
  vehicles.choose(id);
  trail.open(id);
  trail.tell(fleet.features.get(id));
  if (moves) showPart("map");
  if (place && moves) map.setView([place.lat, place.lon], Math.max(map.getZoom(), CLOSE_ZOOM), { animate: !still.matches });
}

/** On a telephone board and map take turns. */
function showPart(part) {
  byId("main").dataset.shown = part;
  for (const button of document.querySelectorAll("[data-show]")) button.setAttribute("aria-pressed", String(button.dataset.show === part));
  if (part === "map") map.invalidateSize({ pan: false });
}

function chooseTab(chosen) {
  for (const tab of document.querySelectorAll("[role=tab]")) {
    const isChosen = tab === chosen;
    tab.setAttribute("aria-selected", String(isChosen));
    tab.tabIndex = isChosen ? 0 : -1;
    byId(tab.getAttribute("aria-controls")).hidden = !isChosen;
  }
  showFleet(fleet, showVehicle);
  board.draw();
}

function listenToTabs() {
  const tabs = [...document.querySelectorAll("[role=tab]")];
  tabs.forEach((tab, number) => {
    tab.addEventListener("click", () => chooseTab(tab));
    tab.addEventListener("keydown", (event) => {
      const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (!by) return;
      event.preventDefault();
      const next = tabs[(number + by + tabs.length) % tabs.length];
      next.focus();
      chooseTab(next);
    });
  });
}

function search() {
  chooseTab(byId("tab-alerts"));
  showPart("board");
  byId("search").focus();
  byId("search").select();
}

/** Leaves a field for the board; then the trail, then the choice, then the wall. */
function escape(event) {
  if (event.target.closest("input, select, textarea")) byId("rows").focus();
  else if (trail.isOpen) trail.close();
  else if (board.chosen !== null) board.choose(null);
  else if (document.body.classList.contains("is-wall")) window.location.assign(window.location.pathname);
}

function countVehicles() {
  const { air, road } = fleet.counts();
  byId("count-road").textContent = String(road);
  byId("count-air").textContent = String(air);
}

const clock = new Intl.DateTimeFormat(page.locale, { timeZone: "Asia/Shanghai", hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });

function tick() {
  byId("clock").textContent = clock.format(fleet.nowMs());
  showFleet(fleet, showVehicle);
  countVehicles();
  if (trail.isOpen) trail.tell(fleet.features.get(trail.vehicle));
  if (gliding.remark()) vehicles.refresh();
}

const banner = byId("connection-banner");
let lostTimer = null;

/** The banner waits a moment, so that a reconnect of a blink does not flash it. */
function showState(state) {
  if (state === "live") {
    clearTimeout(lostTimer);
    lostTimer = null;
    banner.hidden = true;
  } else {
    lostTimer ??= setTimeout(() => {
      banner.hidden = false;
      banner.textContent = text("connection_lost");
    }, 800);
  }
}

/** A refused stream usually means that the session has ended. */
async function checkSession() {
  const answer = await fetch(page.urls.filters, { headers: { Accept: "application/json" } }).catch(() => null);
  if (answer?.status === 401) window.location.assign(page.urls.login);
}

/** An alert that the address names is chosen, also one that is over. */
async function chooseAsked() {
  const id = asked.get("alert");
  if (id === null) return;
  asked.delete("alert");
  try {
    const found = await read(id);
    store.visit(found);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    say(error.message, true);
    return;
  }
  const alert = store.get(id);
  opened.add(`${alert.finding} ${alert.vehicle_id}`);
  redraw();
  board.choose(id);
}

const handlers = {
  snapshot: (whole) => {
    fleet.setClock(whole.generated_at_ms);
    fleet.replace(whole.features);
    gliding.replace(whole.features);
    vehicles.refresh();
    store.replace(whole.alerts);
    tellBeyond(whole.alerts_beyond);
    filters.offer(whole.alerts);
    filters.offer(whole.features.map((feature) => feature.properties));
    redraw();
    tick();
    chooseAsked();
    const vehicle = asked.get("vehicle");
    asked.delete("vehicle");
    if (vehicle !== null) showVehicle(vehicle);
  },
  positions: (change) => {
    fleet.update(change.features);
    gliding.update(change.features);
    gliding.update(fleet.move(change.moves ?? []));
    for (const id of change.removed) {
      fleet.remove(id);
      gliding.remove(id);
    }
    vehicles.animate();
  },
  alert: learn,
  left: ({ alerts, beyond }) => {
    store.leave(alerts);
    if (beyond !== null) tellBeyond(beyond);
    expire();
  },
};

byId("legend").open = false;
listenToTabs();
for (const button of document.querySelectorAll("[data-show]")) button.addEventListener("click", () => showPart(button.dataset.show));
byId("help-button").addEventListener("click", showHelp);
listenForKeys({
  j: () => board.step(1),
  k: () => board.step(-1),
  Enter: () => board.fold(),
  a: () => detail.acknowledge(),
  m: () => detail.take(),
  c: () => detail.comment(),
  e: () => detail.escalate(),
  x: () => detail.resolve(),
  v: () => detail.row && showVehicle(detail.row.alert.vehicle_id),
  s: toggleSound,
  "/": search,
  "?": showHelp,
  Escape: escape,
});
follow(map, fleet, (url) => listen(url, { handlers, onState: showState, onRefused: checkSession }));
setInterval(tick, TICK_MS);
nameRoads(map).then((zones) => filters.know("zone", zones.map(({ id, names }) => [id, names])));
