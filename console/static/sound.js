// Prompts are heard in the page's one player: links of class "hear" lead to sounds. Without it they open the sound itself.

let failed = () => {};

// What is called when a sound can't be had.
export const onFailure = (tell) => { failed = tell; };

export const hear = (url) => {
  const player = document.getElementById("player");
  const audio = player.querySelector("audio");
  player.hidden = false;
  audio.src = url;
  audio.play().catch((error) => { if (error.name !== "AbortError") failed(); }); // aborted: another one is heard now
};

document.addEventListener("click", (event) => {
  const link = event.target.closest("a.hear");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  hear(link.href);
});
