// Live parts of the pages: the floor's board, and times that go on by themselves. Without it the pages still read and work.
"use strict";

(() => {
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
  };

  const follow = (place) => {
    const stale = document.getElementById("stale");
    const source = new EventSource(place.dataset.events);
    source.addEventListener("open", () => { stale.hidden = true; });
    source.addEventListener("board", (message) => {
      place.innerHTML = message.data;
      setClock(place.firstElementChild);
      tick();
    });
    source.addEventListener("error", () => {
      stale.hidden = false;
      if (source.readyState === EventSource.CLOSED) setTimeout(() => follow(place), 3000); // refused (all places taken): ask again
    });
  };

  document.addEventListener("DOMContentLoaded", () => {
    setClock(document.querySelector("main"));
    tick();
    setInterval(tick, 1000);
    const place = document.getElementById("board");
    if (place) follow(place);
  });
})();
