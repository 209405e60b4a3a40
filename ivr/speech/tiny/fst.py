"""OpenFst's binary format of a vector FST over the tropical semiring (fst/vector-fst.h, version 2), as fstcompile writes it."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

_MAGIC = 2125659606
_VERSION = 2
_EXPANDED_MUTABLE = 0x3
_INPUT_SORTED = 0x10000000
_OUTPUT_SORTED = 0x40000000
_ARCS = np.dtype([("input", "<i4"), ("output", "<i4"), ("weight", "<f4"), ("target", "<i4")])

EPSILON = 0
"""The label of an arc that reads or writes nothing."""


@dataclass(frozen=True, slots=True)
class Arc:
    """input, output: labels. weight: a cost, a negative natural logarithm. target: a state."""

    input: int
    output: int
    weight: float
    target: int


@dataclass(slots=True)
class Fst:
    """A transducer under construction. Its states are 0, 1, …; 0 is the start."""

    arcs: list[list[Arc]] = field(default_factory=list)
    finals: dict[int, float] = field(default_factory=dict)
    """The cost of ending in a state."""

    def add_state(self, *, final: float | None = None) -> int:
        self.arcs.append([])
        state = len(self.arcs) - 1
        if final is not None:
            self.finals[state] = final
        return state

    def add_arc(self, source: int, target: int, input_label: int, output_label: int = EPSILON, weight: float = 0.0) -> None:
        self.arcs[source].append(Arc(input_label, output_label, weight, target))


def sorted_by_input(fst: Fst) -> Fst:
    """Each state's arcs by what they read, as composition wants it on its right side."""
    return Fst([sorted(arcs, key=lambda arc: (arc.input, arc.output)) for arcs in fst.arcs], fst.finals)


def sorted_by_output(fst: Fst) -> Fst:
    """Each state's arcs by what they write, as composition wants it on its left side."""
    return Fst([sorted(arcs, key=lambda arc: (arc.output, arc.input)) for arcs in fst.arcs], fst.finals)


def to_bytes(fst: Fst) -> bytes:
    """The file. Of its properties only those of order are told: the rest is for readers to find out."""
    parts = [
        struct.pack("<i", _MAGIC),
        _string(b"vector"),
        _string(b"standard"),
        struct.pack("<iiQqqq", _VERSION, 0, _properties(fst.arcs), 0, len(fst.arcs), 0),
    ]
    for state, arcs in enumerate(fst.arcs):
        parts.append(struct.pack("<fq", fst.finals.get(state, float("inf")), len(arcs)))
        parts.append(np.array([(arc.input, arc.output, arc.weight, arc.target) for arc in arcs], dtype=_ARCS).tobytes())
    return b"".join(parts)


def _properties(states: Sequence[Sequence[Arc]]) -> int:
    properties = _EXPANDED_MUTABLE
    if all(one.input <= two.input for arcs in states for one, two in pairwise(arcs)):
        properties |= _INPUT_SORTED
    if all(one.output <= two.output for arcs in states for one, two in pairwise(arcs)):
        properties |= _OUTPUT_SORTED
    return properties


def _string(text: bytes) -> bytes:
    return struct.pack("<i", len(text)) + text
