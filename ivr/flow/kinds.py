"""What each kind of node does when it is entered and when something happens: one small class a kind, found through BEHAVIOURS.

A behaviour holds no state; what a node must remember while the caller is in it is a named count of the Scene. Behaviours say
what they want by the Scene's verbs; nothing is returned.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Generic, Literal, Protocol, TypeVar

from ivr.flow.model import CLOSED, TIME_LIMIT, Document, Goto, Hangup, Menu, Node, NoInput, NoMatch, Queue, Say

AGAIN_LIMIT = 5
"""So often the same prompt is said again on request; after that the key has no meaning."""


class Scene(Protocol):
    """What a behaviour sees of the run and may ask of it."""

    @property
    def document(self) -> Document: ...

    @property
    def playing(self) -> bool:
        """A prompt of this node is on."""

    def say(self, prompts: tuple[str, ...]) -> None:
        """Play; `done` follows."""

    def hush(self) -> None:
        """Stop what plays, if anything does."""

    def wait(self, seconds: float) -> None:
        """`timeout` follows, unless something else happens first."""

    def go(self, to: str | None) -> None:
        """Leave for that node; None: for a person, or the end where there is none."""

    @property
    def has_person(self) -> bool:
        """There is a node that leads to a person."""

    @property
    def has_level_above(self) -> bool:
        """There is a menu before this node."""

    def back(self) -> None:
        """Leave for the menu before this node, in the language spoken there."""

    def pressed(self, digit: str) -> None:
        """Note the key for the timeline."""

    def keep(self, digit: str) -> None:
        """Keep a key that was pressed early for the next menu."""

    def kept(self) -> str | None:
        """Take the first key kept."""

    def forget_kept(self) -> None:
        """Drop the keys kept: what they were meant for did not come."""

    def count(self, what: str) -> int:
        """Add one to this node's count and return it; counts begin at nought when a node is entered."""

    def counted(self, what: str) -> int:
        """This node's count."""

    def queue(self, name: str) -> None:
        """Enter the queue."""

    def came_back(self, why: Literal["time_limit", "closed"]) -> None:
        """Note why the queue gave the caller back: the reason of a later hang-up."""

    def end(self) -> None:
        """Hang up."""


N = TypeVar("N", bound=Node)


class Behaviour(Generic[N]):
    """A node kind's part in the interpreter. What a kind doesn't care for does nothing."""

    def enter(self, scene: Scene, node: N) -> None:
        """The caller comes here."""

    def done(self, scene: Scene, node: N) -> None:
        """The prompt was heard to its end."""

    def key(self, scene: Scene, node: N, digit: str) -> None:
        """A key was pressed."""

    def timeout(self, scene: Scene, node: N) -> None:
        """The time given to `wait` is over."""

    def returned(self, scene: Scene, node: N, why: Literal["time_limit", "closed"]) -> None:
        """The queue gave the caller back; to a node that is no queue (the menu changed meanwhile): an apology and the end."""
        scene.came_back(why)
        scene.go(TIME_LIMIT if why == "time_limit" else CLOSED)

    def resume(self, scene: Scene, node: N) -> None:
        """What the caller heard was lost; say it again."""
        self.enter(scene, node)


class SayBehaviour(Behaviour[Say]):
    def enter(self, scene: Scene, node: Say) -> None:
        scene.say(node.prompt)

    def done(self, scene: Scene, node: Say) -> None:
        scene.go(node.then)

    def key(self, scene: Scene, node: Say, digit: str) -> None:
        if not node.interruptible:
            scene.keep(digit)
        elif not _habit(scene, node.prompt, digit):
            scene.keep(digit)
            scene.hush()
            scene.go(node.then)


class MenuBehaviour(Behaviour[Menu]):
    def enter(self, scene: Scene, node: Menu) -> None:
        early = scene.kept()
        if early is None:
            scene.say(node.prompt)
        else:
            self._take(scene, node, early)

    def done(self, scene: Scene, node: Menu) -> None:
        early = scene.kept()
        if early is None:
            scene.wait(node.timeout_s)
        else:
            self._take(scene, node, early)

    def key(self, scene: Scene, node: Menu, digit: str) -> None:
        if scene.playing and not node.barge_in:
            scene.keep(digit)
        else:
            self._take(scene, node, digit)

    def timeout(self, scene: Scene, node: Menu) -> None:
        self._failed(scene, node, "no_input", node.no_input)

    def resume(self, scene: Scene, node: Menu) -> None:
        scene.say(node.prompt)

    def _take(self, scene: Scene, node: Menu, digit: str) -> None:
        choice = node.keys.get(digit)
        if choice is not None:
            scene.pressed(digit)
            scene.hush()
            scene.go(choice.to)
        elif not _habit(scene, node.prompt, digit):
            scene.pressed(digit)
            scene.forget_kept()
            scene.hush()
            self._failed(scene, node, "no_match", node.no_match)

    def _failed(self, scene: Scene, node: Menu, what: str, rule: NoInput | NoMatch) -> None:
        if scene.count(what) >= rule.limit:
            scene.go(rule.to)
        else:
            scene.say(rule.prompt + node.prompt)


class QueueBehaviour(Behaviour[Queue]):
    def enter(self, scene: Scene, node: Queue) -> None:
        scene.forget_kept()
        if node.greeting:
            scene.say(node.greeting)
        else:
            self.done(scene, node)

    def done(self, scene: Scene, node: Queue) -> None:
        scene.count("queued")
        scene.queue(node.queue)

    def returned(self, scene: Scene, node: Queue, why: Literal["time_limit", "closed"]) -> None:
        scene.came_back(why)
        scene.go(node.on_timeout or TIME_LIMIT if why == "time_limit" else node.on_closed or CLOSED)

    def resume(self, scene: Scene, node: Queue) -> None:
        if not scene.counted("queued"):
            self.done(scene, node)


class GotoBehaviour(Behaviour[Goto]):
    def enter(self, scene: Scene, node: Goto) -> None:
        scene.go(node.to)


class HangupBehaviour(Behaviour[Hangup]):
    def enter(self, scene: Scene, node: Hangup) -> None:
        if node.prompt:
            scene.say(node.prompt)
        else:
            scene.end()

    def done(self, scene: Scene, node: Hangup) -> None:
        scene.end()


def _habit(scene: Scene, prompt: tuple[str, ...], digit: str) -> bool:
    """Do what this key means everywhere (0 a person, * back, # again); False when it means nothing here."""
    habits = scene.document.habits
    person = digit == habits.human and scene.has_person
    back = digit == habits.back and scene.has_level_above
    again = digit in (habits.again, habits.back) and scene.counted("again") < AGAIN_LIMIT  # back at the top: hear it again
    if not (person or back or again):
        return False
    scene.pressed(digit)
    scene.forget_kept()
    scene.hush()
    if person:
        scene.go(None)
    elif back:
        scene.back()
    else:
        scene.count("again")
        scene.say(prompt)
    return True


BEHAVIOURS: Mapping[str, Behaviour[Any]] = {
    "say": SayBehaviour(),
    "menu": MenuBehaviour(),
    "queue": QueueBehaviour(),
    "goto": GotoBehaviour(),
    "hangup": HangupBehaviour(),
}
"""The behaviour of each kind in model.AnyNode."""
