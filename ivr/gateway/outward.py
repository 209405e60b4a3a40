"""What media sends for the outside party: its sound, in order, where a prompt was broken off, and keys of a seat as the tones
that they are in the telephone network, for a stream knows sound alone."""

from __future__ import annotations

import struct
from functools import cache

import numpy as np

from ivr.gateway.inward import PCMU
from ivr.media.dtmf import KEYS
from ivr.media.g711 import encode
from ivr.media.rtp import HEADER_SIZE, SAMPLE_RATE, SEQUENCE, VERSION

_HEADER = struct.Struct(">BBHII")
_EVENT = struct.Struct(">BBH")
_ROWS, _COLUMNS = (697, 770, 852, 941), (1209, 1336, 1477, 1633)
_PAD = "123A456B789C*0#D"
_LEVEL = 8000.0
_LONGEST = SAMPLE_RATE // 10
"""Samples of tone that one packet may stand for: updates come each 20 to 50 ms (RFC 4733 2.5.1.2)."""


class Outward:
    """One stream's."""

    __slots__ = ("_key", "_last", "_ssrc", "dtmf_type", "hush_type")

    def __init__(self) -> None:
        self._ssrc = -1
        self._last = -1
        self._key = (-1, 0)  # timestamp and duration so far of the key that is down
        self.dtmf_type: int | None = None
        """Payload type of telephone-events, None where there are none."""
        self.hush_type: int | None = None
        """By which media says that a prompt was broken off."""

    def frame(self, packet: bytes) -> bytes | None:
        """The µ-law of a packet; None: what came before is not to be heard any more; b"" for all that is neither: late and
        foreign packets, comfort noise."""
        if len(packet) < HEADER_SIZE or packet[0] != VERSION:
            return b""
        _, second, sequence, timestamp, ssrc = _HEADER.unpack_from(packet)
        if ssrc != self._ssrc:
            self._ssrc, self._last = ssrc, -1
        if self._last >= 0 and not 0 < ((sequence - self._last) & SEQUENCE) < 0x8000:
            return b""
        self._last = sequence
        kind = second & 0x7F
        if kind == PCMU:
            return packet[HEADER_SIZE:]
        if kind == self.hush_type:
            return None
        return self._tone(packet, timestamp) if kind == self.dtmf_type else b""

    def _tone(self, packet: bytes, timestamp: int) -> bytes:
        """As much of the key as was pressed since the packet before: its end, said three times, adds nothing."""
        if len(packet) < HEADER_SIZE + _EVENT.size:
            return b""
        code, _, duration = _EVENT.unpack_from(packet, HEADER_SIZE)
        begun, before = self._key
        if timestamp != begun:
            before = 0
        self._key = (timestamp, max(before, duration))
        if code >= len(KEYS) or duration <= before:
            return b""
        begin = max(before, duration - _LONGEST)
        # A second of it is a whole number of periods.
        tone = _tone(KEYS[code])
        at = begin % SAMPLE_RATE
        return (tone + tone)[at : at + duration - begin]


@cache
def _tone(key: str) -> bytes:
    """A second of a key's two tones (ITU-T Q.23), µ-law."""
    place = _PAD.index(key)
    turns = 2 * np.pi * np.arange(SAMPLE_RATE) / SAMPLE_RATE
    both = np.sin(turns * _ROWS[place // 4]) + np.sin(turns * _COLUMNS[place % 4])
    return encode("PCMU", np.asarray(both * _LEVEL, dtype=np.int16))
