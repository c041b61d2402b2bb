// Vehicles as small pictures, drawn once for each look and heading: putting one on the map is a copy.

import { kindOf, severityOf } from "./columns.js";

const HEADINGS = 48;
const SHEET_COLUMNS = 8;
const COLOURS = {
  road: { none: "#0b6b72", notice: "#0b6b72", warning: "#d9731a", critical: "#c1121f" },
  air: { none: "#4a3fb5", notice: "#4a3fb5", warning: "#d9731a", critical: "#c1121f" },
};
/** Rings tell the severity by their number and width too, not by colour alone. */
const RINGS = {
  none: [],
  notice: [{ colour: "#7d929c", width: 1.5, inset: 4 }],
  warning: [{ colour: "#e5983f", width: 3, inset: 3 }],
  critical: [{ colour: "#d8323d", width: 2.5, inset: 1.5 }, { colour: "#d8323d", width: 1.5, inset: 6 }],
};
const SYMBOLS = { road: "icon-car", air: "icon-evtol" };
const MARK_COLOURS = { "?": "#40525d", "!": "#8a3f06" };
const MARK_PX = 18;
/** The side of a symbol's rings, and of the largest sprite: the largest symbol of map.css, however it is turned. */
export const SPRITE_PX = 44;
export const LARGEST_PX = 68;
export const FONT = '600 11px -apple-system, "Segoe UI", "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif';

/** The number of the picture for a heading in degrees. */
export function turnOf(heading) {
  return Math.round((((heading % 360) + 360) % 360) / (360 / HEADINGS)) % HEADINGS;
}

/** All headings of one look in rows; `side` is that of each picture, in pixels of the screen. */
class Sheet {
  constructor(picture, side) {
    this.picture = picture;
    this.side = side;
  }

  left(turn) { return (turn % SHEET_COLUMNS) * this.side; }
  top(turn) { return Math.floor(turn / SHEET_COLUMNS) * this.side; }
}

export class Sprites {
  /** `onReady` is called when symbols that were not there yet can be drawn. */
  constructor(onReady) {
    this.onReady = onReady;
    this.symbols = new Map();
    this.sheets = [];
    this.marks = new Map();
    this.sizes = { road: 20, air: 31 };
    this.scale = 1;
  }

  /** The size of symbols on the map, in pixels (map.css says it for each zoom), and of a pixel on the screen. */
  resize(container, scale) {
    const style = getComputedStyle(container);
    const sizes = { road: parseFloat(style.getPropertyValue("--car")) || 20, air: parseFloat(style.getPropertyValue("--craft")) || 31 };
    if (sizes.road === this.sizes.road && sizes.air === this.sizes.air && scale === this.scale) return;
    this.sizes = sizes;
    this.scale = scale;
    this.sheets = [];
    this.marks.clear();
  }

  /** The sheet of a look, or null while its symbol is loading. */
  sheet(look) {
    let sheet = this.sheets[look];
    if (sheet) return sheet;
    const symbol = this.symbol(kindOf(look), COLOURS[kindOf(look)][severityOf(look)]);
    if (!symbol.complete || symbol.naturalWidth === 0) return null;
    sheet = this.drawSheet(symbol, look);
    this.sheets[look] = sheet;
    return sheet;
  }

  /** One of the page's own drawings (templates/_icons.html) in a colour, as an image. */
  symbol(kind, colour) {
    const key = `${kind} ${colour}`;
    if (!this.symbols.has(key)) {
      const source = document.getElementById(SYMBOLS[kind]);
      const box = source.getAttribute("viewBox");
      const shapes = source.innerHTML.replaceAll("currentColor", colour);
      const image = new Image();
      image.addEventListener("load", this.onReady);
      image.src = `data:image/svg+xml,${encodeURIComponent(`<svg xmlns="http://www.w3.org/2000/svg" width="96" height="96" viewBox="${box}">${shapes}</svg>`)}`;
      this.symbols.set(key, image);
    }
    return this.symbols.get(key);
  }

  drawSheet(symbol, look) {
    const rings = RINGS[severityOf(look)];
    const size = this.sizes[kindOf(look)];
    // No larger than what is on it: what is copied for each vehicle is the whole square.
    const box = Math.max(Math.ceil(size * Math.SQRT2), rings.length > 0 ? SPRITE_PX : 0);
    const side = Math.ceil(box * this.scale);
    const canvas = new OffscreenCanvas(side * SHEET_COLUMNS, side * Math.ceil(HEADINGS / SHEET_COLUMNS));
    const context = canvas.getContext("2d");
    const sheet = new Sheet(null, side);
    for (let turn = 0; turn < HEADINGS; turn += 1) {
      context.setTransform(this.scale, 0, 0, this.scale, sheet.left(turn) + side / 2, sheet.top(turn) + side / 2);
      for (const ring of rings) drawRing(context, ring);
      context.rotate((turn * 2 * Math.PI) / HEADINGS);
      context.drawImage(symbol, -size / 2, -size / 2, size, size);
    }
    sheet.picture = canvas.transferToImageBitmap();
    return sheet;
  }

  /** The picture of a mark: of MARK_PX, to be put beside a vehicle. */
  mark(words) {
    if (!this.marks.has(words)) this.marks.set(words, this.drawMark(words));
    return this.marks.get(words);
  }

  drawMark(words) {
    const side = Math.ceil(MARK_PX * this.scale);
    const canvas = new OffscreenCanvas(side, side);
    const context = canvas.getContext("2d");
    context.setTransform(this.scale, 0, 0, this.scale, side / 2, side / 2);
    context.beginPath();
    context.arc(0, 0, 7.5, 0, 2 * Math.PI);
    context.fillStyle = MARK_COLOURS[words];
    context.fill();
    context.strokeStyle = "#fff";
    context.lineWidth = 1.5;
    context.stroke();
    context.fillStyle = "#fff";
    context.font = FONT;
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.fillText(words, 0, 0.5);
    return canvas.transferToImageBitmap();
  }
}

function drawRing(context, { colour, width, inset }) {
  context.beginPath();
  context.arc(0, 0, SPRITE_PX / 2 - inset, 0, 2 * Math.PI);
  context.fillStyle = `${colour}1f`;
  context.strokeStyle = colour;
  context.lineWidth = width;
  context.fill();
  context.stroke();
}
