// The shape that is drawn: paths of [lat, lon] points in degrees, with every step kept for undo.
// A path is a line, an outline or a hole in the outline before it; rings are kept open.

const DEGREES = 7; // 1 cm

export function rounded([lat, lon]) {
  return [Number(lat.toFixed(DEGREES)), Number(lon.toFixed(DEGREES))];
}

export class Shape extends EventTarget {
  #paths = [];
  #past = [];
  #future = [];
  active = 0;

  get paths() { return this.#paths; }
  get path() { return this.#paths[this.active] ?? null; }
  get points() { return this.path?.points ?? []; }
  get isLine() { return this.#paths[0]?.role === "line"; }
  get isEmpty() { return this.#paths.length === 0; }
  get canUndo() { return this.#past.length > 0; }
  get canRedo() { return this.#future.length > 0; }

  /** Changes the paths in one step that can be undone. */
  change(edit) {
    const before = structuredClone(this.#paths);
    edit(this.#paths);
    this.#past.push(before);
    this.#future = [];
    this.#settle();
  }

  /** Moves a point while it is dragged: `hold` first, then no step of its own. */
  hold() {
    this.#past.push(structuredClone(this.#paths));
    this.#future = [];
  }

  move(path, index, point) {
    this.#paths[path].points[index] = rounded(point);
    this.#tell("moved");
  }

  drop() { this.#settle(); }

  start(role) {
    this.change((paths) => {
      if (role !== "hole") paths.length = 0;
      paths.push({ role, points: [] });
      this.active = paths.length - 1;
    });
  }

  insert(index, point) {
    this.change((paths) => paths[this.active].points.splice(index, 0, rounded(point)));
  }

  remove(index) {
    this.change((paths) => paths[this.active].points.splice(index, 1));
  }

  replace(role, points) {
    this.change((paths) => {
      paths.length = 0;
      paths.push({ role, points: points.map(rounded) });
    });
  }

  undo() { this.#step(this.#past, this.#future); }
  redo() { this.#step(this.#future, this.#past); }

  select(path) {
    this.active = path;
    this.#tell("changed");
  }

  /** Reads GeoJSON text; what is no shape leaves nothing. */
  read(text) {
    this.#paths = pathsOf(parsed(text));
    this.active = 0;
    this.#tell("changed");
  }

  /** GeoJSON text of what has enough points; empty without. */
  write() {
    const whole = this.#paths.filter(({ role, points }) => points.length >= (role === "line" ? 2 : 3));
    if (whole.length === 0) return "";
    if (whole[0].role === "line") return JSON.stringify(joined("LineString", whole.map(({ points }) => points.map(lonlat))));
    const polygons = [];
    for (const { role, points } of whole) {
      const ring = [...points, points[0]].map(lonlat);
      if (role === "outer" || polygons.length === 0) polygons.push([ring]);
      else polygons.at(-1).push(ring);
    }
    return JSON.stringify(joined("Polygon", polygons));
  }

  #step(from, to) {
    if (from.length === 0) return;
    to.push(structuredClone(this.#paths));
    this.#paths = from.pop();
    this.#settle();
  }

  #settle() {
    this.active = Math.max(0, Math.min(this.active, this.#paths.length - 1));
    this.#tell("changed");
  }

  #tell(name) { this.dispatchEvent(new Event(name)); }
}

function joined(type, parts) {
  return parts.length === 1 ? { type, coordinates: parts[0] } : { type: `Multi${type}`, coordinates: parts };
}

function lonlat([lat, lon]) { return [lon, lat]; }

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function pathsOf(geometry) {
  const back = (positions) => positions.map(([lon, lat]) => [lat, lon]);
  const rings = (polygon) => polygon.map((ring, place) => ({ role: place === 0 ? "outer" : "hole", points: back(ring.slice(0, -1)) }));
  switch (geometry?.type) {
    case "LineString": return [{ role: "line", points: back(geometry.coordinates) }];
    case "MultiLineString": return geometry.coordinates.map((line) => ({ role: "line", points: back(line) }));
    case "Polygon": return rings(geometry.coordinates);
    case "MultiPolygon": return geometry.coordinates.flatMap(rings);
    default: return [];
  }
}
