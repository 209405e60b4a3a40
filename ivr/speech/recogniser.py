"""What a recogniser is to the speech process: a model that is loaded once, and turns in which it hears one utterance each.

Vosk's is in kaldi.py; another engine plugs in by these protocols. Sound is 16 bit mono at the model's own rate.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from typing import Protocol


class RecogniserError(Exception):
    """A model can't be loaded, or can't be used for this; the text says why."""


@dataclass(frozen=True, slots=True)
class Grammar:
    """What may be said in one turn.

    `phrases`: as written in the menu; what the model has no words for is left out. None at all is open dictation. `repeat`:
    they may follow each other in any order, as digits do.
    """

    phrases: tuple[str, ...] = ()
    repeat: bool = False


@dataclass(frozen=True, slots=True)
class Guess:
    """What may have been said, and how probably, 0 to 1."""

    text: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Heard:
    """What one utterance was understood as.

    `text` is a phrase of the grammar as it is written there; phrases that may repeat, and dictation, are words with spaces
    between. It is empty for silence, and when `unknown`: something was said that is none of the grammar. `alternatives` are
    what else it may have been, best first, `text` not among them.
    """

    text: str = ""
    confidence: float = 0.0
    alternatives: tuple[Guess, ...] = ()
    unknown: bool = False


class Turn(Protocol):
    """One utterance, heard piece by piece. Methods may take long and are called by one thread at a time, never the loop's; they
    raise RecogniserError when the engine fails."""

    def hear(self, samples: bytes) -> None:
        """What was said next."""

    def partial(self) -> str:
        """What it has been so far: words of the model, spaces between."""

    def result(self, *, again: bool = False) -> Heard:
        """What it was. The turn is over. again: there is time to hear it in other ways too, should it be unsure."""


class Recogniser(Protocol):
    """A loaded model. May be used by many threads, each with a turn of its own."""

    @property
    def rate_hz(self) -> int:
        """What turns are to be fed with."""

    def turn(self, grammar: Grammar) -> Turn:
        """A new utterance. Raises RecogniserError when none of the grammar's phrases can be said with this model."""

    def vocabulary(self) -> Container[str]:
        """The words that the model knows; only asked whether one is among them, for there may be millions."""
