// A place in a form: a circle that is clicked or typed, or an outline that is drawn. Only one of them is sent.
// The tools and fields are those of templates/emergencies/_drawing.html.

import { Canvas } from "../zones/canvas.js";
import { fit } from "../zones/fit.js";
import { Shape } from "../zones/shape.js";

export class Drawing extends EventTarget {
  #form;
  #map;
  #words;
  #geometry;
  #status = document.getElementById("editor-status");
  #circleFields = document.getElementById("circle-fields");
  #shape = new Shape();
  #canvas;
  #circle = L.circle([0, 0], { radius: 1, className: "shown is-emergency", interactive: false });
  #centre = L.circleMarker([0, 0], { radius: 5, className: "emergency-centre", interactive: false });
  #isCircle = true;
  #isOff = false;

  /** `geometry` is the field of the outline. It tells "changed" whenever the place is another one. */
  constructor(form, map, words, geometry) {
    super();
    this.#form = form;
    this.#map = map;
    this.#words = words;
    this.#geometry = geometry;
    this.#canvas = new Canvas(map, this.#shape, { snapped: ({ lat, lng }) => [lat, lng] });
    this.#listen();
    document.getElementById("geometry-field").hidden = true;
    for (const button of form.querySelectorAll("[data-tool]")) button.disabled = false;
    const drawn = geometry.value.trim();
    this.#choose(drawn === "");
    if (drawn !== "") this.#shape.read(drawn);
  }

  get isEmpty() {
    return this.#isOff || (this.#isCircle ? this.#typed() === null : this.#shape.isEmpty);
  }

  /** Where the place is; not valid without one. */
  get bounds() {
    return this.#isCircle && this.#typed() ? this.#circle.getBounds() : this.#canvas.bounds();
  }

  /** Draws nothing and sends nothing, for as long as another place or none is wanted. */
  set isOff(isOff) {
    this.#isOff = isOff;
    this.#choose(isOff || this.#isCircle);
    document.querySelector(".tools").hidden = isOff;
    this.#status.hidden = isOff;
  }

  show() {
    if (!this.isEmpty) fit(this.#map, this.bounds);
  }

  #tool(name) { return this.#form.querySelector(`[data-tool=${name}]`); }
  #field(name) { return this.#form.elements[`circle.${name}`]; }
  #tellOthers() { this.dispatchEvent(new Event("changed")); }

  #listen() {
    const actions = {
      circle: () => this.#choose(true),
      area: () => this.#draw(),
      finish: () => this.#finish(),
      remove: () => this.#remove(),
      undo: () => { this.#canvas.chosen = null; this.#shape.undo(); },
      fit: () => this.show(),
    };
    for (const [name, act] of Object.entries(actions)) this.#tool(name).addEventListener("click", act);
    this.#shape.addEventListener("changed", () => {
      this.#geometry.value = this.#shape.write();
      this.#tell();
      this.#tellOthers();
    });
    this.#canvas.onClose = () => this.#finish();
    this.#map.on("click", ({ latlng }) => this.#clicked(latlng));
    this.#map.on("dblclick", () => this.#doubleClicked());
    this.#circleFields.addEventListener("input", () => { this.#drawCircle(); this.#tellOthers(); });
    this.#circleFields.addEventListener("change", () => this.show());
    document.addEventListener("keydown", (event) => this.#pressed(event));
  }

  #clicked({ lat, lng }) {
    if (this.#isOff) return;
    if (this.#isCircle) {
      this.#field("lat").value = lat.toFixed(6);
      this.#field("lon").value = lng.toFixed(6);
      this.#drawCircle();
      this.#tellOthers();
    } else if (this.#canvas.drawing) {
      this.#shape.insert(this.#shape.points.length, [lat, lng]);
    }
  }

  #doubleClicked() {
    if (!this.#canvas.drawing) return;
    const [last, before] = [this.#shape.points.at(-1), this.#shape.points.at(-2)];
    if (last && before && last[0] === before[0] && last[1] === before[1]) this.#shape.remove(this.#shape.points.length - 1);
    this.#finish();
  }

  #pressed(event) {
    if (this.#isOff || event.target.closest("input, textarea, select")) return;
    const { key } = event;
    if (["Enter", "Escape"].includes(key) && this.#canvas.drawing && !event.target.closest("button, a, summary")) this.#finish();
    else if (key === "Delete") this.#remove();
  }

  #typed() {
    const [lat, lon, radius] = ["lat", "lon", "radius_m"].map((name) => {
      const text = this.#field(name).value.trim().replace(",", ".");
      return text === "" ? NaN : Number(text);
    });
    const isWhole = Math.abs(lat) <= 90 && Math.abs(lon) <= 180 && radius > 0;
    return isWhole ? { lat, lon, radius } : null;
  }

  #drawCircle() {
    const given = this.#isCircle && !this.#isOff ? this.#typed() : null;
    for (const layer of [this.#circle, this.#centre]) {
      if (given) layer.setLatLng([given.lat, given.lon]).addTo(this.#map);
      else layer.remove();
    }
    if (given) this.#circle.setRadius(given.radius);
  }

  /** What is not chosen is put away, and not sent. */
  #choose(circleIsChosen) {
    this.#finish();
    this.#isCircle = circleIsChosen;
    this.#geometry.disabled = circleIsChosen || this.#isOff;
    this.#circleFields.hidden = !circleIsChosen || this.#isOff;
    for (const input of this.#circleFields.querySelectorAll("input")) input.disabled = this.#circleFields.hidden;
    if (circleIsChosen) this.#shape.change((paths) => { paths.length = 0; });
    this.#drawCircle();
    this.#tell();
    this.#tellOthers();
  }

  #draw() {
    this.#choose(false);
    this.#canvas.drawing = true;
    this.#canvas.chosen = null;
    this.#shape.start("outer");
    this.#map.doubleClickZoom.disable();
    this.#tell();
  }

  #finish() {
    if (!this.#canvas.drawing) return;
    this.#canvas.drawing = false;
    this.#map.doubleClickZoom.enable();
    this.#canvas.render();
    this.#tell();
  }

  #remove() {
    const { chosen } = this.#canvas;
    if (chosen === null || chosen >= this.#shape.points.length) return;
    this.#canvas.chosen = null;
    this.#shape.remove(chosen);
  }

  #tell() {
    const { circle, drawing_area: drawing, editing } = this.#words;
    this.#status.textContent = this.#isCircle ? circle : this.#canvas.drawing ? drawing : editing;
    this.#tool("circle").setAttribute("aria-pressed", String(this.#isCircle));
    this.#tool("area").setAttribute("aria-pressed", String(!this.#isCircle));
    this.#tool("finish").disabled = !this.#canvas.drawing;
    this.#tool("undo").disabled = this.#isCircle || !this.#shape.canUndo;
    this.#tool("remove").disabled = this.#isCircle || this.#shape.points.length === 0;
  }
}
