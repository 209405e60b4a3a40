"""What a model heard, held against what was said. Pure.

A recording is *understood* when what was heard means what was said; *misled* when it means something else and the model is sure
of it, so that nobody asks the caller; *doubtful* when it means something else, or the right thing, and the menu would ask back;
*missed* when nothing was made of it. Of foreign speech everything that is heard as something is *accepted*.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ivr.speech.ground import FOREIGN
from ivr.speech.verdict import Measured

Z = 1.96
"""Of an interval that holds the truth in 95 of 100 sets."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One recording heard once. meaning: of what was said, "" for foreign speech; heard_meaning: "" where nothing was made of
    it."""

    file: str
    kind: str
    ground: str
    said: str
    meaning: str
    heard: str
    heard_meaning: str
    confidence: float
    sure: bool
    seconds: float
    took_s: float

    @property
    def foreign(self) -> bool:
        return not self.meaning

    @property
    def right(self) -> bool:
        return self.heard_meaning == self.meaning

    @property
    def outcome(self) -> str:
        """understood, misled, doubtful (wrong, but asked about), missed; refused or accepted for foreign speech."""
        if self.foreign:
            return "accepted" if self.heard_meaning else "refused"
        if self.right:
            return "understood"
        return "missed" if not self.heard_meaning else "misled" if self.sure else "doubtful"


@dataclass(frozen=True, slots=True)
class Row:
    """One class of recordings, or one place in the menu. right: understood, or refused where it is foreign; lower, upper: what
    the share may truly be."""

    name: str
    trials: int
    right: int
    asked: int
    """Of the right ones, those that the menu would ask about."""
    missed: int
    doubtful: int
    misled: int
    accepted: int
    share: float
    lower: float
    upper: float


@dataclass(frozen=True, slots=True)
class Pair:
    """Said and heard, so often. In strings of digits single digits; said "" is one too many, heard "" one too few."""

    said: str
    heard: str
    times: int


@dataclass(frozen=True, slots=True)
class Score:
    """What a set of recordings came to."""

    measured: Measured
    kinds: tuple[Row, ...]
    grounds: tuple[Row, ...]
    pairs: tuple[Pair, ...]
    """What was taken for what, the most frequent first."""
    accepted: tuple[Pair, ...]
    """What foreign speech was taken for; said: the file."""

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"measured": self.measured.model_dump()}


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What came of it. bad: recordings that can't be listened to, each with why; unsayable: phrases of the grammars that the
    model has no words for, which it can therefore never hear."""

    score: Score
    trials: tuple[Trial, ...]
    bad: tuple[str, ...]
    unsayable: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        trials = [asdict(trial) | {"outcome": trial.outcome} for trial in self.trials]
        return self.score.to_json() | {"trials": trials, "bad": self.bad, "unsayable": self.unsayable}


def score(trials: Sequence[Trial]) -> Score:
    """Count. A recording that was heard at several places of a menu is one recording and several trials."""
    said = [trial for trial in trials if not trial.foreign]
    foreign = [trial for trial in trials if trial.foreign]
    seconds = sum(trial.seconds for trial in trials)
    measured = Measured(
        said=len({trial.file for trial in said}),
        foreign=len({trial.file for trial in foreign}),
        accuracy=_share(trial.right for trial in said),
        misled=_share(trial.outcome == "misled" for trial in said),
        foreign_accepted=_share(not trial.right for trial in foreign),
        real_time=sum(trial.took_s for trial in trials) / seconds if seconds else 0.0,
    )
    wrong: Counter[tuple[str, str]] = Counter()
    for trial in said:
        if not trial.right and trial.heard_meaning:
            wrong.update(_differences(trial))
    taken = Counter((trial.file, trial.heard) for trial in foreign if not trial.right)
    return Score(
        measured,
        _rows(trials, lambda trial: FOREIGN if trial.foreign else trial.kind),
        _rows(trials, lambda trial: trial.ground),
        _pairs(wrong),
        _pairs(taken),
    )


def interval(right: int, of: int) -> tuple[float, float]:
    """What a share may truly be, of which this was seen (Wilson's score interval)."""
    if not of:
        return 0.0, 1.0
    share, spread = right / of, Z * Z / of
    middle = (share + spread / 2) / (1 + spread)
    half = Z * math.sqrt(share * (1 - share) / of + spread / (4 * of)) / (1 + spread)
    return max(0.0, middle - half), min(1.0, middle + half)


def align(said: Sequence[str], heard: Sequence[str]) -> list[tuple[str, str]]:
    """The fewest changes from one to the other, as pairs; "" stands for what is missing on a side."""
    costs = [[max(i, j) if not i or not j else 0 for j in range(len(heard) + 1)] for i in range(len(said) + 1)]
    for i, one in enumerate(said, 1):
        for j, other in enumerate(heard, 1):
            costs[i][j] = min(costs[i - 1][j - 1] + (one != other), costs[i - 1][j] + 1, costs[i][j - 1] + 1)
    i, j, pairs = len(said), len(heard), []
    while i or j:
        if i and j and costs[i][j] == costs[i - 1][j - 1] + (said[i - 1] != heard[j - 1]):
            i, j = i - 1, j - 1
            pairs.append((said[i], heard[j]))
        elif i and costs[i][j] == costs[i - 1][j] + 1:
            i -= 1
            pairs.append((said[i], ""))
        else:
            j -= 1
            pairs.append(("", heard[j]))
    return pairs[::-1]


def _differences(trial: Trial) -> list[tuple[str, str]]:
    if trial.meaning.isdecimal() and trial.heard_meaning.isdecimal() and len(trial.meaning) + len(trial.heard_meaning) > 2:
        return [pair for pair in align(trial.meaning, trial.heard_meaning) if pair[0] != pair[1]]
    return [(trial.said, trial.heard)]


def _rows(trials: Iterable[Trial], name_of: Callable[[Trial], str]) -> tuple[Row, ...]:
    groups: dict[str, list[Trial]] = {}
    for trial in trials:
        groups.setdefault(name_of(trial), []).append(trial)
    return tuple(_row(name, groups[name]) for name in sorted(groups))


def _row(name: str, trials: Sequence[Trial]) -> Row:
    outcomes = Counter(trial.outcome for trial in trials)
    right = sum(trial.right for trial in trials)
    lower, upper = interval(right, len(trials))
    return Row(
        name,
        len(trials),
        right,
        sum(trial.right and not trial.foreign and not trial.sure for trial in trials),
        outcomes["missed"],
        outcomes["doubtful"],
        outcomes["misled"],
        outcomes["accepted"],
        right / len(trials),
        lower,
        upper,
    )


def _pairs(counted: Counter[tuple[str, str]]) -> tuple[Pair, ...]:
    return tuple(
        Pair(said, heard, times) for (said, heard), times in sorted(counted.items(), key=lambda each: (-each[1], each[0]))
    )


def _share(each: Iterable[bool]) -> float:
    values = list(each)
    return sum(values) / len(values) if values else 0.0
