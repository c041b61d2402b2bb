// The live fleet as the canvas draws it: each vehicle glides from where it is shown to where it was last seen.

import { Columns, lookOf, MARKS, worldX, worldY } from "../fleet/columns.js";
import { Glide } from "../motion.js";

const STALE_ALPHA = 0.45;

const still = window.matchMedia("(prefers-reduced-motion: reduce)");

export class GlidingFleet {
  #vehicles = new Map();
  #inPlace = [];
  #shown = {};

  /** `marksOf(feature)` gives one of MARKS. */
  constructor(marksOf) {
    this.marksOf = marksOf;
    this.columns = new Columns();
  }

  /** These features and no others. */
  replace(features) {
    const known = new Set(features.map(({ id }) => id));
    for (const id of [...this.#vehicles.keys()]) if (!known.has(id)) this.remove(id);
    this.update(features);
  }

  update(features) {
    const nowMs = performance.now();
    for (const feature of features) this.#see(feature, nowMs);
  }

  #see(feature, nowMs) {
    const [lon, lat] = feature.geometry.coordinates;
    const { heading_deg: heading, kind, alert, stale, altitude_m: altitude } = feature.properties;
    let vehicle = this.#vehicles.get(feature.id);
    if (!vehicle) {
      vehicle = { id: feature.id, glide: new Glide({ lat, lon }, heading), place: this.columns.add(feature.id), feature, hasArrived: false };
      this.#vehicles.set(feature.id, vehicle);
      this.#inPlace[vehicle.place] = vehicle;
    }
    vehicle.feature = feature;
    vehicle.hasArrived = false;
    vehicle.glide.aim({ lat, lon }, heading, nowMs, still.matches);
    const { columns } = this;
    columns.look[vehicle.place] = lookOf(kind, alert);
    columns.alpha[vehicle.place] = stale ? STALE_ALPHA : 1;
    columns.altitude[vehicle.place] = kind === "air" ? (altitude ?? NaN) : NaN;
    columns.mark[vehicle.place] = MARKS.indexOf(this.marksOf(feature));
  }

  remove(id) {
    const vehicle = this.#vehicles.get(id);
    if (!vehicle) return;
    this.#vehicles.delete(id);
    const moved = this.columns.remove(vehicle.place);
    if (moved !== null) {
      this.#vehicles.get(moved).place = vehicle.place;
      this.#inPlace[vehicle.place] = this.#vehicles.get(moved);
    }
    this.#inPlace.length = this.columns.count;
  }

  /** Marks appear by the clock too, although nothing is heard. True when one changed. */
  remark() {
    let isNew = false;
    for (const { feature, place } of this.#inPlace) {
      const mark = MARKS.indexOf(this.marksOf(feature));
      if (mark === this.columns.mark[place]) continue;
      this.columns.mark[place] = mark;
      isNew = true;
    }
    return isNew;
  }

  /** Where a vehicle is shown now, or null. */
  placeOf(id) {
    return this.#vehicles.get(id)?.glide.at(performance.now()) ?? null;
  }

  /** Everybody to where they are shown at that instant; true while anybody is on the way. */
  place(nowMs) {
    const shown = this.#shown;
    const { x, y, heading } = this.columns;
    let moves = false;
    for (const vehicle of this.#inPlace) {
      if (vehicle.hasArrived) continue;
      vehicle.glide.at(nowMs, shown);
      x[vehicle.place] = worldX(shown.lon);
      y[vehicle.place] = worldY(shown.lat);
      heading[vehicle.place] = shown.heading;
      vehicle.hasArrived = shown.arrived;
      moves ||= !shown.arrived;
    }
    return moves;
  }
}
