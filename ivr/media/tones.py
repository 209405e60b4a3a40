"""Keys as tones in the sound (ITU-T Q.23, recognised as Q.24 asks), of many legs at once.

Every 5 ms a block of 20 ms is correlated with the eight frequencies. The phases of two blocks 10 ms apart tell how far the
tones are off, far more sharply than the blocks' own resolution. Speech is kept apart by what such a pair must agree upon: the
same two tones, near their frequencies, of like and steady strength, and next to nothing beside them: no harmonics either.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from ivr.media.g711 import SILENCE, decode
from ivr.media.rtp import SAMPLE_RATE

Floats: TypeAlias = npt.NDArray[np.float32]
Wholes: TypeAlias = npt.NDArray[np.intp]

SOUND = 800
"""Samples that hear() takes of each leg: 100 ms."""

KEYS = "123A456B789C*0#D"
FREQUENCIES = np.array([697, 770, 852, 941, 1209, 1336, 1477, 1633], np.float32)
"""Of the rows, then of the columns of KEYS."""

OFFSET = 0.025
"""How far off a frequency may be: 1.5 % must be taken, 3.5 % must not."""
TWIST_DB = (-10.0, 6.0)
"""How much stronger the high tone may be: -8 to 4 dB must be taken."""
SHARE = 0.87
"""Of a block's energy that the two tones must hold: with 15 dB of noise, which must be borne, it is 0.97."""
STEADY_DB = 3.0
"""How much a tone's power may change from one block of a pair to the other."""
WEAKEST_DBM0 = -37.0
"""The weaker tone's level."""

ENOUGH = 3
"""Pairs one after the other that make a key: there are so many in 40 ms of tone, however it lies, and never in 30 ms."""
BRIDGED = 440
"""Samples from one pair to the next of the same press: a lost packet of 20 ms is bridged, a pause of 40 ms is not."""

_HOP, _BLOCK, _LAG = 40, 160, 80  # samples from block to block, of a block, and between the two of a pair
_APART = _LAG // _HOP
_CARRY = _BLOCK + _LAG - _HOP  # samples that the next pairs need again
_FULL_DBM0, _FULL = 3.14, 32256.0  # the sine that A-law can just hold (ITU-T G.711), and its amplitude
_WEAKEST = 10 ** ((WEAKEST_DBM0 - _FULL_DBM0) / 10) * _FULL**2 / 2
_TWIST = tuple(10 ** (db / 10) for db in TWIST_DB)
_STEADY = 10 ** (STEADY_DB / 10)
_DECODED = decode("PCMA", bytes(range(256))).astype(np.float32)

_AT = np.arange(_BLOCK)
_HANN = 0.5 - 0.5 * np.cos(2 * np.pi * (_AT + 0.5) / _BLOCK)
_WEIGHTS = (_HANN**2 / np.sum(_HANN**2)).astype(np.float32)  # of a block's energy
_WAVES = np.exp(-2j * np.pi * np.outer(_AT, FREQUENCIES) / SAMPLE_RATE) * (np.sqrt(2) * _HANN / np.sum(_HANN))[:, None]
_CORRELATORS = np.hstack([_WAVES.real, _WAVES.imag]).astype(np.float32)  # a tone's squared magnitude is its power
_TURN_BACK = np.exp(-2j * np.pi * FREQUENCIES * _LAG / SAMPLE_RATE)


class ToneReceiver:
    """The keys of one leg."""

    __slots__ = ("_count", "_first", "_key", "_last", "_now", "carry")

    def __init__(self) -> None:
        self.carry = SILENCE["PCMA"] * _CARRY
        """The end of what was heard."""
        self._now = 0  # pairs are counted in samples from the begin
        self._key = -1
        self._first = self._last = self._count = 0

    def receive(self, pairs: Sequence[tuple[int, int]]) -> list[tuple[str, int]]:
        """What find() found in SOUND more samples. Returns keys let go, with their ms."""
        over: list[tuple[str, int]] = []
        for at, key in pairs:
            self._pair(self._now + at * _HOP, key, over)
        self._now += SOUND
        if self._key >= 0 and self._now - self._last > BRIDGED:
            self._let_go(over)
        return over

    def _pair(self, at: int, key: int, over: list[tuple[str, int]]) -> None:
        gap = at - self._last
        if self._key >= 0 and (key != self._key or gap > (BRIDGED if self._count >= ENOUGH else _HOP)):
            self._let_go(over)
        if self._key < 0:
            self._key, self._first, self._count = key, at, 0
        self._last = at
        self._count += 1

    def _let_go(self, over: list[tuple[str, int]]) -> None:
        if self._count >= ENOUGH:
            over.append((KEYS[self._key], (self._last - self._first + _CARRY) * 1000 // SAMPLE_RATE))
        self._key = -1


def hear(receivers: Sequence[ToneReceiver], sounds: Sequence[bytes]) -> list[list[tuple[str, int]]]:
    """SOUND samples of A-law of each leg. Returns each one's keys let go, with their ms."""
    parts = [part for receiver, sound in zip(receivers, sounds, strict=True) for part in (receiver.carry, sound)]
    rows = np.frombuffer(b"".join(parts), np.uint8).reshape(len(receivers), _CARRY + SOUND)
    found: list[list[tuple[int, int]]] = [[] for _ in receivers]
    for leg, at, key in zip(*(each.tolist() for each in find(_DECODED[rows])), strict=True):
        found[leg].append((at, key))
    for receiver, sound in zip(receivers, sounds, strict=True):
        receiver.carry = sound[-_CARRY:]
    return [receiver.receive(pairs) for receiver, pairs in zip(receivers, found, strict=True)]


def find(rows: Floats) -> tuple[Wholes, Wholes, Wholes]:
    """The pairs of blocks that hold a key, in rows of samples: of which row, the how manieth pair of it, which of KEYS."""
    blocks = np.ascontiguousarray(np.lib.stride_tricks.sliding_window_view(rows, _BLOCK, axis=1)[:, ::_HOP])
    energies = np.square(blocks) @ _WEIGHTS
    row, at = np.nonzero(np.minimum(energies[:, :-_APART], energies[:, _APART:]) >= 2 * _WEAKEST)
    if not len(row):
        return row, at, row
    parts = blocks @ _CORRELATORS
    pairs = np.stack([parts[row, at], parts[row, at + _APART]])
    tones = pairs[..., :8] + 1j * pairs[..., 8:]  # first and second block, pair, frequency
    strengths = np.sum(np.abs(tones) ** 2, axis=0)
    low, high = strengths[:, :4].argmax(1), strengths[:, 4:].argmax(1) + 4
    (low_powers, low_good), (high_powers, high_good) = _tone(tones, low), _tone(tones, high)
    share = (low_powers + high_powers) / np.stack([energies[row, at], energies[row, at + _APART]])
    twist = high_powers.sum(0) / low_powers.sum(0)
    good = low_good & high_good & (share.min(0) >= SHARE) & (twist >= _TWIST[0]) & (twist <= _TWIST[1])
    return row[good], at[good], (low * 4 + high - 4)[good]


def _tone(tones: npt.NDArray[np.complexfloating], which: Wholes) -> tuple[npt.NDArray[np.floating], npt.NDArray[np.bool_]]:
    """One tone of each pair: its power in both blocks, and whether it is loud and steady enough and near its frequency."""
    first, second = tones[:, np.arange(len(which)), which]
    hertz = np.angle(second * first.conj() * _TURN_BACK[which]) * (SAMPLE_RATE / (2 * np.pi * _LAG))
    near = np.abs(hertz) <= OFFSET * FREQUENCIES[which]
    off = np.where(near, hertz, 0) * (_BLOCK / SAMPLE_RATE)
    powers = np.abs(np.stack([first, second])) ** 2 / (np.sinc(off) / (1 - off**2)) ** 2  # the window's loss beside its middle
    weaker, stronger = powers.min(0), powers.max(0)
    return powers, near & (weaker >= _WEAKEST) & (stronger <= _STEADY * weaker)
