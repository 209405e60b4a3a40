// What is live on a page: the connection by which the server tells of changes. #stale is seen from the moment in which it may be
// lost until the page shows the truth again.

export const SILENCE_MS = 25_000; // the server says something every 10 s (console/stream.py): after so long it isn't there
export const RETRY_MS = 3_000;

// This page as the server draws it now; null where it can't. The header tells the server that nobody asked for it.
export const look = async () => {
  const answer = await fetch(location.href, { headers: { "X-Background": "1" }, signal: AbortSignal.timeout(SILENCE_MS) });
  if (answer.status === 401) location.reload(); // the session has ended: the login page follows
  return answer.ok ? new DOMParser().parseFromString(await answer.text(), "text/html") : null;
};

// From now on the events that `place` names in data-events. `draws`: event → what draws its data.
export const follow = (place, draws) => {
  const lost = document.getElementById("stale");
  let source = null;
  let next = 0; // the timer of the next try

  const later = (attempt, ms) => {
    clearTimeout(next);
    next = setTimeout(attempt, ms);
  };

  const heard = () => later(start, SILENCE_MS);

  const start = () => {
    if (source) { source.close(); lost.hidden = false; }
    source = new EventSource(place.dataset.events);
    heard();
    source.addEventListener("open", heard);
    source.addEventListener("here", heard);
    for (const [name, draw] of Object.entries(draws)) {
      source.addEventListener(name, (message) => {
        heard();
        draw(message.data);
        lost.hidden = true; // only now
      });
    }
    source.addEventListener("error", () => {
      lost.hidden = false;
      if (source.readyState === EventSource.CLOSED) later(again, RETRY_MS); // refused: all places taken, or logged out
    });
  };

  const again = async () => {
    try {
      await look();
      start();
    } catch {
      later(again, RETRY_MS);
    }
  };

  addEventListener("offline", start); // anew: what was on its way may still come, and the server may be on this machine
  addEventListener("online", start);
  start();
};
