"""One caller's way through a menu: a plain state machine that can be put down and picked up after every event.

    run = FlowRun(document)
    actions = run.start(now, facts, at)
    actions = run.receive(Key("1"), now)      # PromptDone, Key, Words, QueueReturned, LookedUp …, Resume
    due = run.deadline()                      # call tick(now) then
    saved = run.to_json(now)                  # … FlowRun.from_json(document, saved, now, elapsed_s)

`now` is any monotonic clock in seconds, `at` the time since 1970 when the run starts. What each kind of node does stands in
nodes/, the verbs they share in stage.py, what becomes of speech in listening.py. Every wait has a bound: prompts that never
report their end are taken as heard after PROMPT_LIMIT_S, callers who go in circles reach a person, then the end.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ivr.flow.events import (
    Answer,
    FlowAction,
    FlowEvent,
    Key,
    Misheard,
    NotHearing,
    PromptDone,
    QueueReturned,
    Resume,
    SpeechBegan,
    Visit,
    Words,
)
from ivr.flow.hearing import Ears
from ivr.flow.listening import Listener
from ivr.flow.model import ENDINGS, Document
from ivr.flow.node import END, Opening, Openings
from ivr.flow.progress import Progress

NO_OPENINGS: Openings = dict[str, Opening]()


class FlowRun(Listener):
    """The interpreter. One object a call; after HangUp it answers everything with []."""

    def __init__(self, document: Document, openings: Openings = NO_OPENINGS, ears: Ears | None = None) -> None:
        """openings: working hours by calendar, as they are now; ears: speech, where it is to be had. Neither is put down with
        the run."""
        super().__init__(document, openings, ears, Progress.first(document))

    # What the call sees; language, values and document are the stage's

    @property
    def node(self) -> str:
        """The node where the caller is, by its full name."""
        return self._is.name

    @property
    def title(self) -> str:
        """What people call where the caller is: the node's title, else its name."""
        return (self._is.node.title if self._is.node is not None else "") or self._is.name

    @property
    def turn(self) -> int | None:
        """The turn in which the caller is heard; None while nobody is to hear."""
        return self._is.ear.turn if self._is.ear.open else None

    @property
    def ended(self) -> bool:
        """HangUp was returned."""
        return self._is.ended

    def start(
        self, now: float, facts: Mapping[str, str] | None = None, at: float = 0.0, *, answered: bool = True
    ) -> list[FlowAction]:
        """The call is there: enter the first node. facts: see model.FACTS. answered: False where the menu says when to answer,
        by Answer."""
        self._now, self._is.epoch = now, at - now
        self._is.values.update(facts or {})
        self._is.answered = answered
        self.go(self._document.start)
        return self._settle()

    def after_talk(self, now: float) -> list[FlowAction]:
        """The seat has hung up: on to what the document has for that, or to the end."""
        self._now = now
        self.hush()
        self.go(self._document.after_talk or END)
        return self._settle()

    def receive(self, event: FlowEvent, now: float) -> list[FlowAction]:
        """Something happened. Late and stale events give []."""
        node = self._is.node
        if self._is.ended or node is None:
            return []
        self._now = now
        match event:
            case PromptDone(play):
                if self._is.playing and play == self._is.play:
                    self._heard()
            case Key(digit):
                self._key(digit)
            case SpeechBegan():
                self._began(event)
            case Words():
                self._words(event)
            case Misheard():
                self._misheard(event)
            case NotHearing():
                self._not_hearing(event)
            case QueueReturned(why):
                node.returned(self, why)
            case Resume():
                self._resume()
            case _:
                node.happened(self, event)
        return self._settle()

    def deadline(self) -> float | None:
        """When tick() is wanted, or None."""
        return min((at for at in (self._is.heard_by, self._is.due) if at is not None), default=None)

    def tick(self, now: float) -> list[FlowAction]:
        """Time passed; does nothing before the deadline."""
        node = self._is.node
        if node is None:
            return []
        self._now = now
        if self._is.heard_by is not None and now >= self._is.heard_by:
            self._heard()
        elif self._is.due is not None and now >= self._is.due:
            self._is.due = None
            if self._is.ear.speaking:
                self._never_told()
            elif self._is.ear.doubt is not None:
                self._confirmed(None)
            else:
                node.timeout(self)
        return self._settle()

    def to_json(self, now: float) -> dict[str, Any]:
        """The state as JSON values; times as seconds that remain."""
        return self._is.to_json(now)

    @classmethod
    def from_json(
        cls,
        document: Document,
        data: Mapping[str, Any],
        now: float,
        elapsed_s: float,
        openings: Openings = NO_OPENINGS,
        ears: Ears | None = None,
    ) -> FlowRun:
        """Pick up what to_json() put down `elapsed_s` ago. Deadlines that passed meanwhile are due at once.

        A node that `document` no longer has becomes the first one; send Resume() to be heard, and to hear.
        """
        run = cls(document, openings, ears)
        run._is = Progress.from_json(document, data, now, elapsed_s)
        return run

    # Inside

    def _key(self, digit: str) -> None:
        """Who presses a key is not listened to until the next question; one that means nothing changes nothing."""
        turn, before = self._is.ear.turn, (len(self._out), self._is.typed)
        if self._is.ear.doubt is None:
            self._node().key(self, digit)
        else:
            self._confirmed_by_key(digit)
        if turn == self._is.ear.turn and before != (len(self._out), self._is.typed):
            self.stop_listening()

    def _resume(self) -> None:
        """What was heard, either way, is lost."""
        self._is.playing = self._is.ear.open = self._is.ear.speaking = False
        self._is.heard_by = None
        if self._is.ear.doubt is None:
            self._node().resume(self)
        else:
            self._ask_again()

    def _heard(self) -> None:
        self._is.playing = False
        self._is.heard_by = None
        self._heard_out()

    def _settle(self) -> list[FlowAction]:
        """Enter nodes until one waits, and hand out what came of it."""
        while not self._is.ended and (self._next is not None or self._nothing):
            name, self._next = self._next, None
            if name is not None:
                self._enter(name)
            elif self._is.playing:
                self._nothing = False
                self._heard()
            else:
                self._nothing = False
        out, self._out = self._out, []
        return out

    def _enter(self, name: str) -> None:
        at = self._is
        at.visits += 1
        node = self._document.node(name)
        limit = self._document.max_visits
        if node is not None and node.kind != "hangup" and at.visits >= limit:  # the caller goes in circles
            name = self._document.person() or END if at.visits == limit else name if at.visits < 2 * limit else END
            node = self._document.node(name)
        if node is None:
            name, node = END, ENDINGS[END]
        self.stop_listening()
        at.ear.renew()
        at.name, at.node = name, node
        at.playing = False
        at.heard_by = at.due = None
        at.counts = {}
        at.typed = ""
        self._drop_left_flows(name)
        at.language = node.language or at.language
        if node.level:
            names = [level for level, _, _ in at.levels]
            if name in names:  # up again: what lay below is left
                del at.levels[names.index(name) :]
            at.levels.append((name, at.language, tuple(at.entered)))
        if node.needs_answer and not at.answered:
            at.answered = True
            self._out.append(Answer())
        self._out.append(Visit(name, node.title))
        node.enter(self)

    def _drop_left_flows(self, name: str) -> None:
        """Sub-flows that this node is not in were left for good."""
        flow = name.rpartition(":")[0]
        while self._is.entered and self._is.entered[-1][0] != flow:
            self._is.entered.pop()
