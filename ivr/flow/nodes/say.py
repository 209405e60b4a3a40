"""say: something is said."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, Self

from pydantic import model_validator
from pydantic_core import PydanticCustomError

from ivr.flow.events import Unrecorded
from ivr.flow.node import Node, Scene, habit
from ivr.flow.parts import Digit, Edge, MaybePrompts, Name, Part, Path, Prompt, Prompts


class Decline(Part):
    """The key by which a caller says no to being recorded, and what is said then."""

    key: Digit = "9"
    """The key."""
    prompt: MaybePrompts = ("recording_declined",)
    """Said when it was pressed."""


class Say(Node):
    """Says something, then goes on. With `notice: true` it is what callers must hear (that calls may be recorded); `decline`
    names a key by which they can refuse that, and the call goes on unrecorded.

    Keys pressed meanwhile: 0, * and # as everywhere, others cut it short and count for the next menu. A notice is always
    heard to its end; keys pressed in it, but for `decline`, count afterwards. `before_answer`: said while the call is not
    answered, so that it costs the owner of the number nothing; only before all nodes that need an answered call.
    """

    kind: Literal["say"]
    prompt: Prompts
    then: Name
    notice: bool = False
    """This is the recording notice (录音告知): heard to its end."""
    decline: Decline | None = None
    """A key by which callers refuse to be recorded."""
    barge_in: bool | None = None
    """Whether keys cut it short; by default all but notices."""
    before_answer: bool = False
    """Said before the call is answered."""

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        if self.decline is not None and not self.notice:
            raise PydanticCustomError("lone_decline", "decline belongs to a notice")
        if self.before_answer and self.notice:
            raise PydanticCustomError("unanswered_notice", "a notice is heard after the answer")
        return self

    @property
    def interruptible(self) -> bool:
        return not self.notice if self.barge_in is None else self.barge_in

    @property
    def habits_work(self) -> bool:
        return self.interruptible and not self.before_answer

    @property
    def needs_answer(self) -> bool:
        return not self.before_answer

    def edges(self) -> Iterable[Edge]:
        return (Edge(at=("then",), to=self.then, silent=True),)

    def prompts_at(self) -> Iterable[tuple[Path, tuple[Prompt, ...]]]:
        yield ("prompt",), self.prompt
        if self.decline is not None:
            yield ("decline", "prompt"), self.decline.prompt

    def enter(self, scene: Scene) -> None:
        scene.say(self.prompt)

    def done(self, scene: Scene) -> None:
        scene.go(self.then)

    def key(self, scene: Scene, digit: str) -> None:
        if self.decline is not None and digit == self.decline.key and not scene.counted("declined"):
            scene.count("declined")
            scene.pressed(digit)
            scene.want(Unrecorded())
            scene.hush()
            scene.say(self.decline.prompt) if self.decline.prompt else scene.go(self.then)
        elif not self.interruptible:
            scene.keep(digit)
        elif not (self.habits_work and habit(scene, self.prompt, digit)):
            scene.keep(digit)
            scene.hush()
            scene.go(self.then)

    def resume(self, scene: Scene) -> None:
        if scene.counted("declined"):
            scene.go(self.then)
        else:
            scene.say(self.prompt)
