// Vehicles as small pictures, drawn once for each kind, severity and heading: putting one on the map is a copy.

const HEADINGS = 48;
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
/** The side of a sprite: the symbol with its rings. */
export const SPRITE_PX = 44;

export class Sprites {
  /** `onReady` is called when symbols that were not there yet can be drawn. */
  constructor(onReady) {
    this.onReady = onReady;
    this.symbols = new Map();
    this.drawn = new Map();
    this.sizes = { road: 20, air: 31 };
    this.scale = Math.min(window.devicePixelRatio || 1, 2);
  }

  /** The size of symbols on the map, in pixels: map.css says it for each zoom. */
  resize(container) {
    const style = getComputedStyle(container);
    const sizes = { road: parseFloat(style.getPropertyValue("--car")) || 20, air: parseFloat(style.getPropertyValue("--craft")) || 31 };
    if (sizes.road === this.sizes.road && sizes.air === this.sizes.air) return;
    this.sizes = sizes;
    this.drawn.clear();
  }

  /** A canvas of SPRITE_PX, or null while its symbol is loading. */
  get(kind, severity, heading) {
    const turn = Math.round((((heading % 360) + 360) % 360) / (360 / HEADINGS)) % HEADINGS;
    const key = `${kind} ${severity} ${turn}`;
    let sprite = this.drawn.get(key);
    if (sprite === undefined) {
      const symbol = this.symbol(kind, COLOURS[kind][severity]);
      if (!symbol.complete || symbol.naturalWidth === 0) return null;
      sprite = this.draw(symbol, kind, severity, (turn * 2 * Math.PI) / HEADINGS);
      this.drawn.set(key, sprite);
    }
    return sprite;
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

  draw(symbol, kind, severity, angle) {
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = Math.round(SPRITE_PX * this.scale);
    const context = canvas.getContext("2d");
    context.scale(this.scale, this.scale);
    const middle = SPRITE_PX / 2;
    for (const { colour, width, inset } of RINGS[severity]) {
      context.beginPath();
      context.arc(middle, middle, middle - inset, 0, 2 * Math.PI);
      context.fillStyle = `${colour}1f`;
      context.strokeStyle = colour;
      context.lineWidth = width;
      context.fill();
      context.stroke();
    }
    const size = this.sizes[kind];
    context.translate(middle, middle);
    context.rotate(angle);
    context.drawImage(symbol, -size / 2, -size / 2, size, size);
    return canvas;
  }
}
