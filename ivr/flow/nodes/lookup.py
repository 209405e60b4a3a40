"""lookup: the company's own system is asked."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import Field

from ivr.flow.events import Entered, LookedUp, LookUp, Outcome
from ivr.flow.node import Node, Scene
from ivr.flow.parts import Edge, MaybePrompts, Name, Path, Prompt, Template, Variable, filled, names_in

SLACK_S = 1.0
"""The answer may come so much later than it should; then it is taken as failed."""


class Lookup(Node):
    """Asks the system that the settings name `lookup` (its address and its password stand there, not in menus), sends it
    `send`, and keeps values of its answer: variable to the place in its JSON ("order.status"). `found`; `not_found`: it says
    404; `failed` (default `not_found`): it can't be asked, or not within `timeout_s`. `prompt` is heard meanwhile."""

    kind: Literal["lookup"]
    lookup: Name
    """The system, by its name in the settings."""
    send: dict[Variable, Template] = Field(default_factory=dict)
    """What is sent, by name."""
    keep: dict[Variable, Annotated[str, Field(pattern=r"^\w[\w.]{0,100}$")]] = Field(default_factory=dict)
    """The variables that keep the answer: each with its place in the JSON."""
    found: Name
    """Where callers go when it knows them."""
    not_found: Name
    """Where they go when it does not (404)."""
    failed: Name | None = None
    """Where they go when it can't be asked; by default as when it knows nothing."""
    timeout_s: Annotated[float, Field(ge=0.5, le=15)] = 5.0
    prompt: MaybePrompts = ()

    def edges(self) -> Iterable[Edge]:
        yield Edge(("found",), self.found, silent=True)
        yield Edge(("not_found",), self.not_found, silent=True)
        if self.failed is not None:
            yield Edge(("failed",), self.failed, silent=True)

    def prompts_at(self) -> Iterable[tuple[Path, tuple[Prompt, ...]]]:
        return ((("prompt",), self.prompt),)

    def reads(self) -> Iterable[tuple[Path, str]]:
        for name, template in self.send.items():
            yield from ((("send", name), read) for read in names_in(template))

    def writes(self) -> Iterable[tuple[Path, str]]:
        return ((("keep", name), name) for name in self.keep)

    def enter(self, scene: Scene) -> None:
        """The prompt and the question go out together; the answer cuts the prompt short."""
        if self.prompt:
            scene.say(self.prompt)
        send = {name: filled(template, scene.values) for name, template in self.send.items()}
        scene.want(LookUp(scene.number(), self.lookup, send, self.timeout_s, self.keep))
        scene.wait(self.timeout_s + SLACK_S)

    def key(self, scene: Scene, digit: str) -> None:
        scene.keep(digit)

    def happened(self, scene: Scene, outcome: Outcome) -> None:
        if not isinstance(outcome, LookedUp) or outcome.number != scene.last_number():
            return
        scene.hush()
        for name in self.keep:
            scene.set(name, outcome.values.get(name, ""))
            scene.want(Entered(scene.here, name, outcome.values.get(name, "")))
        if outcome.found is None:
            scene.go(self.failed or self.not_found)
        else:
            scene.go(self.found if outcome.found else self.not_found)

    def timeout(self, scene: Scene) -> None:
        scene.hush()
        scene.go(self.failed or self.not_found)
