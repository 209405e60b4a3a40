"""What is wrong with a menu, found before callers find it. One small function a rule, in RULES.

An error keeps a menu from being published: callers would hear nothing, be cut off, or be recorded without having been told.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from ivr.flow.finding import Finding, line_of
from ivr.flow.load import Loaded, load
from ivr.flow.model import END, ENDINGS, Document, Edge, Menu, Node, Queue, Say


@dataclass(frozen=True, slots=True)
class Facts:
    """What the rules know of the world around a menu. None: not known, so not checked."""

    prompts: Mapping[str, Collection[str]] | None = None
    """The prompts there are, by language."""
    queues: Collection[str] | None = None
    """The queues there are."""
    recorded: Collection[str] | None = None
    """The queues whose talks are recorded; not known counts as all."""


def check_file(
    path: Path,
    prompts: Mapping[str, Collection[str]] | None = None,
    queues: Collection[str] | None = None,
    recorded: Collection[str] | None = None,
) -> list[Finding]:
    """Read and check a menu file. Whatever the file holds, findings come back and nothing is raised."""
    name = str(path)
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        return [Finding("error", name, 0, "", f"Cannot be read: {error.strerror}.", "Is the path right?", "unreadable")]
    except UnicodeDecodeError:
        return [Finding("error", name, 0, "", "Not UTF-8 text.", "Save the file as UTF-8.", "unreadable")]
    return check(load(text, name), Facts(prompts, queues, recorded))


def check(loaded: Loaded, facts: Facts = Facts()) -> list[Finding]:
    """All findings of a menu that was read, by line."""
    findings = list(loaded.findings)
    if loaded.document is not None:
        menu = _Menu(loaded, loaded.document, facts)
        for rule in RULES:
            findings.extend(rule(menu))
    return sorted(findings, key=lambda finding: finding.line)


@dataclass(slots=True)
class _Menu:
    """A menu as the rules look at it: its ways, and who gets where."""

    loaded: Loaded
    document: Document
    facts: Facts
    ways: dict[str, list[Edge]] = field(init=False)
    """Ways by node, to existing nodes only, with those that nobody wrote down (0 to a person, the built-in endings)."""
    reached: dict[str, set[str]] = field(init=False)
    """The nodes a caller can come to, each with the languages spoken there."""

    def __post_init__(self) -> None:
        self.ways = {name: list(self._ways(node)) for name, node in {**self.document.nodes, **ENDINGS}.items()}
        self.reached = {}
        open_ = [(self.document.start, str(self.document.language))] if self.document.start in self.ways else []
        while open_:
            name, language = open_.pop()
            language = self.node(name).language or language
            if language not in self.reached.setdefault(name, set()):
                self.reached[name].add(language)
                open_.extend((edge.to, language) for edge in self.ways[name] if edge.to)

    def _ways(self, node: Node) -> Iterator[Edge]:
        person = self.document.person()
        for edge in node.edges():
            to = edge.to or person or END
            if to in self.document.nodes or to in ENDINGS:
                yield Edge(edge.at, to, edge.silent)
        human = self.document.habits.human
        if node.habits_work and person and human and not (isinstance(node, Menu) and human in node.keys):
            yield Edge((), person)

    def node(self, name: str) -> Node:
        node = self.document.node(name)
        assert node is not None
        return node

    def found(
        self, severity: Literal["error", "warning"], at: tuple[str, ...], message: str, remedy: str, rule: str
    ) -> Finding:
        node = at[1] if len(at) > 1 and at[0] == "nodes" else ""
        return Finding(severity, self.loaded.file, line_of(self.loaded.lines, at), node, message, remedy, rule)

    def onward(self, name: str, *, silent: bool) -> set[str]:
        """The nodes that lie beyond this one; silent: for a caller who does nothing."""
        seen: set[str] = set()
        open_ = [name]
        while open_:
            for edge in self.ways[open_.pop()]:
                if edge.to and edge.to not in seen and (edge.silent or not silent):
                    seen.add(edge.to)
                    open_.append(edge.to)
        return seen


def _missing_target(menu: _Menu) -> Iterator[Finding]:
    nodes = menu.document.nodes
    remedy = f"Nodes are: {', '.join(list(nodes)[:20])}."
    for at, to in (("start",), menu.document.start), (("human",), menu.document.human):
        if to is not None and to not in nodes:
            yield menu.found("error", at, f"There is no node {to!r}.", remedy, "missing_target")
    for name, node in nodes.items():
        for edge in node.edges():
            if edge.to is not None and edge.to not in nodes and edge.to not in ENDINGS:
                yield menu.found("error", ("nodes", name, *edge.at), f"There is no node {edge.to!r}.", remedy, "missing_target")


def _unreachable(menu: _Menu) -> Iterator[Finding]:
    for name in menu.document.nodes:
        if menu.reached and name not in menu.reached:
            yield menu.found("warning", ("nodes", name), "No way leads here.", "Lead a key here, or remove it.", "unreachable")


def _loop(menu: _Menu) -> Iterator[Finding]:
    told: set[str] = set()
    for name in menu.reached:
        round_ = menu.onward(name, silent=True)
        if name not in round_ or name in told:
            continue
        members = [other for other in menu.document.nodes if other in round_ and name in menu.onward(other, silent=True)]
        told.update(members)
        trail = ", ".join(members)
        if any(menu.node(member).level for member in members):
            message = f"A caller who presses nothing goes round for ever: {trail}."
            yield menu.found("warning", ("nodes", members[0]), message, "Let no_input lead to a person.", "silent_loop")
        else:
            message = f"Goes round for ever and never asks the caller: {trail}."
            yield menu.found("error", ("nodes", members[0]), message, "Put a menu or an end on the way.", "loop")


def _no_human(menu: _Menu) -> Iterator[Finding]:
    if not menu.reached:
        return
    if not any(isinstance(menu.node(name), Queue) for name in menu.reached):
        yield menu.found("error", ("nodes",), "No way leads to a person.", "Lead a key to a queue node.", "no_human")
        return
    if menu.document.person() is None and menu.document.human is None:
        message = "Which queue is for callers who press 0 or are not understood?"
        yield menu.found("error", ("nodes",), message, "Name its node: `human: …`.", "no_person")
    for name in menu.reached:
        beyond = menu.onward(name, silent=False)
        if menu.node(name).level and not any(isinstance(menu.node(other), Queue) for other in beyond):
            message = "From here no way leads to a person."
            yield menu.found("warning", ("nodes", name), message, "Lead 0 to a queue.", "no_human")


def _no_notice(menu: _Menu) -> Iterator[Finding]:
    came_from: dict[str, str] = {}
    open_ = [menu.document.start] if menu.reached else []
    while open_:
        name = open_.pop(0)
        node = menu.node(name)
        if isinstance(node, Queue) and (menu.facts.recorded is None or node.queue in menu.facts.recorded):
            trail = [name]
            while trail[0] in came_from:
                trail.insert(0, came_from[trail[0]])
            message = f"Talks are recorded, but callers can come here untold: {' → '.join(trail)}."
            yield menu.found("error", ("nodes", name), message, "Put a say node with `notice: true` before it.", "no_notice")
        if isinstance(node, Say) and node.notice and not node.interruptible:
            continue
        for edge in menu.ways[name]:
            if edge.to and edge.to not in came_from and edge.to != menu.document.start:
                came_from[edge.to] = name
                open_.append(edge.to)


def _notice_cut(menu: _Menu) -> Iterator[Finding]:
    for name, node in menu.document.nodes.items():
        if isinstance(node, Say) and node.notice and node.interruptible:
            message = "A key cuts this notice short, so it doesn't count as one."
            yield menu.found("warning", ("nodes", name, "barge_in"), message, "Remove barge_in.", "notice_cut")


def _missing_prompt(menu: _Menu) -> Iterator[Finding]:
    there = menu.facts.prompts
    if there is None:
        return
    for name, languages in menu.reached.items():
        for at, prompts in menu.node(name).prompts_at():
            for language in sorted(languages):
                for prompt in prompts:
                    if prompt in there.get(language, ()):
                        continue
                    others = [other for other in there if prompt in there[other]]
                    message = f"There is no prompt {prompt!r} in {language!r}"
                    message += f", callers hear it in {others[0]!r}." if others else "."
                    remedy = f"Record prompts/{language}/{prompt}.wav, or write its text in prompts/{language}/texts.yaml."
                    where = ("nodes", name, *at)
                    yield menu.found("warning" if others else "error", where, message, remedy, "missing_prompt")


def _missing_queue(menu: _Menu) -> Iterator[Finding]:
    queues = menu.facts.queues
    for name, node in menu.document.nodes.items():
        if queues is not None and isinstance(node, Queue) and node.queue not in queues:
            message, remedy = f"There is no queue {node.queue!r}.", f"Queues are: {', '.join(sorted(queues)) or 'none'}."
            yield menu.found("error", ("nodes", name, "queue"), message, remedy, "missing_queue")


def _keys(menu: _Menu) -> Iterator[Finding]:
    habits = menu.document.habits
    habit_keys = [digit for digit in (habits.human, habits.back, habits.again) if digit is not None]
    if len(set(habit_keys)) < len(habit_keys):
        yield menu.found("error", ("habits",), "One key has two meanings.", "Give each habit its own key.", "habit_twice")
    for name, node in menu.document.nodes.items():
        if not isinstance(node, Menu):
            continue
        words: dict[str, str] = {}
        for digit, choice in node.keys.items():
            at = ("nodes", name, "keys", digit)
            if digit == habits.human and not isinstance(menu.document.node(choice.to), Queue):
                message = f"Callers expect a person behind {digit}."
                yield menu.found("warning", at, message, "Take another key.", "habit_taken")
            for word in choice.words:
                if words.setdefault(word, digit) != digit:
                    message = f"The word {word!r} stands for {words[word]} and for {digit}."
                    yield menu.found("error", (*at, "words"), message, "Keep one of them.", "word_twice")


RULES: tuple[Callable[[_Menu], Iterator[Finding]], ...] = (
    _missing_target,
    _unreachable,
    _loop,
    _no_human,
    _no_notice,
    _notice_cut,
    _missing_prompt,
    _missing_queue,
    _keys,
)
