// Many vehicles on one canvas over the map: drawn whole each time, only what is visible.

import { sprite } from "./sprites.js";

const SEVERITIES = [null, "notice", "warning", "critical"];
const COLOURS = { road: "#0b6b72", air: "#4a3fb5", warning: "#d9731a", critical: "#c1121f" };
const RINGS = { notice: "#7d929c", warning: "#e5983f", critical: "#d8323d" };
/** By zoom, as map.css has them: car, craft. */
const SIZES = { 12: [13, 18], 13: [15, 22], 14: [20, 31], 15: [24, 36], 16: [28, 40], 17: [31, 44], 18: [34, 46], 19: [36, 48] };
const REACH_PX = 22;
const LABELS_FROM_ZOOM = 14;

/** Vehicles are {id, kind, lat, lon, heading, severity, alpha, altitude_m}; angles in degrees. */
export const FleetLayer = L.Layer.extend({
  initialize(options) {
    L.setOptions(this, options);
    this._vehicles = [];
    this._chosen = null;
  },

  onAdd(map) {
    this._canvas = L.DomUtil.create("canvas", "fleet-canvas leaflet-zoom-hide");
    this._canvas.setAttribute("aria-hidden", "true");
    map.getPane("vehicles").append(this._canvas);
    map.on("move zoomend resize viewreset", this._draw, this);
    map.on("click", this._click, this);
    this._draw();
  },

  onRemove(map) {
    this._canvas.remove();
    map.off("move zoomend resize viewreset", this._draw, this);
    map.off("click", this._click, this);
  },

  show(vehicles, chosen) {
    this._vehicles = vehicles.sort((a, b) => SEVERITIES.indexOf(a.severity) - SEVERITIES.indexOf(b.severity));
    this._chosen = chosen;
    this._draw();
  },

  /** The vehicle at a point of the map's container, or null. */
  near(point) {
    let [found, least] = [null, REACH_PX];
    for (const vehicle of this._vehicles) {
      const away = this._map.latLngToContainerPoint([vehicle.lat, vehicle.lon]).distanceTo(point);
      if (away < least) [found, least] = [vehicle, away];
    }
    return found;
  },

  _click({ containerPoint }) {
    const found = this.near(containerPoint);
    if (found) this.options.onChoose(found.id);
  },

  _draw() {
    const map = this._map;
    if (!map) return;
    const size = map.getSize();
    const ratio = Math.min(window.devicePixelRatio || 1, 2);
    if (this._canvas.width !== size.x * ratio || this._canvas.height !== size.y * ratio) {
      [this._canvas.width, this._canvas.height] = [size.x * ratio, size.y * ratio];
      Object.assign(this._canvas.style, { width: `${size.x}px`, height: `${size.y}px` });
    }
    L.DomUtil.setPosition(this._canvas, map.containerPointToLayerPoint([0, 0]));
    const context = this._canvas.getContext("2d");
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, size.x, size.y);
    const visible = map.getBounds().pad(0.1);
    const zoom = Math.min(Math.max(Math.floor(map.getZoom()), 12), 19);
    for (const vehicle of this._vehicles) {
      if (visible.contains([vehicle.lat, vehicle.lon])) this._one(context, vehicle, zoom);
    }
  },

  _one(context, vehicle, zoom) {
    const { x, y } = this._map.latLngToContainerPoint([vehicle.lat, vehicle.lon]);
    const isAir = vehicle.kind === "air";
    const side = SIZES[zoom][isAir ? 1 : 0];
    context.globalAlpha = vehicle.alpha;
    this._ring(context, x, y, side, vehicle);
    context.save();
    context.translate(x, y);
    context.rotate((vehicle.heading * Math.PI) / 180);
    const colour = COLOURS[vehicle.severity] ?? COLOURS[vehicle.kind];
    context.drawImage(sprite(isAir ? "evtol" : "car", colour), -side / 2, -side / 2, side, side);
    context.restore();
    if (isAir && zoom >= LABELS_FROM_ZOOM && Number.isFinite(vehicle.altitude_m)) this._label(context, x + side / 2 + 3, y, vehicle);
    context.globalAlpha = 1;
  },

  _ring(context, x, y, side, { id, severity }) {
    if (!severity && id !== this._chosen) return;
    context.beginPath();
    context.arc(x, y, side / 2 + 5, 0, 2 * Math.PI);
    context.lineWidth = id === this._chosen ? 3 : 2;
    context.strokeStyle = id === this._chosen ? "#12303b" : RINGS[severity];
    context.stroke();
  },

  _label(context, x, y, { altitude_m }) {
    const text = `${Math.round(altitude_m)} m`;
    context.font = "600 11px system-ui, sans-serif";
    const width = context.measureText(text).width + 10;
    context.fillStyle = "rgb(255 255 255 / 92%)";
    context.beginPath();
    context.roundRect(x, y - 8.5, width, 17, 5);
    context.fill();
    context.fillStyle = "#3a3190";
    context.textBaseline = "middle";
    context.fillText(text, x + 5, y + 0.5);
  },
});
