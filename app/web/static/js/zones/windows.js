// Weekly windows as rows of fields over the JSON text of the schedule.

const TIME_ZONE = "Asia/Shanghai";

export class Windows {
  #field = document.getElementById("schedule");
  #list = document.getElementById("windows");
  #template = document.getElementById("window-template");
  #place;
  #zone = TIME_ZONE;
  onChange = () => {};

  /** `place` gives where the sun is looked at, as {lon, lat}. */
  constructor(place) {
    this.#place = place;
    document.getElementById("schedule-field").hidden = true;
    document.getElementById("windows-add").addEventListener("click", () => {
      this.#add({ days: ["MON", "TUE", "WED", "THU", "FRI"], start: "08:00", end: "18:00" });
      this.#list.lastElementChild.querySelector("input").focus();
      this.write();
    });
    this.#read();
  }

  #read() {
    let schedule = null;
    try {
      schedule = JSON.parse(this.#field.value);
    } catch {
      return; // no schedule: always open
    }
    this.#zone = schedule?.time_zone ?? TIME_ZONE;
    for (const window of schedule?.windows ?? []) this.#add(window);
  }

  #add({ days, start, end }) {
    const row = this.#template.content.cloneNode(true).firstElementChild;
    for (const box of row.querySelectorAll("[type=checkbox]")) box.checked = days.includes(box.value) || days.includes("ANY");
    this.#fill(row.querySelector("[data-edge=start]"), start);
    this.#fill(row.querySelector("[data-edge=end]"), end);
    row.querySelector("[data-part=remove]").addEventListener("click", () => { row.remove(); this.write(); });
    row.addEventListener("input", () => this.write());
    row.addEventListener("change", () => this.write());
    this.#list.append(row);
  }

  #fill(edge, moment) {
    const part = (name) => edge.querySelector(`[data-part=${name}]`);
    const isClock = typeof moment === "string";
    part("event").value = isClock ? "" : moment.event;
    part("time").value = isClock ? moment : "";
    part("offset").value = isClock ? "0" : String(moment.offset_min ?? 0);
    const show = () => {
      part("time").hidden = part("event").value !== "";
      part("shift").hidden = part("event").value === "";
    };
    part("event").addEventListener("change", show);
    show();
  }

  #moment(edge) {
    const part = (name) => edge.querySelector(`[data-part=${name}]`).value;
    if (part("event") === "") return part("time").trim().replace("：", ":");
    return { event: part("event"), offset_min: Number(part("offset")) || 0 };
  }

  write() {
    const windows = [...this.#list.children].map((row) => ({
      days: [...row.querySelectorAll("[type=checkbox]:checked")].map(({ value }) => value),
      start: this.#moment(row.querySelector("[data-edge=start]")),
      end: this.#moment(row.querySelector("[data-edge=end]")),
    }));
    this.#field.value = windows.length ? JSON.stringify(this.#schedule(windows)) : "";
    this.onChange();
  }

  #schedule(windows) {
    const solar = windows.some(({ start, end }) => typeof start !== "string" || typeof end !== "string");
    return { time_zone: this.#zone, windows, ...(solar ? { position: this.#place() } : {}) };
  }
}
