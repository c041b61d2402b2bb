// Which part of the fleet the stream tells at once: with many vehicles those in view, the others now and then.

import { page } from "../page.js";

/** A smaller fleet is told whole: there is nothing to save. */
const MANY = 400;
/** The part that is told is larger than the view, so that small moves need no new stream. */
const MARGIN = 0.5;
const SETTLE_MS = 600;

/** Of vehicles that only go on driving the stream tells no more than where. */
const WHOLE = `${page.urls.stream}?moves=true`;

/** Opens the stream by `open(url)`, and again when the map shows what the stream tells only now and then. */
export function follow(map, fleet, open) {
  let told = null;
  let stream = open(WHOLE);
  let settling = null;

  function look() {
    const seen = map.getBounds();
    const isMany = fleet.features.size > MANY;
    if (!isMany && told === null) return;
    const isFar = told !== null && area(told) > 16 * area(seen.pad(MARGIN));
    if (isMany && told !== null && told.contains(seen) && !isFar) return;
    told = isMany ? seen.pad(MARGIN) : null;
    stream.close();
    stream = open(told === null ? WHOLE : `${WHOLE}&bbox=${told.toBBoxString()}`);
  }

  map.on("moveend", () => {
    clearTimeout(settling);
    settling = setTimeout(look, SETTLE_MS);
  });
  setInterval(look, 5000);
}

function area(bounds) {
  return (bounds.getEast() - bounds.getWest()) * (bounds.getNorth() - bounds.getSouth());
}
