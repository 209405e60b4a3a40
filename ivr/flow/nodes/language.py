"""language: the caller chooses one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Literal

from pydantic import Field

from ivr.flow.hearing import Hearing
from ivr.flow.node import Scene
from ivr.flow.nodes.asking import Asking
from ivr.flow.parts import Digit, Edge, Language, Name, Path, Prompt, Prompts

WORDS: Mapping[Language, tuple[str, ...]] = {"zh": ("中文", "普通话", "Chinese", "Mandarin"), "en": ("English", "英文", "英语")}
"""What is said for a language, in both."""
TRIES = 2


class LanguageChoice(Asking):
    """Asks once which language to speak, by key or by its name; who says nothing, or presses something else, hears the
    document's own. A key pressed meanwhile that chooses no language counts for the next menu."""

    kind: Literal["language"]
    prompt: Prompts = ("choose_chinese", "choose_english")
    keys: Annotated[dict[Digit, Language], Field(min_length=1)]
    """The language that each key chooses."""
    then: Name
    timeout_s: Annotated[float, Field(ge=1, le=60)] = 4.0

    def edges(self) -> Iterable[Edge]:
        return (Edge(("then",), self.then, silent=True),)

    def prompts_at(self) -> Iterable[tuple[Path, tuple[Prompt, ...]]]:
        return ((("prompt",), self.prompt),)

    def enter(self, scene: Scene) -> None:
        early = scene.kept()
        if early is None:
            scene.say(self.prompt)
        else:
            self.key(scene, early)

    def done(self, scene: Scene) -> None:
        scene.wait(self.timeout_s)

    def key(self, scene: Scene, digit: str) -> None:
        scene.hush()
        chosen = self.keys.get(digit)
        if chosen is None:
            scene.keep(digit)
        else:
            scene.pressed(digit)
            scene.speak(chosen)
        scene.go(self.then)

    def hears(self, scene: Scene) -> Hearing | None:
        if not self.voiced:
            return None
        words = {word: digit for digit, language in self.keys.items() for word in WORDS[language]}
        return Hearing(words, unsure_below=self.unsure_below, habits=("human",))

    def question(self, scene: Scene) -> tuple[Prompt, ...]:
        return self.prompt

    def spoken(self, scene: Scene, meaning: str) -> None:
        self.key(scene, meaning)

    def misheard(self, scene: Scene) -> None:
        if scene.count("tries") < TRIES:
            scene.say(self.prompt)
        else:
            scene.go(self.then)

    def timeout(self, scene: Scene) -> None:
        scene.go(self.then)

    def resume(self, scene: Scene) -> None:
        scene.say(self.prompt)
