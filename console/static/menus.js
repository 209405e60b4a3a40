// The page of one menu: the editor, what the checker says while somebody types, saving and publishing without leaving the page.
// Without it the page is a form that does the same.
import { openEditor, whole } from "./menu_editor.js";
import { startCaller } from "./menu_caller.js";
import { hear, onFailure } from "./sound.js";

const CHECK_AFTER_MS = 500;
const AGAIN_AFTER_MS = 5000;

const form = document.getElementById("menu");
const words = JSON.parse(form.dataset.words);
const token = document.querySelector("meta[name=csrf-token]").content;
const field = (name) => form.elements[name];
const by = (id) => document.getElementById(id);
const fill = (text, values) => text.replace(/%\((\w+)\)s/g, (_, name) => values[name]);

let dirty = false;
let busy = false;
let asked = 0; // the number of the latest question to the checker: older answers are passed over
let drawn = 0; // and of the latest one for what the open pane shows
let timer = 0;
let against = "published";

const source = by("source");
const editor = openEditor(by("editor"), source.value, words, { changed, save: () => save() });
source.hidden = true;
by("editor").hidden = false;
document.querySelector("label[for=source]").removeAttribute("for");
showFindings(JSON.parse(source.dataset.findings));

const ask = (method, path, body) => fetch(form.dataset.api + path, {
  method,
  headers: { "Content-Type": "application/json", "X-CSRFToken": token },
  body: body && JSON.stringify(body),
});

function changed() {
  dirty = true;
  by("saved").textContent = words.unsaved;
  clearTimeout(timer);
  timer = setTimeout(look, CHECK_AFTER_MS);
}

// What the checker says of the text as it is now, and what the open pane shows of it.
async function look() {
  const mine = ++asked;
  by("count").textContent = words.checking;
  try {
    const answer = await ask("POST", "/check", { source: editor.text() });
    if (mine !== asked) return;
    if (!answer.ok) throw new Error(answer.status);
    showFindings((await answer.json()).findings);
    await showPane();
  } catch {
    if (mine !== asked) return;
    by("count").textContent = words.unchecked;
    clearTimeout(timer);
    timer = setTimeout(look, AGAIN_AFTER_MS);
  }
}

function showFindings(findings) {
  editor.show(findings);
  const errors = findings.filter((one) => one.severity === "error").length;
  const counted = fill(words.counted, { errors, warnings: findings.length - errors });
  by("count").textContent = findings.length ? counted : words.fine;
  if (!errors && by("trouble").dataset.kind === "Unfit") by("trouble").hidden = true; // they are mended
  const list = document.createElement("ul");
  list.className = "findings";
  for (const one of findings) {
    const item = document.createElement("li");
    item.className = one.severity === "error" ? "bad" : "warn";
    const severity = document.createElement("b");
    severity.textContent = words[one.severity];
    const where = document.createElement("a");
    where.href = "#source";
    where.dataset.line = one.line;
    where.textContent = one.line ? fill(words.line, { n: one.line }) : words.whole;
    const what = document.createElement("span");
    what.textContent = whole(one);
    item.append(severity, " ", where, " ", what);
    list.append(item);
  }
  by("findings").replaceChildren(...(findings.length ? [list] : []));
}

// Saving and publishing

const trouble = (text, kind = "") => {
  by("trouble").dataset.kind = kind;
  by("trouble").hidden = false;
  by("trouble").querySelector("p").textContent = text;
  by("after-edited").hidden = kind !== "Edited";
  by("after-conflict").hidden = kind !== "Conflict";
};

// Whether it was done. What was typed stays where it is, whatever comes back.
const settle = async (answer) => {
  if (answer.ok) {
    by("trouble").hidden = true;
    return true;
  }
  if (answer.status === 401) { trouble(words.logged_out); return false; }
  const problem = await answer.json();
  const kind = (problem.type || "").split("#")[1] || "";
  if (kind === "Edited" || kind === "Conflict") await catchUp();
  if (kind === "Unfit") showFindings(problem.errors);
  trouble(problem.detail || problem.title, kind);
  return false;
};

// How the menu stands now, for who decides to go on over it.
const catchUp = async () => {
  const { menu } = await (await fetch(form.dataset.api)).json();
  by("over").value = menu.draft ? menu.draft.revision : 0;
  by("rebase").value = menu.published ? menu.published.version : 0;
};

const once = async (work) => {
  if (busy) return;
  busy = true;
  try {
    await work();
  } catch {
    trouble(words.offline);
  } finally {
    busy = false;
  }
};

const put = async () => {
  const text = editor.text();
  const based_on = Number(field("based_on").value);
  const answer = await ask("PUT", "/draft", { source: text, revision: Number(field("revision").value), based_on });
  if (!(await settle(answer))) return false;
  const { revision, findings } = await answer.json();
  field("revision").value = revision;
  dirty = editor.text() !== text;
  by("saved").textContent = dirty ? words.unsaved : fill(words.saved, { n: revision });
  if (!dirty) showFindings(findings);
  return true;
};

const save = () => once(put);

const publish = () => once(async () => {
  if ((dirty || field("revision").value === "0") && !(await put())) return;
  const answer = await ask("POST", "/publish", { revision: Number(field("revision").value), note: field("note").value });
  if (!(await settle(answer)) || dirty) return;
  location.assign(`${form.getAttribute("action")}?done=publish`); // form.action is a button
});

document.addEventListener("submit", (event) => { // after the question that console.js may ask
  if (event.target !== form || event.defaultPrevented) return;
  const { name, value } = event.submitter || { name: "action", value: "save" };
  if (name === "restart") { dirty = false; return; }
  event.preventDefault();
  if (name === "over") field("revision").value = value;
  if (name === "rebase") field("based_on").value = value;
  if (value === "publish") publish();
  else save();
});

addEventListener("beforeunload", (event) => { if (dirty) event.preventDefault(); });

// The panes

const tabs = [...form.querySelectorAll("[role=tab]")];

const piece = async (url, values) => {
  const body = new FormData();
  for (const [name, value] of Object.entries({ source: editor.text(), ...values })) body.append(name, value);
  const answer = await fetch(url, { method: "POST", headers: { "X-CSRFToken": token }, body });
  if (!answer.ok) throw new Error(answer.status);
  return new DOMParser().parseFromString(await answer.text(), "text/html").body.childNodes;
};

const open = () => tabs.find((tab) => tab.getAttribute("aria-selected") === "true").getAttribute("aria-controls");

async function showPane() {
  const mine = ++drawn;
  const pane = open();
  const ways = { "pane-tree": [form.dataset.tree, {}], "pane-changes": [form.dataset.changes, { against }] };
  if (!(pane in ways)) return;
  const nodes = await piece(...ways[pane]);
  if (mine === drawn) by(pane).replaceChildren(...nodes);
}

const choose = (tab) => {
  for (const one of tabs) {
    const chosen = one === tab;
    one.setAttribute("aria-selected", chosen);
    one.tabIndex = chosen ? 0 : -1;
    by(one.getAttribute("aria-controls")).hidden = !chosen;
  }
  if (tab.id === "tab-try") caller.begin();
  showPane().catch(() => { by("count").textContent = words.unchecked; });
};

tabs[0].parentElement.hidden = false;
tabs[0].parentElement.addEventListener("keydown", (event) => {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!step) return;
  const next = tabs[(tabs.indexOf(document.activeElement) + step + tabs.length) % tabs.length];
  next.focus();
  choose(next);
});
for (const tab of tabs) {
  tab.addEventListener("click", () => {
    against = "published";
    choose(tab);
  });
}

document.addEventListener("click", (event) => {
  const line = event.target.closest("[data-line]");
  if (line && line.tagName === "A") {
    event.preventDefault();
    editor.goTo(Number(line.dataset.line));
  }
  const asks = event.target.closest("[data-look]");
  if (asks) {
    against = asks.dataset.look;
    choose(by("tab-changes"));
    by("tab-changes").focus();
  }
});

// What is heard

onFailure(() => trouble(words.no_sound));

const sound = (items, language) => {
  const query = new URLSearchParams({ language });
  for (const item of items) query.append("item", item);
  return `${form.dataset.sound}?${query}`;
};

by("say-it").addEventListener("click", () => hear(sound([`text:${by("say-text").value}`], by("say-language").value)));

const caller = startCaller({ words, fill, sound, hear, walk: (wanted) => ask("POST", "/simulate", { source: editor.text(), case: wanted }) });
