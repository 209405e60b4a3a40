"""[io] Picks the settings of the export on the development set."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ivr.speech.tiny.export import Settings, export
from ivr.speech.tiny.graph import Costs
from ivr.speech.tiny.lexicon import Word
from ivr.speech.tiny.measure import Score, scores, total
from ivr.speech.tiny.network import Weights
from ivr.speech.tiny.trials import Trial

BLANK_BIASES = (1.0, 1.5, 2.0)
UNKNOWN_PHONES = (1.25, 1.5, 1.75)
WORD_STARTS = (-4.0, -4.5, -5.0)
_UNKNOWN_START = 2.0
_MOST_FOREIGN_PERCENT = 3.0
"""Foreign speech that may be taken for a word: below the 5 % that the test set is to keep."""


@dataclass(frozen=True, slots=True)
class Tried:
    """In percent. words: menu words, yes and no, digits. strings: 4 digits. foreign, others: of such, how much was accepted."""

    settings: Settings
    words: float
    strings: float
    foreign: float
    others: float

    @property
    def worth(self) -> float:
        """The higher, the better."""
        return self.words + self.strings - self.others


def tune(weights: Weights, lexicon: Sequence[Word], trials: Sequence[Trial], say: Callable[[str], None]) -> Tried:
    """The settings of the most worth, of those that accept little foreign speech; if none does, those that accept least."""
    tried = []
    for blank_bias, phone, word in itertools.product(BLANK_BIASES, UNKNOWN_PHONES, WORD_STARTS):
        settings = Settings(blank_bias, Costs(phone, _UNKNOWN_START, word))
        with tempfile.TemporaryDirectory() as folder:
            export(weights, lexicon, settings, Path(folder))
            found = scores(Path(folder), trials, ["call"])
        tried.append(_tried(settings, found))
        say(str(tried[-1]))
    careful = [one for one in tried if one.foreign <= _MOST_FOREIGN_PERCENT]
    if not careful:
        return min(tried, key=lambda one: one.foreign)
    return max(careful, key=lambda one: one.worth)


def _tried(settings: Settings, found: Mapping[tuple[str, ...], Score]) -> Tried:
    words = [total(found, group) for group in ("menu word", "yes or no", "digit")]
    strings, foreign, others = (total(found, group).percent for group in ("4 digits", "foreign", "other word"))
    return Tried(settings, _percent(words), strings, 100.0 - foreign, 100.0 - others)


def _percent(parts: Sequence[Score]) -> float:
    return Score(sum(part.trials for part in parts), sum(part.right for part in parts)).percent
