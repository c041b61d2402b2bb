// The fleet of an instant as the canvas draws it: between two samples on a straight line, pale where nothing is known.

import { Columns } from "../fleet/columns.js";
import { turnDeg } from "../motion.js";

/** A vehicle of which nothing newer is known turns pale, then is no longer shown. */
const PALE_FROM_MS = 2_000;
const PALE_ALPHA = 0.35;
const GONE_AFTER_MS = 60_000;

export class PastFleet {
  constructor(recording) {
    this.recording = recording;
    this.columns = new Columns();
    this.shown = 0;
  }

  /** Everybody to where they were at an instant. */
  goTo(instant) {
    const { columns, recording } = this;
    while (columns.count < recording.ids.length) columns.add(recording.ids[columns.count]);
    columns.alpha.fill(0);
    this.shown = 0;
    recording.each(instant, (number, last, next) => this.#show(number, last, next, instant));
  }

  isShown(id) {
    const number = this.columns.ids.indexOf(id);
    return number >= 0 && this.columns.alpha[number] > 0;
  }

  /** Nothing moves by itself: the player says which instant is shown. */
  place() {
    return false;
  }

  #show(number, { piece, row }, next, instant) {
    const age = instant - piece.at[row];
    if (next.piece === null && age > GONE_AFTER_MS) return;
    const to = next.piece ?? piece;
    const end = next.piece ? next.row : row;
    const part = next.piece ? age / Math.max(to.at[end] - piece.at[row], 1) : 0;
    const heading = piece.heading[row] || 0;
    const turn = Number.isNaN(to.heading[end]) ? 0 : turnDeg(heading, to.heading[end]);
    const { columns } = this;
    columns.x[number] = piece.x[row] + part * (to.x[end] - piece.x[row]);
    columns.y[number] = piece.y[row] + part * (to.y[end] - piece.y[row]);
    columns.heading[number] = heading + Math.min(part * 2, 1) * turn;
    columns.look[number] = piece.look[row];
    columns.altitude[number] = piece.isAir[piece.memberOf(number)] ? piece.altitude[row] : NaN;
    columns.alpha[number] = next.piece ? 1 : this.#alphaAt(age);
    this.shown += 1;
  }

  #alphaAt(age) {
    if (age <= PALE_FROM_MS) return 1;
    const alpha = 1 - ((1 - PALE_ALPHA) * (age - PALE_FROM_MS)) / (this.recording.gap_ms - PALE_FROM_MS);
    return Math.max(alpha, PALE_ALPHA);
  }
}
