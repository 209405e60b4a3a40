"""The Scene that nodes see (node.py): what they may ask of a run, and what becomes of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal, cast

from ivr.flow.events import (
    FlowAction,
    HangUp,
    Item,
    Listen,
    Play,
    Pressed,
    Reading,
    Speech,
    StopListening,
    StopPlay,
)
from ivr.flow.hearing import Ears, Hearing
from ivr.flow.model import Document
from ivr.flow.node import END, Opening, Openings, follows
from ivr.flow.parts import Language, Prompt, Read, Text, filled
from ivr.flow.progress import Level, Progress

PROMPT_LIMIT_S = 180.0
"""A prompt whose end is not reported for so long counts as heard."""
KEPT_LIMIT = 32
"""So many keys pressed early are kept: who knows the menu keys in an order's number at once."""
DEPTH_LIMIT = 16
"""So deep may sub-flows enter sub-flows; beyond it a person is asked."""


class Stage:
    """How far the caller has come, what is to be done next, and the verbs that lead there."""

    def __init__(self, document: Document, openings: Openings, ears: Ears | None, progress: Progress) -> None:
        self._document = document
        self._openings = openings
        self._ears = ears
        self._is = progress
        self._now = 0.0
        self._next: str | None = None
        self._nothing = False  # what is to be said is nothing: it has been heard
        self._by_voice = False  # what happens now was said, not pressed
        self._out: list[FlowAction] = []

    @property
    def document(self) -> Document:
        return self._document

    @property
    def here(self) -> str:
        return self._is.name

    @property
    def language(self) -> Language:
        return cast(Language, self._is.language)

    @property
    def listens(self) -> bool:
        return self._ears is not None and self._is.language in self._ears.languages

    @property
    def values(self) -> Mapping[str, str]:
        return self._is.values

    @property
    def at(self) -> float:
        return self._is.epoch + self._now

    @property
    def playing(self) -> bool:
        return self._is.playing

    @property
    def typed(self) -> str:
        return self._is.typed

    @typed.setter
    def typed(self, digits: str) -> None:
        self._is.typed = digits

    def opening(self, calendar: str) -> Opening | None:
        return self._openings.get(calendar)

    # What is heard, by the caller and of the caller

    def say(self, prompts: tuple[Prompt | Reading, ...]) -> None:
        self.ask(prompts, self.heard_now())

    def ask(self, prompts: tuple[Prompt | Reading, ...], hearing: Hearing | None) -> None:
        """Play, and listen for this."""
        items = self.items(prompts)
        self.listen(hearing)
        self._is.playing = True
        self._is.due = None
        self._nothing = not items
        if items:
            self._is.play += 1
            self._is.heard_by = self._now + PROMPT_LIMIT_S
            self._out.append(Play(self._is.play, items, self._is.language))

    def heard_now(self) -> Hearing | None:
        """What may be said to the node now, habits too."""
        hearing = None if self._is.node is None else self._is.node.hears(self)
        return None if hearing is None else hearing.with_habits(self.language, lambda habit: follows(self, habit))

    def listen(self, hearing: Hearing | None) -> None:
        """A new turn, where there is something to hear and somebody who hears; else none any more."""
        ear = self._is.ear
        ear.speaking = ear.cut = False
        if hearing is None or not self.listens:
            self.stop_listening()
            return
        ear.turn += 1
        ear.open = True
        self._out = [action for action in self._out if not isinstance(action, StopListening)]  # this turn takes its place
        self._out.append(
            Listen(
                ear.turn,
                self._is.language,
                () if hearing.dictation else hearing.grammar(self.language),
                repeat=hearing.digits is not None,
                dictation=hearing.dictation,
                barge_in=hearing.barge_in,
                pause_s=hearing.pause_s,
                max_s=hearing.max_s,
            )
        )

    def stop_listening(self) -> None:
        """The caller is not heard any more."""
        self._is.ear.speaking = False
        if self._is.ear.open:
            self._is.ear.open = False
            self._out.append(StopListening())

    def items(self, prompts: tuple[Prompt | Reading, ...]) -> tuple[Item, ...]:
        return tuple(self._items(prompts))

    def hush(self) -> None:
        if self._is.playing:
            self._is.playing = False
            self._is.heard_by = None
            self._out.append(StopPlay())

    def wait(self, seconds: float | None) -> None:
        self._is.due = None if seconds is None else self._now + seconds

    # Where the way leads

    def go(self, to: str | None) -> None:
        self._next = (self._document.person() or END) if to is None else self._document.resolve(self._is.name, to)

    def enter_flow(self, flow: str, then: str) -> None:
        inner = self._document.flows.get(flow)
        if inner is None or len(self._is.entered) >= DEPTH_LIMIT:
            self.go(None)
            return
        self._is.entered.append((flow, self._document.resolve(self._is.name, then)))
        self._next = f"{flow}:{inner.start}"

    def leave_flow(self) -> None:
        if self._is.entered:
            _, self._next = self._is.entered.pop()
        else:
            self.go(None)

    @property
    def has_person(self) -> bool:
        return self._document.person() is not None

    @property
    def has_level_above(self) -> bool:
        return self._level_above() is not None

    def back(self) -> None:
        above = self._level_above()
        assert above is not None, "asked without has_level_above"
        self._next, self._is.language, entered = above
        self._is.entered = list(entered)

    def _level_above(self) -> Level | None:
        names = [name for name, _, _ in self._is.levels]
        depth = names.index(self._is.name) if self._is.name in names else len(names)
        return self._is.levels[depth - 1] if depth else None

    # What the call is to do

    def pressed(self, digit: str) -> None:
        if not self._by_voice:
            self._out.append(Pressed(self._is.name, digit))

    def want(self, action: FlowAction) -> None:
        self._out.append(action)

    def queue(self, action: FlowAction) -> None:
        self._is.playing = False
        self._is.heard_by = self._is.due = None
        self._is.reason = "menu_ended"
        self._out.append(action)

    def came_back(self, why: Literal["time_limit", "closed", "overflow"]) -> None:
        self._is.reason = "menu_ended" if why == "closed" else why

    def end(self, refuse: int = 0) -> None:
        self.stop_listening()
        self._is.ended = True
        self._is.heard_by = self._is.due = None
        self._out.append(HangUp(self._is.reason, 0 if self._is.answered else refuse))

    # What is remembered

    def number(self) -> int:
        self._is.question += 1
        return self._is.question

    def last_number(self) -> int:
        return self._is.question

    def keep(self, digit: str) -> None:
        if len(self._is.kept) < KEPT_LIMIT:
            self._is.kept += digit

    def kept(self) -> str | None:
        digit, self._is.kept = self._is.kept[:1], self._is.kept[1:]
        return digit or None

    def forget_kept(self) -> None:
        self._is.kept = ""

    def count(self, what: str) -> int:
        self._is.counts[what] = self.counted(what) + 1
        return self._is.counts[what]

    def counted(self, what: str) -> int:
        return self._is.counts.get(what, 0)

    def forget(self, what: str) -> None:
        self._is.counts.pop(what, None)

    def set(self, name: str, value: str) -> None:
        self._is.values[name] = value

    def speak(self, language: Language) -> None:
        self._is.language = language

    def _items(self, prompts: tuple[Prompt | Reading, ...]) -> Iterator[Item]:
        for prompt in prompts:
            if isinstance(prompt, Text):
                yield Speech(filled(prompt.in_language(self._is.language), self._is.values))
            elif isinstance(prompt, Read):
                value = self._is.values.get(prompt.read, "")
                if value:
                    yield Reading(prompt.as_, value)
            else:
                yield prompt
