// Vehicles on the map: one marker each, moved once a frame while it glides.

import { Glide } from "./motion.js";
import { element, icon, text } from "./page.js";
import { popupContent } from "./popup.js";

const MANY = 150;
/** Less than this is not worth painting. */
const LEAST_PX = 0.1;
const LEAST_DEG = 0.5;
const SEVERITIES = [null, "notice", "warning", "critical"];

const still = window.matchMedia("(prefers-reduced-motion: reduce)");

function worse(a, b) {
  return SEVERITIES.indexOf(a) >= SEVERITIES.indexOf(b) ? a : b;
}

class Vehicle {
  constructor(id, kind) {
    this.id = id;
    this.kind = kind;
    this.shape = icon(kind === "air" ? "evtol" : "car", "vehicle-shape");
    this.altitude = element("span", "vehicle-altitude");
    this.body = element("div", "vehicle-body");
    this.body.append(element("span", "vehicle-halo"), this.shape, this.altitude);
    this.glide = null;
    this.painted = null;
    this.dressed = null;
    this.alert = null;
    this.properties = {};
  }

  get root() {
    return this.marker.getElement();
  }

  /** Shows colour, label and accessible name; the position is the frame's matter. */
  dress(alerts) {
    const { properties, root } = this;
    this.alert = alerts.reduce((worst, alert) => worse(alert.severity, worst), properties.alert ?? null);
    const height = properties.altitude_m;
    const label = this.kind === "air" && Number.isFinite(height) ? `${Math.round(height)} m` : "";
    const dress = `${this.alert} ${label}`;
    if (dress === this.dressed) return;
    this.dressed = dress;
    root.dataset.alert = this.alert ?? "none";
    this.altitude.textContent = label;
    const kind = text(this.kind === "air" ? "kind_air" : "kind_road");
    const state = this.alert ? text(`severity_${this.alert}`) : text("no_alert");
    root.setAttribute("aria-label", `${kind} ${this.id}, ${state}`);
    this.marker.setZIndexOffset(SEVERITIES.indexOf(this.alert) * 1000);
  }
}

export class VehicleLayer {
  /** `alertsOf(id)` gives the vehicle's open alerts. */
  constructor(map, alertsOf) {
    this.map = map;
    this.alertsOf = alertsOf;
    this.vehicles = new Map();
    this.moving = new Set();
    this.paused = false;
    this.frames = 0;
    this.requested = null;
    this.group = L.layerGroup().addTo(map);
    map.on("zoomstart", () => { this.paused = true; });
    map.on("zoomend", () => { this.paused = false; this.animate(); });
    map.on("moveend", () => this.place([...this.vehicles.values()]));
  }

  /** Shows these vehicles and no others. */
  replace(features) {
    const known = new Set(features.map(idOf));
    for (const id of [...this.vehicles.keys()]) if (!known.has(id)) this.remove(id);
    this.update(features);
  }

  update(features) {
    const nowMs = performance.now();
    for (const feature of features) this.see(feature, nowMs);
    this.animate();
  }

  see(feature, nowMs) {
    if (!feature.geometry) return;
    const [lon, lat] = feature.geometry.coordinates;
    const { properties } = feature;
    const id = idOf(feature);
    let vehicle = this.vehicles.get(id);
    if (!vehicle) vehicle = this.add(id, properties, { lat, lon });
    vehicle.properties = properties;
    vehicle.glide.aim({ lat, lon }, properties.heading_deg, nowMs, still.matches);
    vehicle.dress(this.alertsOf(id));
    this.moving.add(vehicle);
    if (vehicle.marker.isPopupOpen()) vehicle.marker.getPopup().update();
  }

  add(id, properties, position) {
    const vehicle = new Vehicle(id, properties.kind);
    vehicle.glide = new Glide(position, properties.heading_deg);
    vehicle.marker = L.marker([position.lat, position.lon], {
      icon: L.divIcon({ className: "vehicle", html: vehicle.body, iconSize: [44, 44] }),
      pane: "vehicles",
      keyboard: true,
      riseOnHover: true,
    });
    vehicle.marker.bindPopup(() => popupContent(vehicle, this.alertsOf(vehicle.id)), {
      autoPan: false, className: "vehicle-popup", minWidth: 232, maxWidth: 300, offset: [0, -8],
    });
    vehicle.marker.on("popupopen", () => this.reveal(vehicle));
    this.group.addLayer(vehicle.marker);
    vehicle.root.dataset.kind = vehicle.kind;
    vehicle.root.dataset.vehicle = id;
    this.vehicles.set(id, vehicle);
    return vehicle;
  }

  remove(id) {
    const vehicle = this.vehicles.get(id);
    if (!vehicle) return;
    this.moving.delete(vehicle);
    this.group.removeLayer(vehicle.marker);
    this.vehicles.delete(id);
  }

  /** Dresses one vehicle again after its alerts have changed. */
  refresh(id) {
    const vehicle = this.vehicles.get(id);
    if (!vehicle) return;
    vehicle.dress(this.alertsOf(id));
    if (vehicle.marker.isPopupOpen()) vehicle.marker.getPopup().update();
  }

  counts() {
    let air = 0;
    for (const vehicle of this.vehicles.values()) if (vehicle.kind === "air") air += 1;
    return { air, road: this.vehicles.size - air };
  }

  /** Centres the map on the vehicle and opens its popup; false when it is not on the map. */
  focus(id) {
    const vehicle = this.vehicles.get(id);
    if (!vehicle) return false;
    const { lat, lon } = vehicle.glide.at(performance.now());
    this.map.setView([lat, lon], Math.max(this.map.getZoom(), 16), { animate: !still.matches });
    vehicle.marker.openPopup();
    return true;
  }

  reveal(vehicle) {
    const height = vehicle.marker.getPopup().getElement().offsetHeight;
    this.map.panInside(vehicle.marker.getLatLng(), { paddingTopLeft: [160, height + 48], paddingBottomRight: [160, 40] });
  }

  animate() {
    if (this.requested !== null || this.paused || this.moving.size === 0) return;
    this.requested = requestAnimationFrame(() => {
      this.requested = null;
      this.frames += 1;
      // A large fleet moves at half the frame rate: still fluid, and the page stays responsive.
      if (!this.paused && (this.moving.size < MANY || this.frames % 2 === 0)) this.place([...this.moving]);
      this.animate();
    });
  }

  place(vehicles) {
    if (this.paused) return;
    const nowMs = performance.now();
    const visible = this.map.getBounds().pad(0.15);
    for (const vehicle of vehicles) {
      const shown = vehicle.glide.at(nowMs);
      if (shown.arrived) this.moving.delete(vehicle);
      if (!shown.arrived && !visible.contains([shown.lat, shown.lon])) continue;
      this.put(vehicle, shown);
    }
  }

  put(vehicle, { lat, lon, heading }) {
    const where = L.latLng(lat, lon);
    const exact = this.map.project(where).subtract(this.map.getPixelOrigin());
    const { painted } = vehicle;
    if (painted && painted.exact.distanceTo(exact) < LEAST_PX && Math.abs(painted.heading - heading) < LEAST_DEG) return;
    vehicle.painted = { exact, heading };
    vehicle.marker.setLatLng(where);
    vehicle.shape.style.transform = `rotate(${heading.toFixed(1)}deg)`;
    // Leaflet places markers on whole pixels; slow movement is even only between them.
    vehicle.root.style.transform = `translate3d(${exact.x.toFixed(2)}px, ${exact.y.toFixed(2)}px, 0)`;
  }
}

export function idOf(feature) {
  return String(feature.id ?? feature.properties.vehicle_id ?? feature.properties.id);
}
