// What was stored of a period, loaded piece by piece around the instant that is shown.

const AHEAD_MS = 20_000;
const PIECE_MS = 300_000;
const KEPT_PIECES = 16;

/** The largest place with times[place] <= at; -1 before the first. */
function placeAt(times, at) {
  let low = 0;
  let high = times.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (times[middle] <= at) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

class Piece {
  constructor({ since_ms, until_ms, findings, trails }, stepMs) {
    this.since_ms = since_ms;
    this.until_ms = until_ms;
    this.stepMs = stepMs;
    this.findings = findings;
    this.trails = new Map(trails.map((trail) => [trail.vehicle_id, { ...trail, gaps: new Set(trail.gaps) }]));
  }
}

/** One sample of a trail: its columns are read only when they are asked for. */
class Seen {
  constructor(piece, trail, place) {
    Object.assign(this, { piece, trail, place });
  }

  get timestamp_ms() { return this.trail.timestamp_ms[this.place]; }
  get lat() { return this.trail.lat[this.place]; }
  get lon() { return this.trail.lon[this.place]; }
  value(column) { return this.trail[column][this.place]; }
  codes(column) { return this.piece.findings[this.trail[column][this.place]] ?? []; }
}

export class Recording extends EventTarget {
  #pieces = [];
  #loading = null;
  #stepMs = 1_000;
  #failedAt = -Infinity;

  constructor({ url, since_ms, until_ms, gap_ms }) {
    super();
    Object.assign(this, { url, since_ms, until_ms, gap_ms });
  }

  /** How close together samples are wanted; pieces that are coarser are loaded again. */
  set stepMs(stepMs) {
    this.#stepMs = stepMs;
    this.#pieces = this.#pieces.filter((piece) => piece.stepMs <= stepMs);
  }

  get isLoading() { return this.#loading !== null; }

  pieceAt(at) {
    return this.#pieces.find(({ since_ms, until_ms }) => since_ms <= at && at < until_ms) ?? null;
  }

  /** Loads what is needed to play from `at` on; asks for one piece at a time. */
  want(at, speed) {
    if (this.#loading || performance.now() - this.#failedAt < 5_000) return;
    const first = Math.min(Math.max(at, this.since_ms), this.until_ms - 1);
    const edge = this.#coveredFrom(first);
    if (edge >= this.until_ms || edge - first > AHEAD_MS * Math.max(speed, 1)) return;
    const begins = edge > first ? edge : this.#pieceStart(first);
    this.#loading = this.#load(begins, this.#stepMs).finally(() => { this.#loading = null; this.#tell("loaded"); });
  }

  /** Pieces begin on a grid, so that stepping back and forth does not cut new ones. */
  #pieceStart(at) {
    const onGrid = this.since_ms + Math.floor((at - this.since_ms) / PIECE_MS) * PIECE_MS;
    const before = this.#pieces.filter(({ until_ms }) => until_ms <= at).map(({ until_ms }) => until_ms);
    return Math.max(onGrid, ...before);
  }

  #coveredFrom(at) {
    let edge = at;
    for (let piece = this.pieceAt(edge); piece; piece = this.pieceAt(edge)) edge = piece.until_ms;
    return edge;
  }

  async #load(since, stepMs) {
    const grid = this.since_ms + (Math.floor((since - this.since_ms) / PIECE_MS) + 1) * PIECE_MS;
    const next = this.#pieces.filter(({ since_ms }) => since_ms > since).map(({ since_ms }) => since_ms);
    const until = Math.min(grid, this.until_ms, ...next);
    const query = new URLSearchParams({ since_ms: since, until_ms: until, step_ms: stepMs });
    try {
      const answer = await fetch(`${this.url}?${query}`, { headers: { Accept: "application/json" } });
      if (!answer.ok) throw new Error(`${this.url}: ${answer.status}`);
      this.#keep(new Piece(await answer.json(), stepMs), since);
    } catch (error) {
      console.warn(String(error));
      this.#failedAt = performance.now();
      this.#tell("failed");
    }
  }

  #keep(piece, around) {
    this.#pieces.push(piece);
    this.#pieces.sort((a, b) => a.since_ms - b.since_ms);
    while (this.#pieces.length > KEPT_PIECES) {
      const [first] = this.#pieces;
      const last = this.#pieces.at(-1);
      this.#pieces.splice(around - first.since_ms > last.until_ms - around ? 0 : this.#pieces.length - 1, 1);
    }
  }

  #tell(name) { this.dispatchEvent(new Event(name)); }

  /** Every vehicle as it was at an instant: the sample before, the one after (null), and since when nothing is known. */
  at(instant) {
    const here = this.pieceAt(instant);
    if (!here) return [];
    const before = this.#pieces.find(({ until_ms }) => until_ms === here.since_ms) ?? null;
    const after = this.#pieces.find(({ since_ms }) => since_ms === here.until_ms) ?? null;
    const ids = new Set([...here.trails.keys(), ...(before?.trails.keys() ?? [])]);
    return [...ids].map((id) => this.#bracket(id, instant, before, here, after)).filter(Boolean);
  }

  #bracket(id, instant, before, here, after) {
    const trail = here.trails.get(id);
    const place = trail ? placeAt(trail.timestamp_ms, instant) : -1;
    const last = place >= 0 ? new Seen(here, trail, place) : this.#end(before, id);
    if (!last) return null;
    let next = null;
    let gap = false;
    if (trail && place + 1 < trail.timestamp_ms.length) {
      next = new Seen(here, trail, place + 1);
      gap = place >= 0 ? trail.gaps.has(place + 1) : next.timestamp_ms - last.timestamp_ms > this.gap_ms;
    } else if (after?.trails.has(id)) {
      next = new Seen(after, after.trails.get(id), 0);
      gap = next.timestamp_ms - last.timestamp_ms > this.gap_ms;
    }
    return { id, last, next: gap ? null : next };
  }

  #end(piece, id) {
    const trail = piece?.trails.get(id);
    return trail ? new Seen(piece, trail, trail.timestamp_ms.length - 1) : null;
  }
}
