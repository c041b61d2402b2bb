// Words beside vehicles: names when few are in view, the heights of aircraft, and the chosen vehicle with its ring.

import { FONT, SPRITE_PX } from "./sprites.js";

const MOST_HEIGHTS = 150;
const MOST_NAMES = 40;
const NAMES_FROM_ZOOM = 15;
const HEIGHTS_FROM_ZOOM = 14;

/** `drawn` are the places of the vehicles in view; `xs` and `ys` where each is, in pixels of the map. */
export function label(context, columns, { drawn, xs, ys, zoom, chosen }) {
  const showsNames = drawn.length <= MOST_NAMES && zoom >= NAMES_FROM_ZOOM;
  const showsHeights = drawn.length <= MOST_HEIGHTS && zoom >= HEIGHTS_FROM_ZOOM;
  if (!showsHeights && chosen === null) return;
  for (const place of drawn) {
    const isChosen = columns.ids[place] === chosen;
    if (!isChosen && !showsHeights) continue;
    const altitude = columns.altitude[place];
    const height = showsHeights && Number.isFinite(altitude) ? `${Math.round(altitude)} m` : "";
    if (isChosen) ring(context, xs[place], ys[place]);
    const words = [showsNames || isChosen ? columns.ids[place] : "", height].filter(Boolean).join(" · ");
    if (words) write(context, xs[place], ys[place], words, isChosen);
  }
}

function ring(context, x, y) {
  for (const [colour, width] of [["#fff", 6], ["#12303b", 3]]) {
    context.beginPath();
    context.arc(x, y, SPRITE_PX / 2 + 2, 0, 2 * Math.PI);
    context.strokeStyle = colour;
    context.lineWidth = width;
    context.stroke();
  }
}

function write(context, x, y, words, isChosen) {
  context.font = FONT;
  context.textAlign = "left";
  context.textBaseline = "middle";
  const width = context.measureText(words).width + 10;
  context.fillStyle = isChosen ? "#12303b" : "rgb(255 255 255 / 92%)";
  context.beginPath();
  context.roundRect(x + 20, y - 9, width, 18, 5);
  context.fill();
  context.fillStyle = isChosen ? "#fff" : "#12303b";
  context.fillText(words, x + 25, y + 0.5);
}
