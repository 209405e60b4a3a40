"""Examples as training hears them, otherwise each time: later, louder, by another head, with somebody else behind.

Frames are natural logarithms of power: adding to them is making louder.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ivr.speech.tiny.corpus import Example
from ivr.speech.tiny.features import BANDS, Frames
from ivr.speech.tiny.texts import Random

_BABBLE_BELOW_DB = (9.0, 21.0)
_NEPERS_A_DB = np.log(10) / 10
_QUIET = 17.4
"""The loudness of speech at −33 dBFS. A voice below that is somebody in the room, not the caller."""
_ANOTHER_SHARE = 0.4
"""How many examples are heard as if by another head, and how many with more or less between loud sounds and soft ones."""
_KNOTS = np.linspace(0, BANDS - 1, 6)
_MOVED_BANDS = 0.8
_MOST_FALL_DB = 14.0
"""How much weaker the highest band may be."""
_BEGUN_SHARE, _SILENT_SHARE = 0.25, 0.1
"""How many examples begin where the voice does, and of how many the begin, up to some moment before the voice, is silence."""
_BEFORE_VOICE = range(9)
"""How many frames before the voice an example may begin."""
_AMBIENT_FRAMES, _SMOOTH_FRAMES = 4, 3
_VOICE_BANDS = 8
_VOICE_ABOVE_DB = 4.5
_SILENCE = float(np.log(np.finfo(np.float32).eps))
"""What Kaldi gives where all samples are the same."""


def begun(example: Example, random: Random) -> Example:
    """As heard by who begins to listen later, at times just as the voice begins: all that was before is what is heard first."""
    drawn = random.random()
    if not len(example.phones) or drawn >= _BEGUN_SHARE + _SILENT_SHARE:
        return example
    voice = _voice_begins(example.frames.astype(np.float32))
    if drawn < _BEGUN_SHARE:
        later = replace(example, frames=example.frames[max(0, voice - int(random.choice(_BEFORE_VOICE))) :])
        return later if later.usable else example
    silent = example.frames.copy()
    silent[: int(random.integers(0, voice + 1))] = _SILENCE
    return replace(example, frames=silent)


def _voice_begins(frames: Frames) -> int:
    """The first frame in which any part of the bands is louder than at the begin. Of somebody else's voice, that one's."""
    parts = frames.reshape(len(frames), -1, _VOICE_BANDS).mean(axis=2)
    summed = np.cumsum(np.pad(parts, ((1, 0), (0, 0))), axis=0)
    smooth = (summed[_SMOOTH_FRAMES:] - summed[:-_SMOOTH_FRAMES]) / _SMOOTH_FRAMES
    ambient = parts[:_AMBIENT_FRAMES].mean(axis=0)
    louder = (smooth > ambient + _VOICE_ABOVE_DB * _NEPERS_A_DB).any(axis=1)
    return int(louder.argmax())


def by_another(frames: Frames, random: Random) -> Frames:
    """Speech as if by another head: formants moved each for itself, soft sounds softer or louder, or what is high weaker. Made
    louder where it is as quiet as what is behind speech."""
    if random.random() < _ANOTHER_SHARE:
        moved = np.arange(BANDS) + np.interp(np.arange(BANDS), _KNOTS, random.normal(0, _MOVED_BANDS, len(_KNOTS)))
        lower = np.clip(moved.astype(np.int64), 0, BANDS - 2)
        share = np.clip(moved - lower, 0, 1).astype(np.float32)
        frames = frames[:, lower] * (1 - share) + frames[:, lower + 1] * share
    if random.random() < _ANOTHER_SHARE:
        loudness = frames.mean(axis=1, keepdims=True)
        frames = frames + np.float32(random.uniform(-0.15, 0.3)) * (loudness - loudness.max())
    if random.random() < _ANOTHER_SHARE / 2:
        first = random.uniform(BANDS / 4, BANDS - 5)
        above = np.clip((np.arange(BANDS) - first) / (BANDS - first), 0, 1)
        frames = frames - (above * random.uniform(0.0, _MOST_FALL_DB) * _NEPERS_A_DB).astype(np.float32)
    return _loud(frames, random)


def _loud(frames: Frames, random: Random) -> Frames:
    """Speech made louder where it is as quiet as what is behind speech."""
    short = _QUIET - _loudness(frames)
    return frames + np.float32(short + random.uniform(0.0, 3.0)) if short > 0 else frames


def over(frames: Frames, others: Frames, random: Random) -> Frames:
    """Speech with somebody else's behind it, which is to be left out: powers add up."""
    behind = np.resize(np.roll(others, int(random.integers(0, len(others))), axis=0), frames.shape)
    behind = behind + _loudness(frames) - _loudness(behind) - random.uniform(*_BABBLE_BELOW_DB) * _NEPERS_A_DB
    mixed: Frames = np.logaddexp(frames, behind).astype(np.float32)
    return mixed


def _loudness(frames: Frames) -> float:
    """The logarithm of the mean power."""
    most = frames.max()
    return float(most + np.log(np.mean(np.exp(frames - most))))


def disturbed(frames: Frames, random: Random) -> Frames:
    """Louder or quieter, bands raised or lowered as by another handset; at times some bands or a moment hidden: SpecAugment."""
    handset = np.interp(np.arange(BANDS), np.linspace(0, BANDS - 1, 6), random.normal(0, 0.2, 6))
    frames = frames + (random.normal(0, 0.08) + handset).astype(np.float32)
    if random.random() < 0.4:
        first = int(random.integers(0, BANDS - 5))
        frames[:, first : first + int(random.integers(1, 6))] = 0
    if random.random() < 0.2:
        first = int(random.integers(0, max(1, len(frames) - 6)))
        frames[first : first + int(random.integers(1, 6))] = 0
    return frames
