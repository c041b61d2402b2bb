// What is drawn of a fleet, as columns: one place for each vehicle, filled in by whoever knows where it is.

const KINDS = ["road", "air"];
/** From the least to the gravest: what is graver is drawn above. */
const SEVERITIES = ["none", "notice", "warning", "critical"];

/** How many looks there are: a kind and a severity each. */
export const LOOKS = KINDS.length * SEVERITIES.length;
/** Marks beside a vehicle: nothing is heard of it, or its battery is low. */
export const MARKS = ["", "?", "!"];

/** The number of a look; a graver one has a larger number. */
export function lookOf(kind, severity) {
  return SEVERITIES.indexOf(severity ?? "none") * KINDS.length + KINDS.indexOf(kind);
}

export function kindOf(look) {
  return KINDS[look % KINDS.length];
}

export function severityOf(look) {
  return SEVERITIES[Math.floor(look / KINDS.length)];
}

/**
 * Of `count` vehicles: `x` and `y` in parts of the world (EPSG:3857, 0 to 1 from the north-west), `heading` in degrees,
 * `look` of lookOf, `alpha` (0: not shown), `mark` of MARKS, and `altitude` in metres (NaN: none) to be written beside it.
 */
export class Columns {
  constructor() {
    this.count = 0;
    this.ids = [];
    this.#allot(256);
  }

  #allot(room) {
    for (const [name, Kind] of Object.entries({ x: Float64Array, y: Float64Array, heading: Float32Array, alpha: Float32Array, altitude: Float32Array, look: Uint8Array, mark: Uint8Array })) {
      const column = new Kind(room);
      if (this[name]) column.set(this[name]);
      this[name] = column;
    }
  }

  /** One more vehicle, not shown yet; its place. */
  add(id) {
    if (this.count === this.x.length) this.#allot(2 * this.count);
    const place = this.count;
    this.count += 1;
    this.ids[place] = id;
    this.alpha[place] = 0;
    this.mark[place] = 0;
    this.altitude[place] = NaN;
    return place;
  }

  /** Takes one away: the last one gets its place. The id of that one, or null when there is none to be moved. */
  remove(place) {
    this.count -= 1;
    const last = this.count;
    const moved = last === place ? null : this.ids[last];
    for (const name of ["x", "y", "heading", "alpha", "altitude", "look", "mark"]) this[name][place] = this[name][last];
    this.ids[place] = this.ids[last];
    this.ids.length = last;
    return moved;
  }

  clear() {
    this.count = 0;
    this.ids.length = 0;
  }
}

export function worldX(lon) {
  return (lon + 180) / 360;
}

/** EPSG:3857, as Leaflet's own, without an object a point. */
export function worldY(lat) {
  return 0.5 - Math.log(Math.tan(Math.PI / 4 + (lat * Math.PI) / 360)) / (2 * Math.PI);
}
