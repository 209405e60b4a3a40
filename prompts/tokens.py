"""What is read from clips: a word with the clip that says it. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

LARGEST = 10**12
"""Numbers are read below this (a million millions, 一万亿)."""


@dataclass(frozen=True, slots=True)
class Token:
    """One word. clip: the prompt's name, prompts/<language>/<clip>.wav (the pause: prompts/common/); text: what it says."""

    clip: str
    text: str


@dataclass(frozen=True, slots=True)
class Figure:
    """A decimal number as it was written. fraction: the digits after the point, "" without one."""

    negative: bool
    whole: int
    fraction: str = ""


def clips(tokens: Iterable[Token]) -> tuple[str, ...]:
    """The prompts' names, to be played one after the other."""
    return tuple(token.clip for token in tokens)


def text_of(tokens: Iterable[Token], language: str) -> str:
    """The same as text, for logs and speech synthesis: "三点一四", "three point one four"."""
    words = [token.text for token in tokens]
    if language == "zh":
        return "".join(words)
    return " ".join(words).replace(" ,", ",")
