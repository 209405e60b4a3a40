// A soft chime at the computer while a call rings, for who wishes it: the telephone rings all the same. The browser remembers the wish.
// The sound is made here, of two tones, so that there is no file to be fetched.

const KEY = "ring";
const EVERY_MS = 4_000;
const LOUDNESS = 0.12; // of full scale: a hint
const TONES = [[0, 660], [0.18, 880]]; // seconds from now, Hz
const LASTS_S = 0.35;

const box = document.getElementById("ring");
const on = document.getElementById("ring-on");
const waits = document.getElementById("ring-waits");
const page = document.getElementById("seat-page");
const lost = document.getElementById("stale");

let sound = null;
let timer = 0;

const chime = () => {
  if (sound.state !== "running" || !lost.hidden) return; // lost: whether it still rings isn't known
  for (const [after, pitch] of TONES) {
    const begins = sound.currentTime + after;
    const tone = new OscillatorNode(sound, { frequency: pitch });
    const fades = new GainNode(sound, { gain: 0 });
    fades.gain.setValueAtTime(0, begins);
    fades.gain.linearRampToValueAtTime(LOUDNESS, begins + 0.01);
    fades.gain.exponentialRampToValueAtTime(0.001, begins + LASTS_S);
    tone.connect(fades).connect(sound.destination);
    tone.start(begins);
    tone.stop(begins + LASTS_S);
  }
};

// What the page shows decides: at each drawing of it, and once it may be heard.
const follow = () => {
  const rings = on.checked && sound?.state === "running" && document.querySelector("[data-rings]") !== null;
  if (rings && !timer) {
    chime();
    timer = setInterval(chime, EVERY_MS);
  } else if (!rings && timer) {
    clearInterval(timer);
    timer = 0;
  }
};

// Browsers let a page be heard only after somebody has touched it.
const ready = () => {
  waits.hidden = !on.checked || sound?.state === "running";
  follow();
};

const wake = () => {
  if (!on.checked) return;
  if (sound === null) {
    sound = new AudioContext();
    sound.addEventListener("statechange", ready);
  }
  if (sound.state !== "running") sound.resume();
  ready();
};

on.addEventListener("change", async () => {
  localStorage.setItem(KEY, on.checked ? "1" : "");
  wake();
  ready();
  if (!on.checked) return;
  await sound.resume();
  if (!timer) chime(); // so does it sound
});

for (const touch of ["pointerup", "keydown"]) addEventListener(touch, () => { if (sound?.state !== "running") wake(); });
page.addEventListener("drawn", follow);

on.checked = localStorage.getItem(KEY) === "1";
box.hidden = false;
wake();
