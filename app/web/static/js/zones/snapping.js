// Points near a corner or an edge of another zone, or of the shape itself, jump onto it.

const REACH_PX = 12;

export class Snapper {
  #map;
  #shape;
  #lines = [];
  isOn = true;

  constructor(map, shape) {
    this.#map = map;
    this.#shape = shape;
  }

  /** Lines and outlines of other zones, as GeoJSON. */
  async load(url, ownId) {
    const answer = await fetch(url, { headers: { Accept: "application/geo+json" } });
    if (!answer.ok) return;
    const { features } = await answer.json();
    this.#lines = features.filter(({ id }) => id !== ownId).flatMap(({ geometry }) => linesOf(geometry));
  }

  /** The point, or the corner (else the edge) within reach. `except` is the point that is being moved. */
  snapped(latlng, except = null) {
    if (!this.isOn) return [latlng.lat, latlng.lng];
    const at = this.#map.latLngToLayerPoint(latlng);
    const near = { corner: null, edge: null, corner_px: REACH_PX, edge_px: REACH_PX };
    for (const line of [...this.#nearby(), ...this.#own(except)]) this.#look(line, at, near);
    const found = near.corner ?? near.edge;
    return found ? [found.lat, found.lng] : [latlng.lat, latlng.lng];
  }

  #look(line, at, near) {
    const points = line.map((pair) => this.#map.latLngToLayerPoint(pair));
    points.forEach((point, index) => {
      const away = point.distanceTo(at);
      if (away < near.corner_px) [near.corner_px, near.corner] = [away, L.latLng(line[index])];
      if (index === 0) return;
      const foot = L.LineUtil.closestPointOnSegment(at, points[index - 1], point);
      const aside = foot.distanceTo(at);
      if (aside < near.edge_px) [near.edge_px, near.edge] = [aside, this.#map.layerPointToLatLng(foot)];
    });
  }

  #nearby() {
    const seen = this.#map.getBounds().pad(0.05);
    return this.#lines.filter(({ bounds }) => seen.intersects(bounds)).map(({ points }) => points);
  }

  /** The shape's own corners: of the path that is edited without the point itself, one corner at a time. */
  #own(except) {
    return this.#shape.paths.flatMap(({ points }, path) =>
      points.filter((_point, index) => !(except && except.path === path && except.index === index)).map((point) => [point]));
  }
}

function linesOf({ type, coordinates }) {
  const depth = { LineString: 0, MultiLineString: 1, Polygon: 1, MultiPolygon: 2 }[type];
  if (depth === undefined) return [];
  return [coordinates].flat(depth === 0 ? 0 : depth).map((positions) => {
    const points = positions.map(([lon, lat]) => [lat, lon]);
    return { points, bounds: L.latLngBounds(points) };
  });
}
