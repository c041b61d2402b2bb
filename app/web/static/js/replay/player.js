// The instant that is shown: moved by the clock while it plays, never past what is loaded.

const LONGEST_FRAME_MS = 250;

export class Player extends EventTarget {
  #requested = null;
  #lastMs = 0;
  #isPlaying = false;
  /** Whether it would go on if what comes next were loaded. */
  isWaiting = false;

  /** `isReady(at)` says whether the recording reaches that instant. */
  constructor({ since_ms, until_ms, at_ms, speed, isReady }) {
    super();
    Object.assign(this, { since_ms, until_ms, at: at_ms, speed, isReady });
  }

  get isPlaying() { return this.#isPlaying; }

  play() {
    if (this.#isPlaying) return;
    if (this.at >= this.until_ms - 1) this.at = this.since_ms;
    this.#isPlaying = true;
    this.#lastMs = performance.now();
    this.#tell("state");
    this.#requested = requestAnimationFrame((now) => this.#frame(now));
  }

  pause() {
    if (!this.#isPlaying) return;
    this.#isPlaying = false;
    this.isWaiting = false;
    cancelAnimationFrame(this.#requested);
    this.#tell("state");
  }

  toggle() {
    if (this.#isPlaying) this.pause();
    else this.play();
  }

  goTo(at) {
    this.at = Math.min(Math.max(at, this.since_ms), this.until_ms - 1);
    this.#tell("moved");
  }

  #frame(now) {
    const passed = Math.min(Math.max(now - this.#lastMs, 0), LONGEST_FRAME_MS) * this.speed;
    this.#lastMs = now;
    const next = Math.min(this.at + passed, this.until_ms - 1);
    this.isWaiting = !this.isReady(next);
    if (!this.isWaiting) this.at = next;
    this.#tell("moved");
    if (this.at >= this.until_ms - 1) this.pause();
    else if (this.#isPlaying) this.#requested = requestAnimationFrame((later) => this.#frame(later));
  }

  #tell(name) { this.dispatchEvent(new Event(name)); }
}
