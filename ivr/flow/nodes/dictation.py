"""dictation: the caller says in their own words what the call is about."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from ivr.flow.events import Entered
from ivr.flow.hearing import Hearing
from ivr.flow.node import Node, Scene
from ivr.flow.parts import Digit, Edge, Name, Path, Prompt, Prompts, Variable

TRIES = 2


class Dictation(Node):
    """Open dictation: what the caller says, in any words, is kept in the variable `into`, for the seat that takes the call and
    for the call log. `skip` goes on without; so does who twice says nothing that is understood. Where nobody hears, the way
    goes on to `without` (default: `then`) at once. 0 leads to a person."""

    asks: ClassVar[bool] = True
    kind: Literal["dictation"]
    prompt: Prompts = ("speech_say_what",)
    into: Variable
    """The variable that keeps the words."""
    then: Name
    without: Name | None = None
    """Where callers go when there is no speech; by default as if they had said nothing."""
    skip: Digit | None = "#"
    """The key that goes on without words."""
    timeout_s: Annotated[float, Field(ge=1, le=60)] = 5.0
    pause_s: Annotated[float, Field(ge=0.3, le=5)] = 1.5
    """So much silence ends what is said."""
    max_s: Annotated[float, Field(ge=2, le=60)] = 20.0
    """So long it may last."""
    max_letters: Annotated[int, Field(ge=10, le=500)] = 200
    """So much of it is kept."""

    def edges(self) -> Iterable[Edge]:
        yield Edge(("then",), self.then, silent=True)
        if self.without is not None:
            yield Edge(("without",), self.without, silent=True)
        yield Edge((), None)  # 0

    def prompts_at(self) -> Iterable[tuple[Path, tuple[Prompt, ...]]]:
        yield ("prompt",), self.prompt

    def writes(self) -> Iterable[tuple[Path, str]]:
        return ((("into",), self.into),)

    def hears(self, scene: Scene) -> Hearing | None:
        return Hearing(dictation=True, settled=True, habits=(), pause_s=self.pause_s, max_s=self.max_s)

    def question(self, scene: Scene) -> tuple[Prompt, ...]:
        return self.prompt

    def enter(self, scene: Scene) -> None:
        scene.forget_kept()
        if scene.listens:
            scene.say(self.prompt)
        else:
            self.unheard(scene)

    def done(self, scene: Scene) -> None:
        scene.wait(self.timeout_s)

    def key(self, scene: Scene, digit: str) -> None:
        if digit == self.skip:
            scene.pressed(digit)
            scene.hush()
            scene.go(self.then)
        elif digit == scene.document.habits.human and scene.has_person:
            scene.pressed(digit)
            scene.hush()
            scene.go(None)
        else:
            scene.hush()
            scene.say(self.prompt)

    def spoken(self, scene: Scene, meaning: str) -> None:
        words = meaning[: self.max_letters]
        scene.set(self.into, words)
        scene.want(Entered(scene.here, self.into, words))
        scene.go(self.then)

    def misheard(self, scene: Scene) -> None:
        if scene.count("tries") < TRIES:
            scene.say(self.prompt)
        else:
            scene.go(self.then)

    def timeout(self, scene: Scene) -> None:
        self.misheard(scene)

    def unheard(self, scene: Scene) -> bool:
        scene.go(self.without or self.then)
        return True

    def resume(self, scene: Scene) -> None:
        self.enter(scene)
