"""A caller's way through a menu without a telephone: inputs go in, what is heard and where it leads comes out. Time is made up.

    walk = Simulation(document, texts, World(facts={"caller": "13912345678"}))
    walk.begin(); walk.press("1"); walk.silence()
    walk.path, walk.heard, walk.end

The simulated caller is patient: prompts are heard to their end before a key is pressed, but by `press(…, early=True)`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from ivr.flow import events as say
from ivr.flow.hearing import Ears
from ivr.flow.model import Document
from ivr.flow.node import Opening
from ivr.flow.run import FlowRun

STEPS_LIMIT = 500
"""A menu that goes on by itself for so long is going round in circles."""

Texts = Callable[[say.Item, str], str]
"""The words of a prompt in a language, for who reads instead of hears."""


@dataclass(frozen=True, slots=True)
class Always:
    """A calendar that always says the same. holiday: the name of the day off."""

    open: bool
    holiday: str | None = None

    def is_open(self, at: float) -> bool:
        return self.open

    def special(self, at: float) -> str | None:
        return self.holiday


class Calendars(dict[str, Opening]):
    """Calendars by name, and what those say that are not named."""

    def __init__(self, named: Mapping[str, Opening], others: Opening | None) -> None:
        super().__init__(named)
        self._others = others

    def get(self, name: str, default: Any = None) -> Any:
        return super().get(name) or self._others or default


@dataclass(frozen=True, slots=True)
class World:
    """What the menu will find: what is known of the caller, when it is, working hours by calendar, what lookups answer and how
    queues are, by name."""

    facts: Mapping[str, str] = field(default_factory=dict)
    at: float = 0.0
    openings: Mapping[str, Opening] = field(default_factory=dict)
    lookups: Mapping[str, say.LookedUp] = field(default_factory=dict)
    """`number` is put in by the simulation. A lookup that is not named can't be asked."""
    queues: Mapping[str, say.QueueSeen] = field(default_factory=dict)
    """Likewise. A queue that is not named is empty."""
    ears: Ears | None = field(default_factory=Ears)
    """Speech; None: there is none."""


class Simulation:
    """One simulated call."""

    def __init__(self, document: Document, texts: Texts, world: World = World()) -> None:
        self._texts = texts
        self._world = world
        self._now = 0.0
        self._playing: int | None = None
        self._questions: list[say.LookUp | say.AskQueue] = []
        self.run = FlowRun(document, world.openings, world.ears)
        self.path: list[str] = []
        """The nodes passed, in order."""
        self.heard: list[str] = []
        """What was said, in order."""
        self.done: list[say.FlowAction] = []
        """All that the menu wanted, in order."""
        self.end = ""
        """Where the call is when the menu has no more to do by itself: "queue NAME", "seat NUMBER", "number NUMBER", "message",
        "hangup", or "" while the menu waits for the caller."""

    def begin(self) -> None:
        """The call comes in, and something is said."""
        world = self._world
        self._take(self.run.start(self._now, world.facts, world.at, answered=not self.run.document.answers_later))

    def press(self, keys: str, *, early: bool = False) -> None:
        """Press keys one after the other. early: into what is being said."""
        for key in keys:
            if not early:
                self.listen()
            self._receive(say.Key(key))
        if not early:
            self.listen()

    def speak(self, words: str, confidence: float = 1.0, alternatives: Sequence[say.Alternative] = ()) -> None:
        """Say something, that is understood so. Nothing happens where nobody is to hear."""
        self._hear(lambda turn: say.Words(words, turn, confidence, tuple(alternatives)))

    def mumble(self, why: Literal["unknown", "too_much", "noise"]) -> None:
        """Say something that is not understood."""
        self._hear(lambda turn: say.Misheard(turn, why))

    def fall_deaf(self, why: Literal["busy", "slow", "failed", "off"]) -> None:
        """Nobody hears what the caller is about to say."""
        self.listen()
        if self.run.turn is not None:
            self._receive(say.NotHearing(self.run.turn, why))
        self.listen()

    def silence(self) -> None:
        """Do nothing until the menu does something."""
        self.listen()
        due = self.run.deadline()
        if due is not None:
            self._now = max(self._now, due)
            self._take(self.run.tick(self._now))
        self.listen()

    def listen(self) -> None:
        """Hear what is said to its end, and what follows of itself."""
        for _ in range(STEPS_LIMIT):
            if self._questions:
                self._answer(self._questions.pop(0))
            elif self._playing is not None:
                play, self._playing = self._playing, None
                self._receive(say.PromptDone(play))
            else:
                return
        raise RecursionError(f"the menu goes on by itself for ever: … {' > '.join(self.path[-6:])}")

    def give_back(self, why: Literal["time_limit", "closed", "overflow"]) -> None:
        """The queue gives the caller back."""
        self.listen()
        self._receive(say.QueueReturned(why))
        self.listen()

    def not_reached(self, why: str) -> None:
        """Whom the menu called can't be had."""
        self.listen()
        self.end = ""
        self._receive(say.ConnectFailed(why))
        self.listen()

    def message(self, seconds: float) -> None:
        """Leave a message of that length."""
        self.listen()
        self.end = ""
        self._receive(say.MessageDone(seconds))
        self.listen()

    def talk_over(self) -> None:
        """The seat talked with the caller and hung up."""
        self.listen()
        self.end = ""
        self._take(self.run.after_talk(self._now))
        self.listen()

    def _hear(self, result: Callable[[int], say.FlowEvent]) -> None:
        self.listen()
        turn = self.run.turn
        if turn is not None:
            self._receive(say.SpeechBegan(turn))
            self._receive(result(turn))
        self.listen()

    def _receive(self, event: say.FlowEvent) -> None:
        self._now += 1.0
        self._take(self.run.receive(event, self._now))

    def _answer(self, question: say.LookUp | say.AskQueue) -> None:
        number = question.number
        if isinstance(question, say.LookUp):
            known = self._world.lookups.get(question.lookup)
            found, values = (known.found, known.values) if known is not None else (None, {})
            self._receive(say.LookedUp(number, found, values))
        else:
            seen = self._world.queues.get(question.queue, say.QueueSeen(0, 0, 1, 0.0))
            self._receive(say.QueueSeen(number, seen.waiting, seen.ready, seen.wait_s))

    def _take(self, actions: Sequence[say.FlowAction]) -> None:
        self.done += actions
        for action in actions:
            match action:
                case say.Play(play, prompts, language):
                    self._playing = play
                    self.heard.append("".join(self._texts(item, language) for item in prompts))
                case say.StopPlay():
                    self._playing = None
                case say.Visit(node, _):
                    self.path.append(node)
                    self._playing, self.end = None, ""
                    self._questions.clear()
                case say.LookUp() | say.AskQueue():
                    self._questions.append(action)
                case say.EnterQueue():
                    self.end = f"queue {action.queue}"
                case say.Connect():
                    self.end = f"{action.kind} {action.to}"
                case say.RecordMessage():
                    self.end = "message"
                case say.HangUp():
                    self.end = "hangup"
                case _:
                    pass
