"""The vocabulary: lexicon.tsv's words with how they are spoken, as the phones that the network tells apart.

Mandarin: pinyin's initials and finals without tones (telephone sound and small networks hold tones badly; only 十 and 是 here
differ in tone alone). English: the phones of the CMU dictionary without stress, marked with a leading `E_`
so that no phone belongs to both languages.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

PATH = Path(__file__).parent / "lexicon.tsv"

Language: TypeAlias = Literal["zh", "en"]
Kind: TypeAlias = Literal["digit", "yesno", "menu", "filler"]
"""Fillers are spoken in training, so that phones are heard among others, and are no words of the model."""

_INITIALS = ("zh", "ch", "sh", *"bpmfdtnlgkhjqxrzcs")
_SPELT = {
    "yi": "i", "ya": "ia", "yo": "io", "ye": "ie", "yao": "iao", "you": "iou", "yan": "ian", "yin": "in", "yang": "iang",
    "ying": "ing", "yong": "iong", "yu": "v", "yue": "ve", "yuan": "van", "yun": "vn",
    "wu": "u", "wa": "ua", "wo": "uo", "wai": "uai", "wei": "uei", "wan": "uan", "wen": "uen", "wang": "uang", "weng": "ueng",
}  # fmt: skip
"""Syllables without an initial, whose finals pinyin writes with y and w."""
_SHORT = {"iu": "iou", "ui": "uei", "un": "uen"}
"""Finals that pinyin shortens after an initial."""
_AFTER_JQX = {"u": "v", "ue": "ve", "uan": "van", "un": "vn"}
"""ü, whose dots pinyin leaves out after j, q and x."""


class LexiconError(ValueError):
    """A line of lexicon.tsv that can't be read; the message names it."""


@dataclass(frozen=True, slots=True)
class Word:
    """A word of the vocabulary or a filler. spoken: pinyin syllables with tone digits, or phones with stress digits."""

    language: Language
    kind: Kind
    text: str
    spoken: tuple[str, ...]

    @property
    def phones(self) -> tuple[str, ...]:
        if self.language == "en":
            return tuple("E_" + phone.rstrip("012") for phone in self.spoken)
        return tuple(phone for syllable in self.spoken for phone in mandarin_phones(syllable))


def split_syllable(syllable: str) -> tuple[str, str]:
    """Initial (may be empty) and final of a pinyin syllable; its tone digit is left out. Finals as pinyin has them in full."""
    bare = syllable.rstrip("12345")
    if bare in _SPELT:
        return "", _SPELT[bare]
    initial = next((known for known in _INITIALS if bare.startswith(known)), "")
    final = bare[len(initial) :]
    if not final:
        raise LexiconError(f"{syllable!r} is no syllable of pinyin")
    if initial in ("j", "q", "x"):
        final = _AFTER_JQX.get(final, final)
    return initial, _SHORT.get(final, final)


def mandarin_phones(syllable: str) -> tuple[str, ...]:
    """A pinyin syllable as one or two phones; the two vowels that are written `i` after zh and z are phones of their own."""
    initial, final = split_syllable(syllable)
    if final == "i" and initial in ("zh", "ch", "sh", "r"):
        final = "ir"
    elif final == "i" and initial in ("z", "c", "s"):
        final = "iz"
    return (initial, final) if initial else (final,)


def read(path: Path = PATH) -> tuple[Word, ...]:
    """All words and fillers, in the file's order. Raises LexiconError."""
    words = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not line or line.startswith("#"):
            continue
        match line.split("\t"):
            case [
                "zh" | "en" as language,
                "digit" | "yesno" | "menu" | "filler" as kind,
                text,
                spoken,
            ] if text and spoken:
                words.append(Word(language, kind, text, tuple(spoken.split())))
            case _:
                raise LexiconError(
                    f"{path.name}, line {number}: must be language, kind, word, pronunciation, with tabs between"
                )
    return tuple(words)


def vocabulary(words: Sequence[Word]) -> tuple[Word, ...]:
    """The words of the model, in the order of their numbers."""
    return tuple(sorted((word for word in words if word.kind != "filler"), key=lambda word: word.text))


def phone_set(words: Sequence[Word]) -> tuple[str, ...]:
    """Every phone, sorted: the network's output i + 1 is phone_set()[i]; output 0 is the blank of CTC."""
    return tuple(sorted({phone for word in words for phone in word.phones}))
