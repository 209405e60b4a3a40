"""Examples as training takes them: many at once, of like length, disturbed a little each time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from ivr.speech.tiny.corpus import Example
from ivr.speech.tiny.disturb import begun, by_another, disturbed, over
from ivr.speech.tiny.features import BANDS
from ivr.speech.tiny.network import CONTEXT_AFTER, CONTEXT_BEFORE, SUBSAMPLING
from ivr.speech.tiny.texts import Random

_FRAMES_A_BATCH = 5000
_BABBLE_SHARE = 0.75
"""How many examples have somebody else's voice behind theirs."""
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
        examples = [begun(example, random) for example in examples]
    longest = max(example.outputs for example in examples) * SUBSAMPLING
    frames = np.zeros((len(examples), CONTEXT_BEFORE + longest + CONTEXT_AFTER, BANDS), np.float32)
    for row, example in enumerate(examples):
        heard = example.frames.astype(np.float32)
        if random is not None:
            heard = by_another(heard, random) if len(example.phones) else heard
            if random.random() < _BABBLE_SHARE:
                heard = over(heard, examples[int(random.integers(0, len(examples)))].frames.astype(np.float32), random)
        seen = (heard - mean) / deviation
        if random is not None:
            seen = disturbed(seen, random)
        frames[row, :CONTEXT_BEFORE] = seen[0]
        frames[row, CONTEXT_BEFORE : CONTEXT_BEFORE + len(seen)] = seen
        frames[row, CONTEXT_BEFORE + len(seen) :] = seen[-1]
    return Batch(
        torch.from_numpy(np.ascontiguousarray(frames.transpose(0, 2, 1))),
        torch.tensor([example.outputs for example in examples]),
        torch.from_numpy(np.concatenate([example.phones for example in examples]).astype(np.int64)),
        torch.tensor([len(example.phones) for example in examples]),
    )
