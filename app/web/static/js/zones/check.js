// Asks the server what is wrong with the form and what it would change, a moment after each change.

const PATIENCE_MS = 450;

export class Check {
  #form;
  #data;
  #timer = 0;
  #asked = 0;
  onOutline = () => {};

  constructor(form, data) {
    this.#form = form;
    this.#data = data;
  }

  /** Check soon; a later change starts the wait again. */
  soon() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#ask(), PATIENCE_MS);
  }

  async #ask() {
    const number = ++this.#asked;
    this.#title(this.#data.words.checking, "busy");
    let found = null;
    try {
      const answer = await fetch(this.#data.check, { method: "POST", body: new FormData(this.#form) });
      if (answer.ok) found = await answer.json();
    } catch {
      found = null; // told below
    }
    if (number !== this.#asked) return;
    if (found === null) {
      this.#title(this.#data.words.unchecked, "warning");
      this.#list([], null);
      return;
    }
    this.onOutline(found.outline);
    this.#show(found);
  }

  #show({ problems, general, effects }) {
    const texts = [...(general ? [["", general]] : []), ...Object.entries(problems)];
    const isReady = texts.length === 0;
    this.#title(isReady ? this.#data.words.ready : this.#data.words.problems, isReady ? "good" : "warning");
    this.#list(texts, effects);
  }

  #list(texts, effects) {
    document.getElementById("verdict-problems").replaceChildren(...texts.map(([name, text]) => this.#problem(name, text)));
    document.getElementById("verdict-effects").textContent = effects?.text ?? "";
    document.getElementById("verdict-permits").replaceChildren(...(effects?.permits ?? []).map((permit) => this.#permit(permit)));
  }

  #problem(name, text) {
    const item = document.createElement("li");
    const label = this.#form.querySelector(`label[for="${CSS.escape(name)}"]`)?.firstChild?.textContent.trim();
    item.textContent = label ? `${label}: ${text}` : text;
    return item;
  }

  #permit({ number, holder, vehicles, url }) {
    const item = document.createElement("li");
    const name = document.createElement(url ? "a" : "span");
    if (url) name.href = url;
    name.textContent = number;
    item.append(name, ` ${holder} · ${vehicles}`);
    return item;
  }

  #title(text, tone) {
    const title = document.getElementById("verdict-title");
    title.textContent = text;
    title.parentElement.dataset.tone = tone;
  }
}
