// A fleet on one canvas over the map: only what is in view is drawn, only when something there has moved by a pixel,
// and of a heap of vehicles only those on top. Whose places they are is the business of its `cast`.

import { label } from "./labels.js";
import { LOOKS, MARKS } from "./columns.js";
import { Pace } from "./pace.js";
import { LARGEST_PX, Sprites, turnOf } from "./sprites.js";
import { Surface } from "./surface.js";

/** More than this in view go from one whole pixel to the next, and heaps of them are thinned. */
const MANY = 600;
/** Fewer go by so many parts of a pixel. */
const FINENESS = 3;
/** Of many vehicles in a square of this side the gravest one is drawn: the others would lie beneath it. */
const HEAP_PX = 4;
const NEAR_ENOUGH_PX = 20;
const MARK_AWAY_PX = 13;

export class FleetCanvas {
  /**
   * `cast.columns` are drawn (columns.js); `cast.place(nowMs)` brings them up to that instant and says whether
   * anything goes on moving. `onChoose(id)` hears a click on a vehicle (null: beside all).
   */
  constructor(map, cast, { onChoose }) {
    this.map = map;
    this.cast = cast;
    this.chosen = null;
    this.requested = null;
    this.isDirty = true;
    this.pace = new Pace();
    this.visible = [];
    this.stamps = new Int32Array(0);
    this.stamp = 0;
    this.heads = new Int32Array(LOOKS);
    this.allot(256);
    this.sprites = new Sprites(() => this.refresh());
    this.surface = new Surface(() => this.draw(performance.now()), () => this.refresh(), { pane: "vehicles" });
    this.surface.addTo(map);
    map.on("zoomend", () => this.draw(performance.now()));
    map.on("click", (event) => onChoose(this.hit(event.containerPoint)));
    map.on("mousemove", (event) => map.getContainer().classList.toggle("is-over-vehicle", this.hit(event.containerPoint) !== null));
  }

  allot(room) {
    this.room = room;
    this.xs = new Float64Array(room);
    this.ys = new Float64Array(room);
    this.next = new Int32Array(room);
  }

  choose(id) {
    this.chosen = id;
    this.refresh();
  }

  /** Something may move: it is drawn at the pace that it needs. */
  animate() {
    this.requested ??= requestAnimationFrame((nowMs) => this.frame(nowMs));
  }

  /** Something looks different: it is drawn at the next frame. */
  refresh() {
    this.isDirty = true;
    this.animate();
  }

  frame(nowMs) {
    this.requested = null;
    if (!this.pace.isDue(nowMs) && !this.isDirty) this.animate();
    else if (this.draw(nowMs)) this.animate();
  }

  /** The vehicle that is shown nearest to a point of the map's container, if one is near. */
  hit(point) {
    let best = null;
    let nearest = NEAR_ENOUGH_PX ** 2;
    for (const place of this.visible) {
      const distance = (this.xs[place] - point.x) ** 2 + (this.ys[place] - point.y) ** 2;
      if (distance <= nearest) [best, nearest] = [this.cast.columns.ids[place] ?? null, distance];
    }
    return best;
  }

  /** Paints what is in view; true while something moves. */
  draw(nowMs) {
    if (!this.surface?._map) return false; // asked while the surface is being made
    const moves = this.cast.place(nowMs);
    if (this.isDirty) this.surface.place();
    const frame = this.surface.frame();
    this.sprites.resize(this.map.getContainer(), frame.scale);
    const movedPx = this.lookAround(frame);
    const { context } = this.surface;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, frame.width * frame.scale, frame.height * frame.scale);
    const isMany = this.visible.length > MANY;
    this.paint(context, frame, isMany ? this.topmost(frame) : this.ordered(), isMany);
    context.setTransform(frame.scale, 0, 0, frame.scale, 0, 0);
    label(context, this.cast.columns, { drawn: this.visible, xs: this.xs, ys: this.ys, zoom: this.map.getZoom(), chosen: this.chosen });
    this.pace.painted(nowMs, isMany ? movedPx : movedPx * FINENESS);
    this.isDirty = false;
    return moves;
  }

  /** Who is in view, by look, and where; the longest way that one of them has gone, in pixels. */
  lookAround({ left, top, width, height, world }) {
    const { columns } = this.cast;
    if (columns.count > this.room) this.allot(columns.x.length);
    const { xs, ys, next, heads } = this;
    const margin = LARGEST_PX / 2;
    let longest = 0;
    heads.fill(-1);
    this.visible = [];
    for (let place = 0; place < columns.count; place += 1) {
      if (columns.alpha[place] === 0) continue;
      const x = columns.x[place] * world - left;
      const y = columns.y[place] * world - top;
      const away = Math.max(Math.abs(x - xs[place]), Math.abs(y - ys[place]));
      xs[place] = x;
      ys[place] = y;
      if (x < -margin || y < -margin || x > width + margin || y > height + margin) continue;
      if (away > longest) longest = away;
      const look = columns.look[place];
      next[place] = heads[look];
      heads[look] = place;
      this.visible.push(place);
    }
    return longest;
  }

  /** Everybody in view, the gravest last. */
  ordered() {
    const found = [];
    for (let look = 0; look < LOOKS; look += 1) {
      for (let place = this.heads[look]; place >= 0; place = this.next[place]) found.push(place);
    }
    return found;
  }

  /** The same without those who lie in a heap beneath others. */
  topmost({ width, height }) {
    const { xs, ys, next, heads } = this;
    const across = Math.ceil((width + 2 * LARGEST_PX) / HEAP_PX);
    const cells = across * Math.ceil((height + 2 * LARGEST_PX) / HEAP_PX);
    if (this.stamps.length < cells) this.stamps = new Int32Array(cells);
    this.stamp += 1;
    const found = [];
    for (let look = LOOKS - 1; look >= 0; look -= 1) {
      for (let place = heads[look]; place >= 0; place = next[place]) {
        const cell = Math.floor((ys[place] + LARGEST_PX) / HEAP_PX) * across + Math.floor((xs[place] + LARGEST_PX) / HEAP_PX);
        if (this.stamps[cell] === this.stamp) continue;
        this.stamps[cell] = this.stamp;
        found.push(place);
      }
    }
    return found.reverse();
  }

  /** Copies sprites; onto whole pixels of the screen where there are many, which takes a fraction of the time. */
  paint(context, { scale }, places, isWhole) {
    const { columns } = this.cast;
    const { xs, ys } = this;
    const align = isWhole ? Math.round : (value) => value;
    let alpha = 1;
    for (const place of places) {
      const sheet = this.sprites.sheet(columns.look[place]);
      if (sheet === null) continue;
      if (columns.alpha[place] !== alpha) {
        alpha = columns.alpha[place];
        context.globalAlpha = alpha;
      }
      const { side } = sheet;
      const turn = turnOf(columns.heading[place]);
      const x = align(xs[place] * scale - side / 2);
      const y = align(ys[place] * scale - side / 2);
      context.drawImage(sheet.picture, sheet.left(turn), sheet.top(turn), side, side, x, y, side, side);
    }
    context.globalAlpha = 1;
    for (const place of places) if (columns.mark[place] !== 0) this.paintMark(context, scale, place);
  }

  paintMark(context, scale, place) {
    const picture = this.sprites.mark(MARKS[this.cast.columns.mark[place]]);
    const x = Math.round((this.xs[place] + MARK_AWAY_PX) * scale - picture.width / 2);
    const y = Math.round((this.ys[place] - MARK_AWAY_PX) * scale - picture.height / 2);
    context.drawImage(picture, x, y);
  }
}
