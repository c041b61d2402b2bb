// All vehicles on one canvas over the map: only those in view are drawn, and only while something moves.

import { Glide } from "../motion.js";
import { SPRITE_PX, Sprites } from "./sprites.js";

/** More than this in view move at half the frame rate: still fluid, and the page stays responsive. */
const MANY = 1500;
const MOST_HEIGHTS = 150;
const MOST_NAMES = 40;
const NEAR_ENOUGH_PX = 18;
const ORDER = ["none", "notice", "warning", "critical"];
const FONT = '600 11px -apple-system, "Segoe UI", "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif';

const still = window.matchMedia("(prefers-reduced-motion: reduce)");

/** `L.Renderer` keeps a canvas in place while the map is dragged and zoomed; this paints it. */
export const Surface = L.Renderer.extend({
  initialize(paint, options) {
    this.paint = paint;
    L.Renderer.prototype.initialize.call(this, options);
  },
  _initContainer() {
    this._container = document.createElement("canvas");
    this._container.className = "duty-vehicles";
    this.context = this._container.getContext("2d");
  },
  _destroyContainer() {
    this._container.remove();
  },
  _update() {
    if (this._map._animatingZoom && this._bounds) return;
    L.Renderer.prototype._update.call(this);
    const size = this._bounds.getSize();
    const scale = Math.min(window.devicePixelRatio || 1, 2);
    L.DomUtil.setPosition(this._container, this._bounds.min);
    this._container.width = scale * size.x;
    this._container.height = scale * size.y;
    this._container.style.width = `${size.x}px`;
    this._container.style.height = `${size.y}px`;
    this.context.setTransform(scale, 0, 0, scale, 0, 0);
    this.paint();
  },
  /** The corner of the canvas in pixels of the world, and its size. */
  frame() {
    const origin = this._map.getPixelOrigin().add(this._bounds.min);
    return { left: origin.x, top: origin.y, size: this._bounds.getSize(), world: 256 * 2 ** this._map.getZoom() };
  },
});

export function worldX(lon) {
  return (lon + 180) / 360;
}

/** EPSG:3857, as Leaflet's own, without an object a point. */
export function worldY(lat) {
  return 0.5 - Math.log(Math.tan(Math.PI / 4 + (lat * Math.PI) / 360)) / (2 * Math.PI);
}

export class VehicleCanvas {
  /** `onChoose(id)` hears a click on a vehicle (null: beside all). `marksOf(feature)` gives "?" or "!" or "". */
  constructor(map, { onChoose, marksOf }) {
    this.map = map;
    this.marksOf = marksOf;
    this.vehicles = new Map();
    this.chosen = null;
    this.requested = null;
    this.frames = 0;
    this.visible = [];
    this.sprites = new Sprites(() => this.animate());
    this.surface = new Surface(() => this.draw(), { pane: "vehicles", padding: 0.12 });
    this.surface.addTo(map);
    map.on("zoomend", () => { this.sprites.resize(map.getContainer()); this.draw(); });
    map.on("click", (event) => onChoose(this.hit(event.containerPoint)));
    map.on("mousemove", (event) => map.getContainer().classList.toggle("is-over-vehicle", this.hit(event.containerPoint) !== null));
    this.sprites.resize(map.getContainer());
  }

  /** Shows these features and no others. */
  replace(features) {
    const known = new Set(features.map((feature) => feature.id));
    for (const id of [...this.vehicles.keys()]) if (!known.has(id)) this.vehicles.delete(id);
    this.update(features);
  }

  update(features) {
    const nowMs = performance.now();
    for (const feature of features) this.see(feature, nowMs);
    this.animate();
  }

  see(feature, nowMs) {
    const [lon, lat] = feature.geometry.coordinates;
    const { heading_deg: heading } = feature.properties;
    let vehicle = this.vehicles.get(feature.id);
    if (!vehicle) {
      vehicle = { id: feature.id, glide: new Glide({ lat, lon }, heading), x: 0, y: 0 };
      this.vehicles.set(feature.id, vehicle);
    }
    vehicle.feature = feature;
    vehicle.glide.aim({ lat, lon }, heading, nowMs, still.matches);
  }

  remove(id) {
    this.vehicles.delete(id);
    this.animate();
  }

  choose(id) {
    this.chosen = id;
    this.animate();
  }

  /** Where a vehicle is shown now, or null. */
  placeOf(id) {
    const vehicle = this.vehicles.get(id);
    return vehicle ? vehicle.glide.at(performance.now()) : null;
  }

  /** The vehicle that is drawn nearest to a point of the map's container, if one is near. */
  hit(point) {
    const onSurface = this.map.containerPointToLayerPoint(point).subtract(this.surface._bounds.min);
    let best = null;
    let nearest = NEAR_ENOUGH_PX ** 2;
    for (const vehicle of this.visible) {
      const distance = (vehicle.x - onSurface.x) ** 2 + (vehicle.y - onSurface.y) ** 2;
      if (distance <= nearest) [best, nearest] = [vehicle.id, distance];
    }
    return best;
  }

  animate() {
    if (this.requested !== null) return;
    this.requested = requestAnimationFrame(() => {
      this.requested = null;
      this.frames += 1;
      const skipped = this.visible.length > MANY && this.frames % 2 === 1;
      if (skipped || this.draw()) this.animate();
    });
  }

  /** Paints what is in view; true while something there moves. */
  draw() {
    const nowMs = performance.now();
    const { left, top, size, world } = this.surface.frame();
    const layers = { none: [], notice: [], warning: [], critical: [] };
    const margin = SPRITE_PX / 2;
    let moves = false;
    this.visible = [];
    for (const vehicle of this.vehicles.values()) {
      const shown = vehicle.glide.at(nowMs);
      vehicle.x = worldX(shown.lon) * world - left;
      vehicle.y = worldY(shown.lat) * world - top;
      if (vehicle.x < -margin || vehicle.y < -margin || vehicle.x > size.x + margin || vehicle.y > size.y + margin) continue;
      vehicle.heading = shown.heading;
      if (!shown.arrived) moves = true;
      layers[vehicle.feature.properties.alert ?? "none"].push(vehicle);
      this.visible.push(vehicle);
    }
    const { context } = this.surface;
    context.clearRect(0, 0, size.x, size.y);
    for (const severity of ORDER) for (const vehicle of layers[severity]) this.paint(context, vehicle, severity);
    this.label(context);
    return moves;
  }

  paint(context, vehicle, severity) {
    const { kind, stale } = vehicle.feature.properties;
    const sprite = this.sprites.get(kind, severity, vehicle.heading);
    if (sprite === null) return;
    if (stale) context.globalAlpha = 0.45;
    context.drawImage(sprite, vehicle.x - SPRITE_PX / 2, vehicle.y - SPRITE_PX / 2, SPRITE_PX, SPRITE_PX);
    context.globalAlpha = 1;
    const mark = this.marksOf(vehicle.feature);
    if (mark) this.mark(context, vehicle, mark);
  }

  mark(context, { x, y }, mark) {
    context.beginPath();
    context.arc(x + 13, y - 13, 7.5, 0, 2 * Math.PI);
    context.fillStyle = mark === "?" ? "#40525d" : "#8a3f06";
    context.fill();
    context.strokeStyle = "#fff";
    context.lineWidth = 1.5;
    context.stroke();
    context.fillStyle = "#fff";
    context.font = FONT;
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.fillText(mark, x + 13, y - 12.5);
  }

  label(context) {
    const showsNames = this.visible.length <= MOST_NAMES && this.map.getZoom() >= 15;
    const showsHeights = this.visible.length <= MOST_HEIGHTS && this.map.getZoom() >= 14;
    for (const vehicle of this.visible) {
      const { kind, altitude_m: altitude } = vehicle.feature.properties;
      const height = showsHeights && kind === "air" && Number.isFinite(altitude) ? `${Math.round(altitude)} m` : "";
      const isChosen = vehicle.id === this.chosen;
      if (isChosen) this.ring(context, vehicle);
      const words = [showsNames || isChosen ? vehicle.id : "", height].filter(Boolean).join(" · ");
      if (words) this.write(context, vehicle, words, isChosen);
    }
  }

  ring(context, { x, y }) {
    for (const [colour, width] of [["#fff", 6], ["#12303b", 3]]) {
      context.beginPath();
      context.arc(x, y, SPRITE_PX / 2 + 2, 0, 2 * Math.PI);
      context.strokeStyle = colour;
      context.lineWidth = width;
      context.stroke();
    }
  }

  write(context, { x, y }, words, isChosen) {
    context.font = FONT;
    context.textAlign = "left";
    context.textBaseline = "middle";
    const width = context.measureText(words).width + 10;
    context.fillStyle = isChosen ? "#12303b" : "rgb(255 255 255 / 92%)";
    context.beginPath();
    context.roundRect(x + 20, y - 9, width, 18, 5);
    context.fill();
    context.fillStyle = isChosen ? "#fff" : "#12303b";
    context.fillText(words, x + 25, y + 0.5);
  }
}
