// Being a caller of the menu in the editor: keys, words and silence go to the server, which leads the whole call anew each time.

const by = (id) => document.getElementById(id);

// walk(case) asks the server; sound(items, language) is the address of what is heard, hear(address) plays it.
export const startCaller = ({ words, fill, sound, hear, walk }) => {
  const talk = by("talk");
  let inputs = [];
  let labels = []; // what people call the inputs
  let asked = 0;
  let begun = false;

  const line = (className, text) => {
    const item = document.createElement("p");
    item.className = className;
    item.textContent = text;
    return item;
  };

  const spoken = (heard) => {
    const said = line("heard", `“${heard.text}” `);
    if (heard.items.length) {
      const link = document.createElement("a");
      link.className = "hear";
      link.href = sound(heard.items, heard.language);
      const sign = document.createElement("span");
      sign.setAttribute("aria-hidden", "true");
      sign.textContent = "▶ ";
      link.append(sign, words.hear);
      said.append(link);
    }
    return said;
  };

  const draw = ({ steps, endless }) => {
    const items = steps.map((step, n) => {
      const item = document.createElement("div");
      item.append(line("did", n ? labels[n - 1] : words.calling));
      if (step.titles.length) item.append(line("path", step.titles.join(" → ")));
      item.append(...step.heard.map(spoken));
      if (step.end_text) item.append(line(`end ${step.end}`, step.end_text));
      return item;
    });
    const last = steps.at(-1);
    if (endless) {
      const item = document.createElement("div");
      item.append(line("end bad", words.endless));
      items.push(item);
    } else if (last && !last.end) {
      items.at(-1).append(line("faint", words.waiting));
    }
    talk.replaceChildren(...items);
    talk.scrollTop = talk.scrollHeight;
    const kind = last ? last.end.split(" ")[0] : "";
    for (const later of document.querySelectorAll("[data-when]")) later.hidden = !later.dataset.when.split(" ").includes(kind);
    inputs = inputs.slice(0, Math.max(0, steps.length - 1)); // what came after the end was not heard
    labels = labels.slice(0, inputs.length);
    if (by("try-aloud").checked && last && last.heard.length) {
      const heard = last.heard.at(-1);
      if (heard.items.length) hear(sound(heard.items, heard.language));
    }
  };

  const go = async () => {
    const mine = ++asked;
    const facts = { caller: by("try-caller").value, dialable: by("try-caller").value ? "yes" : "" };
    if (by("try-class").value) facts.class = by("try-class").value;
    try {
      const answer = await walk({ name: "page", open: !by("try-closed").checked, facts, inputs });
      const found = await answer.json();
      if (mine !== asked) return;
      if (answer.ok) draw(found);
      else talk.replaceChildren(line("end bad", answer.status === 401 ? words.logged_out : found.detail || found.title));
    } catch {
      if (mine === asked) talk.replaceChildren(line("end bad", words.unchecked));
    }
  };

  const add = (input, label) => {
    inputs.push(input);
    labels.push(label);
    go();
  };

  const again = () => {
    inputs = [];
    labels = [];
    go();
  };

  const say = () => {
    const text = by("try-words").value.trim();
    if (text) add({ say: text }, fill(words.said, { text }));
    by("try-words").value = "";
  };

  by("try-call").addEventListener("click", again);
  for (const id of ["try-closed", "try-caller", "try-class"]) by(id).addEventListener("change", again);
  for (const key of document.querySelectorAll("[data-key]")) key.addEventListener("click", () => add(key.dataset.key, fill(words.pressed, { keys: key.dataset.key })));
  for (const button of document.querySelectorAll("[data-input]")) {
    const { input } = button.dataset;
    button.addEventListener("click", () => add(input.startsWith("{") ? JSON.parse(input) : input, button.textContent));
  }
  by("try-say").addEventListener("click", say);
  by("try-words").addEventListener("keydown", (event) => {
    if (event.key === "Enter") {
      event.preventDefault();
      say();
    }
  });

  return {
    // The first look at the pane dials; after that its own buttons do.
    begin: () => {
      if (!begun) again();
      begun = true;
    },
  };
};
