"""[io] What the model is worth: trials and recordings heard as calls hear them, settings compared, tables printed."""

from __future__ import annotations

import multiprocessing
import wave
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from ivr.flow.hearing import DIGITS_PAUSE_S
from ivr.speech import rehearing
from ivr.speech.control import Understood
from ivr.speech.ground import Ground
from ivr.speech.kaldi import Vosk
from ivr.speech.recogniser import Grammar
from ivr.speech.tiny.scenes import BANDS, Band, in_band, narrowed
from ivr.speech.tiny.trials import Trial

_CHUNK_S = 0.1
_MARGIN_S = 0.3
"""Silence put around recordings that are cut close."""
_RECORDED_BANDS: tuple[Band, ...] = ("8 k", "telephone")
Way: TypeAlias = Band | Literal["call"]
"""How sound gets to the recogniser: in a band, first to last sample; call: telephone, as a speech process hears it."""
RATES_HZ: Mapping[Way, int] = {
    "16 k": BANDS["16 k"],
    "8 k": BANDS["8 k"],
    "telephone": BANDS["telephone"],
    "call": BANDS["telephone"],
}
"""Samples a second."""
_PAUSE_S = 0.5
"""What menus wait for after words (flow's events.Listen)."""
_SPOKEN_DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


@dataclass(frozen=True, slots=True)
class Score:
    """right: trials whose words were heard exactly, or, of foreign speech, in which no word was."""

    trials: int
    right: int

    @property
    def percent(self) -> float:
        return 100.0 * self.right / self.trials if self.trials else 0.0


def hear(model: Vosk, samples: npt.NDArray[np.int16], grammar: Grammar) -> str:
    """What a menu would be told of samples at model.rate_hz; empty: nothing, or nothing of the grammar. Fed as packets come."""
    turn = model.turn(grammar)
    chunk = int(model.rate_hz * _CHUNK_S)
    for start in range(0, len(samples), chunk):
        turn.hear(samples[start : start + chunk].tobytes())
    return turn.result(again=True).text


def hear_in_call(model: Vosk, samples: npt.NDArray[np.int16], grammar: Grammar) -> str:
    """The same of telephone sound that a caller says: through a call's own gate and decoding. A turn is open for as long before
    as the sound begins before the voice."""
    pause_s = DIGITS_PAUSE_S if grammar.repeat else _PAUSE_S
    told = rehearing.hear(model, Ground("trial", grammar, meaning=str, pause_s=pause_s), samples, before_s=0.0)
    return told.text if isinstance(told, Understood) else ""


def right(model: Vosk, trial: Trial, way: Way) -> bool:
    """Whether the trial's words are heard and no others. model: one that is fed with RATES_HZ[way]."""
    grammar = Grammar(trial.grammar, repeat=trial.group == "4 digits")
    if way == "call":
        heard = hear_in_call(model, in_band(trial.samples, "telephone"), grammar)
    else:
        heard = hear(model, in_band(trial.samples, way), grammar)
    return heard == " ".join(trial.expected)


def scores(folder: Path, trials: Sequence[Trial], ways: Sequence[Way]) -> Mapping[tuple[str, ...], Score]:
    """By (family, language, group, way)."""
    tasks = [(trial, way) for trial in trials for way in ways]
    with multiprocessing.get_context("spawn").Pool(2, initializer=_open, initargs=(folder,)) as pool:
        results = pool.map(_right, tasks, chunksize=16)
    found: dict[tuple[str, ...], Score] = {}
    for (trial, way), result in zip(tasks, results, strict=True):
        key = (trial.family, trial.language, trial.group, way)
        before = found.get(key, Score(0, 0))
        found[key] = Score(before.trials + 1, before.right + result)
    return found


def total(found: Mapping[tuple[str, ...], Score], *wanted: str) -> Score:
    """All scores whose key has each of these."""
    chosen = [score for key, score in found.items() if set(wanted) <= set(key)]
    return Score(sum(score.trials for score in chosen), sum(score.right for score in chosen))


def table(found: Mapping[tuple[str, ...], Score]) -> str:
    """Markdown: a line for each family, language and group, a column for each way; percent right."""
    ways = [way for way in RATES_HZ if any(key[3] == way for key in found)]
    lines = [f"| speech | language | what | trials | {' | '.join(ways)} |", "| --- " * (4 + len(ways)) + "|"]
    for family, language, group in dict.fromkeys(key[:3] for key in found):
        by_way = [found[family, language, group, way] for way in ways]
        figures = " | ".join(f"{score.percent:.1f}" for score in by_way)
        lines.append(f"| {family} | {language} | {group} | {by_way[0].trials} | {figures} |")
    return "\n".join(lines)


def recorded_digits(folder: Path, recordings: Path) -> str:
    """Markdown for the Free Spoken Digit Dataset: <digit>_<speaker>_<number>.wav, 8 kHz; the grammar is ten digits."""
    paths = sorted(recordings.glob("*_*_*.wav"))
    tasks = [(path, band) for path in paths for band in _RECORDED_BANDS]
    with multiprocessing.get_context("spawn").Pool(2, initializer=_open, initargs=(folder,)) as pool:
        results = dict(zip(tasks, pool.map(_right_digit, tasks, chunksize=32), strict=True))
    lines = [f"| speaker | recordings | {' | '.join(_RECORDED_BANDS)} |", "| --- " * (2 + len(_RECORDED_BANDS)) + "|"]
    speakers = sorted({_speaker(path) for path in paths})
    for name, chosen in [*((name, [path for path in paths if _speaker(path) == name]) for name in speakers), ("all", paths)]:
        figures = " | ".join(f"{100 * np.mean([results[path, band] for path in chosen]):.1f}" for band in _RECORDED_BANDS)
        lines.append(f"| {name} | {len(chosen)} | {figures} |")
    return "\n".join(lines)


_MODELS: dict[int, Vosk] = {}
"""By the rate of what they are fed with."""


def _open(folder: Path) -> None:
    """Opens the model in a process of the pool."""
    _MODELS.update({rate_hz: Vosk(folder, rate_hz) for rate_hz in set(RATES_HZ.values())})


def _right(task: tuple[Trial, Way]) -> bool:
    trial, way = task
    return right(_MODELS[RATES_HZ[way]], trial, way)


def _right_digit(task: tuple[Path, Band]) -> bool:
    path, band = task
    with wave.open(str(path)) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2")
    heard = narrowed(np.pad(samples / 32768.0, int(_MARGIN_S * 8000)), band)
    expected = _SPOKEN_DIGITS[int(path.stem.split("_")[0])]
    return hear(_MODELS[RATES_HZ[band]], heard, Grammar(_SPOKEN_DIGITS)) == expected


def _speaker(path: Path) -> str:
    return path.stem.split("_")[1]
