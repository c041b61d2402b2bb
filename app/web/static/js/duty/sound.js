// A short double tone for new critical alerts. Off until somebody turns it on; the browser remembers that.

import { text } from "../page.js";

const REMEMBERED = "pilotage.duty.sound";
/** A flood of alerts is one sound, not a siren. */
const PAUSE_MS = 3000;
const TONES_HZ = [880, 660];
const TONE_S = 0.16;

const button = document.getElementById("sound");
let context = null;
let soundedMs = -PAUSE_MS;
let isOn = localStorage.getItem(REMEMBERED) === "on";

function show() {
  button.setAttribute("aria-pressed", String(isOn));
  button.title = text(isOn ? "sound_on" : "sound_off");
  button.querySelector("i").className = `fa-solid ${isOn ? "fa-volume-high" : "fa-volume-xmark"}`;
}

function play() {
  context ??= new AudioContext();
  TONES_HZ.forEach((frequency, number) => {
    const tone = context.createOscillator();
    const loudness = context.createGain();
    const at = context.currentTime + number * TONE_S;
    tone.frequency.value = frequency;
    loudness.gain.setValueAtTime(0.0001, at);
    loudness.gain.exponentialRampToValueAtTime(0.2, at + 0.02);
    loudness.gain.exponentialRampToValueAtTime(0.0001, at + TONE_S);
    tone.connect(loudness).connect(context.destination);
    tone.start(at);
    tone.stop(at + TONE_S);
  });
}

export function toggleSound() {
  isOn = !isOn;
  localStorage.setItem(REMEMBERED, isOn ? "on" : "off");
  show();
  if (isOn) play();
}

/** A new critical alert has come. */
export function alarm() {
  const nowMs = performance.now();
  if (!isOn || nowMs - soundedMs < PAUSE_MS) return;
  soundedMs = nowMs;
  play();
}

button.addEventListener("click", toggleSound);
show();
