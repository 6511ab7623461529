// What is heard and felt of a result, and what keeps the screen on.
const TUNES = { yes: [[880, 0.09], [1320, 0.14]], look: [[660, 0.35]], no: [[220, 0.22], [160, 0.4]] };
const BUZZES = { yes: [80], look: [80, 60, 80], no: [300, 100, 300] };

/** @type {AudioContext | undefined} */
let audio;
// Browsers let a page be heard once somebody has touched it.
for (const kind of ["pointerdown", "keydown"]) {
  addEventListener(kind, () => {
    audio ??= new AudioContext();
    audio.resume();
  });
}

/** @param {"yes" | "look" | "no"} sign */
export function signal(sign) {
  navigator.vibrate?.(BUZZES[sign]);
  if (audio?.state !== "running") return;
  let at = audio.currentTime;
  for (const [pitch, length] of TUNES[sign]) {
    const tone = new OscillatorNode(audio, { type: sign === "no" ? "square" : "sine", frequency: pitch });
    tone.connect(new GainNode(audio, { gain: 0.35 })).connect(audio.destination);
    tone.start(at);
    tone.stop(at + length);
    at += length + 0.03;
  }
}

/** Keep the screen on for as long as the page is seen. */
export function stayAwake() {
  const ask = () => document.hidden || navigator.wakeLock?.request("screen").catch(() => {});
  document.addEventListener("visibilitychange", ask);
  ask();
}

/** @returns {Promise<{battery?: number}>} percent, where the browser tells */
export async function power() {
  const battery = await /** @type {any} */ (navigator).getBattery?.().catch(() => null);
  return battery ? { battery: Math.round(battery.level * 100) } : {};
}
