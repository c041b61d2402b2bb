// The shape on the map: its paths, a handle for each point, a small one between two points to insert.

const HANDLE = 26; // pixels that can be hit: for fingers too
const MOST_HANDLES = 600;
const MIDDLE_ROOM = 44; // pixels between two points that leave room for a handle to insert one

export class Canvas {
  #map;
  #shape;
  #snapper;
  #drawn = L.layerGroup();
  #outline = L.geoJSON(null, { style: { className: "editor-outline" }, interactive: false });
  #preview = L.polyline([], { className: "editor-preview", interactive: false });
  chosen = null; // index of the chosen point of the active path
  drawing = false;
  onClose = () => {};

  constructor(map, shape, snapper) {
    this.#map = map;
    this.#shape = shape;
    this.#snapper = snapper;
    for (const layer of [this.#outline, this.#drawn, this.#preview]) layer.addTo(map);
    shape.addEventListener("changed", () => this.render());
    shape.addEventListener("moved", () => this.#redrawPaths());
    map.on("mousemove", ({ latlng }) => this.#follow(latlng));
    map.on("zoomend", () => this.render());
  }

  showOutline(feature) {
    this.#outline.clearLayers();
    if (feature) this.#outline.addData(feature);
  }

  bounds() {
    return L.latLngBounds(this.#shape.paths.flatMap(({ points }) => points));
  }

  render() {
    this.#drawn.clearLayers();
    this.#preview.setLatLngs([]);
    this.paths = this.#shape.paths.map((path) => this.#path(path).addTo(this.#drawn));
    const { points } = this.#shape;
    if (points.length > MOST_HANDLES) return;
    points.forEach((_point, index) => this.#handle(index).addTo(this.#drawn));
    if (!this.drawing) this.#middles().forEach((middle) => middle.addTo(this.#drawn));
  }

  #path({ role, points }) {
    const style = { className: `editor-path is-${role}`, interactive: false };
    const closed = role !== "line" && points.length > 2;
    return closed ? L.polygon(points, style) : L.polyline(points, style);
  }

  #redrawPaths() {
    this.#shape.paths.forEach(({ points }, index) => this.paths[index]?.setLatLngs(points));
  }

  #handle(index) {
    const path = this.#shape.active;
    const chosen = index === this.chosen ? " is-chosen" : "";
    const marker = L.marker(this.#shape.points[index], {
      draggable: true,
      keyboard: false,
      autoPan: true,
      zIndexOffset: 1000,
      icon: L.divIcon({ className: `editor-point${chosen}`, iconSize: [HANDLE, HANDLE] }),
    });
    marker.on("click", () => this.#chose(index));
    marker.on("dragstart", () => this.#shape.hold());
    marker.on("drag", ({ target }) => {
      const point = this.#snapper.snapped(target.getLatLng(), { path, index });
      target.setLatLng(point);
      this.#shape.move(path, index, point);
    });
    marker.on("dragend", () => { this.chosen = index; this.#shape.drop(); });
    return marker;
  }

  #chose(index) {
    if (this.drawing && index === 0 && this.#shape.points.length > 2) {
      this.onClose();
      return;
    }
    this.chosen = index;
    this.render();
  }

  #middles() {
    const { points, path } = this.#shape;
    const ring = path && path.role !== "line" && points.length > 2;
    return points.slice(ring ? 0 : 1).flatMap((point, place) => {
      const before = ring ? points.at(place - 1) : points[place];
      const at = ring ? place : place + 1;
      if (this.#apart(point, before) < MIDDLE_ROOM) return [];
      const middle = [(point[0] + before[0]) / 2, (point[1] + before[1]) / 2];
      const marker = L.marker(middle, {
        draggable: true,
        keyboard: false,
        icon: L.divIcon({ className: "editor-middle", iconSize: [HANDLE, HANDLE] }),
      });
      const insert = ({ target }) => {
        this.chosen = at;
        this.#shape.insert(at, this.#snapper.snapped(target.getLatLng()));
      };
      marker.on("click", insert);
      marker.on("dragend", insert);
      return marker;
    });
  }

  #apart(one, other) {
    return this.#map.latLngToLayerPoint(one).distanceTo(this.#map.latLngToLayerPoint(other));
  }

  #follow(latlng) {
    const last = this.#shape.points.at(-1);
    if (!this.drawing || !last) return;
    this.#preview.setLatLngs([last, this.#snapper.snapped(latlng)]);
  }
}
