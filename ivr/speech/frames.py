"""A heard leg's sound on its way from media to a speech process: one datagram for each packet of the caller's.

    8 bytes  the turn                     4 bytes  position of the first sample, from the turn's begin on
    4 bytes  the frame's number, from 0   the rest is A-law, a byte a sample, 8 kHz

A frame that found the socket full was dropped and its number is missing; positions tell how long the gap is. Positions also
skip what the network lost, and silence that was not sent.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

_HEADER = struct.Struct(">QII")
MAX_SAMPLES = 1600
MAX_SIZE = _HEADER.size + MAX_SAMPLES


class Frame(NamedTuple):
    """A datagram's contents."""

    turn: int
    number: int
    position: int
    sound: bytes


def write(turn: int, number: int, position: int, sound: bytes) -> bytes:
    """A datagram. Numbers and positions are wrapped to 32 bits."""
    return _HEADER.pack(turn, number & 0xFFFFFFFF, position & 0xFFFFFFFF) + sound


def read(datagram: bytes) -> Frame | None:
    """None for what is no frame."""
    if not _HEADER.size < len(datagram) <= MAX_SIZE:
        return None
    turn, number, position = _HEADER.unpack_from(datagram)
    return Frame(turn, number, position, datagram[_HEADER.size :])
