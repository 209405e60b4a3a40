"""Examples as training takes them: many at once, of like length, disturbed a little each time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch

from ivr.speech.tiny.corpus import Example
from ivr.speech.tiny.features import BANDS, Frames
from ivr.speech.tiny.network import CONTEXT_AFTER, CONTEXT_BEFORE, SUBSAMPLING
from ivr.speech.tiny.texts import Random

_FRAMES = range(20, 521)
"""How long an example may be."""
_FRAMES_A_BATCH = 5000
_BABBLE_SHARE = 0.75
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
_SPREAD = 8.0
"""Examples of a batch are about as long as each other, up to so many frames, so that batches differ each time round."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Examples as tensors. frames: (n, BANDS, CONTEXT_BEFORE + longest + CONTEXT_AFTER), normalised.

    phones: of all examples in a row. output_counts, phone_counts: how many each example has.
    """

    frames: torch.Tensor
    output_counts: torch.Tensor
    phones: torch.Tensor
    phone_counts: torch.Tensor


def usable(example: Example) -> bool:
    """Neither too long nor too short for its phones: between two that are alike there must be a blank."""
    alike = int((example.phones[1:] == example.phones[:-1]).sum())
    return len(example.frames) in _FRAMES and _output_count(len(example.frames)) > len(example.phones) + alike


def planned(examples: Sequence[Example], random: Random) -> list[npt.NDArray[np.int64]]:
    """The numbers of all examples as batches, examples of like length together, in any order."""
    lengths = np.array([len(example.frames) for example in examples])
    order = np.argsort(lengths + random.uniform(-_SPREAD, _SPREAD, len(lengths)))
    batches, start = [], 0
    while start < len(order):
        guess = _FRAMES_A_BATCH // max(1, int(lengths[order[start]]))
        longest = int(lengths[order[min(start + guess, len(order) - 1)]])
        end = start + max(1, _FRAMES_A_BATCH // max(1, longest))
        batches.append(order[start:end])
        start = end
    return [batches[turn] for turn in random.permutation(len(batches))]


def batch_of(
    examples: Sequence[Example],
    mean: npt.NDArray[np.float32],
    deviation: npt.NDArray[np.float32],
    random: Random | None = None,
) -> Batch:
    """Examples together. random: disturbs them, for training."""
    if random is not None:
        examples = [_begun(example, random) for example in examples]
    longest = _output_count(max(len(example.frames) for example in examples)) * SUBSAMPLING
    frames = np.zeros((len(examples), CONTEXT_BEFORE + longest + CONTEXT_AFTER, BANDS), np.float32)
    for row, example in enumerate(examples):
        heard = example.frames.astype(np.float32)
        if random is not None:
            heard = _loud(_by_another(heard, random), random) if len(example.phones) else heard
            if random.random() < _BABBLE_SHARE:
                heard = _over(heard, examples[int(random.integers(0, len(examples)))].frames.astype(np.float32), random)
        seen = (heard - mean) / deviation
        if random is not None:
            seen = _disturbed(seen, random)
        frames[row, :CONTEXT_BEFORE] = seen[0]
        frames[row, CONTEXT_BEFORE : CONTEXT_BEFORE + len(seen)] = seen
        frames[row, CONTEXT_BEFORE + len(seen) :] = seen[-1]
    return Batch(
        torch.from_numpy(np.ascontiguousarray(frames.transpose(0, 2, 1))),
        torch.tensor([_output_count(len(example.frames)) for example in examples]),
        torch.from_numpy(np.concatenate([example.phones for example in examples]).astype(np.int64)),
        torch.tensor([len(example.phones) for example in examples]),
    )


def _begun(example: Example, random: Random) -> Example:
    """As heard by who begins to listen later, at times just as the voice begins: all that was before is what is heard first."""
    drawn = random.random()
    if not len(example.phones) or drawn >= _BEGUN_SHARE + _SILENT_SHARE:
        return example
    voice = _voice_begins(example.frames.astype(np.float32))
    if drawn < _BEGUN_SHARE:
        later = replace(example, frames=example.frames[max(0, voice - int(random.choice(_BEFORE_VOICE))) :])
        return later if usable(later) else example
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


def _by_another(frames: Frames, random: Random) -> Frames:
    """Speech as if by another head: formants moved each for itself, soft sounds softer or louder, or what is high weaker."""
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
    return frames


def _loud(frames: Frames, random: Random) -> Frames:
    """Speech made louder where it is as quiet as what is behind speech."""
    short = _QUIET - _loudness(frames)
    return frames + np.float32(short + random.uniform(0.0, 3.0)) if short > 0 else frames


def _over(frames: Frames, others: Frames, random: Random) -> Frames:
    """Speech with somebody else's behind it, which is to be left out: powers add up."""
    behind = np.resize(np.roll(others, int(random.integers(0, len(others))), axis=0), frames.shape)
    behind = behind + _loudness(frames) - _loudness(behind) - random.uniform(*_BABBLE_BELOW_DB) * _NEPERS_A_DB
    mixed: Frames = np.logaddexp(frames, behind).astype(np.float32)
    return mixed


def _loudness(frames: Frames) -> float:
    """The logarithm of the mean power."""
    most = frames.max()
    return float(most + np.log(np.mean(np.exp(frames - most))))


def _disturbed(frames: Frames, random: Random) -> Frames:
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


def _output_count(frames: int) -> int:
    return (frames + SUBSAMPLING - 1) // SUBSAMPLING
