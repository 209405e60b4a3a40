"""hangup: goodbye."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import Field

from ivr.flow.node import Node, Scene
from ivr.flow.parts import MaybePrompts, Path, Prompt


class Hangup(Node):
    """Says goodbye, if told to, and ends the call. `before_answer`: a caller who was not answered yet hears it unanswered and
    is refused with the status `refuse` (480 nobody there, 486 busy, 603 declined)."""

    kind: Literal["hangup"]
    prompt: MaybePrompts = ()
    before_answer: bool = False
    """Said before the call is answered, and the call refused."""
    refuse: Annotated[int, Field(ge=400, le=699)] = 480
    """The SIP status it is refused with: 480 nobody there, 486 busy, 603 declined."""

    @property
    def needs_answer(self) -> bool:
        return not self.before_answer

    def prompts_at(self) -> Iterable[tuple[Path, tuple[Prompt, ...]]]:
        return ((("prompt",), self.prompt),)

    def enter(self, scene: Scene) -> None:
        if self.prompt:
            scene.say(self.prompt)
        else:
            scene.end(self.refuse)

    def done(self, scene: Scene) -> None:
        scene.end(self.refuse)
