// The seat's page (我的工作台): parts that the server draws anew, buttons that don't leave the page, a form that keeps what is typed:
// that goes to the server within a second; until it is there, this tab keeps it.

import { RETRY_MS, SILENCE_MS, follow, look } from "./stream.js";

const UNKNOWN = "?"; // the server can't say now what stands there: it stays as it was
const SAVE_AFTER_MS = 700;
const SAVE_AT_LEAST_MS = 4_000; // while somebody goes on typing

const page = document.getElementById("seat-page");
const fault = document.getElementById("fault");
const announce = document.getElementById("announce");
const title = document.title;

const token = () => document.querySelector("meta[name=csrf-token]").content;
const drafts = () => document.querySelectorAll("form[data-draft]");
const isTick = (field) => field.type === "radio" || field.type === "checkbox";

// --- what the server draws

let waiting = false; // something is to be drawn once what is typed has arrived
let composing = false; // half a word of an input method: it would be lost

const madeAt = (root) => Number(root.querySelector("[data-at]").dataset.at);
let latest = Number(page.dataset.at); // when, by Redis' clock, that was so which is shown

// Answers and what the stream tells come by different connections: what was drawn before may come after.
const overtaken = (root) => madeAt(root) < latest;

const apply = (root) => {
  let behind = false;
  waiting = false;
  latest = madeAt(root);
  for (const fresh of root.querySelectorAll("[data-region]")) {
    const old = document.getElementById(fresh.id);
    if (!old || old.dataset.key === fresh.dataset.key || fresh.dataset.key === UNKNOWN) continue;
    if (isOlder(old, fresh)) behind = true;
    else if (busy(old, fresh)) waiting = true;
    else replace(old, fresh);
  }
  page.dataset.now = root.querySelector("[data-now]").dataset.now;
  page.dispatchEvent(new CustomEvent("drawn", { bubbles: true })); // console.js sets the clock
  say();
  if (behind) refresh();
};

const draftOf = (root) => root.querySelector("form[data-draft]");

// Drawn before what is written here was saved: it would be seen to vanish.
const isOlder = (region, fresh) => {
  const [shown, drawn] = [draftOf(region), draftOf(fresh)];
  return shown !== null && shown.dataset.draft === drawn?.dataset.draft
    && Number(drawn.elements.revision.value) < Number(shown.elements.revision.value);
};

// What somebody is writing stays where it is, also when the next call has come: it must not go on in that call's notes.
const busy = (region, fresh) => {
  const form = draftOf(region);
  const active = region.contains(document.activeElement);
  if (composing && active) return true;
  return form !== null && (unsaved(form) || (active && draftOf(fresh)?.dataset.draft !== form.dataset.draft));
};

const replace = (old, fresh) => {
  const active = old.contains(document.activeElement) ? document.activeElement : null;
  const caret = active && /^(textarea|text)$/.test(active.type) ? [active.selectionStart, active.selectionEnd] : null;
  const open = [...old.querySelectorAll("details[open]")].map((one) => one.id);
  const typed = [...old.querySelectorAll("[data-keep]:is(input)")].map((field) => [field.id, isTick(field) ? field.checked : field.value]);
  old.dataset.key = fresh.dataset.key;
  old.className = fresh.className;
  old.replaceChildren(...fresh.childNodes);
  const find = (id) => old.querySelector(`#${CSS.escape(id)}`); // the same return call may stand in two regions
  for (const id of open) find(id)?.setAttribute("open", "");
  for (const [id, value] of typed) {
    const field = find(id);
    if (field) field[isTick(field) ? "checked" : "value"] = value;
  }
  for (const form of old.querySelectorAll("form[data-draft]")) restore(form);
  const again = active?.id ? find(active.id) : null;
  again?.focus({ preventScroll: true });
  if (again && caret) again.setSelectionRange(...caret);
};

// What a glance at the tab must tell.
const say = () => {
  const now = document.querySelector("[data-title]")?.dataset.title ?? "";
  document.title = now ? `${now} · ${title}` : title;
  if (announce.textContent !== now) announce.textContent = now; // for who listens to the page
};

// Where something newer is seen already, the page asks anew: that may have been kept back, and a clock may have been set back.
const show = (root) => {
  if (!overtaken(root)) { apply(root); return; }
  latest = madeAt(root);
  refresh();
};

const refresh = async () => {
  try {
    const fresh = await look();
    if (fresh?.getElementById("seat-page") && !overtaken(fresh)) apply(fresh);
  } catch { /* the connection is lost: with it, all comes back */ }
};

// --- buttons: sent without leaving the page, which then shows what came of it

const tell = (text) => {
  fault.textContent = text;
  fault.hidden = !text;
};

page.addEventListener("submit", async (event) => {
  const { target: form, submitter } = event;
  if (form.method !== "post") return;
  event.preventDefault();
  event.stopPropagation();
  if (form.ariaBusy === "true" || (submitter?.dataset.confirm && !confirm(submitter.dataset.confirm))) return;
  form.ariaBusy = "true";
  tell("");
  try {
    clearTimeout(timers.get(form));
    await saves.get(form);
    const sent = values(form);
    const body = new URLSearchParams(new FormData(form, submitter));
    body.set("csrf_token", token());
    // form.action may be a button of that name.
    const answer = await fetch(form.getAttribute("action"), { method: "POST", body, signal: AbortSignal.timeout(SILENCE_MS) });
    if (answer.status === 401) { location.reload(); return; }
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (answer.ok) {
      const goesOn = form.dataset.draft && draftOf(fresh)?.dataset.draft === form.dataset.draft;
      if (goesOn) form.dataset.saved = sent;
      else {
        if (form.dataset.draft && form.contains(document.activeElement)) page.focus({ preventScroll: true }); // it is done with
        settled(form);
      }
      if (answer.redirected) history.replaceState(null, "", answer.url); // an earlier call's form is done with
      page.dataset.events = fresh.getElementById("seat-page")?.dataset.events ?? page.dataset.events;
    }
    if (fresh.getElementById("seat-page")) show(fresh);
    tell(answer.ok ? "" : fresh.getElementById("fault")?.textContent || page.dataset.failed);
  } catch {
    tell(page.dataset.unreachable);
  } finally {
    form.ariaBusy = null;
    if (form.dataset.draft && form.isConnected) touched(form); // what was typed meanwhile
  }
});

page.addEventListener("click", (event) => {
  const time = event.target.closest("[data-time]")?.dataset.time;
  if (!time) return;
  setTime(event.target.form, time);
  touched(event.target.form);
});

const setTime = (form, time) => {
  form.elements.wanted.checked = true;
  form.elements.wanted_at.value = time;
};

// Ctrl+Enter sends the form one is in; Escape closes the list one is in.
page.addEventListener("keydown", (event) => {
  const form = event.target.closest("form");
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && form) {
    event.preventDefault();
    form.requestSubmit(form.querySelector("button:not([type=button]):not([disabled])"));
  }
  const list = event.key === "Escape" && event.target.closest("details[open]");
  if (list) { list.open = false; list.querySelector("summary").focus(); }
});

// --- what is typed

const timers = new WeakMap();
const firsts = new WeakMap(); // when the first key of those that wait to be saved was pressed
const saves = new WeakMap();

const values = (form) => {
  const found = new URLSearchParams(new FormData(form));
  for (const name of ["csrf_token", "revision", "closing"]) found.delete(name);
  return found.toString();
};

const place = (form) => `draft:${form.dataset.draft}`;
const unsaved = (form) => values(form) !== form.dataset.saved;

const settled = (form) => {
  if (!form.dataset.draft) { form.reset(); return; }
  form.dataset.saved = values(form);
  sessionStorage.removeItem(place(form));
};

const note = (form, text) => { form.querySelector(".saved").textContent = text; };

// A form as the server has it, and over it what this tab had not yet brought there.
const restore = (form) => {
  form.dataset.saved = values(form);
  const text = sessionStorage.getItem(place(form));
  if (text === null) return;
  const draft = new URLSearchParams(text);
  for (const field of form.elements) {
    if (!field.name || field.type === "hidden" || field.name === "closing") continue;
    if (isTick(field)) field.checked = draft.getAll(field.name).includes(field.value);
    else if (draft.has(field.name)) field.value = draft.get(field.name);
  }
  touched(form);
};

const touched = (form) => {
  if (!unsaved(form)) { sessionStorage.removeItem(place(form)); return; }
  sessionStorage.setItem(place(form), values(form));
  const first = firsts.get(form) ?? Date.now();
  // The first key after a pause is told at once: a wrap-up waits from then on.
  const wait = firsts.has(form) ? Math.min(SAVE_AFTER_MS, Math.max(0, first + SAVE_AT_LEAST_MS - Date.now())) : 0;
  firsts.set(form, first);
  later(form, wait);
};

const later = (form, wait) => {
  clearTimeout(timers.get(form));
  timers.set(form, setTimeout(() => save(form), wait));
};

const save = (form) => {
  const last = saves.get(form) ?? Promise.resolve();
  const next = last.then(() => send(form));
  saves.set(form, next);
  return next;
};

const send = async (form) => {
  firsts.delete(form);
  const now = values(form);
  if (now === form.dataset.saved) { sessionStorage.removeItem(place(form)); return; }
  const body = new URLSearchParams(now);
  body.set("csrf_token", token());
  body.set("revision", form.elements.revision.value);
  const late = setTimeout(() => note(form, page.dataset.unsaved), RETRY_MS); // until then what was saved before may be said
  try {
    const answer = await fetch(form.dataset.keep, { method: "POST", body, keepalive: true, signal: AbortSignal.timeout(SILENCE_MS) });
    if (answer.status === 401) { location.reload(); return; }
    const said = await answer.json();
    if (!answer.ok) { note(form, said.fault ?? page.dataset.unsaved); return; }
    taken(form, now, said);
  } catch {
    note(form, page.dataset.unsaved);
    if (form.isConnected) later(form, RETRY_MS);
  } finally {
    clearTimeout(late);
  }
};

// The server has it. `said.notes`: what another screen had written meanwhile stands before it now.
const taken = (form, sent, said) => {
  const notes = form.elements.notes;
  form.elements.revision.value = said.revision;
  const region = form.closest("[data-region]");
  if (region) {
    const [call, , inHand] = region.dataset.key.split("@");
    region.dataset.key = `${call}@${said.revision}@${inHand}`;
  }
  form.dataset.saved = sent;
  if (said.notes !== null) {
    const before = new URLSearchParams(sent).get("notes");
    notes.value = said.notes + (notes.value.startsWith(before) ? notes.value.slice(before.length) : `\n${notes.value}`);
    const merged = new URLSearchParams(sent);
    merged.set("notes", said.notes);
    form.dataset.saved = merged.toString();
  }
  const clock = document.querySelector("#desk-now [data-until]");
  if (said.until !== null && clock) clock.dataset.until = said.until;
  if (unsaved(form)) { touched(form); return; }
  sessionStorage.removeItem(place(form));
  note(form, page.dataset.saved);
  if (waiting) refresh();
};

page.addEventListener("input", (event) => {
  const form = event.target.closest("form[data-draft]");
  if (!form) return;
  const { wanted, wanted_at: at } = form.elements;
  if (event.target === wanted && wanted.checked && !at.value) at.value = form.querySelector("[data-time]")?.dataset.time ?? "";
  touched(form);
});

page.addEventListener("focusout", (event) => {
  if (waiting && event.target.closest("form[data-draft]")) setTimeout(refresh, 0); // where the focus goes is known then
});

page.addEventListener("compositionstart", () => { composing = true; });
page.addEventListener("compositionend", () => { composing = false; });
addEventListener("pagehide", () => { for (const form of drafts()) if (unsaved(form)) save(form); });

for (const form of drafts()) restore(form);
say();
follow(page, {
  seat: (html) => {
    const fresh = document.createElement("template");
    fresh.innerHTML = html;
    show(fresh.content);
    for (const form of drafts()) if (unsaved(form)) save(form);
  },
});
