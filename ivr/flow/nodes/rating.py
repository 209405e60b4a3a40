"""rating: how satisfied the caller is (满意度评价)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Literal

from pydantic import Field

from ivr.flow.events import Rated, Reading
from ivr.flow.hearing import Hearing
from ivr.flow.node import Scene
from ivr.flow.nodes.asking import Asking
from ivr.flow.parts import (
    WORD_PATTERN,
    Digit,
    Edge,
    Language,
    MaybePrompts,
    Name,
    Path,
    Phrases,
    PhrasesByLanguage,
    Prompt,
    Prompts,
    Text,
    words_in,
)

TRIES = 2
MEANINGS = {"1": "满意", "2": "一般", "3": "不满意"}

WORDS: Mapping[str, Mapping[Language, tuple[str, ...]]] = {
    "满意": {"zh": ("满意", "非常满意"), "en": ("satisfied",)},
    "一般": {"zh": ("一般",), "en": ("okay",)},
    "不满意": {"zh": ("不满意",), "en": ("not satisfied",)},
}
"""What is said for the usual ratings; others are called as they are stored."""

Meaning = Annotated[str, Field(min_length=1, max_length=40, pattern=WORD_PATTERN)]


class Rating(Asking):
    """Asks for a rating; the key and its meaning are stored with the call. Callers may say the meaning, or one of its `words`.
    A wrong key, wrong words or silence: asked once more, then left alone. Afterwards `thanks` and on to `then` (default: the
    end)."""

    kind: Literal["rating"]
    prompt: Prompts = ("rating_ask",)
    keys: Annotated[dict[Digit, Meaning], Field(min_length=2, default_factory=lambda: dict(MEANINGS))]
    """What each key means; stored with the call."""
    words: dict[Digit, Phrases] = Field(default_factory=dict)
    """What callers may say for a key; by default its meaning, and its like in English for the usual three."""
    thanks: MaybePrompts = ("rating_thanks",)
    """Said after a rating."""
    timeout_s: Annotated[float, Field(ge=1, le=60)] = 6.0
    then: Name | None = None

    def edges(self) -> Iterable[Edge]:
        return () if self.then is None else (Edge(("then",), self.then, silent=True),)

    def prompts_at(self) -> Iterable[tuple[Path, tuple[Prompt, ...]]]:
        yield ("prompt",), self.prompt
        for digit in self.keys:
            yield ("keys", digit), self._name(digit)
        yield ("thanks",), self.thanks

    def words_at(self) -> Iterable[tuple[Path, str, PhrasesByLanguage]]:
        for digit in self.keys if self.voiced else ():
            yield ("words" if digit in self.words else "keys", digit), digit, self._words(digit)

    def enter(self, scene: Scene) -> None:
        scene.forget_kept()
        scene.say(self.prompt)

    def done(self, scene: Scene) -> None:
        if scene.counted("over"):
            self._leave(scene)
        else:
            scene.wait(self.timeout_s)

    def key(self, scene: Scene, digit: str) -> None:
        if scene.counted("over"):
            return
        scene.pressed(digit)
        scene.hush()
        meaning = self.keys.get(digit)
        if meaning is None:
            self._again(scene)
        else:
            scene.want(Rated(digit, meaning))
            self._thank(scene)

    def hears(self, scene: Scene) -> Hearing | None:
        if not self.voiced or scene.counted("over"):
            return None
        words = {word: digit for digit in self.keys for word in words_in(self._words(digit), scene.language)}
        return Hearing(words, unsure_below=self.unsure_below, habits=("again",)) if words else None

    def question(self, scene: Scene) -> tuple[Prompt, ...]:
        return self.prompt

    def doubted(self, scene: Scene, meaning: str) -> tuple[Prompt | Reading, ...]:
        return self._name(meaning)

    def spoken(self, scene: Scene, meaning: str) -> None:
        self.key(scene, meaning)

    def misheard(self, scene: Scene) -> None:
        self._again(scene)

    def timeout(self, scene: Scene) -> None:
        self._again(scene)

    def resume(self, scene: Scene) -> None:
        if scene.counted("over"):
            self._leave(scene)
        else:
            scene.say(self.prompt)

    def _words(self, digit: str) -> PhrasesByLanguage:
        meaning = self.keys[digit]
        return self.words.get(digit) or WORDS.get(meaning) or (meaning,)

    def _name(self, digit: str) -> tuple[Text, ...]:
        """The question whether this was meant."""
        words = self._words(digit)
        zh, en = ((*words_in(words, "zh"), self.keys[digit])[0], (*words_in(words, "en"), self.keys[digit])[0])
        return (Text(text={"zh": f"您说的是{zh}，", "en": f"You said: {en}."}),)

    def _again(self, scene: Scene) -> None:
        if scene.count("tries") < TRIES:
            scene.say(self.prompt)
        else:
            self._leave(scene)

    def _thank(self, scene: Scene) -> None:
        scene.count("over")
        if self.thanks:
            scene.say(self.thanks)
        else:
            self._leave(scene)

    def _leave(self, scene: Scene) -> None:
        if self.then is not None:
            scene.go(self.then)
        else:
            scene.end()
