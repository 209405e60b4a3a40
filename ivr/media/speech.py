"""Whether somebody speaks, by the level of the sound against that of the noise behind it (minimum statistics, as R. Martin
described them in 2001). For recordings that end in silence: once a second, not per packet.

Levels are in dB below overload (dBov). A level above the loudest noise is always taken for speech: better a message with some
traffic at its end than one that is cut short.
"""

from __future__ import annotations

from collections import deque
from typing import TypeAlias

import numpy as np

from ivr.media.g711 import decode
from ivr.media.rtp import SAMPLE_RATE

BLOCK = SAMPLE_RATE // 10
"""Samples that are measured together: 100 ms."""

ABOVE_DB = 8.0
"""Speech is so much louder than the noise."""
QUIETEST_DB, LOUDEST_DB = -63.0, -35.0
"""Within these the noise is looked for."""
WINDOW = 30
"""The noise is the quietest block of the last 3 s: nobody speaks for so long without a pause."""
RUN = 2
"""So many loud blocks on end are speech; one alone is a click."""

Span: TypeAlias = tuple[int, int]

_DIGITAL_DB = -70.0  # nothing but the quietest codes: no packets, or a muted telephone


class SpeechMeter:
    """One side's sound from its begin on. Positions are samples from there."""

    __slots__ = ("_levels", "_rest", "_run", "heard", "spoken")

    def __init__(self) -> None:
        self._rest = b""
        self._levels: deque[float] = deque(maxlen=WINDOW)
        self._run = 0
        self.heard = 0
        """Samples that were measured."""
        self.spoken = 0
        """Where the last speech ended; 0: there was none."""

    def hear(self, sound: bytes, noise: tuple[Span, ...] = ()) -> None:
        """The A-law `sound` that follows; what lies in the spans `noise` of it was made up here and is nobody's speech."""
        if noise:
            quiet = bytearray(sound)
            for begin, until in noise:
                quiet[begin:until] = b"\xd5" * (until - begin)
            sound = bytes(quiet)
        sound = self._rest + sound
        count = len(sound) // BLOCK
        self._rest = sound[count * BLOCK :]
        if not count:
            return
        samples = decode("PCMA", sound[: count * BLOCK]).astype(np.float64).reshape(count, BLOCK) / 32768
        for level in 10 * np.log10(np.mean(samples**2, axis=1)):  # A-law has no zero
            self._block(float(level))

    def _block(self, level: float) -> None:
        if level > _DIGITAL_DB:
            self._levels.append(level)
        floor = min(max(min(self._levels, default=QUIETEST_DB), QUIETEST_DB), LOUDEST_DB)
        self._run = self._run + 1 if level > floor + ABOVE_DB else 0
        self.heard += BLOCK
        if self._run >= RUN:
            self.spoken = self.heard
