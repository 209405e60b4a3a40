"""A menu as the rules look at it: every state a caller can be in, and the ways between them.

A state is a node together with what matters of the way there: the language, whether the notice was heard, whether the call is
answered, whether nobody works, and the sub-flow that is run. A sub-flow is walked once for each manner in which it is entered,
and its return leads only to those who entered it so: a caller never comes out at somebody else's `then`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from ivr.flow.checks.facts import Facts
from ivr.flow.finding import Finding, Value, line_of
from ivr.flow.load import Loaded, split_path
from ivr.flow.model import ENDINGS, AnyNode, Document, path_of
from ivr.flow.node import END, Node
from ivr.flow.nodes.condition import Condition, Hours
from ivr.flow.nodes.extension import ExtensionNode
from ivr.flow.nodes.goto import Return, Subflow
from ivr.flow.nodes.language import LanguageChoice
from ivr.flow.nodes.menu import Menu
from ivr.flow.nodes.queue import QueueNode
from ivr.flow.nodes.say import Say
from ivr.flow.nodes.transfer import Transfer
from ivr.flow.parts import Edge, Path


@dataclass(frozen=True, slots=True)
class Manner:
    """How a caller comes to a node."""

    language: str
    answered: bool
    told: bool = False
    """The recording notice was heard."""
    closed: bool = False
    """Nobody works now, as far as the menu has asked."""
    served: bool = False
    """A person has talked with them, or they were offered one, or a message, or a return call."""


@dataclass(frozen=True, slots=True)
class State:
    """A caller at a node. inside: the sub-flow they are in and how they entered it."""

    node: str
    manner: Manner
    inside: tuple[str, Manner] | None = None


@dataclass(frozen=True, slots=True)
class Way:
    """From a node to another, as Edge; instant: neither the caller nor time is waited for but for what is said."""

    at: Path
    to: str
    silent: bool
    instant: bool


@dataclass
class Survey:
    """A document, what it is held against, and where callers can come."""

    loaded: Loaded
    document: Document
    facts: Facts
    ways: dict[str, list[Way]] = field(init=False)
    """By node, to existing nodes only; with those that nobody wrote down (0 to a person, the built-in endings)."""
    states: dict[State, State | None] = field(init=False, default_factory=dict)
    """All states, in order of the way there, each with the one it was first reached from."""
    after: dict[State, set[State]] = field(init=False, default_factory=dict)
    """The states that directly follow."""
    _entries: dict[tuple[str, Manner], set[tuple[State, str]]] = field(init=False, default_factory=dict)
    _exits: dict[tuple[str, Manner], set[State]] = field(init=False, default_factory=dict)
    _open: deque[State] = field(init=False, default_factory=deque)

    def __post_init__(self) -> None:
        document = self.document
        self.ways = {name: list(self._ways(name, node)) for name, node in {**document.every_node, **ENDINGS}.items()}
        if document.start in document.nodes:
            self._come(None, document.start, Manner(document.language, answered=not document.answers_later), None)
            self._walk()
        if document.after_talk in document.nodes:
            for state in list(self.states):
                if isinstance(self.node(state.node), QueueNode | ExtensionNode | Transfer):
                    self._come(state, str(document.after_talk), replace(state.manner, served=True), None)
            self._walk()

    # What rules ask

    def node(self, name: str) -> AnyNode:
        """The node of that full name, the built-in endings among them."""
        node = self.document.node(name)
        assert node is not None
        return node

    @cached_property
    def reached(self) -> Mapping[str, tuple[str, ...]]:
        """The nodes a caller can come to, each with the languages spoken there."""
        languages: dict[str, set[str]] = {}
        for state in self.states:
            languages.setdefault(state.node, set()).add(state.manner.language)
        return {name: tuple(sorted(spoken)) for name, spoken in languages.items()}

    @cached_property
    def leads_to_people(self) -> frozenset[State]:
        """The states from which a caller can come to people: a queue, a message, a return call …"""
        before: dict[State, list[State]] = {}
        for state, following in self.after.items():
            for other in following:
                before.setdefault(other, []).append(state)
        found = {state for state in self.states if self.node(state.node).reaches_people}
        open_ = list(found)
        while open_:
            for state in before.get(open_.pop(), ()):
                if state not in found:
                    found.add(state)
                    open_.append(state)
        return frozenset(found)

    def trail(self, state: State) -> str:
        """How a caller first comes there: "welcome → main"."""
        names = [state.node]
        earlier = self.states[state]
        while earlier is not None:
            names.append(earlier.node)
            earlier = self.states[earlier]
        return " → ".join(reversed(names))

    def found(self, at: Path, key: str, /, **values: Value) -> Finding:
        """A finding about what stands at this path of the document."""
        return Finding(self.loaded.file, line_of(self.loaded.lines, at), split_path(at)[0], key, values)

    def at(self, node: str, path: Path, key: str, /, **values: Value) -> Finding:
        """A finding about what stands at this path of a node."""
        return self.found((*path_of(node), *path), key, **values)

    # Inside

    def _ways(self, name: str, node: Node) -> Iterator[Way]:
        person = self.document.person()
        human = self.document.habits.human
        for edge in node.edges():
            to = person or END if edge.to is None else self.document.resolve(name, edge.to)
            if not edge.at and (person is None or human is None):  # the key for people has no meaning
                continue
            if to in self.document.every_node or to in ENDINGS:
                yield Way(edge.at, to, edge.silent, edge.silent or _is_instant(node, edge))
        if node.habits_work and person and human and not (isinstance(node, Menu) and human in node.keys):
            yield Way((), person, silent=False, instant=False)
        if isinstance(node, Subflow) and node.flow in self.document.flows:
            inner = f"{node.flow}:{self.document.flows[node.flow].start}"
            if inner in self.document.every_node:
                yield Way(("flow",), inner, silent=True, instant=True)
        if isinstance(node, Return) and ":" not in name:
            yield Way(("kind",), person or END, silent=True, instant=True)

    def _walk(self) -> None:
        while self._open:
            state = self._open.popleft()
            node = self.node(state.node)
            manner = state.manner
            if isinstance(node, Say) and node.notice and not node.interruptible:
                manner = replace(manner, told=True)
            if node.reaches_people and not isinstance(node, ExtensionNode):
                manner = replace(manner, served=True)
            if isinstance(node, Return) and state.inside is not None:
                self._exits.setdefault(state.inside, set()).add(state)
                for caller, then in list(self._entries[state.inside]):
                    self._come(state, then, manner, caller.inside)
                continue
            spoken = {manner.language, *(node.keys.values() if isinstance(node, LanguageChoice) else ())}
            for way in self.ways[state.node]:
                for language in sorted(spoken):
                    onward = replace(manner, language=language, closed=_closed(node, way, manner))
                    if not isinstance(node, Subflow):
                        self._come(state, way.to, onward, state.inside)
                    elif way.at == ("flow",):
                        self._enter(state, node, way.to, onward)

    def _enter(self, state: State, node: Subflow, inner: str, manner: Manner) -> None:
        entered = (node.flow, self._arriving(inner, manner))
        then = self.document.resolve(state.node, node.then)
        if then in self.document.every_node or then in ENDINGS:
            self._entries.setdefault(entered, set()).add((state, then))
            for exit_ in list(self._exits.get(entered, ())):
                self._come(exit_, then, exit_.manner, state.inside)
        else:
            self._entries.setdefault(entered, set())
        self._come(state, inner, manner, entered)

    def _come(self, before: State | None, name: str, manner: Manner, inside: tuple[str, Manner] | None) -> None:
        """A caller comes to this node. Who leads out of a sub-flow has left it for good."""
        flow = name.rpartition(":")[0]
        state = State(name, self._arriving(name, manner), inside if inside is not None and inside[0] == flow else None)
        if before is not None:
            self.after[before].add(state)
        if state not in self.states:
            self.states[state] = before
            self.after[state] = set()
            self._open.append(state)

    def _arriving(self, name: str, manner: Manner) -> Manner:
        node = self.node(name)
        return replace(manner, language=node.language or manner.language, answered=manner.answered or node.needs_answer)


def _is_instant(node: Node, edge: Edge) -> bool:
    """A full or closed queue gives callers back at once, and a number that can't be had needs nobody's key."""
    return (isinstance(node, QueueNode) and edge.at in (("on_closed",), ("on_overflow",))) or (
        isinstance(node, Transfer) and edge.at == ("failed",)
    )


def _closed(node: Node, way: Way, manner: Manner) -> bool:
    """Whether nobody works for callers who go this way."""
    match node:
        case Hours():
            return way.at != ("open",)
        case Condition() if any(case.when.open is not None for case in node.cases):
            asked = way.at[0] == "cases" and node.cases[int(way.at[1])].when.open is not None
            return False if asked else True if way.at == ("else",) else manner.closed
        case _:
            return manner.closed


def rounds(ways: Mapping[str, Iterable[str]]) -> list[list[str]]:
    """The rounds of a graph: groups of nodes in which each leads to all (strongly connected components, Tarjan's), in order of
    their first node."""
    number: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: dict[str, None] = {}  # in order, as a list is, and asked like a set
    found: list[list[str]] = []
    for root in ways:
        if root in number:
            continue
        path = [(root, iter(ways[root]))]
        number[root] = low[root] = len(number)
        stack[root] = None
        while path:
            name, left = path[-1]
            for to in left:
                if to not in ways:
                    continue
                if to not in number:
                    number[to] = low[to] = len(number)
                    stack[to] = None
                    path.append((to, iter(ways[to])))
                    break
                if to in stack:
                    low[name] = min(low[name], number[to])
            else:
                path.pop()
                if path:
                    low[path[-1][0]] = min(low[path[-1][0]], low[name])
                if low[name] == number[name]:
                    group: list[str] = []
                    while not group or group[-1] != name:
                        group.append(stack.popitem()[0])
                    if len(group) > 1 or name in ways[name]:
                        found.append(group)
    places = {name: place for place, name in enumerate(ways)}
    return sorted((sorted(group, key=places.__getitem__) for group in found), key=lambda group: places[group[0]])
