"""[io] Training by CTC, in PyTorch on the CPU. What is reached is kept; a run that was stopped goes on from there.

Each affine map is followed by batch normalisation, without which a network of this form learns several times as slowly; it is
folded into the map at the end. What is handed on is the running average of the weights, not the last step's.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn import functional

from ivr.speech.tiny.batches import Batch, batch_of, planned
from ivr.speech.tiny.corpus import Example
from ivr.speech.tiny.network import DENSE_LAYERS, LAYERS, SUBSAMPLING, Weights, save

_SHORT_PHONES, _SHORT_FRAMES = 6, 170
"""Examples of the first steps: where a phone lies is soonest learned from single words."""
_SHORT_STEPS = 500
_PEAK_RATE = 4e-3
_WARM_UP = 200
_MOST_SLOPE = 3.0
_WEIGHT_DECAY = 0.01
_SMALL = 0.3
"""The last map's weights at first, beside torch's own."""
_ADDED = 0.1
"""What a layer that adds gives at first, beside others: so that it begins as if it were not there."""
_AVERAGE_EVERY, _AVERAGE_KEEPS = 10, 0.98
_HALF_PRECISION: bool = torch.cpu._is_avx512_bf16_supported()
"""Whether layers are multiplied in bfloat16, where the processor can: half the time, and the loss is the same."""
_KEEP_EVERY = 200
_TOLD_EVERY = 1000


def new_network(outputs: int) -> Any:
    """LAYERS as convolutions, each with batch normalisation and a rectifier, and the last map."""
    parts: list[Any] = []
    for number, layer in enumerate(LAYERS):
        norm = nn.BatchNorm1d(layer.outputs, momentum=0.05)
        with torch.no_grad():
            norm.weight *= _ADDED if layer.adds else 1.0
        parts += [_convolution(number), norm, nn.ReLU()]
    last = nn.Conv1d(LAYERS[-1].outputs, outputs, 1)
    with torch.no_grad():
        last.weight *= _SMALL
    return nn.Sequential(*parts, last)


def logits(network: Any, frames: torch.Tensor) -> torch.Tensor:
    """(n, outputs, outputs in time) of frames that are padded by CONTEXT_BEFORE and CONTEXT_AFTER."""
    for number, layer in enumerate(LAYERS):
        given = network[3 * number : 3 * number + 3](frames)
        before = -layer.offsets[0] // _spacing(number)
        frames = given + frames[:, :, before : before + given.shape[2]] if layer.adds else given
    last: torch.Tensor = network[-1](frames)
    return last


def folded(network: Any, mean: npt.NDArray[np.float32], deviation: npt.NDArray[np.float32]) -> Weights:
    """The network as it is used: batch normalisation taken into the affine maps."""
    affine = []
    for number in range(len(LAYERS)):
        convolution, norm = network[3 * number], network[3 * number + 1]
        scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
        matrix = (convolution.weight * scale[:, None, None]).permute(2, 1, 0).flatten(0, 1)
        affine.append((_array(matrix), _array(norm.bias - norm.running_mean * scale)))
    affine.append((_array(network[-1].weight[:, :, 0].T), _array(network[-1].bias)))
    return Weights(tuple(affine), mean, deviation)


def _convolution(number: int) -> Any:
    """A layer as a convolution; from DENSE_LAYERS on, there is a frame only every SUBSAMPLING."""
    layer = LAYERS[number]
    (step,) = {after - before for before, after in pairwise(layer.offsets)}
    if step % _spacing(number):
        raise ValueError(f"layer {number} splices frames that are not there")
    stride = SUBSAMPLING if number == DENSE_LAYERS - 1 else 1
    dilation = step // _spacing(number)
    return nn.Conv1d(layer.inputs, layer.outputs, len(layer.offsets), stride, dilation=dilation, bias=False)


def _spacing(number: int) -> int:
    """Frames from one that a layer is given to the next."""
    return 1 if number < DENSE_LAYERS else SUBSAMPLING


class Training:
    """The network, the optimiser and the running average, as they are after `step` batches."""

    def __init__(self, examples: Sequence[Example], outputs: int, folder: Path) -> None:
        torch.manual_seed(0)
        self.step = 0
        self._kept = folder / "training.pickle"
        self._network, self._average = new_network(outputs), new_network(outputs)
        self._average.load_state_dict(self._network.state_dict())
        self._optimiser = torch.optim.AdamW(self._network.parameters(), betas=(0.9, 0.98), weight_decay=_WEIGHT_DECAY)
        if self._kept.exists():
            self._restore(pickle.loads(self._kept.read_bytes()))
        else:
            sample = np.concatenate([example.frames for example in examples[::7]]).astype(np.float32)
            self.mean, self.deviation = sample.mean(axis=0), sample.std(axis=0)

    def advance(self, batch: Batch, rate: float) -> float:
        """One step; the loss in natural logarithms a phone."""
        for group in self._optimiser.param_groups:
            group["lr"] = rate
        self._network.train()
        self._optimiser.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=_HALF_PRECISION):
            given = logits(self._network, batch.frames)
        loss = _loss(given.float(), batch)
        loss.backward()
        nn.utils.clip_grad_norm_(self._network.parameters(), _MOST_SLOPE)
        self._optimiser.step()
        self.step += 1
        if self.step % _AVERAGE_EVERY == 0:
            self._take_into_average()
        return float(loss.detach())

    def held_out(self, batches: Sequence[Batch]) -> tuple[float, float]:
        """The average's loss a phone, and the share of phones it gets wrong when each output is taken alone."""
        self._average.eval()
        loss = wrong = phones = 0.0
        with torch.no_grad():
            for batch in batches:
                given, count = logits(self._average, batch.frames), int(batch.phone_counts.sum())
                loss += float(_loss(given, batch)) * count
                wrong += _wrong(given.argmax(1), batch)
                phones += count
        return loss / phones, wrong / phones

    def weights(self) -> Weights:
        return folded(self._average, self.mean, self.deviation)

    def keep(self) -> None:
        state = (self.step, self._network.state_dict(), self._average.state_dict(), self._optimiser.state_dict())
        unfinished = self._kept.with_suffix(".part")
        unfinished.write_bytes(pickle.dumps((*state, self.mean, self.deviation)))
        unfinished.rename(self._kept)

    def _restore(self, state: Any) -> None:
        self.step, network, average, optimiser, self.mean, self.deviation = state
        self._network.load_state_dict(network)
        self._average.load_state_dict(average)
        self._optimiser.load_state_dict(optimiser)

    def _take_into_average(self) -> None:
        keeps = min(_AVERAGE_KEEPS, self.step / (self.step + 100))
        for mine, new in zip(self._average.state_dict().values(), self._network.state_dict().values(), strict=True):
            if mine.is_floating_point():
                mine.mul_(keeps).add_(new, alpha=1 - keeps)


def train(
    examples: Sequence[Example],
    held_out: Sequence[Example],
    outputs: int,
    steps: int,
    folder: Path,
    say: Callable[[str], None],
) -> Weights:
    """`steps` batches; the folder keeps what was reached. held_out: is never learned from. say: is told how it goes."""
    examples = [example for example in examples if example.usable]
    short = [one for one in examples if len(one.phones) <= _SHORT_PHONES and len(one.frames) <= _SHORT_FRAMES]
    training = Training(examples, outputs, folder)
    random = np.random.default_rng(training.step)
    checks = [
        batch_of([held_out[number] for number in numbers], training.mean, training.deviation)
        for numbers in planned(held_out, random)
    ]
    losses: list[float] = []
    plan: list[npt.NDArray[np.int64]] = []
    drawn: Sequence[Example] = []
    while training.step < steps:
        source = short if training.step < _SHORT_STEPS else examples
        if not plan or drawn is not source:
            drawn, plan = source, planned(source, random)
        batch = batch_of([source[number] for number in plan.pop()], training.mean, training.deviation, random)
        losses.append(training.advance(batch, _rate(training.step, steps)))
        if training.step % _KEEP_EVERY == 0 or training.step == steps:
            training.keep()
            save(training.weights(), folder / "weights.npz")
            say(f"step {training.step} of {steps}, loss {np.mean(losses[-_KEEP_EVERY:]):.3f}")
        if training.step % _TOLD_EVERY == 0 or training.step == steps:
            loss, wrong = training.held_out(checks)
            say(f"held out: loss {loss:.3f}, {wrong:.1%} of phones wrong")
    return training.weights()


def _rate(step: int, steps: int) -> float:
    return _PEAK_RATE * min(1.0, (step + 1) / _WARM_UP) * max(0.01, 0.5 * (1 + float(np.cos(np.pi * step / steps))))


def _loss(given: torch.Tensor, batch: Batch) -> torch.Tensor:
    likelihoods = functional.log_softmax(given.permute(2, 0, 1), dim=-1)
    losses: torch.Tensor = functional.ctc_loss(
        likelihoods, batch.phones, batch.output_counts, batch.phone_counts, reduction="sum", zero_infinity=True
    )
    return losses / batch.phone_counts.sum().clamp(min=1)


def _wrong(best: torch.Tensor, batch: Batch) -> int:
    """Phones put in, left out or taken for others, where each output's likeliest is taken."""
    wrong, start = 0, 0
    for row, (outputs, phones) in enumerate(zip(batch.output_counts.tolist(), batch.phone_counts.tolist(), strict=True)):
        heard = [int(one) for one in torch.unique_consecutive(best[row, :outputs]) if one]
        wrong += _distance(heard, batch.phones[start : start + phones].tolist())
        start += phones
    return wrong


def _distance(one: Sequence[int], other: Sequence[int]) -> int:
    """Levenshtein's."""
    row = list(range(len(other) + 1))
    for number, mine in enumerate(one, start=1):
        before, row[0] = row[0], number
        for place, its in enumerate(other, start=1):
            before, row[place] = row[place], min(row[place] + 1, row[place - 1] + 1, before + (mine != its))
    return row[-1]


def _array(tensor: torch.Tensor) -> npt.NDArray[np.float32]:
    array: npt.NDArray[np.float32] = tensor.detach().numpy().astype(np.float32)
    return array
