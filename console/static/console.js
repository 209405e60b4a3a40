// Live parts of the pages: the floor's board, lists that ask for news, times that go on by themselves. Without it the pages
// still read and work.
import { follow, look } from "./stream.js";

const BUSY_MS = 10_000;

let ahead = 0; // the server's clock minus ours, seconds

const setClock = (element) => { ahead = Number(element.dataset.now) - Date.now() / 1000; };

const pad = (n) => String(n).padStart(2, "0");

const write = (seconds) => {
  const whole = Math.max(0, Math.floor(seconds));
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  return hours ? `${hours}:${pad(minutes)}:${pad(whole % 60)}` : `${minutes}:${pad(whole % 60)}`;
};

const tick = () => {
  const now = Date.now() / 1000 + ahead;
  for (const time of document.querySelectorAll("[data-since]")) time.textContent = write(now - Number(time.dataset.since));
  for (const time of document.querySelectorAll("[data-until]")) time.textContent = write(Number(time.dataset.until) - now);
};

const drawn = (html) => {
  const template = document.createElement("template");
  template.innerHTML = html;
  return template.content.firstElementChild;
};

// What differs from the board that is shown: console/patch.py.
const patch = (change) => {
  ahead = change.now - Date.now() / 1000;
  for (const [name, html] of Object.entries(change.parts)) document.getElementById(name).innerHTML = html;
  for (const [name, { order, items = {} }] of Object.entries(change.lists)) {
    const list = document.getElementById(name);
    for (const [key, html] of Object.entries(items)) {
      const old = document.getElementById(key);
      if (old) old.replaceWith(drawn(html));
      else list.append(drawn(html));
    }
    if (order) list.replaceChildren(...order.map((key) => document.getElementById(key)));
  }
};

const isUsed = (place) => {
  const at = document.activeElement;
  if (place.contains(at) && ["INPUT", "SELECT", "TEXTAREA", "AUDIO"].includes(at.tagName)) return true;
  return [...place.querySelectorAll("audio")].some((audio) => !audio.paused);
};

// The list as it is now, unless somebody is at it, or has come to it before the answer came.
const refresh = async (place) => {
  try {
    const fresh = isUsed(place) ? null : (await look())?.getElementById(place.id);
    if (fresh && !isUsed(place)) place.replaceChildren(...fresh.childNodes);
  } catch { /* the network: next time */ }
  refreshLater(place);
};

const refreshLater = (place) => setTimeout(() => refresh(place), Number(place.dataset.refresh) * 1000);

document.addEventListener("drawn", (event) => { setClock(event.target); tick(); });

document.addEventListener("submit", (event) => {
  const asks = event.submitter && event.submitter.dataset.confirm;
  if (asks && !confirm(asks)) { event.preventDefault(); return; }
  const form = event.target;
  if (form.method === "post" && !form.elements.csrf_token) { // drawn for all who watch: the token is this page's
    const token = document.createElement("input");
    token.type = "hidden";
    token.name = "csrf_token";
    token.value = document.querySelector("meta[name=csrf-token]").content;
    form.append(token);
  }
});

// A second press while the answer to the first is on its way would send it twice. On window: what another script sends by itself,
// it has prevented by then. Not for ever: somebody may have stopped the first.
addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.method !== "post") return;
  if (form.ariaBusy === "true") { event.preventDefault(); return; }
  form.ariaBusy = "true";
  setTimeout(() => { form.ariaBusy = null; }, BUSY_MS);
});

setClock(document.querySelector("main"));
tick();
setInterval(tick, 1000);
const board = document.getElementById("board");
if (board) {
  follow(board, {
    board: (html) => {
      board.innerHTML = html;
      setClock(board.firstElementChild);
      tick();
    },
    patch: (change) => {
      patch(JSON.parse(change));
      tick();
    },
  });
}
const live = document.querySelector("[data-refresh]");
if (live) refreshLater(live);
