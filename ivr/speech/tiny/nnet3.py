"""Kaldi's final.mdl in its binary format: a transition model of one-state phones and an nnet3 network.

Kaldi's hmm/transition-model.cc, nnet3/nnet-nnet.cc, nnet-simple-component.cc. Numbers are little-endian, each led by its size.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ivr.speech.tiny.features import BANDS
from ivr.speech.tiny.network import CONTEXT_AFTER, CONTEXT_BEFORE, LAYERS, Layer, Weights

_BINARY = b"\0B"
_HALF = 0.5
"""The chance to stay in a phone that the transition model tells; graph.py's arcs cost nothing, so nothing reads it."""


class _Writer:
    """The elements of Kaldi's files."""

    def __init__(self) -> None:
        self.bytes = bytearray()

    def tokens(self, *names: str) -> None:
        for name in names:
            self.bytes += name.encode() + b" "

    def integer(self, *values: int) -> None:
        for value in values:
            self.bytes += b"\x04" + struct.pack("<i", value)

    def real(self, value: float) -> None:
        self.bytes += b"\x04" + struct.pack("<f", value)

    def double(self, value: float) -> None:
        self.bytes += b"\x08" + struct.pack("<d", value)

    def integers(self, values: Sequence[int]) -> None:
        self.integer(len(values))
        self.bytes += struct.pack(f"<{len(values)}i", *values)

    def vector(self, values: npt.ArrayLike) -> None:
        array = np.asarray(values, dtype="<f4")
        self.tokens("FV")
        self.integer(len(array))
        self.bytes += array.tobytes()

    def matrix(self, values: npt.ArrayLike) -> None:
        """In 16 bit (compressed-matrix.h's kTwoByte): steps of the range over 65535, half the size and none the worse."""
        array = np.asarray(values, dtype=np.float64)
        least = np.float32(array.min())
        extent = np.float32(max(array.max() - least, 1e-9))
        steps = np.clip(np.round((array - least) / extent * 65535), 0, 65535).astype("<u2")
        self.tokens("CM2")
        self.bytes += struct.pack("<ffii", least, extent, *array.shape) + steps.tobytes()


def to_bytes(weights: Weights, blank_bias: float) -> bytes:
    """final.mdl. blank_bias: what the blank's logit is lowered by; above 0 phones are heard sooner, noise too."""
    writer = _Writer()
    writer.bytes += _BINARY
    _transition_model(writer, weights.outputs)
    _network(writer, weights, blank_bias)
    writer.tokens("<LeftContext>")
    writer.integer(CONTEXT_BEFORE)
    writer.tokens("<RightContext>")
    writer.integer(CONTEXT_AFTER)
    writer.tokens("<Priors>")
    writer.vector([])
    return bytes(writer.bytes)


def _transition_model(writer: _Writer, outputs: int) -> None:
    """Phone n (from 1) is one state on output n - 1: transition 2 n - 1 stays in it, 2 n leaves it (graph.py: stay, enter)."""
    phones = range(1, outputs + 1)
    writer.tokens("<TransitionModel>", "<Topology>")
    writer.integers(phones)
    writer.integers([-1, *([0] * outputs)])
    writer.integer(1, 2)  # one kind of phone, two states
    writer.integer(0, 2)  # the first has two transitions
    for target in (0, 1):
        writer.integer(target)
        writer.real(_HALF)
    writer.integer(-1, 0)  # the second is the end
    writer.tokens("</Topology>", "<Triples>")
    writer.integer(outputs)
    for phone in phones:
        writer.integer(phone, 0, phone - 1)
    writer.tokens("</Triples>", "<LogProbs>")
    writer.vector([0.0, *([math.log(_HALF)] * (2 * outputs))])
    writer.tokens("</LogProbs>", "</TransitionModel>")


def _network(writer: _Writer, weights: Weights, blank_bias: float) -> None:
    lines = [f"input-node name=input dim={BANDS}"]
    given: tuple[str, ...] = ("input",)  # nodes whose sum is what the layer below gives
    for number, layer in enumerate(LAYERS):
        lines.append(f"component-node name=affine{number} component=affine{number} input={_spliced(given, layer)}")
        lines.append(f"component-node name=relu{number} component=relu{number} input=affine{number}")
        given = (f"relu{number}", *(given if layer.adds else ()))
    lines.append(f"component-node name=last component=last input={_added(given, 0)}")
    lines.append("component-node name=softmax component=softmax input=last")
    lines.append("output-node name=output input=softmax objective=linear")
    writer.tokens("<Nnet3>")
    writer.bytes += ("\n" + "\n".join(lines) + "\n\n").encode()
    writer.tokens("<NumComponents>")
    writer.integer(2 * len(LAYERS) + 2)
    for number, layer in enumerate(LAYERS):
        matrix, bias = (array.astype(np.float64) for array in weights.affine[number])
        if number == 0:
            matrix, bias = _taking_raw_features(matrix, bias, weights, len(layer.offsets))
        _affine(writer, f"affine{number}", matrix, bias)
        _nonlinear(writer, f"relu{number}", "RectifiedLinearComponent", layer.outputs)
    matrix, bias = (array.astype(np.float64) for array in weights.affine[-1])
    bias[0] -= blank_bias
    _affine(writer, "last", matrix, bias)
    _nonlinear(writer, "softmax", "LogSoftmaxComponent", weights.outputs)
    writer.tokens("</Nnet3>")


def _spliced(nodes: Sequence[str], layer: Layer) -> str:
    return f"Append({', '.join(_added(nodes, offset) for offset in layer.offsets)})"


def _added(nodes: Sequence[str], offset: int) -> str:
    """The nodes' sum at a frame."""
    frames = [node if offset == 0 else f"Offset({node}, {offset})" for node in nodes]
    return frames[0] if len(frames) == 1 else f"Sum({', '.join(frames)})"


def _taking_raw_features(
    matrix: npt.NDArray[np.float64], bias: npt.NDArray[np.float64], weights: Weights, taps: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """The first affine map with the features' normalisation taken into it."""
    mean, deviation = np.tile(weights.mean, taps).astype(np.float64), np.tile(weights.deviation, taps).astype(np.float64)
    return matrix / deviation[:, None], bias - (mean / deviation) @ matrix


def _affine(writer: _Writer, name: str, matrix: npt.NDArray[np.float64], bias: npt.NDArray[np.float64]) -> None:
    writer.tokens("<ComponentName>", name, "<FixedAffineComponent>", "<LinearParams>")
    writer.matrix(matrix.T)
    writer.tokens("<BiasParams>")
    writer.vector(bias)
    writer.tokens("</FixedAffineComponent>")


def _nonlinear(writer: _Writer, name: str, kind: str, dimension: int) -> None:
    writer.tokens("<ComponentName>", name, f"<{kind}>", "<Dim>")
    writer.integer(dimension)
    for statistics in ("<ValueAvg>", "<DerivAvg>"):
        writer.tokens(statistics)
        writer.vector([])
    writer.tokens("<Count>")
    writer.double(0.0)
    writer.tokens(f"</{kind}>")
