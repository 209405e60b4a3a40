"""voicemail: the caller leaves a message, and is owed a return call for it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from ivr.flow.events import MessageDone, Outcome, Promise, RecordMessage, StopMessage
from ivr.flow.node import Node, Scene
from ivr.flow.parts import Digit, Edge, Name, Path, Prompt, Prompts

SLACK_S = 5.0
"""The message's end is waited for so much longer than it may last."""
TRIES = 2


class Voicemail(Node):
    """A greeting, a beep, and up to `max_s` seconds of a message, ended by `stop`, by `silence_s` of silence, or by the caller
    hanging up. It is kept with the call and owed as a return call. A message under `min_s` is asked for once more. Then `saved`
    is said, or `not_saved`, and the way goes on to `then` (default: the end). Where we fail to record, a return call is owed
    without a message."""

    asks: ClassVar[bool] = True
    reaches_people: ClassVar[bool] = True
    kind: Literal["voicemail"]
    prompt: Prompts = ("voicemail_greeting",)
    beep: Prompts = ("beep",)
    """After it the recording begins."""
    saved: Prompts = ("voicemail_saved",)
    """Said when the message is kept."""
    too_short: Prompts = ("voicemail_too_short",)
    """Said when it was shorter than `min_s`."""
    not_saved: Prompts = ("voicemail_failed",)
    """Said when it could not be kept."""
    stop: Digit = "#"
    """The key that ends the message."""
    max_s: Annotated[float, Field(ge=5, le=600)] = 120.0
    """The longest message."""
    min_s: Annotated[float, Field(ge=0, le=10)] = 2.0
    """The shortest message."""
    silence_s: Annotated[float, Field(ge=2, le=30)] = 6.0
    """So much silence ends the message."""
    then: Name | None = None

    def edges(self) -> Iterable[Edge]:
        if self.then is not None:
            yield Edge(("then",), self.then, silent=True)
        yield Edge((), None)  # 0

    def prompts_at(self) -> Iterable[tuple[Path, tuple[Prompt, ...]]]:
        for field in ("prompt", "beep", "saved", "too_short", "not_saved"):
            yield (field,), getattr(self, field)

    def enter(self, scene: Scene) -> None:
        scene.forget_kept()
        scene.say(self.prompt + self.beep)

    def done(self, scene: Scene) -> None:
        if scene.counted("over"):
            self._leave(scene)
        else:
            self._record(scene)

    def key(self, scene: Scene, digit: str) -> None:
        if scene.counted("over"):
            return
        if scene.counted("recording"):
            if digit == self.stop:
                scene.pressed(digit)
                scene.want(StopMessage())
        elif digit == scene.document.habits.human and scene.has_person:
            scene.pressed(digit)
            scene.hush()
            scene.go(None)
        elif digit == self.stop:  # who knows the greeting needn't hear it
            scene.pressed(digit)
            scene.hush()
            scene.say(self.beep)

    def timeout(self, scene: Scene) -> None:
        """Media has not told the end; when it doesn't even answer, there is no message."""
        if scene.count("late") > 1:
            self._lost(scene)
        else:
            scene.want(StopMessage())
            scene.wait(SLACK_S)

    def happened(self, scene: Scene, outcome: Outcome) -> None:
        if isinstance(outcome, MessageDone) and scene.counted("recording"):
            if outcome.why == "failed" and outcome.seconds < self.min_s:
                self._lost(scene)
            else:
                self._over(scene, outcome.seconds)

    def resume(self, scene: Scene) -> None:
        """What was said before is kept; the caller may say the rest."""
        if scene.counted("over"):
            scene.say(self.saved if scene.counted("saved") else self.not_saved)
        else:
            scene.forget("recording")
            scene.say(self.beep)

    def _record(self, scene: Scene) -> None:
        scene.count("recording")
        scene.wait(self.max_s + SLACK_S)
        scene.want(RecordMessage(self.max_s, self.silence_s, self.min_s))

    def _over(self, scene: Scene, seconds: float) -> None:
        scene.wait(None)
        scene.forget("recording")
        if seconds >= self.min_s:
            scene.count("over")
            scene.count("saved")
            scene.say(self.saved)
        elif scene.count("tries") < TRIES:
            scene.say(self.too_short + self.beep)
        else:
            scene.count("over")
            scene.say(self.not_saved)

    def _lost(self, scene: Scene) -> None:
        """What the caller said is lost by our fault."""
        scene.wait(None)
        scene.forget("recording")
        scene.want(Promise("", "voicemail"))
        scene.count("over")
        scene.say(self.not_saved)

    def _leave(self, scene: Scene) -> None:
        if self.then is not None:
            scene.go(self.then)
        else:
            scene.end()
