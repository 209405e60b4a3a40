"""The network's form: a time delay network that sees 69 frames back and 21 ahead, with phones every third; weights as a file.

Each layer splices frames of the layer below and goes through an affine map and a rectifier, and some add what they were given;
the last map gives outputs.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from ivr.speech.tiny.features import BANDS

Matrix: TypeAlias = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Layer:
    """offsets: which frames (10 ms) of the layer below are spliced. inputs: numbers in each of them. outputs: numbers given.

    adds: whether to what is given the frame of the layer below is added.
    """

    offsets: tuple[int, ...]
    inputs: int
    outputs: int
    adds: bool = False


_NARROW, _WIDE = 80, 192
LAYERS = (
    Layer((-2, -1, 0, 1, 2), BANDS, _NARROW),
    Layer((-1, 0, 1), _NARROW, _NARROW),
    Layer((-3, 0, 3), _NARROW, _WIDE),
    Layer((-3, 0, 3), _WIDE, _WIDE),
    Layer((-3, 0, 3), _WIDE, _WIDE),
    Layer((-3, 0, 3), _WIDE, _WIDE),
    Layer((-3, 0, 3), _WIDE, _WIDE, adds=True),
    Layer((-3, 0, 3), _WIDE, _WIDE, adds=True),
    Layer((-24, -12, 0), _WIDE, _WIDE, adds=True),
    Layer((-24, -12, 0), _WIDE, _WIDE, adds=True),
)
SUBSAMPLING = 3
"""Frames from one output to the next."""
DENSE_LAYERS = 2
"""Layers that are needed at every frame; those above see every third."""
CONTEXT_BEFORE = -sum(layer.offsets[0] for layer in LAYERS)
CONTEXT_AFTER = sum(layer.offsets[-1] for layer in LAYERS)
"""Frames that an output sees to each side of its own."""


@dataclass(frozen=True, slots=True)
class Weights:
    """A trained network. affine: (matrix of (inputs, outputs), bias) of each layer and of the last map.

    mean, deviation: of each band, which features are brought to 0 and 1 by.
    """

    affine: tuple[tuple[Matrix, Matrix], ...]
    mean: Matrix
    deviation: Matrix

    @property
    def outputs(self) -> int:
        """The blank and the phones."""
        return len(self.affine[-1][1])


def save(weights: Weights, path: Path) -> None:
    """As an npz file, whole or not at all."""
    arrays: dict[str, Any] = {"mean": weights.mean, "deviation": weights.deviation}
    for number, (matrix, bias) in enumerate(weights.affine):
        arrays |= {f"matrix{number}": matrix, f"bias{number}": bias}
    unfinished = path.with_suffix(".part")
    with unfinished.open("wb") as file:
        np.savez(file, **arrays)
    unfinished.rename(path)


def load(path: Path) -> Weights:
    with np.load(path) as file:
        affine = tuple((file[f"matrix{number}"], file[f"bias{number}"]) for number in range(len(LAYERS) + 1))
        return Weights(affine, file["mean"], file["deviation"])
