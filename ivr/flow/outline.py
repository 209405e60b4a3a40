"""A menu as a tree to read: which node leads where, by which key, word or event. Pure; for pages and programs.

Each node stands once, as near to the start as it can be; where else it is led to, it is only named.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from ivr.flow.finding import line_of
from ivr.flow.load import Loaded
from ivr.flow.model import ENDINGS, AnyNode, Document, path_of
from ivr.flow.node import Node
from ivr.flow.nodes.goto import Subflow
from ivr.flow.parts import Path, PhrasesByLanguage, Prompt

Root = Literal["start", "after_talk", "human", "unreached"]
"""Why a tree begins here: callers come in, the talk is over, the key for people, nothing leads here."""


@dataclass(frozen=True, slots=True)
class Way:
    """How one comes from a node to the next. at: where that is written in the node; words: what may be said instead."""

    at: Path
    to: str
    words: PhrasesByLanguage = ()

    @property
    def key(self) -> str:
        """The key or extension, "" where there is none."""
        return self.at[1] if self.at[:1] in (("keys",), ("directory",)) else ""


@dataclass(frozen=True, slots=True)
class Said:
    """Something that a node says. at: where that is written in it; written: its author chose it, else it is the language's
    default."""

    at: Path
    prompts: tuple[Prompt, ...]
    written: bool

    @property
    def first(self) -> bool:
        """What callers hear when they come here."""
        return self.at == ("prompt",)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the tree. depth: 0 for a root; way: None at a root; node: None where there is no such node; again: it stands
    elsewhere in the tree with all that follows; line: where it is written, 0 where that isn't known."""

    depth: int
    name: str
    node: AnyNode | None
    line: int
    root: Root | None = None
    before: str = ""
    """The node that leads here."""
    way: Way | None = None
    again: bool = False

    @property
    def says(self) -> tuple[Said, ...]:
        """What is said here; what nobody says is left out."""
        node = self.node
        if node is None or self.again:
            return ()
        return tuple(
            Said(at, prompts, at[0] in node.model_fields_set)
            for at, prompts in node.prompts_at()
            if prompts and at[0] not in ("keys", "words")
        )


@dataclass(slots=True)
class _Tree:
    loaded: Loaded
    document: Document
    below: dict[str, list[tuple[Way, bool]]] = field(default_factory=dict)
    """By node: its ways, and whether the node they lead to stands there."""
    placed: set[str] = field(default_factory=set)

    def plant(self, name: str) -> None:
        """Place all that can be reached from here and isn't placed yet, the nearest first."""
        self.placed.add(name)
        waiting = deque([name])
        while waiting:
            here = waiting.popleft()
            self.below[here] = []
            for way in ways(self.document, here):
                new = way.to in self.document.every_node and way.to not in self.placed
                self.below[here].append((way, new))
                if new:
                    self.placed.add(way.to)
                    waiting.append(way.to)

    def rows(self, name: str, root: Root) -> Iterator[Row]:
        waiting = [Row(0, name, self.document.node(name), self._line(name), root)]
        while waiting:
            row = waiting.pop()
            yield row
            if row.node is not None and not row.again:
                waiting += [
                    Row(
                        row.depth + 1,
                        way.to,
                        self.document.node(way.to),
                        self._line(way.to),
                        before=row.name,
                        way=way,
                        again=not new and way.to in self.document.every_node,
                    )
                    for way, new in reversed(self.below.get(row.name, []))
                ]

    def _line(self, name: str) -> int:
        at = path_of(name)
        return line_of(self.loaded.lines, at) if at in self.loaded.lines else 0


def outline(loaded: Loaded) -> list[Row]:
    """The tree of a menu, in reading order; [] for what is none."""
    document = loaded.document
    if document is None:
        return []
    tree = _Tree(loaded, document)
    wanted: list[tuple[str | None, Root]] = [(document.start, "start"), (document.after_talk, "after_talk")]
    wanted += [(document.person(), "human"), *((name, "unreached") for name in document.every_node)]
    rows: list[Row] = []
    for name, root in wanted:
        if name is None or name in tree.placed:
            continue
        if name in document.every_node:
            tree.plant(name)
        elif root == "human":
            continue
        rows += tree.rows(name, root)
    return rows


def ways(document: Document, name: str) -> list[Way]:
    """The ways out of a node that its author wrote, in their order; the key for people and built-in endings are not among
    them."""
    node: Node = document.every_node[name]
    words = {at[:2]: said for at, _, said in node.words_at()}
    found: list[Way] = []
    if isinstance(node, Subflow):
        start = document.flows[node.flow].start if node.flow in document.flows else ""
        found.append(Way(("flow",), f"{node.flow}:{start}"))
    for edge in node.edges():
        if edge.to is not None and edge.to not in ENDINGS:
            found.append(Way(edge.at, document.resolve(name, edge.to), words.get(edge.at[:2], ())))
    return found
