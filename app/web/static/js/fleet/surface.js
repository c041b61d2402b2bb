// A canvas that lies exactly over the map: it goes along while the map is dragged, and scales while it zooms.

/** `L.Renderer` keeps a canvas in place; `paint` fills it, `follow` hears that the map has moved by a bit. */
export const Surface = L.Renderer.extend({
  options: { padding: 0 },
  initialize(paint, follow, options) {
    this.paint = paint;
    this.follow = follow;
    L.Renderer.prototype.initialize.call(this, options);
  },
  getEvents() {
    return { ...L.Renderer.prototype.getEvents.call(this), move: this._follow };
  },
  _initContainer() {
    this._container = document.createElement("canvas");
    this._container.className = "fleet-canvas";
    this.context = this._container.getContext("2d");
  },
  _destroyContainer() {
    this._container.remove();
  },
  /** While it zooms the picture is only scaled; nothing is drawn anew before the end. */
  _follow() {
    if (!this._map._animatingZoom && this._map.getZoom() === this._zoom) this.follow();
  },
  _update() {
    if (this._map._animatingZoom && this._bounds) return;
    this.place();
    this.paint();
  },
  /** Puts the canvas over what is seen of the map now. What was on it is kept, unless its size changes. */
  place() {
    L.Renderer.prototype._update.call(this);
    const size = this._bounds.getSize();
    this.scale = Math.min(window.devicePixelRatio || 1, 2);
    L.DomUtil.setPosition(this._container, this._bounds.min);
    const [width, height] = [Math.round(this.scale * size.x), Math.round(this.scale * size.y)];
    if (this._container.width === width && this._container.height === height) return;
    this._container.width = width;
    this._container.height = height;
    this._container.style.width = `${size.x}px`;
    this._container.style.height = `${size.y}px`;
  },
  /** The corner of the canvas in pixels of the world, the size of both, and the size of a pixel on the screen. */
  frame() {
    const origin = this._map.getPixelOrigin().add(this._bounds.min);
    const { x: width, y: height } = this._bounds.getSize();
    return { left: origin.x, top: origin.y, width, height, world: 256 * 2 ** this._map.getZoom(), scale: this.scale };
  },
});
