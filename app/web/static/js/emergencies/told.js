// Who would be told if the place were closed now: asked a moment after each change, and again while the page waits.

import { element } from "../page.js";

const PATIENCE_MS = 300;
const AGAIN_MS = 5_000;

export class Told {
  #form;
  #data;
  #timer = 0;
  #asked = 0;
  #box = document.getElementById("told");

  constructor(form, data) {
    this.#form = form;
    this.#data = data;
    this.soon();
  }

  soon(afterMs = PATIENCE_MS) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#ask(), afterMs);
  }

  async #ask() {
    const number = ++this.#asked;
    const found = document.hidden ? undefined : await this.#found().catch(() => null);
    if (number !== this.#asked) return;
    if (found !== undefined) this.#show(found);
    this.soon(AGAIN_MS);
  }

  async #found() {
    const answer = await fetch(this.#data.told_url, { method: "POST", body: new FormData(this.#form) });
    if (!answer.ok) throw new Error(`answered ${answer.status}`);
    return answer.json();
  }

  #show(found) {
    const { words } = this.#data;
    const title = element("p", "told-title", this.#title(found));
    title.dataset.tone = found === null || found.problem ? "warning" : found.told > 0 ? "bad" : "calm";
    const parts = [title];
    if (found?.told > 0) {
      const counts = Object.entries(words.concern).filter(([concern]) => found.counts[concern]);
      parts.push(element("p", "told-counts", counts.map(([concern, word]) => `${found.counts[concern]} ${word}`).join(" · ")));
      const list = element("ul", "told-list");
      for (const row of found.rows) list.append(this.#item(row));
      if (found.told > found.rows.length) list.append(element("li", "", words.others.replace("{n}", String(found.told - found.rows.length))));
      parts.push(list);
    }
    this.#box.replaceChildren(...parts);
  }

  #title(found) {
    const { words } = this.#data;
    if (found === null) return words.unknown;
    if (found.problem) return found.problem;
    if (found.told === null) return words.no_place;
    return found.told === 0 ? words.told_nobody : words.told.replace("{n}", String(found.told));
  }

  #item({ id, concern }) {
    const item = element("li");
    const link = element("a", "", id);
    link.href = this.#data.vehicle_url.replace("HERE", encodeURIComponent(id));
    link.target = "_blank"; // what was drawn stays
    link.rel = "noopener";
    item.append(link, ` ${this.#data.words.concern[concern]}`);
    return item;
  }
}
