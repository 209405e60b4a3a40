"""How alike two words sound on the telephone: Chinese by the initials and finals of their pinyin, tones aside, English by its
consonants. On 8 kHz sound z is as good as zh, n as l, in as ing."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TypeVar

PART = 0.5
"""The distance of two syllables that share the initial or the final; 1 where they share neither."""
NEAR = 0.25
"""That of two initials, or finals, that are often taken for each other."""
ALIKE_BY = 0.25
"""Words whose distance is at most so much a syllable sound alike."""
ENGLISH_BY = 0.2
"""The same for a letter of an English word as it sounds,"""
SPELT_BY = 0.34
"""and as it is spelt; words that sound the same may be spelt as they like."""

_HANZI = re.compile(r"[\u3400-\u9fff]+")
_LATIN = re.compile(r"[a-z' -]+")
_NEAR_INITIALS = [
    frozenset(pair.split()) for pair in ("z zh", "c ch", "s sh", "n l", "f h", "r l", "j z", "q c", "x s", "b p", "d t", "g k")
]
_NEAR_FINALS = [
    frozenset(pair.split()) for pair in ("an ang", "en eng", "in ing", "ian iang", "uan uang", "un ong", "ou uo", "ei ui")
]

T = TypeVar("T")
Syllable = tuple[str, str]
"""Initial and final."""


def alike(one: str, other: str) -> bool:
    """Whether a recogniser may well take one word for the other. Words of two scripts never sound alike."""
    one, other = one.casefold(), other.casefold()
    if _HANZI.fullmatch(one) and _HANZI.fullmatch(other):
        syllables, others = _syllables(one), _syllables(other)
        return distance(syllables, others, _between) <= ALIKE_BY * min(len(syllables), len(others))
    if _LATIN.fullmatch(one) and _LATIN.fullmatch(other):
        return english(one) == english(other) or (
            _share(english(one), english(other)) <= ENGLISH_BY and _share(one, other) <= SPELT_BY
        )
    return False


def distance(one: Sequence[T], other: Sequence[T], between: Callable[[T, T], float]) -> float:
    """The edit distance of two sequences of sounds; one sound more or less counts 1."""
    row = [float(place) for place in range(len(other) + 1)]
    for count, sound in enumerate(one, 1):
        earlier, row = row, [float(count)]
        for place, heard in enumerate(other):
            row.append(min(earlier[place] + between(sound, heard), earlier[place + 1] + 1, row[place] + 1))
    return row[-1]


def _syllables(text: str) -> list[Syllable]:
    from pypinyin import Style, pinyin  # its dictionaries are large: only who has words to compare loads them

    initials = pinyin(text, style=Style.INITIALS, strict=False)
    finals = pinyin(text, style=Style.FINALS, strict=False)
    return [(initial[0], final[0]) for initial, final in zip(initials, finals, strict=True)]


def _between(one: Syllable, other: Syllable) -> float:
    return _part(one[0], other[0], _NEAR_INITIALS) + _part(one[1], other[1], _NEAR_FINALS)


def _part(one: str, other: str, near: list[frozenset[str]]) -> float:
    return 0.0 if one == other else NEAR if frozenset((one, other)) in near else PART


def _share(one: str, other: str) -> float:
    return distance(one, other, lambda letter, heard: float(letter != heard)) / max(len(one), len(other), 1)


_SPELLINGS = (
    (r"[^a-z]", ""),
    (r"^kn|^gn|^pn", "n"),
    (r"^wr", "r"),
    (r"gh(?=t|s|$)", ""),
    (r"ph", "f"),
    (r"ck|q", "k"),
    (r"c(?=[eiy])", "s"),
    (r"c(?!h)", "k"),
    (r"x", "ks"),
    (r"z", "s"),
    (r"e$|e(?=s$)", ""),
    (r"[aeiouy]+", "a"),
    (r"(.)\1+", r"\1"),
)


def english(word: str) -> str:
    """About how an English word sounds: one letter a consonant, vowels as one. "sales" and "sails" are the same."""
    sound = word.casefold()
    for spelling, sounds_as in _SPELLINGS:
        sound = re.sub(spelling, sounds_as, sound)
    return sound
