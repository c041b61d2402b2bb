// The shape as a table of coordinates: everything that the mouse can do, typed.

export class Vertices {
  #shape;
  #words;
  #rows = document.getElementById("vertices-rows");
  #count = document.getElementById("vertices-count");
  #choice = document.getElementById("vertices-path");

  constructor(shape, words, roleByKind) {
    this.#shape = shape;
    this.#words = words;
    shape.addEventListener("changed", () => this.render());
    shape.addEventListener("moved", () => this.#refill());
    document.getElementById("vertices-add").addEventListener("click", () => this.#add(roleByKind()));
    this.#choice.addEventListener("change", () => shape.select(Number(this.#choice.value)));
  }

  render() {
    const focused = document.activeElement?.id;
    const { paths, points, active } = this.#shape;
    this.#count.textContent = paths.length ? `(${paths.reduce((sum, path) => sum + path.points.length, 0)})` : "";
    this.#choice.hidden = paths.length < 2;
    this.#choice.replaceChildren(...paths.map(({ role }, index) => {
      const word = { line: "line", outer: "outer", hole: "hole" }[role];
      return new Option(this.#said(word, index), String(index), false, index === active);
    }));
    this.#rows.replaceChildren(...points.map((point, index) => this.#row(point, index)));
    if (focused?.startsWith("vertex-")) document.getElementById(focused)?.focus();
  }

  #row(point, index) {
    const row = document.createElement("tr");
    const number = document.createElement("td");
    number.textContent = String(index + 1);
    const actions = document.createElement("td");
    actions.append(
      this.#button("plus", "insert", index, () => this.#insertAfter(index)),
      this.#button("trash-can", "delete", index, () => this.#shape.remove(index)),
    );
    row.append(number, this.#cell(point[0], index, "lat", "latitude"), this.#cell(point[1], index, "lon", "longitude"), actions);
    return row;
  }

  #cell(value, index, axis, word) {
    const cell = document.createElement("td");
    const input = document.createElement("input");
    Object.assign(input, { type: "text", inputMode: "decimal", className: "input", id: `vertex-${axis}-${index}`, value: String(value) });
    input.autocomplete = "off";
    input.setAttribute("aria-label", this.#said(word, index));
    input.addEventListener("change", () => this.#typed(input, index, axis));
    cell.append(input);
    return cell;
  }

  #typed(input, index, axis) {
    const value = Number(input.value.trim().replace(",", "."));
    const bound = axis === "lat" ? 90 : 180;
    const fits = input.value.trim() !== "" && Number.isFinite(value) && Math.abs(value) <= bound;
    input.setCustomValidity(fits ? "" : this.#words.outside_map);
    input.setAttribute("aria-invalid", String(!fits));
    if (!fits) {
      input.reportValidity();
      return;
    }
    this.#shape.change((paths) => { paths[this.#shape.active].points[index][axis === "lat" ? 0 : 1] = value; });
  }

  #insertAfter(index) {
    const { points } = this.#shape;
    const next = points[index + 1] ?? points[0];
    const here = points[index];
    this.#shape.insert(index + 1, [(here[0] + next[0]) / 2, (here[1] + next[1]) / 2]);
    document.getElementById(`vertex-lat-${index + 1}`)?.focus();
  }

  #add(role) {
    if (this.#shape.isEmpty) this.#shape.start(role);
    const last = this.#shape.points.at(-1);
    const centre = window.pilotageMap.getCenter();
    this.#shape.insert(this.#shape.points.length, last ? [last[0] + 0.0005, last[1]] : [centre.lat, centre.lng]);
    const field = document.getElementById(`vertex-lat-${this.#shape.points.length - 1}`);
    field?.focus();
    field?.select();
  }

  #refill() {
    this.#shape.points.forEach(([lat, lon], index) => {
      const [first, second] = [document.getElementById(`vertex-lat-${index}`), document.getElementById(`vertex-lon-${index}`)];
      if (first) first.value = String(lat);
      if (second) second.value = String(lon);
    });
  }

  #button(icon, word, index, act) {
    const button = document.createElement("button");
    Object.assign(button, { type: "button", className: "icon-button" });
    button.setAttribute("aria-label", this.#said(word, index));
    button.title = this.#said(word, index);
    const mark = document.createElement("i");
    mark.className = `fa-solid fa-${icon}`;
    mark.setAttribute("aria-hidden", "true");
    button.append(mark);
    button.addEventListener("click", act);
    return button;
  }

  #said(word, index) { return this.#words[word].replace("{n}", String(index + 1)); }
}
