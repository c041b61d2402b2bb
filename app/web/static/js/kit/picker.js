// Choosing from many: a search over a field of identifiers (macro `picker` in templates/kit/forms.html).
// The field stays what is sent; the search, the list of what is chosen and the map write into it.

const PATIENCE_MS = 200;

export function installPickers(root) {
  for (const box of root.querySelectorAll("[data-picker]")) box.picker = new Picker(box);
}

export class Picker extends EventTarget {
  #box;
  #field;
  #words;
  #isMany;
  #picked;
  #labels = new Map();
  #input;
  #list;
  #status;
  #timer = 0;
  #asked = 0;
  #active = -1;

  constructor(box) {
    super();
    this.#box = box;
    this.#words = JSON.parse(box.dataset.words);
    this.#isMany = "many" in box.dataset;
    this.#picked = box.querySelector("[data-picked]");
    this.#field = box.querySelector("textarea, input");
    for (const item of this.#picked.children) this.#labels.set(item.dataset.value, item.textContent);
    this.#build();
    this.#field.addEventListener("input", () => this.#changed());
    this.#changed();
  }

  get values() { return this.#field.value.split(/[\s,;\uff0c\uff1b\u3001]+/).filter(Boolean); }

  has(value) { return this.values.includes(value); }

  toggle(value, label) {
    this.#labels.set(value, label);
    const others = this.values.filter((each) => each !== value);
    const values = others.length < this.values.length ? others : this.#isMany ? [...others, value] : [value];
    this.#field.value = values.join("\n");
    this.#changed();
  }

  /** The search takes the field's place: its name, its label and its notes. */
  #build() {
    const { id } = this.#field;
    const place = this.#box.querySelector("[data-picker-search]");
    const typed = this.#box.querySelector(".picker-typed");
    this.#input = Object.assign(document.createElement("input"), { type: "search", className: "input", autocomplete: "off", placeholder: this.#words.search });
    this.#list = Object.assign(document.createElement("ul"), { className: "picker-list", id: `${id}-found`, hidden: true });
    this.#status = Object.assign(document.createElement("p"), { className: "picker-status" });
    this.#list.setAttribute("role", "listbox");
    this.#list.setAttribute("aria-label", this.#words.search);
    if (this.#isMany) this.#list.setAttribute("aria-multiselectable", "true");
    this.#status.setAttribute("role", "status");
    for (const [name, value] of [["role", "combobox"], ["aria-autocomplete", "list"], ["aria-expanded", "false"], ["aria-controls", this.#list.id]]) {
      this.#input.setAttribute(name, value);
    }
    for (const name of ["aria-describedby", "aria-invalid"]) {
      if (this.#field.hasAttribute(name)) this.#input.setAttribute(name, this.#field.getAttribute(name));
    }
    this.#field.id = `${id}-typed`;
    this.#field.setAttribute("aria-label", typed.querySelector("summary").textContent);
    this.#input.id = id;
    typed.open = false;
    place.append(this.#input, this.#list, this.#status);
    this.#input.addEventListener("input", () => this.#soon());
    this.#input.addEventListener("focus", () => this.#soon());
    this.#input.addEventListener("keydown", (event) => this.#pressed(event));
    this.#list.addEventListener("mousedown", (event) => event.preventDefault()); // the focus stays in the search
    this.#list.addEventListener("click", ({ target }) => this.#choose(target.closest("[role=option]")));
    this.#box.addEventListener("focusout", ({ relatedTarget }) => { if (!this.#box.contains(relatedTarget)) this.#close(); });
  }

  #soon() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#search(), PATIENCE_MS);
  }

  async #search() {
    const number = ++this.#asked;
    const url = new URL(this.#box.dataset.search, location.href);
    url.searchParams.set("q", this.#input.value.trim());
    let found = null;
    try {
      const answer = await fetch(url, { headers: { Accept: "application/json" } });
      if (answer.ok) found = await answer.json();
    } catch {
      found = null; // told below
    }
    if (number !== this.#asked || document.activeElement !== this.#input) return;
    if (found === null) this.#fail();
    else this.#offer(found);
  }

  #fail() {
    this.#close();
    this.#status.textContent = this.#words.failed;
  }

  #offer({ choices, more }) {
    this.#active = -1;
    this.#list.replaceChildren(...choices.map(({ value, label }, index) => this.#option(value, label, index)));
    this.#list.hidden = choices.length === 0;
    this.#input.setAttribute("aria-expanded", String(choices.length > 0));
    this.#input.removeAttribute("aria-activedescendant");
    const word = choices.length === 0 ? "none" : more ? "more" : "found";
    this.#status.textContent = this.#words[word].replace("{count}", String(choices.length));
  }

  #option(value, label, index) {
    const option = Object.assign(document.createElement("li"), { id: `${this.#list.id}-${index}`, className: "picker-option", textContent: label });
    option.setAttribute("role", "option");
    option.setAttribute("aria-selected", String(this.has(value)));
    option.dataset.value = value;
    return option;
  }

  #pressed(event) {
    const { key } = event;
    if (key === "Enter") {
      event.preventDefault(); // choosing is no sending of the form
      this.#choose(this.#list.children[this.#active]);
    } else if (key === "Escape" && !this.#list.hidden) {
      event.preventDefault();
      this.#close();
    } else if (key === "ArrowDown" || key === "ArrowUp") {
      event.preventDefault();
      if (this.#list.hidden) this.#search();
      else this.#point(key === "ArrowDown" ? 1 : -1);
    }
  }

  #point(step) {
    const options = [...this.#list.children];
    this.#active = (this.#active + step + options.length + (this.#active < 0 && step < 0 ? 1 : 0)) % options.length;
    options.forEach((option, index) => option.classList.toggle("is-active", index === this.#active));
    this.#input.setAttribute("aria-activedescendant", options[this.#active].id);
    options[this.#active].scrollIntoView({ block: "nearest" });
  }

  #choose(option) {
    if (!option) return;
    this.toggle(option.dataset.value, option.textContent);
    if (this.#isMany) return;
    this.#input.value = "";
    this.#close();
  }

  #close() {
    this.#asked += 1;
    clearTimeout(this.#timer);
    this.#list.hidden = true;
    this.#active = -1;
    this.#input.setAttribute("aria-expanded", "false");
    this.#input.removeAttribute("aria-activedescendant");
    this.#status.textContent = this.#isMany && this.values.length ? this.#words.chosen.replace("{count}", String(this.values.length)) : "";
  }

  #changed() {
    const { values } = this;
    this.#picked.replaceChildren(...values.map((value) => this.#chip(value)));
    for (const option of this.#list.children) option.setAttribute("aria-selected", String(values.includes(option.dataset.value)));
    if (this.#isMany) this.#status.textContent = this.#words.chosen.replace("{count}", String(values.length));
    this.dispatchEvent(new Event("changed"));
  }

  #chip(value) {
    const label = this.#labels.get(value) ?? value;
    const item = Object.assign(document.createElement("li"), { textContent: label });
    const button = Object.assign(document.createElement("button"), { type: "button", className: "picked-remove", textContent: "×" });
    button.setAttribute("aria-label", this.#words.remove.replace("{name}", label));
    button.addEventListener("click", () => {
      this.toggle(value, label);
      this.#input.focus();
    });
    item.dataset.value = value;
    item.append(button);
    return item;
  }
}
