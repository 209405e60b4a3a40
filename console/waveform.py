"""A recording as a picture: how loud each side is, and when it speaks. Read piece by piece: an hour of talk is 58 MB."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ivr.media.g711 import decode
from ivr.media.wav import HEADER_SIZE, channels_of

RATE = 8000
BARS = 900
"""At most so many bars are drawn."""
FULL = 100
"""The height of the loudest bar."""

_FRAME = 160
_PIECE = _FRAME * 4096
_FRAME_S = _FRAME / RATE
_FLOOR_DB = -60.0
_SPEECH_DB = -42.0
"""Voices on telephones are louder, relative to full scale; of a noisy line those that are..."""
_ABOVE_NOISE_DB = 9.0
"""...so much louder than its quiet parts."""
_PAUSE_S = 0.4
"""A shorter pause is speech too."""
_SHORTEST_S = 0.12
_SPANS = 2000


@dataclass(frozen=True, slots=True)
class Side:
    """`bars`: the peaks of even parts of the recording, 0 to FULL, by decibels; `speech`: begin and end of each time in which
    there is a voice, seconds."""

    bars: tuple[int, ...]
    speech: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Waveform:
    """A recording's length, and its sides: the caller, then, in stereo, the seat."""

    seconds: float
    sides: tuple[Side, ...]


def seconds_of(path: Path) -> float:
    """How long a recording of ours is; 0 for a file of another kind."""
    with path.open("rb") as file:
        channels = channels_of(file.read(HEADER_SIZE))
    return max(0, path.stat().st_size - HEADER_SIZE) / RATE / channels if channels else 0.0


def waveform(path: Path) -> Waveform | None:
    """The picture of a recording; None for a file that is none of ours. The latest are kept."""
    seen = path.stat()
    return _draw(path, seen.st_size, seen.st_mtime_ns)


@lru_cache(maxsize=64)
def _draw(path: Path, _size: int, _changed: int) -> Waveform | None:
    with path.open("rb") as file:
        channels = channels_of(file.read(HEADER_SIZE))
        if not channels:
            return None
        peaks: list[npt.NDArray[np.float32]] = []
        powers: list[npt.NDArray[np.float32]] = []
        samples = 0
        while piece := file.read(_PIECE * channels):
            whole = piece[: len(piece) - len(piece) % channels]
            samples += len(whole) // channels
            whole += b"\xd5" * (-len(whole) % (_FRAME * channels))
            sound = decode("PCMA", whole).astype(np.float32).reshape(-1, _FRAME, channels)
            peaks.append(np.abs(sound).max(axis=1))
            powers.append(np.square(sound).mean(axis=1))
    if not samples:
        return Waveform(0.0, tuple(Side((), ()) for _ in range(channels)))
    loud = _decibels(np.concatenate(peaks))
    level = _decibels(np.sqrt(np.concatenate(powers)))
    sides = tuple(Side(_bars(loud[:, side]), _speech(level[:, side])) for side in range(channels))
    return Waveform(round(samples / RATE, 3), sides)


def _decibels(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    full = 10 ** (_FLOOR_DB / 20)
    decibels: npt.NDArray[np.float32] = 20 * np.log10(np.maximum(values / 32768.0, full))
    return decibels


def _bars(loud: npt.NDArray[np.float32]) -> tuple[int, ...]:
    edges = np.linspace(0, len(loud), min(BARS, len(loud)), endpoint=False).astype(np.intp)
    highest = np.maximum.reduceat(loud, edges)
    return tuple(int(bar) for bar in np.rint((highest - _FLOOR_DB) / -_FLOOR_DB * FULL))


def _speech(level: npt.NDArray[np.float32]) -> tuple[tuple[float, float], ...]:
    noise = float(np.percentile(level, 10))
    voice = level > max(_SPEECH_DB, min(noise + _ABOVE_NOISE_DB, -20.0))
    steps = np.flatnonzero(np.diff(np.concatenate(([False], voice, [False])).astype(np.int8)))
    spans: list[tuple[float, float]] = []
    for begin, end in zip(steps[::2] * _FRAME_S, steps[1::2] * _FRAME_S, strict=True):
        if spans and begin - spans[-1][1] < _PAUSE_S:
            spans[-1] = (spans[-1][0], float(end))
        else:
            spans.append((float(begin), float(end)))
    long = [(round(begin, 2), round(end, 2)) for begin, end in spans if end - begin >= _SHORTEST_S]
    return tuple(long[:_SPANS])
