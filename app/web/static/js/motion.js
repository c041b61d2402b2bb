// How a marker moves between two updates: from where it is shown to where it was last seen, over
// about the time until the next update. It never runs ahead of what is known, so it never has to
// come back; a leap that no vehicle can make is shown as a leap.

const SHORTEST_GLIDE_MS = 200;
const LONGEST_GLIDE_MS = 6000;
const FIRST_GLIDE_MS = 1000;
const FASTEST_MPS = 90;
const LEAP_MARGIN_M = 120;
const METRES_PER_DEGREE = 111320;

function distanceM(a, b) {
  const dy = (b.lat - a.lat) * METRES_PER_DEGREE;
  const dx = (b.lon - a.lon) * METRES_PER_DEGREE * Math.cos((a.lat * Math.PI) / 180);
  return Math.hypot(dx, dy);
}

/** The signed turn from one heading to another on the shorter side, degrees. */
export function turnDeg(from, to) {
  return ((to - from + 540) % 360) - 180;
}

export class Glide {
  constructor(position, heading) {
    this.from = position;
    this.to = position;
    this.fromHeading = heading ?? 0;
    this.turn = 0;
    this.startedMs = 0;
    this.durationMs = 0;
    this.intervalMs = FIRST_GLIDE_MS;
    this.seenMs = null;
  }

  /** Takes a new position seen at `nowMs` (monotonic); `still` shows it at once. */
  aim(position, heading, nowMs, still = false) {
    const shown = this.at(nowMs);
    const sinceMs = this.seenMs === null ? FIRST_GLIDE_MS : nowMs - this.seenMs;
    const leap = distanceM(this.to, position) > LEAP_MARGIN_M + (FASTEST_MPS * sinceMs) / 1000;
    this.seenMs = nowMs;
    this.intervalMs += 0.3 * (Math.min(sinceMs, LONGEST_GLIDE_MS) - this.intervalMs);
    this.to = position;
    this.fromHeading = shown.heading;
    this.turn = turnDeg(shown.heading, heading ?? shown.heading);
    this.startedMs = nowMs;
    const glideMs = Math.min(Math.max(this.intervalMs * 1.15, SHORTEST_GLIDE_MS), LONGEST_GLIDE_MS);
    this.durationMs = still || leap ? 0 : glideMs;
    this.from = this.durationMs === 0 ? position : shown;
  }

  /** What to show at `nowMs`, written into `shown`: for a large fleet the same one each time. */
  at(nowMs, shown = {}) {
    const part = this.durationMs === 0 ? 1 : Math.min(Math.max((nowMs - this.startedMs) / this.durationMs, 0), 1);
    const turned = Math.min(part * 2, 1);
    shown.lat = this.from.lat + part * (this.to.lat - this.from.lat);
    shown.lon = this.from.lon + part * (this.to.lon - this.from.lon);
    shown.heading = this.fromHeading + turned * this.turn;
    shown.arrived = part >= 1;
    return shown;
  }
}
