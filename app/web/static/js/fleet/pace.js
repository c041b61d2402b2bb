// When the fleet is painted next: not before something can have moved by a pixel, and never so often that the
// browser does nothing else. What is late is left out, and never queues.

/** Vehicles go from one whole pixel to the next: painting that often misses hardly one of those steps. */
const STEP_PX = 0.7;
const FASTEST_MS = 16;
const SLOWEST_MS = 125;
const FRAME_MS = 1000 / 60;
/** At most this part of the time is spent on painting. */
const BUSY = 0.5;
const LEARNING = 0.2;

export class Pace {
  #everyMs = 0;
  #paintedMs = -Infinity;
  #costMs = 0;
  #awaitsFrame = false;

  /** Asked at each frame of the browser: whether it is time to paint. */
  isDue(nowMs) {
    if (this.#awaitsFrame) {
      // The first frame after a painting comes late by what the painting has cost, the browser's own part too.
      const costMs = Math.max(nowMs - this.#paintedMs - FRAME_MS, 0);
      this.#costMs += LEARNING * (Math.min(costMs, SLOWEST_MS) - this.#costMs);
      this.#awaitsFrame = false;
    }
    return nowMs - this.#paintedMs >= this.#everyMs - FRAME_MS / 2;
  }

  /** Something was painted in which the fastest vehicle had moved by `movedPx` since the last time. */
  painted(nowMs, movedPx) {
    const sinceMs = Math.min(Math.max(nowMs - this.#paintedMs, FASTEST_MS), SLOWEST_MS);
    const wantedMs = movedPx > 0 ? (STEP_PX * sinceMs) / movedPx : SLOWEST_MS;
    this.#everyMs = Math.min(Math.max(wantedMs, this.#costMs / BUSY, FASTEST_MS), SLOWEST_MS);
    this.#paintedMs = nowMs;
    this.#awaitsFrame = true;
  }
}
