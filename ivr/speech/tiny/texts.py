"""What is said: strings of digits, words and fillers; foreign.tsv has sentences that no grammar has, for measuring."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias, TypeVar

import numpy as np

from ivr.speech.tiny.lexicon import Kind, Language, Word

Random: TypeAlias = np.random.Generator
_T = TypeVar("_T")

_STRING_LENGTHS = (1, 1, 2, 3, 3, 4, 4, 5, 5, 6, 8, 11)
_WORD_COUNTS = (1, 1, 1, 1, 2, 3)
_FOREIGN = Path(__file__).parent / "foreign.tsv"
_CALLED_DIGITS = frozenset("零一二三四五六七八九幺两洞") | frozenset(
    ["zero", "oh", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
)
"""Digits as they are called out one after the other; 十, 百 or `double` are heard as single words."""


@dataclass(frozen=True, slots=True)
class Utterance:
    """Words said in one go. text: as a synthesiser is to read it."""

    language: Language
    words: tuple[Word, ...]
    text: str

    @property
    def phones(self) -> tuple[str, ...]:
        return tuple(phone for word in self.words for phone in word.phones)


class Texts:
    """Utterances drawn from a lexicon."""

    def __init__(self, lexicon: Sequence[Word]) -> None:
        self._lexicon = tuple(lexicon)

    def words(self, language: Language, *kinds: Kind) -> tuple[Word, ...]:
        return tuple(word for word in self._lexicon if word.language == language and word.kind in kinds)

    def called_digits(self, language: Language) -> tuple[Word, ...]:
        """The digits of which numbers are called out."""
        return tuple(word for word in self.words(language, "digit") if word.text in _CALLED_DIGITS)

    def for_training(self, random: Random) -> Utterance:
        """Any utterance of training: half digits, a quarter words, the rest fillers, alone or around a word."""
        language: Language = "zh" if random.random() < 0.6 else "en"
        fillers = self.words(language, "filler")
        known = self.words(language, "digit", "yesno", "menu")
        chance = random.random()
        if chance < 0.5:
            return spoken(random, language, pick(random, self.called_digits(language), one_of(random, _STRING_LENGTHS)))
        if chance < 0.76:
            return spoken(random, language, pick(random, known, one_of(random, _WORD_COUNTS)))
        if chance < 0.91:
            return spoken(random, language, pick(random, fillers, int(random.integers(1, 8))))
        around = [pick(random, fillers, int(random.integers(1, 4))) for _ in range(2)]
        return spoken(random, language, (*around[0], *pick(random, known, 1), *around[1]))

    def digit_string(self, random: Random, language: Language, length: int) -> Utterance:
        return spoken(random, language, pick(random, self.called_digits(language), length))


def spoken(random: Random, language: Language, words: Sequence[Word]) -> Utterance:
    """Words in one go, with no break, short breaks or longer ones between them."""
    separator = one_of(random, (" ", " ", ", ") if language == "en" else ("", " ", " ", "，"))
    return Utterance(language, tuple(words), separator.join(word.text for word in words))


def pick(random: Random, words: Sequence[Word], count: int) -> tuple[Word, ...]:
    """That many words, a word may come again."""
    return tuple(words[index] for index in random.integers(0, len(words), count))


def one_of(random: Random, choices: Sequence[_T]) -> _T:
    return choices[int(random.integers(0, len(choices)))]


def foreign(split: str, language: Language) -> tuple[str, ...]:
    """Speech for which the right answer is nothing."""
    lines = (line.split("\t") for line in _FOREIGN.read_text(encoding="utf-8").splitlines() if not line.startswith("#"))
    return tuple(text for of_split, of_language, text in lines if (of_split, of_language) == (split, language))
