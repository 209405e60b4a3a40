"""What all kinds of nodes share, and what they see of a run.

A kind is a class below nodes/: its fields are what stands in a document, its methods what it does when the caller comes there
and when something happens. It holds no state: what must be remembered while the caller is in it is a named count, or what has
been typed, of the Scene. Nodes say what they want by the Scene's verbs; nothing is returned."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Protocol

from pydantic import Field

from ivr.flow.events import FlowAction, Item, Outcome, Reading
from ivr.flow.hearing import Habit, Hearing
from ivr.flow.parts import Edge, Language, Part, Path, PhrasesByLanguage, Prompt, Retry

if TYPE_CHECKING:
    from ivr.flow.model import Document

AGAIN_LIMIT = 5
"""So often the same prompt is said again on request; after that the key has no meaning."""

TIME_LIMIT, CLOSED, END = "-time_limit", "-closed", "-end"
"""Endings every document has; no node of its own can bear such a name."""


class Opening(Protocol):
    """A calendar's working hours, as values."""

    def is_open(self, at: float) -> bool:
        """Whether somebody works at this moment, in seconds since 1970."""

    def special(self, at: float) -> str | None:
        """The name of the holiday, or of the company's own day off, that makes the moment's day one."""


class Openings(Protocol):
    """Working hours by calendar: a mapping, or what looks like one."""

    def get(self, calendar: str, /) -> Opening | None:
        """Its hours; None where nothing is known of it."""


class Scene(Protocol):
    """What a node sees of the run and may ask of it."""

    @property
    def document(self) -> Document: ...

    @property
    def here(self) -> str:
        """The node's name."""

    @property
    def language(self) -> Language:
        """What is spoken with the caller now."""

    @property
    def listens(self) -> bool:
        """Callers are heard in the language spoken now."""

    @property
    def at(self) -> float:
        """Seconds since 1970."""

    @property
    def playing(self) -> bool:
        """A prompt of this node is on."""

    @property
    def values(self) -> Mapping[str, str]:
        """The variables, and what is known of the caller."""

    def opening(self, calendar: str) -> Opening | None:
        """A calendar's hours; None where nothing is known of it."""

    def say(self, prompts: tuple[Prompt | Reading, ...]) -> None:
        """Play, and listen for what the node hears now; `done` follows."""

    def items(self, prompts: tuple[Prompt, ...]) -> tuple[Item, ...]:
        """Prompts with their values, in the language spoken now, as they can be played."""

    def hush(self) -> None:
        """Stop what plays, if anything does."""

    def wait(self, seconds: float | None) -> None:
        """`timeout` follows, unless something else happens first; None: it doesn't."""

    def go(self, to: str | None) -> None:
        """Leave for that node; None: for a person, or the end where there is none."""

    def enter_flow(self, flow: str, then: str) -> None:
        """Leave for the first node of a sub-flow; its `return` leads to `then`."""

    def leave_flow(self) -> None:
        """Leave for where the sub-flow was entered from; outside of one, for a person."""

    @property
    def has_person(self) -> bool:
        """There is a node that leads to a person."""

    @property
    def has_level_above(self) -> bool:
        """There is a menu before this node."""

    def back(self) -> None:
        """Leave for the menu before this node, in the language spoken there."""

    def pressed(self, digit: str) -> None:
        """Note the key for the timeline. Where it was said instead, the words stand there."""

    def want(self, action: FlowAction) -> None:
        """Have the call do something."""

    def number(self) -> int:
        """A number for a question: no other of this run has had it."""

    def last_number(self) -> int:
        """The latest question's."""

    def keep(self, digit: str) -> None:
        """Keep a key that was pressed early for the next menu."""

    def kept(self) -> str | None:
        """Take the first key kept."""

    def forget_kept(self) -> None:
        """Drop the keys kept: what they were meant for did not come."""

    typed: str
    """What has been keyed in at this node; empty when it is entered."""

    def count(self, what: str) -> int:
        """Add one to this node's count and return it; counts begin at nought when a node is entered."""

    def counted(self, what: str) -> int:
        """This node's count."""

    def forget(self, what: str) -> None:
        """Have a count begin anew."""

    def set(self, name: str, value: str) -> None:
        """Give a variable its value."""

    def speak(self, language: Language) -> None:
        """Speak this language from now on."""

    def queue(self, action: FlowAction) -> None:
        """Enter a queue: nothing plays and nothing is waited for but what the queue says."""

    def came_back(self, why: Literal["time_limit", "closed", "overflow"]) -> None:
        """Note why the queue gave the caller back: the reason of a later hang-up."""

    def end(self, refuse: int = 0) -> None:
        """Hang up; an unanswered call is refused with that status."""


class Node(Part):
    """What all kinds share. `language` switches the language from this node on, until another node switches it. What a kind
    doesn't care for does nothing."""

    level: ClassVar[bool] = False
    """Whether * (back) returns to nodes of this kind."""
    asks: ClassVar[bool] = False
    """Whether it waits for the caller to do something: a round through such nodes is no endless loop."""
    reaches_people: ClassVar[bool] = False
    """Whether a caller who comes here is heard by a person, now or later."""
    title: Annotated[str, Field(max_length=100)] = ""
    """What people read instead of the name: seats of a caller's way, supervisors in a call's timeline."""
    language: Language | None = None
    """The language spoken from here on, until another node switches it."""

    @property
    def needs_answer(self) -> bool:
        """Whether the call must be answered before the caller comes here."""
        return True

    @property
    def habits_work(self) -> bool:
        """Whether the keys that mean the same everywhere (0 * #) act here at once."""
        return False

    # For the checker

    def edges(self) -> Iterable[Edge]:
        """The ways out of this node."""
        return ()

    def prompts_at(self) -> Iterable[tuple[Path, tuple[Prompt, ...]]]:
        """What may be played here, and where that stands."""
        return ()

    def words_at(self) -> Iterable[tuple[Path, str, PhrasesByLanguage]]:
        """What may be said here: where that stands, what it means, the words."""
        return ()

    def reads(self) -> Iterable[tuple[Path, str]]:
        """The variables that this node reads, beside those in its prompts, and where."""
        return ()

    def writes(self) -> Iterable[tuple[Path, str]]:
        """The variables that this node gives values to, and where."""
        return ()

    # What callers may say

    def hears(self, scene: Scene) -> Hearing | None:
        """What may be said at this moment beside keys; None: nothing."""
        return None

    def question(self, scene: Scene) -> tuple[Prompt, ...]:
        """What the caller is being asked at this moment."""
        return ()

    def doubted(self, scene: Scene, meaning: str) -> tuple[Prompt | Reading, ...]:
        """How to say what was understood, to ask whether that is right; () where it can't be said: the question is asked
        again."""
        return ()

    # What happens

    def enter(self, scene: Scene) -> None:
        """The caller comes here."""

    def done(self, scene: Scene) -> None:
        """The prompt was heard to its end."""

    def key(self, scene: Scene, digit: str) -> None:
        """A key was pressed."""

    def spoken(self, scene: Scene, meaning: str) -> None:
        """Something was said that means this, by what the node hears. What played has been hushed."""

    def misheard(self, scene: Scene) -> None:
        """Something was said that means nothing here, or was not meant. What played has been hushed."""

    def unheard(self, scene: Scene) -> bool:
        """Nobody hears the caller. True: the node has gone another way; False: it goes on by keys."""
        return False

    def timeout(self, scene: Scene) -> None:
        """The time given to `wait` is over."""

    def returned(self, scene: Scene, why: Literal["time_limit", "closed", "overflow"]) -> None:
        """The queue gave the caller back; to a node that is no queue (the menu changed meanwhile): an apology and the end."""
        scene.came_back(why)
        scene.go(CLOSED if why == "closed" else TIME_LIMIT)

    def happened(self, scene: Scene, outcome: Outcome) -> None:
        """What was asked of the call has an outcome."""

    def resume(self, scene: Scene) -> None:
        """What the caller heard was lost; say it again."""
        self.enter(scene)


def follows(scene: Scene, habit: Habit) -> bool:
    """Whether the habit can be followed here. Back at the top is: hear it again."""
    match habit:
        case "human":
            return scene.has_person
        case "back":
            return scene.has_level_above or scene.counted("again") < AGAIN_LIMIT
        case _:
            return scene.counted("again") < AGAIN_LIMIT


def follow(scene: Scene, habit: Habit, prompt: tuple[Prompt, ...]) -> None:
    """To a person, back to the menu before, or the prompt again."""
    scene.forget_kept()
    scene.hush()
    if habit == "human":
        scene.go(None)
    elif habit == "back" and scene.has_level_above:
        scene.back()
    else:
        scene.count("again")
        scene.say(prompt)


def habit(scene: Scene, prompt: tuple[Prompt, ...], digit: str, *, human: bool = True) -> bool:
    """Do what this key means everywhere (0 a person, * back, # again); False when it means nothing here. human: whether 0 is
    asked for its meaning."""
    keys = scene.document.habits
    meant: dict[str | None, Habit] = {keys.again: "again", keys.back: "back"}
    if human:
        meant[keys.human] = "human"
    found = meant.get(digit)
    if found is None or not follows(scene, found):
        return False
    scene.pressed(digit)
    follow(scene, found, prompt)
    return True


def failed(scene: Scene, what: str, rule: Retry, prompt: tuple[Prompt, ...]) -> None:
    """The caller was not understood: the rule's prompt and the question again, at last to where the rule leads."""
    if scene.count(what) >= rule.limit:
        scene.go(rule.to)
    else:
        scene.say(rule.prompt + prompt)
