"""Speech synthesis: what an engine offers (engines.py has them), and how what it says becomes a prompt. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from prompts.sound import Sound, level_to, to_telephone, trim

SPEECH_LEVEL_DB = -20.0
RECIPE = 1
"""Raise it when the sound of the same text and voice changes."""
SENTENCE_END = tuple(".?!。？！")
"""A text that ends without one is part of a sentence (工号, a digit) and gets no pauses around it."""
MAX_TEXT = 2000
"""Characters that are spoken at once, about eight minutes."""


class SpeechError(RuntimeError):
    """A text can't be spoken: the engine is not installed or configured, has no such voice, or says nothing."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """What an engine said. samples: from -1 to 1, rate: how many a second."""

    samples: Sound
    rate: int


class Synthesiser(Protocol):
    """A speech engine with its models. Its methods may be called from several threads."""

    @property
    def name(self) -> str:
        """Of the engine: "espeak"."""

    @property
    def languages(self) -> frozenset[str]:
        """The languages it has voices for."""

    def recipe(self, language: str, voice: str = "") -> str:
        """All that its sound depends on beside the text: engine, model, settings. Same recipe and text, same sound.

        Raises SpeechError.
        """

    def synthesise(self, text: str, language: str, voice: str = "") -> Spoken:
        """Speak a text. voice: one of the engine's own names, "" for the language's usual one. Raises SpeechError."""


def no_voice(engine: str, language: str, languages: frozenset[str]) -> SpeechError:
    """The error for a language that an engine has no voice for."""
    return SpeechError(f"{engine} has no voice for {language!r}; it has {', '.join(sorted(languages)) or 'none'}")


def spoken_prompt(engine: Synthesiser, text: str, language: str, voice: str = "") -> Sound:
    """A text as a prompt: 8 kHz, trimmed, at the level of all prompts. Raises SpeechError."""
    if len(text) > MAX_TEXT:
        raise SpeechError(f"a text of {len(text)} characters is too long to be spoken; at most {MAX_TEXT}: {text[:40]!r}…")
    spoken = engine.synthesise(text, language, voice)
    pause_s = 0.08 if text.endswith(SENTENCE_END) else 0.02
    return level_to(trim(to_telephone(spoken.samples, spoken.rate), before_s=pause_s, after_s=pause_s), SPEECH_LEVEL_DB)
