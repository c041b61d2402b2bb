// A loaded part of the recording: the samples of all vehicles as columns, as the server packs them.

import { lookOf, worldX, worldY } from "../fleet/columns.js";
import { page } from "../page.js";

const SEVERITIES = [null, "notice", "warning", "critical"];
const DEGREES = 1e-7;

export class Piece {
  /** `numberOf(id)` gives a vehicle's number in the recording. */
  constructor(section, stepMs, numberOf) {
    const { since_ms, until_ms, findings, vehicle_id: ids, points } = section;
    Object.assign(this, { since_ms, until_ms, stepMs, findings, section });
    this.count = section.timestamp_ms.length;
    this.begins = new Int32Array(ids.length + 1);
    points.forEach((count, place) => { this.begins[place + 1] = this.begins[place] + count; });
    this.members = new Int32Array(0);
    this.#enrol(ids.map(numberOf));
    this.#unpack(section);
    this.#dress(section);
  }

  /** `members[number]` is the place of a vehicle among `begins`, counted from 1; 0: not in here. */
  #enrol(numbers) {
    this.members = new Int32Array(numbers.reduce((most, number) => Math.max(most, number + 1), 0));
    numbers.forEach((number, place) => { this.members[number] = place + 1; });
  }

  #unpack({ timestamp_ms, lon, lat, heading_deg, altitude_m, gaps }) {
    const { count, begins } = this;
    this.at = new Float64Array(count);
    this.x = new Float64Array(count);
    this.y = new Float64Array(count);
    this.lon = new Float64Array(count);
    this.lat = new Float64Array(count);
    for (let vehicle = 0; vehicle + 1 < begins.length; vehicle += 1) {
      let [at, east, north] = [this.since_ms, 0, 0];
      for (let row = begins[vehicle]; row < begins[vehicle + 1]; row += 1) {
        at += timestamp_ms[row];
        east += lon[row];
        north += lat[row];
        this.at[row] = at;
        this.lon[row] = east * DEGREES;
        this.lat[row] = north * DEGREES;
        this.x[row] = worldX(this.lon[row]);
        this.y[row] = worldY(this.lat[row]);
      }
    }
    this.heading = Float32Array.from(heading_deg, (value) => value ?? NaN);
    this.altitude = Float32Array.from(altitude_m, (value) => value ?? NaN);
    this.isAfterGap = new Uint8Array(count);
    for (const row of gaps) this.isAfterGap[row] = 1;
  }

  #dress({ kind, verdict }) {
    const worst = Object.fromEntries(Object.entries(this.findings).map(([mask, codes]) => [mask, gravest(codes)]));
    this.look = new Uint8Array(this.count);
    this.isAir = Uint8Array.from(kind, (name) => (name === "air" ? 1 : 0));
    kind.forEach((name, vehicle) => {
      for (let row = this.begins[vehicle]; row < this.begins[vehicle + 1]; row += 1) this.look[row] = lookOf(name, worst[verdict[row]]);
    });
  }

  /** The place of a vehicle among `begins`, or -1. */
  memberOf(number) {
    return number < this.members.length ? this.members[number] - 1 : -1;
  }

  /** The last row of a vehicle at or before an instant; -1 before its first. */
  rowAt(member, instant) {
    let low = this.begins[member];
    let high = this.begins[member + 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.at[middle] <= instant) low = middle + 1;
      else high = middle;
    }
    return low === this.begins[member] ? -1 : low - 1;
  }
}

function gravest(codes) {
  return codes.reduce((found, code) => {
    const severity = page.severities[code] ?? "notice";
    return SEVERITIES.indexOf(severity) > SEVERITIES.indexOf(found) ? severity : found;
  }, null);
}

const NAMED = { mode: "modes", safety_officer: "safety_officers", altitude_datum: "altitude_datums" };

/** One sample of a piece: its values are read only when they are asked for. */
export class Seen {
  constructor(piece, row) {
    Object.assign(this, { piece, row });
  }

  get timestamp_ms() { return this.piece.at[this.row]; }

  get isLate() { return this.piece.section.late.includes(this.row); }

  value(column) {
    const found = this.piece.section[column][this.row];
    return column in NAMED ? (this.piece.section[NAMED[column]][found] ?? null) : found;
  }

  codes(column) { return this.piece.findings[this.piece.section[column][this.row]] ?? []; }
}
