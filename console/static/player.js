// The recordings of a call's page: who speaks when as two lanes (the customer above, the seat below), a click leads there; one
// side or both, faster or slower. Without it the browser's own player is there.

const BACK_S = 5;

const write = (seconds) => {
  const whole = Math.max(0, Math.floor(seconds));
  const hours = Math.floor(whole / 3600);
  const pad = (n) => String(n).padStart(2, "0");
  const minutes = Math.floor((whole % 3600) / 60);
  return hours ? `${hours}:${pad(minutes)}:${pad(whole % 60)}` : `${minutes}:${pad(whole % 60)}`;
};

class Player {
  constructor(place) {
    this.place = place;
    this.audio = place.querySelector("audio");
    this.canvas = place.querySelector("canvas");
    this.button = place.querySelector(".play");
    this.seconds = Number(place.dataset.seconds);
    this.sides = [];
    this.audio.hidden = true;
    place.querySelector(".deck").hidden = false;
    this.listen();
    this.load();
    this.draw();
  }

  async load() {
    try {
      const answer = await fetch(this.place.dataset.levels);
      if (answer.ok) this.sides = (await answer.json()).sides;
    } catch { /* no picture then: the sound is there all the same */ }
    this.draw();
    this.place.dataset.drawn = String(this.sides.length);
  }

  listen() {
    const { audio, canvas, place } = this;
    this.button.addEventListener("click", () => (audio.paused ? this.play() : audio.pause()));
    place.querySelector(".sides").addEventListener("change", (event) => { this.side = event.target.value; this.route(); });
    place.querySelector(".speed").addEventListener("change", (event) => { audio.playbackRate = audio.defaultPlaybackRate = Number(event.target.value); });
    for (const name of ["play", "pause", "timeupdate", "seeked", "ended", "durationchange"]) audio.addEventListener(name, () => this.show());
    audio.addEventListener("loadedmetadata", () => {
      if (this.wanted !== undefined) audio.currentTime = this.wanted;
      this.wanted = undefined;
    });
    canvas.addEventListener("pointerdown", (event) => {
      const box = canvas.getBoundingClientRect();
      this.seek(((event.clientX - box.left) / box.width) * this.seconds);
    });
    canvas.addEventListener("keydown", (event) => {
      const to = {
        ArrowLeft: this.at - BACK_S, ArrowDown: this.at - BACK_S, ArrowRight: this.at + BACK_S, ArrowUp: this.at + BACK_S,
        PageDown: this.at - 30, PageUp: this.at + 30, Home: 0, End: this.seconds,
      }[event.key];
      if (to !== undefined) this.seek(to);
      else if (event.key === " " || event.key === "Enter") audio.paused ? this.play() : audio.pause();
      else return;
      event.preventDefault();
    });
    new ResizeObserver(() => this.draw()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
  }

  // Where it plays, or will once it is there.
  get at() { return this.wanted ?? this.audio.currentTime; }

  seek(to) {
    const at = Math.min(Math.max(0, to), this.seconds);
    if (this.audio.readyState > 0) { this.audio.currentTime = at; }
    else { this.wanted = at; }
    this.show();
  }

  async play() {
    for (const other of players) if (other !== this) other.audio.pause();
    this.route();
    if (this.context) await this.context.resume();
    await this.audio.play().catch(() => {}); // stopped before it came, or it can't be had: the button says that it doesn't play
  }

  // Both: each side in its ear. One side: in both ears.
  route() {
    const side = this.side ?? "both";
    if (!this.context) {
      if (side === "both") return;
      this.context = new AudioContext();
      const source = this.context.createMediaElementSource(this.audio);
      const split = this.context.createChannelSplitter(2);
      const merge = this.context.createChannelMerger(2);
      source.connect(split);
      this.gains = {};
      for (const from of [0, 1]) {
        for (const to of [0, 1]) {
          const gain = this.context.createGain();
          split.connect(gain, from);
          gain.connect(merge, 0, to);
          this.gains[`${from}${to}`] = gain.gain;
        }
      }
      merge.connect(this.context.destination);
      if (!this.audio.paused) this.context.resume();
    }
    const heard = { both: ["00", "11"], left: ["00", "01"], right: ["10", "11"] }[side];
    for (const [way, gain] of Object.entries(this.gains)) gain.value = heard.includes(way) ? 1 : 0;
  }

  show() {
    const { audio, button, canvas, place } = this;
    if (Number.isFinite(audio.duration) && audio.duration > 0) this.seconds = audio.duration;
    button.textContent = audio.paused ? button.dataset.play : button.dataset.pause;
    place.querySelector(".now").textContent = write(this.at);
    place.querySelector(".all").textContent = write(this.seconds);
    const names = [place.dataset.customer, place.dataset.seat];
    const speaking = names.filter((_, side) => this.sides[side]?.speech.some(([from, to]) => from <= this.at && this.at < to));
    place.querySelector(".who").textContent = speaking.length ? place.dataset.speaks.replace("%", speaking.join(", ")) : "";
    canvas.setAttribute("aria-valuenow", this.at.toFixed(1));
    canvas.setAttribute("aria-valuetext", `${write(this.at)} / ${write(this.seconds)}`);
    this.draw();
  }

  draw() {
    const { canvas } = this;
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(name).trim();
    const width = canvas.clientWidth;
    const height = canvas.clientHeight;
    const scale = window.devicePixelRatio || 1;
    if (canvas.width !== Math.round(width * scale)) canvas.width = Math.round(width * scale);
    if (canvas.height !== Math.round(height * scale)) canvas.height = Math.round(height * scale);
    const pen = canvas.getContext("2d");
    pen.setTransform(scale, 0, 0, scale, 0, 0);
    pen.clearRect(0, 0, width, height);
    const x = (seconds) => (this.seconds ? (seconds / this.seconds) * width : 0);
    const lane = height / 2;
    const played = x(this.at);
    ["blue", "teal"].forEach((name, side) => {
      const top = side * lane;
      const middle = top + lane / 2;
      pen.fillStyle = colour("--rule");
      pen.fillRect(0, middle - 0.5, width, 1);
      const found = this.sides[side];
      if (!found) return;
      pen.fillStyle = colour(`--${name}-wash`);
      for (const [from, to] of found.speech) pen.fillRect(x(from), top + 2, Math.max(1, x(to) - x(from)), lane - 4);
      const step = width / found.bars.length;
      pen.fillStyle = colour(`--${name}`);
      found.bars.forEach((bar, n) => {
        const high = Math.max(1, (bar / 100) * (lane - 8));
        pen.globalAlpha = n * step < played ? 1 : 0.5;
        pen.fillRect(n * step, middle - high / 2, Math.max(1, step - 0.5), high);
      });
      pen.globalAlpha = 1;
      pen.font = "12px system-ui, sans-serif";
      const said = side ? this.place.dataset.seat : this.place.dataset.customer;
      pen.fillStyle = colour("--paper");
      pen.fillRect(2, top + 2, pen.measureText(said).width + 8, 17);
      pen.fillStyle = colour("--ink");
      pen.fillText(said, 6, top + 15);
    });
    pen.fillStyle = colour("--red");
    pen.fillRect(Math.min(played, width - 2), 0, 2, height);
  }
}

const players = [...document.querySelectorAll(".player")].map((place) => new Player(place));

for (const button of document.querySelectorAll(".jump")) {
  const player = players.find((one) => one.place.dataset.take === button.dataset.take);
  if (!player) continue;
  button.hidden = false;
  button.addEventListener("click", () => { player.seek(Number(button.dataset.at)); player.play(); });
}
