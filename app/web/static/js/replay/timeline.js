// The slider: marks of alerts beneath it, by severity, and the way from one to the next.

const COLOURS = { notice: "#7d929c", warning: "#d9822b", critical: "#c1121f" };
const ORDER = ["notice", "warning", "critical"];
/** An alert this close before the instant is the one that is looked at, not the previous one. */
const HERE_MS = 1_500;

export class Timeline {
  #alerts = [];
  #slider = document.getElementById("slider");
  #marks = document.getElementById("marks");

  constructor({ since_ms, until_ms, onMove }) {
    Object.assign(this, { since_ms, until_ms });
    this.#slider.addEventListener("input", () => onMove(Number(this.#slider.value)));
    new ResizeObserver(() => this.#draw()).observe(this.#marks);
  }

  set alerts(alerts) {
    this.#alerts = [...alerts].sort((a, b) => ORDER.indexOf(a.severity) - ORDER.indexOf(b.severity));
    this.#draw();
  }

  show(at, words) {
    this.#slider.value = String(Math.round(at));
    this.#slider.setAttribute("aria-valuetext", words);
  }

  /** The instant of the next alert that opened after `at` (direction 1), or the one before (-1); null: none. */
  neighbour(at, direction) {
    const opened = this.#alerts.map(({ opened_at_ms }) => opened_at_ms).filter((ms) => ms >= this.since_ms && ms < this.until_ms);
    const wanted = opened.filter((ms) => (direction > 0 ? ms > at + 1 : ms < at - HERE_MS));
    if (wanted.length === 0) return null;
    return direction > 0 ? Math.min(...wanted) : Math.max(...wanted);
  }

  #draw() {
    const ratio = window.devicePixelRatio || 1;
    const { clientWidth, clientHeight } = this.#marks;
    this.#marks.width = clientWidth * ratio;
    this.#marks.height = clientHeight * ratio;
    const context = this.#marks.getContext("2d");
    context.scale(ratio, ratio);
    const at = (ms) => ((Math.min(Math.max(ms, this.since_ms), this.until_ms) - this.since_ms) / (this.until_ms - this.since_ms)) * clientWidth;
    for (const { severity, opened_at_ms, closed_at_ms } of this.#alerts) {
      const from = at(opened_at_ms);
      context.fillStyle = COLOURS[severity];
      context.globalAlpha = 0.28;
      context.fillRect(from, clientHeight * 0.55, Math.max(at(closed_at_ms ?? this.until_ms) - from, 1), clientHeight * 0.3);
      context.globalAlpha = 1;
      if (opened_at_ms >= this.since_ms) context.fillRect(from - 1, clientHeight * 0.15, 3, clientHeight * 0.7);
    }
  }
}
