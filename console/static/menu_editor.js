// A menu's YAML in CodeMirror, with what the checker found below the line it is about. In a shadow root, whose styles are
// constructable stylesheets: the content security policy allows no <style> element.
import {
  Decoration, EditorState, EditorView, GutterMarker, HighlightStyle, RangeSet, StateEffect, StateField, WidgetType,
  bracketMatching, defaultKeymap, drawSelection, foldGutter, foldKeymap, gutter, highlightActiveLine, highlightActiveLineGutter,
  highlightSelectionMatches, highlightSpecialChars, history, historyKeymap, indentOnInput, keymap, lineNumbers, search,
  searchKeymap, syntaxHighlighting, tags, yaml,
} from "./vendor/codemirror/codemirror.js";

const colours = HighlightStyle.define([
  { tag: [tags.propertyName, tags.definition(tags.propertyName)], color: "var(--teal)" },
  { tag: [tags.string, tags.content], color: "var(--ink)" },
  { tag: [tags.comment, tags.lineComment], color: "var(--faint)", fontStyle: "italic" },
  { tag: [tags.punctuation, tags.separator, tags.squareBracket, tags.brace], color: "var(--faint)" },
  { tag: [tags.keyword, tags.labelName, tags.typeName], color: "var(--blue)" },
]);

const theme = EditorView.theme({
  "&": {
    height: "max(400px, 57vh)", fontSize: "13.5px", color: "var(--ink)", background: "var(--paper)",
    border: "1px solid var(--rule)", borderRadius: "8px", overflow: "hidden",
  },
  "&.cm-focused": { outline: "2px solid var(--teal)", outlineOffset: "1px" },
  ".cm-scroller": { fontFamily: 'ui-monospace, "SFMono-Regular", Menlo, Consolas, "Noto Sans Mono CJK SC", monospace', lineHeight: "1.6" },
  ".cm-content": { caretColor: "var(--ink)", padding: "6px 0" },
  ".cm-cursor": { borderLeftColor: "var(--ink)" },
  ".cm-gutters": { background: "var(--ground)", color: "var(--faint)", borderRight: "1px solid var(--rule)" },
  ".cm-activeLine, .cm-activeLineGutter": { background: "color-mix(in srgb, var(--teal-wash) 45%, transparent)" },
  ".cm-selectionBackground, &.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground": { background: "var(--blue-wash)" },
  ".cm-foldPlaceholder": { background: "var(--teal-wash)", border: "0", color: "var(--teal)" },
  ".cm-panels": { background: "var(--ground)", color: "var(--ink)", borderColor: "var(--rule)" },
  ".cm-panel input, .cm-panel button": {
    font: "inherit", color: "var(--ink)", background: "var(--paper)", backgroundImage: "none", border: "1px solid var(--rule)",
    borderRadius: "6px",
  },
  ".cm-marks": { width: "16px", textAlign: "center" },
  ".cm-mark-error": { color: "var(--red)" },
  ".cm-mark-warning": { color: "var(--amber)" },
  ".cm-finding": {
    fontFamily: 'system-ui, "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif', fontSize: "13px",
    padding: "2px 10px", margin: "1px 6px", borderRadius: "6px", whiteSpace: "normal", lineHeight: "1.5",
  },
  ".cm-finding-error": { background: "var(--red-wash)", color: "var(--red)" },
  ".cm-finding-warning": { background: "var(--amber-wash)", color: "var(--amber)" },
});

// Chinese sentences follow each other without a space.
export const whole = ({ message, remedy }) => [message, remedy].join(document.documentElement.lang === "en" ? " " : "");

class Mark extends GutterMarker {
  constructor(severity, name) { super(); this.severity = severity; this.name = name; }

  eq(other) { return this.severity === other.severity; }

  toDOM() {
    const mark = document.createElement("span");
    mark.className = `cm-mark-${this.severity}`;
    mark.textContent = this.severity === "error" ? "✗" : "!";
    mark.title = this.name;
    return mark;
  }
}

class Note extends WidgetType {
  constructor(finding, name) { super(); this.finding = finding; this.name = name; }

  eq(other) { return this.finding.message === other.finding.message && this.finding.severity === other.finding.severity; }

  toDOM() {
    const note = document.createElement("div");
    note.className = `cm-finding cm-finding-${this.finding.severity}`;
    note.dataset.line = this.finding.line;
    note.textContent = `${this.name}: ${whole(this.finding)}`;
    return note;
  }
}

const found = StateEffect.define();

const findingsField = (words) => StateField.define({
  create: () => ({ notes: Decoration.none, marks: RangeSet.empty }),
  update(value, transaction) {
    let { notes, marks } = value;
    if (transaction.docChanged) {
      notes = notes.map(transaction.changes);
      marks = marks.map(transaction.changes);
    }
    for (const effect of transaction.effects) {
      if (!effect.is(found)) continue;
      const doc = transaction.state.doc;
      const worst = new Map();
      notes = Decoration.set(effect.value.map((finding) => {
        const line = doc.line(Math.min(Math.max(finding.line, 1), doc.lines));
        if (worst.get(line.from) !== "error") worst.set(line.from, finding.severity);
        return Decoration.widget({ widget: new Note(finding, words[finding.severity]), block: true, side: 1 }).range(line.to);
      }), true);
      marks = RangeSet.of([...worst].map(([from, severity]) => new Mark(severity, words[severity]).range(from)), true);
    }
    return { notes, marks };
  },
  provide: (field) => EditorView.decorations.from(field, (value) => value.notes),
});

// In `host`, an element without content. changed() is called at each change, save() at Ctrl-S.
export const openEditor = (host, text, words, { changed, save }) => {
  const root = host.attachShadow({ mode: "open" });
  const findings = findingsField(words);
  const view = new EditorView({
    parent: root,
    root,
    state: EditorState.create({
      doc: text,
      extensions: [
        lineNumbers(),
        findings,
        gutter({ class: "cm-marks", markers: (editor) => editor.state.field(findings).marks, initialSpacer: () => new Mark("warning", "") }),
        foldGutter(), highlightSpecialChars(), history(), drawSelection(), indentOnInput(), bracketMatching(),
        highlightActiveLine(), highlightActiveLineGutter(), highlightSelectionMatches(), search({ top: true }),
        EditorView.lineWrapping, yaml(), syntaxHighlighting(colours), theme, EditorState.phrases.of(words.phrases),
        EditorView.contentAttributes.of({ "aria-label": words.editor, tabindex: "0" }),
        EditorView.updateListener.of((update) => { if (update.docChanged) changed(); }),
        keymap.of([
          { key: "Mod-s", preventDefault: true, run: () => { save(); return true; } },
          ...defaultKeymap, ...searchKeymap, ...historyKeymap, ...foldKeymap,
        ]),
      ],
    }),
  });
  return {
    text: () => view.state.doc.toString(),
    show: (list) => view.dispatch({ effects: found.of(list) }),
    goTo: (number) => {
      const line = view.state.doc.line(Math.min(Math.max(number, 1), view.state.doc.lines));
      view.dispatch({ selection: { anchor: line.from }, effects: EditorView.scrollIntoView(line.from, { y: "center" }) });
      view.focus();
    },
  };
};
