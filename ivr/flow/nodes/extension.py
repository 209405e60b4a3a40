"""extension: callers who know whom they want dial the extension (分机号); the operator is on 0."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field

from ivr.flow.events import Connect, ConnectFailed, Outcome, Reading
from ivr.flow.hearing import DIGITS_PAUSE_S, Hearing
from ivr.flow.node import Scene, failed
from ivr.flow.nodes.asking import Asking
from ivr.flow.nodes.typing import FIRST_S, NEXT_S, Seconds, said_digits, take_kept, type_digit
from ivr.flow.parts import (
    Edge,
    MaybePrompts,
    Name,
    NoInput,
    NoMatch,
    Part,
    Path,
    Phrases,
    PhrasesByLanguage,
    Prompt,
    Prompts,
    Retry,
    to_target,
    words_in,
)

Extension = Annotated[str, Field(pattern=r"^[0-9]{1,8}$")]


class Place(Part):
    """Whom an extension reaches: a seat's telephone, or a node. In short, `"801": node`."""

    seat: Annotated[str, Field(pattern=r"^[0-9]{1,20}$")] | None = None
    """The seat, by its number."""
    to: Name | None = None
    words: Phrases = ()
    """What callers may say instead: the department, or who is there."""


class NotThere(Retry):
    """The extension is busy, or nobody answers: the prompt and the question again, at the `limit`-th time to `to` (default: to
    a person)."""

    prompt: MaybePrompts = ("extension_busy",)


class ExtensionNode(Asking):
    """Takes an extension of at most `digits` digits, keyed in or said, and calls it. `directory` names the extensions, and
    words for them; without it a seat's number is its extension. 0 alone, or 人工, is the operator: a person."""

    reaches_people: ClassVar[bool] = True
    kind: Literal["extension"]
    prompt: Prompts = ("extension_ask",)
    digits: Annotated[int, Field(ge=1, le=8)] = 4
    """An extension has at most so many digits."""
    directory: dict[Extension, Annotated[Place, BeforeValidator(to_target)]] = Field(default_factory=dict)
    """Whom each extension reaches; without it a seat's number is its extension."""
    ring_s: Annotated[float, Field(ge=5, le=120)] = 30.0
    """So long its telephone rings."""
    connecting: MaybePrompts = ()
    """Said before the telephone rings."""
    timeout_s: Seconds = FIRST_S
    digit_timeout_s: Seconds = NEXT_S
    no_input: NoInput = NoInput()
    no_match: NoMatch = NoMatch(prompt=("extension_unknown",))
    """There is no such extension."""
    not_there: NotThere = NotThere()
    """It is busy, or nobody answers."""

    def edges(self) -> Iterable[Edge]:
        for number, place in self.directory.items():
            if place.to is not None:
                yield Edge(("directory", number, "to"), place.to)
        yield Edge(("no_input", "to"), self.no_input.to, silent=True)
        yield Edge(("no_match", "to"), self.no_match.to)
        yield Edge(("not_there", "to"), self.not_there.to)
        yield Edge((), None)  # 0

    def prompts_at(self) -> Iterable[tuple[Path, tuple[Prompt, ...]]]:
        yield ("prompt",), self.prompt
        yield ("connecting",), self.connecting
        yield ("no_input", "prompt"), self.no_input.prompt
        yield ("no_match", "prompt"), self.no_match.prompt
        yield ("not_there", "prompt"), self.not_there.prompt

    def words_at(self) -> Iterable[tuple[Path, str, PhrasesByLanguage]]:
        return ((("directory", number, "words"), number, place.words) for number, place in self.directory.items())

    def enter(self, scene: Scene) -> None:
        if take_kept(scene, self.digits, "#") or self._is_operator(scene):
            self._finish(scene)
        elif scene.typed:
            scene.wait(self.digit_timeout_s)
        else:
            scene.say(self.prompt)

    def done(self, scene: Scene) -> None:
        if scene.counted("calling"):
            self._call(scene)
        else:
            scene.wait(self.timeout_s)

    def key(self, scene: Scene, digit: str) -> None:
        if scene.counted("calling"):
            return
        if type_digit(
            scene, digit, self.prompt, most=self.digits, terminator="#", next_s=self.digit_timeout_s
        ) or self._is_operator(scene):
            self._finish(scene)

    def hears(self, scene: Scene) -> Hearing | None:
        if not self.voiced or scene.typed or scene.counted("calling"):
            return None
        words = {word: digits for digits, place in self.directory.items() for word in words_in(place.words, scene.language)}
        return Hearing(words, self._right, unsure_below=self.unsure_below, pause_s=DIGITS_PAUSE_S)

    def question(self, scene: Scene) -> tuple[Prompt, ...]:
        return self.prompt

    def doubted(self, scene: Scene, meaning: str) -> tuple[Prompt | Reading, ...]:
        return said_digits(meaning)

    def spoken(self, scene: Scene, meaning: str) -> None:
        scene.typed = meaning
        self._finish(scene)

    def misheard(self, scene: Scene) -> None:
        failed(scene, "no_match", self.no_match, self.prompt)

    def timeout(self, scene: Scene) -> None:
        if scene.typed:
            self._finish(scene)
        else:
            failed(scene, "no_input", self.no_input, self.prompt)

    def happened(self, scene: Scene, outcome: Outcome) -> None:
        if not isinstance(outcome, ConnectFailed) or not scene.counted("calling"):
            return
        scene.forget("calling")
        scene.typed = ""
        if outcome.why == "unknown":
            failed(scene, "no_match", self.no_match, self.prompt)
        else:
            failed(scene, "not_there", self.not_there, self.prompt)

    def resume(self, scene: Scene) -> None:
        scene.forget("calling")
        scene.typed = ""
        scene.say(self.prompt)

    def _right(self, digits: str) -> bool:
        """Whether there may be such an extension."""
        return digits in self.directory if self.directory else len(digits) <= self.digits

    def _is_operator(self, scene: Scene) -> bool:
        """0 alone, where no extension begins so."""
        human = scene.document.habits.human
        return human is not None and scene.typed == human and not any(number.startswith(human) for number in self.directory)

    def _finish(self, scene: Scene) -> None:
        scene.hush()
        scene.pressed(scene.typed)
        place = self.directory.get(scene.typed)
        if self._is_operator(scene) and scene.has_person:
            scene.go(None)
        elif place is not None and place.to is not None:
            scene.go(place.to)
        elif (place is None or place.seat is None) and self.directory:
            scene.typed = ""
            failed(scene, "no_match", self.no_match, self.prompt)
        else:
            scene.count("calling")
            if self.connecting:
                scene.say(self.connecting)
            else:
                self._call(scene)

    def _call(self, scene: Scene) -> None:
        place = self.directory.get(scene.typed)
        seat = place.seat if place is not None and place.seat is not None else scene.typed
        scene.wait(None)
        scene.want(Connect("seat", seat, ring_s=self.ring_s))
