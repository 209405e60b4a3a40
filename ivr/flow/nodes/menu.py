"""menu: choices by key or word."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field

from ivr.flow.events import Reading
from ivr.flow.hearing import Hearing
from ivr.flow.node import Scene, failed, habit
from ivr.flow.nodes.asking import Asking
from ivr.flow.parts import (
    LANGUAGES,
    Digit,
    Edge,
    Name,
    NoInput,
    NoMatch,
    Part,
    Path,
    Phrases,
    PhrasesByLanguage,
    Prompt,
    Prompts,
    Text,
    to_target,
    words_in,
)


class Choice(Part):
    """Where a key leads, and the words that mean the same when spoken: the first is its name, the others are synonyms; `{zh: …,
    en: …}` where they are not for all languages. In short, `"1": node`."""

    to: Name
    words: Phrases = ()
    """What callers may say instead of pressing the key."""

    @property
    def names(self) -> tuple[Text, ...]:
        """The question whether this choice was meant."""
        named = {language: words_in(self.words, language) for language in LANGUAGES}
        every = next((words for words in named.values() if words), ())
        if not every:
            return ()
        zh, en = ((named[language] or every)[0] for language in LANGUAGES)
        return (Text(text={"zh": f"您是要{zh}，", "en": f"You said: {en}."}),)


class Menu(Asking):
    """Offers choices by key, and by words beside them. Also without being told: 0 (or 人工, operator) to a person, * (返回,
    back) to the menu before, # (重复, repeat) hear again. A choice that leads to another menu makes that a sub-menu."""

    level: ClassVar[bool] = True
    kind: Literal["menu"]
    prompt: Prompts
    keys: Annotated[dict[Digit, Annotated[Choice, BeforeValidator(to_target)]], Field(min_length=1)]
    """Where each key leads."""
    no_input: NoInput = NoInput()
    no_match: NoMatch = NoMatch()
    timeout_s: Annotated[float, Field(ge=1, le=60)] = 5.0
    """How long a key is waited for, from the end of the prompt."""
    barge_in: bool = True
    """Whether keys cut the prompt short; if not they count after it."""

    @property
    def habits_work(self) -> bool:
        return True

    def edges(self) -> Iterable[Edge]:
        for digit, choice in self.keys.items():
            yield Edge(at=("keys", digit, "to"), to=choice.to)
        yield Edge(at=("no_input", "to"), to=self.no_input.to, silent=True)
        yield Edge(at=("no_match", "to"), to=self.no_match.to)

    def prompts_at(self) -> Iterable[tuple[Path, tuple[Prompt, ...]]]:
        yield ("prompt",), self.prompt
        for digit, choice in self.keys.items():
            yield ("keys", digit, "words"), choice.names
        yield ("no_input", "prompt"), self.no_input.prompt
        yield ("no_match", "prompt"), self.no_match.prompt

    def words_at(self) -> Iterable[tuple[Path, str, PhrasesByLanguage]]:
        return ((("keys", digit, "words"), digit, choice.words) for digit, choice in self.keys.items())

    def enter(self, scene: Scene) -> None:
        early = scene.kept()
        if early is None:
            scene.say(self.prompt)
        else:
            self._take(scene, early)

    def done(self, scene: Scene) -> None:
        early = scene.kept()
        if early is None:
            scene.wait(self.timeout_s)
        else:
            self._take(scene, early)

    def key(self, scene: Scene, digit: str) -> None:
        if scene.playing and not self.barge_in:
            scene.keep(digit)
        else:
            self._take(scene, digit)

    def hears(self, scene: Scene) -> Hearing | None:
        words = {word: digit for digit, choice in self.keys.items() for word in words_in(choice.words, scene.language)}
        if not self.voiced or not words:
            return None
        return Hearing(words, unsure_below=self.unsure_below, barge_in=self.barge_in)

    def question(self, scene: Scene) -> tuple[Prompt, ...]:
        return self.prompt

    def doubted(self, scene: Scene, meaning: str) -> tuple[Prompt | Reading, ...]:
        return self.keys[meaning].names

    def spoken(self, scene: Scene, meaning: str) -> None:
        self._take(scene, meaning)

    def misheard(self, scene: Scene) -> None:
        failed(scene, "no_match", self.no_match, self.prompt)

    def timeout(self, scene: Scene) -> None:
        failed(scene, "no_input", self.no_input, self.prompt)

    def resume(self, scene: Scene) -> None:
        scene.say(self.prompt)

    def _take(self, scene: Scene, digit: str) -> None:
        choice = self.keys.get(digit)
        if choice is not None:
            scene.pressed(digit)
            scene.hush()
            scene.go(choice.to)
        elif not habit(scene, self.prompt, digit):
            scene.pressed(digit)
            scene.forget_kept()
            scene.hush()
            failed(scene, "no_match", self.no_match, self.prompt)
