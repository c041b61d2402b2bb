// The live layer: connects the event stream with the map, the alert list and the page around them.

import { AlertList, vehicleOf } from "./alerts.js";
import { page, text } from "./page.js";
import { nameRoads } from "./roads.js";
import { listen } from "./stream.js";
import { VehicleLayer } from "./vehicles.js";

const map = window.pilotageMap;
const panel = document.getElementById("panel");
const handle = document.getElementById("panel-handle");
const banner = document.getElementById("connection-banner");
const phone = window.matchMedia("(max-width: 760px)");

const alerts = new AlertList(document.getElementById("alert-list"), {
  onChoose: showAlert,
  onChange: (vehicleId) => { if (vehicleId) vehicles.refresh(vehicleId); },
});
const vehicles = new VehicleLayer(map, (id) => alerts.openOf(id));

function setSheet(open) {
  panel.classList.toggle("is-open", open);
  handle.setAttribute("aria-expanded", String(open));
}

function showAlert(alert) {
  if (phone.matches) setSheet(false);
  if (vehicles.focus(vehicleOf(alert))) return;
  const [lon, lat] = alert.geometry?.coordinates ?? [];
  if (Number.isFinite(lon)) map.setView([lat, lon], Math.max(map.getZoom(), 16));
}

function count(id, value) {
  const node = document.getElementById(id);
  const shown = String(value);
  if (node.textContent !== shown) node.textContent = shown;
}

function recount() {
  const { air, road } = vehicles.counts();
  count("count-road", road);
  count("count-air", air);
  count("count-alerts", alerts.open.size);
  document.getElementById("count-alerts-box").classList.toggle("has-alerts", alerts.open.size > 0);
}

let lostTimer = null;

/** The banner waits a moment, so that a reconnect of a blink does not flash it. */
function showState(state) {
  if (state === "live") {
    clearTimeout(lostTimer);
    lostTimer = null;
    banner.hidden = true;
    document.body.dataset.connection = "live";
  } else if (lostTimer === null) {
    lostTimer = setTimeout(() => {
      banner.hidden = false;
      banner.textContent = text("connection_lost");
      document.body.dataset.connection = "lost";
    }, 800);
  }
}

handle.addEventListener("click", () => setSheet(!panel.classList.contains("is-open")));
phone.addEventListener("change", () => map.invalidateSize());

listen(page.urls.stream, {
  handlers: {
    snapshot: (document_) => { vehicles.replace(document_.features); alerts.replace(document_.alerts ?? []); recount(); },
    positions: (change) => {
      vehicles.update(change.features ?? []);
      for (const id of change.removed ?? []) vehicles.remove(String(id));
      recount();
    },
    alert: (alert) => { alerts.update(alert); recount(); },
  },
  onState: showState,
  onRefused: () => {},
});

nameRoads(map);
