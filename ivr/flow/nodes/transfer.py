"""transfer: the caller is put through to an outside number, if the dial plan lets it out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from ivr.flow.events import Connect, ConnectFailed, Outcome
from ivr.flow.node import Node, Scene
from ivr.flow.parts import Edge, MaybePrompts, Name, Path, Prompt


class Transfer(Node):
    """Calls the outside `number` and joins the caller with it. Only a number that stands in the menu and that the dial plan of
    `trunk` (default: the first that takes it) lets out; `failed` (default: to a person): it is busy, doesn't answer, or is not
    allowed."""

    reaches_people: ClassVar[bool] = True
    kind: Literal["transfer"]
    number: Annotated[str, Field(pattern=r"^\+?[0-9]{3,20}$")]
    """The outside number."""
    trunk: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{0,64}$")] = ""
    """The trunk; by default the first that lets the number out."""
    prompt: MaybePrompts = ("transfer_wait",)
    ring_s: Annotated[float, Field(ge=5, le=120)] = 45.0
    """So long it rings."""
    failed: Name | None = None
    """Where callers go when it can't be had; by default to a person."""

    def edges(self) -> Iterable[Edge]:
        return (Edge(("failed",), self.failed),)

    def prompts_at(self) -> Iterable[tuple[Path, tuple[Prompt, ...]]]:
        return ((("prompt",), self.prompt),)

    def enter(self, scene: Scene) -> None:
        scene.forget_kept()
        if self.prompt:
            scene.say(self.prompt)
        else:
            self.done(scene)

    def done(self, scene: Scene) -> None:
        scene.count("calling")
        scene.wait(None)
        scene.want(Connect("number", self.number, self.trunk, self.ring_s))

    def happened(self, scene: Scene, outcome: Outcome) -> None:
        if isinstance(outcome, ConnectFailed):
            scene.go(self.failed)

    def resume(self, scene: Scene) -> None:
        self.done(scene)
