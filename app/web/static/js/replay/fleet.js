// The vehicles of an instant, painted as the duty screen paints them; the replay says where each of them is.

import { Surface, worldX, worldY } from "../duty/canvas_vehicles.js";
import { SPRITE_PX, Sprites } from "../duty/sprites.js";

const ORDER = ["none", "notice", "warning", "critical"];
const NEAR_ENOUGH_PX = 22;
const LABELS_FROM_ZOOM = 14;
const FONT = "600 11px system-ui, sans-serif";

/** Vehicles are {id, kind, lat, lon, heading, severity, alpha, altitude_m}; angles in degrees. */
export class FleetCanvas {
  #map;
  #surface;
  #sprites;
  #vehicles = [];
  #visible = [];
  #chosen = null;

  /** `onChoose(id)` hears a click on a vehicle. */
  constructor(map, onChoose) {
    this.#map = map;
    this.#sprites = new Sprites(() => this.#draw());
    this.#sprites.resize(map.getContainer());
    this.#surface = new Surface(() => this.#draw(), { pane: "vehicles", padding: 0.12 });
    this.#surface.addTo(map);
    map.on("zoomend", () => { this.#sprites.resize(map.getContainer()); this.#draw(); });
    map.on("click", ({ containerPoint }) => {
      const id = this.#near(containerPoint);
      if (id !== null) onChoose(id);
    });
  }

  show(vehicles, chosen) {
    this.#vehicles = vehicles.sort((a, b) => ORDER.indexOf(a.severity) - ORDER.indexOf(b.severity));
    this.#chosen = chosen;
    this.#draw();
  }

  #near(point) {
    let [found, least] = [null, NEAR_ENOUGH_PX];
    for (const { id, lat, lon } of this.#visible) {
      const away = this.#map.latLngToContainerPoint([lat, lon]).distanceTo(point);
      if (away < least) [found, least] = [id, away];
    }
    return found;
  }

  #draw() {
    const { context } = this.#surface ?? {};
    if (!context) return; // asked while the surface is being made
    const { left, top, size, world } = this.#surface.frame();
    context.clearRect(0, 0, size.x, size.y);
    this.#visible = [];
    for (const vehicle of this.#vehicles) {
      const x = worldX(vehicle.lon) * world - left;
      const y = worldY(vehicle.lat) * world - top;
      if (x < -SPRITE_PX || y < -SPRITE_PX || x > size.x + SPRITE_PX || y > size.y + SPRITE_PX) continue;
      this.#visible.push(vehicle);
      this.#paint(context, vehicle, x, y);
    }
  }

  #paint(context, vehicle, x, y) {
    const sprite = this.#sprites.get(vehicle.kind, vehicle.severity, vehicle.heading);
    if (sprite === null) return;
    context.globalAlpha = vehicle.alpha;
    context.drawImage(sprite, x - SPRITE_PX / 2, y - SPRITE_PX / 2, SPRITE_PX, SPRITE_PX);
    context.globalAlpha = 1;
    if (vehicle.id === this.#chosen) this.#ring(context, x, y);
    const shows = vehicle.kind === "air" && Number.isFinite(vehicle.altitude_m) && this.#map.getZoom() >= LABELS_FROM_ZOOM;
    if (shows) this.#label(context, x + 18, y, `${Math.round(vehicle.altitude_m)} m`);
  }

  #ring(context, x, y) {
    for (const [colour, width] of [["#fff", 6], ["#12303b", 3]]) {
      context.beginPath();
      context.arc(x, y, SPRITE_PX / 2 + 2, 0, 2 * Math.PI);
      context.strokeStyle = colour;
      context.lineWidth = width;
      context.stroke();
    }
  }

  #label(context, x, y, words) {
    context.font = FONT;
    context.textBaseline = "middle";
    context.fillStyle = "rgb(255 255 255 / 92%)";
    context.beginPath();
    context.roundRect(x, y - 8.5, context.measureText(words).width + 10, 17, 5);
    context.fill();
    context.fillStyle = "#3a3190";
    context.fillText(words, x + 5, y + 0.5);
  }
}
