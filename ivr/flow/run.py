"""One caller's way through a menu: a plain state machine that can be put down and picked up after every event.

    run = FlowRun(document)
    actions = run.start(now)
    actions = run.receive(Key("1"), now)      # PromptDone, Key, QueueReturned, Resume
    due = run.deadline()                      # call tick(now) then
    saved = run.to_json(now)                  # … FlowRun.from_json(document, saved, now, elapsed_s)

`now` is any monotonic clock in seconds. What each kind of node does stands in kinds.py; here are the verbs they share. Every
wait has a bound: prompts that never report their end are taken as heard after PROMPT_LIMIT_S, callers who go in circles reach a
person, then the end.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from ivr.flow.events import (
    EnterQueue,
    FlowAction,
    FlowEvent,
    HangUp,
    Key,
    Play,
    Pressed,
    PromptDone,
    QueueReturned,
    Resume,
    StopPlay,
    Visit,
)
from ivr.flow.kinds import BEHAVIOURS
from ivr.flow.model import END, ENDINGS, AnyNode, Document

__all__ = [
    "EnterQueue",
    "FlowAction",
    "FlowEvent",
    "FlowRun",
    "HangUp",
    "Key",
    "Play",
    "Pressed",
    "PromptDone",
    "QueueReturned",
    "Resume",
    "StopPlay",
    "Visit",
]

PROMPT_LIMIT_S = 180.0
"""A prompt whose end is not reported for so long counts as heard."""
KEPT_LIMIT = 8
"""So many keys pressed early are kept."""


class FlowRun:
    """The interpreter. One object a call; after HangUp it answers everything with []."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._name = document.start
        self._node: AnyNode | None = None
        self._language: str = document.language
        self._play = 0
        self._playing = False
        self._deadline: float | None = None
        self._counts: dict[str, int] = {}
        self._levels: list[tuple[str, str]] = []
        self._kept = ""
        self._visits = 0
        self._reason = "menu_ended"
        self._ended = False
        self._now = 0.0
        self._next: str | None = None
        self._out: list[FlowAction] = []

    # What the call sees

    @property
    def document(self) -> Document:
        return self._document

    @property
    def node(self) -> str:
        """The node where the caller is."""
        return self._name

    @property
    def language(self) -> str:
        """The language spoken with the caller now: "zh" or "en"."""
        return self._language

    @property
    def ended(self) -> bool:
        """HangUp was returned."""
        return self._ended

    def start(self, now: float) -> list[FlowAction]:
        """The call is answered: enter the first node."""
        self._now = now
        self.go(self._document.start)
        return self._settle()

    def receive(self, event: FlowEvent, now: float) -> list[FlowAction]:
        """Something happened. Late and stale events give []."""
        node = self._node
        if self._ended or node is None:
            return []
        self._now = now
        behaviour = BEHAVIOURS[node.kind]
        match event:
            case PromptDone(play):
                if self._playing and play == self._play:
                    self._heard()
            case Key(digit):
                behaviour.key(self, node, digit)
            case QueueReturned(why):
                behaviour.returned(self, node, why)
            case _:  # Resume
                self._playing = False
                behaviour.resume(self, node)
        return self._settle()

    def deadline(self) -> float | None:
        """When tick() is wanted, or None."""
        return self._deadline

    def tick(self, now: float) -> list[FlowAction]:
        """Time passed; does nothing before the deadline."""
        node = self._node
        if node is None or self._deadline is None or now < self._deadline:
            return []
        self._now = now
        if self._playing:
            self._heard()
        else:
            self._deadline = None
            BEHAVIOURS[node.kind].timeout(self, node)
        return self._settle()

    def to_json(self, now: float) -> dict[str, Any]:
        """The state as JSON values; times as seconds that remain."""
        return {
            "node": self._name if self._node is not None else None,
            "language": self._language,
            "play": self._play,
            "playing": self._playing,
            "remaining_s": None if self._deadline is None else self._deadline - now,
            "counts": dict(self._counts),
            "levels": [list(level) for level in self._levels],
            "kept": self._kept,
            "visits": self._visits,
            "reason": self._reason,
            "ended": self._ended,
        }

    @classmethod
    def from_json(cls, document: Document, data: Mapping[str, Any], now: float, elapsed_s: float) -> FlowRun:
        """Pick up what to_json() put down `elapsed_s` ago. Deadlines that passed meanwhile are due at once.

        A node that `document` no longer has becomes the first one; send Resume() to be heard.
        """
        run = cls(document)
        run._language = data["language"]
        run._play = data["play"]
        run._levels = [(name, language) for name, language in data["levels"] if name in document.nodes]
        run._visits = data["visits"]
        run._reason = data["reason"]
        run._ended = data["ended"]
        if data["node"] is None:
            return run
        node = document.node(data["node"])
        if node is None:
            run._name = document.start if document.start in document.nodes else END
            run._node = document.node(run._name)
            return run
        run._name, run._node = data["node"], node
        run._playing = data["playing"]
        run._deadline = None if data["remaining_s"] is None else now + data["remaining_s"] - elapsed_s
        run._counts = dict(data["counts"])
        run._kept = data["kept"]
        return run

    # The Scene's verbs (kinds.py)

    @property
    def playing(self) -> bool:
        return self._playing

    def say(self, prompts: tuple[str, ...]) -> None:
        self._play += 1
        self._playing = True
        self._deadline = self._now + PROMPT_LIMIT_S
        self._out.append(Play(self._play, prompts, self._language))

    def hush(self) -> None:
        if self._playing:
            self._playing = False
            self._deadline = None
            self._out.append(StopPlay())

    def wait(self, seconds: float) -> None:
        self._deadline = self._now + seconds

    def go(self, to: str | None) -> None:
        self._next = to or self._document.person() or END

    @property
    def has_person(self) -> bool:
        return self._document.person() is not None

    @property
    def has_level_above(self) -> bool:
        return self._level_above() is not None

    def back(self) -> None:
        above = self._level_above()
        assert above is not None, "asked without has_level_above"
        self._next, self._language = above

    def pressed(self, digit: str) -> None:
        self._out.append(Pressed(self._name, digit))

    def keep(self, digit: str) -> None:
        if len(self._kept) < KEPT_LIMIT:
            self._kept += digit

    def kept(self) -> str | None:
        digit, self._kept = self._kept[:1], self._kept[1:]
        return digit or None

    def forget_kept(self) -> None:
        self._kept = ""

    def count(self, what: str) -> int:
        self._counts[what] = self.counted(what) + 1
        return self._counts[what]

    def counted(self, what: str) -> int:
        return self._counts.get(what, 0)

    def queue(self, name: str) -> None:
        self._playing = False
        self._deadline = None
        self._reason = "menu_ended"
        self._out.append(EnterQueue(name))

    def came_back(self, why: Literal["time_limit", "closed"]) -> None:
        self._reason = "time_limit" if why == "time_limit" else "menu_ended"

    def end(self) -> None:
        self._ended = True
        self._deadline = None
        self._out.append(HangUp(self._reason))

    # Inside

    def _level_above(self) -> tuple[str, str] | None:
        names = [name for name, _ in self._levels]
        depth = names.index(self._name) if self._name in names else len(names)
        return self._levels[depth - 1] if depth else None

    def _heard(self) -> None:
        self._playing = False
        self._deadline = None
        assert self._node is not None
        BEHAVIOURS[self._node.kind].done(self, self._node)

    def _settle(self) -> list[FlowAction]:
        """Enter nodes until one waits, and hand out what came of it."""
        while self._next is not None and not self._ended:
            name, self._next = self._next, None
            self._enter(name)
        out, self._out = self._out, []
        return out

    def _enter(self, name: str) -> None:
        self._visits += 1
        node = self._document.node(name)
        limit = self._document.max_visits
        if node is not None and node.kind != "hangup" and self._visits >= limit:  # the caller goes in circles
            name = self._document.person() or END if self._visits == limit else name if self._visits < 2 * limit else END
            node = self._document.node(name)
        if node is None:
            name, node = END, ENDINGS[END]
        self._name, self._node = name, node
        self._playing = False
        self._deadline = None
        self._counts = {}
        self._language = node.language or self._language
        if node.level:
            names = [level for level, _ in self._levels]
            if name in names:  # up again: what lay below is left
                del self._levels[names.index(name) :]
            self._levels.append((name, self._language))
        self._out.append(Visit(name))
        BEHAVIOURS[node.kind].enter(self, node)
