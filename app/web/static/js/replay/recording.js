// What was stored of a period, loaded piece by piece around the instant that is shown.

import { Piece, Seen } from "./piece.js";

/** So many seconds of play are loaded ahead. */
const AHEAD_MS = 12_000;
const PIECE_MS = 300_000;
/** Pieces are kept for as long as they have no more samples together: some hundred megabytes. */
const KEPT_SAMPLES = 2_000_000;
const RETRY_MS = 5_000;
/** Vehicles are shown for a while after their last sample: of so long before a piece those that were there are asked for. */
const LEAD_MS = 60_000;
const LEAD_STEP_MS = 10_000;

export class Recording extends EventTarget {
  #pieces = [];
  #numbers = new Map();
  #loading = null;
  #stepMs = 1_000;
  #failedAt = -Infinity;
  #ledTo = null;
  /** The rows between which a vehicle is, in their pieces; a piece that is null: there is none. */
  #last = { piece: null, row: 0 };
  #next = { piece: null, row: 0 };
  ids = [];

  constructor({ url, since_ms, until_ms, gap_ms }) {
    super();
    Object.assign(this, { url, since_ms, until_ms, gap_ms });
  }

  /** How close together samples are wanted; what is coarser only tells who was there before a piece. */
  set stepMs(stepMs) { this.#stepMs = stepMs; }

  pieceAt(at) {
    return this.#fine().find(({ since_ms, until_ms }) => since_ms <= at && at < until_ms) ?? null;
  }

  #fine() { return this.#pieces.filter(({ stepMs }) => stepMs <= this.#stepMs); }

  /** Loads what is needed to play from `at` on; asks for one piece at a time. */
  want(at, speed) {
    if (this.#loading || performance.now() - this.#failedAt < RETRY_MS) return;
    const first = Math.min(Math.max(at, this.since_ms), this.until_ms - 1);
    const edge = this.#coveredFrom(first);
    if (edge >= this.until_ms || edge - first > AHEAD_MS * Math.max(speed, 1)) return;
    const begins = edge > first ? edge : this.#pieceStart(first);
    const load = this.#needsLead(begins) ? this.#lead(begins) : this.#load(begins, begins + PIECE_MS, this.#stepMs);
    this.#loading = load.finally(() => { this.#loading = null; this.#tell("loaded"); });
  }

  /** Pieces begin on a grid, so that stepping back and forth does not cut new ones. */
  #pieceStart(at) {
    const stepMs = Math.min(PIECE_MS, this.#stepMs * 60);
    const onGrid = this.since_ms + Math.floor((at - this.since_ms) / stepMs) * stepMs;
    const before = this.#fine().filter(({ until_ms }) => until_ms <= at).map(({ until_ms }) => until_ms);
    return Math.max(onGrid, ...before);
  }

  #needsLead(begins) {
    return begins > this.since_ms && this.#ledTo !== begins && !this.#pieces.some(({ until_ms }) => until_ms === begins);
  }

  #lead(begins) {
    this.#ledTo = begins;
    return this.#load(Math.max(begins - LEAD_MS, this.since_ms), begins, LEAD_STEP_MS);
  }

  #coveredFrom(at) {
    let edge = at;
    for (let piece = this.pieceAt(edge); piece; piece = this.pieceAt(edge)) edge = piece.until_ms;
    return edge;
  }

  async #load(since, end, stepMs) {
    const next = this.#fine().filter(({ since_ms }) => since_ms > since).map(({ since_ms }) => since_ms);
    const until = Math.min(end, this.until_ms, ...next);
    const query = new URLSearchParams({ since_ms: Math.floor(since), until_ms: Math.ceil(until), step_ms: stepMs });
    try {
      const answer = await fetch(`${this.url}?${query}`, { headers: { Accept: "application/json" } });
      if (!answer.ok) throw new Error(`${this.url}: ${answer.status}`);
      this.#keep(new Piece(await answer.json(), stepMs, (id) => this.#numberOf(id)), since);
    } catch (error) {
      console.warn(String(error));
      this.#failedAt = performance.now();
      this.#tell("failed");
    }
  }

  #numberOf(id) {
    let number = this.#numbers.get(id);
    if (number === undefined) {
      number = this.ids.length;
      this.#numbers.set(id, number);
      this.ids.push(id);
    }
    return number;
  }

  #keep(piece, around) {
    this.#pieces.push(piece);
    this.#pieces.sort((a, b) => a.since_ms - b.since_ms);
    let kept = this.#pieces.reduce((sum, { count }) => sum + count, 0);
    while (kept > KEPT_SAMPLES && this.#pieces.length > 1) {
      const isFirstFurther = around - this.#pieces[0].since_ms > this.#pieces.at(-1).until_ms - around;
      const dropped = isFirstFurther ? this.#pieces.shift() : this.#pieces.pop();
      kept -= dropped.count;
    }
  }

  #tell(name) { this.dispatchEvent(new Event(name)); }

  /** Calls `show(number, last, next)` for every vehicle of which something is known at an instant. */
  each(instant, show) {
    const here = this.pieceAt(instant);
    if (!here) return;
    const before = this.#pieces.find(({ until_ms }) => until_ms === here.since_ms) ?? null;
    const after = this.#pieces.find(({ since_ms }) => since_ms === here.until_ms) ?? null;
    for (let number = 0; number < this.ids.length; number += 1) {
      if (this.#bracket(number, instant, before, here, after)) show(number, this.#last, this.#next);
    }
  }

  /** A vehicle at an instant: the sample before, and the one after (null: nothing is known of the time between). */
  seen(id, instant) {
    const number = this.#numbers.get(id);
    let found = null;
    this.each(instant, (each, last, next) => {
      if (each !== number) return;
      found = { last: new Seen(last.piece, last.row), next: next.piece && new Seen(next.piece, next.row) };
    });
    return found;
  }

  #bracket(number, instant, before, here, after) {
    const [last, next] = [this.#last, this.#next];
    const member = here.memberOf(number);
    const row = member >= 0 ? here.rowAt(member, instant) : -1;
    if (row >= 0) [last.piece, last.row] = [here, row];
    else if (!endOf(before, number, last)) return false;
    next.piece = null;
    if (member >= 0 && (row < 0 || row + 1 < here.begins[member + 1])) {
      next.piece = here;
      next.row = row < 0 ? here.begins[member] : row + 1;
    } else if (after && after.memberOf(number) >= 0) {
      next.piece = after;
      next.row = after.begins[after.memberOf(number)];
    }
    if (next.piece && this.#isApart(last, next)) next.piece = null;
    return true;
  }

  /** Whether nothing is known of the time between two rows. Within a piece the server has said so. */
  #isApart(last, next) {
    if (last.piece === next.piece) return next.piece.isAfterGap[next.row] === 1;
    return next.piece.at[next.row] - last.piece.at[last.row] > this.gap_ms;
  }
}

/** The last row of a vehicle in a piece; false when there is none. */
function endOf(piece, number, last) {
  const member = piece ? piece.memberOf(number) : -1;
  if (member < 0) return false;
  last.piece = piece;
  last.row = piece.begins[member + 1] - 1;
  return true;
}
