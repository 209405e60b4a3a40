"""A voice as it is heard in a mix: played as early as its packets' jitter allows, its losses concealed.

What is relayed to one listener keeps its source's steps and needs none of this. Positions are samples of the process's clock.
The voice is rendered in blocks of 10 ms as listeners read on; all of them hear the same. How far it lags follows the latest
packets of the last 2 s: the lag grows where a packet is missing anyway, and shrinks where the voice is quiet. What is missing
is made from the last pitch period, fading within 60 ms.
"""

from __future__ import annotations

from collections import deque

import numpy as np

from ivr.media.g711 import SILENCE, Samples, decode
from ivr.media.noise import noise
from ivr.media.rtp import TIMESTAMP, timestamp_step

BLOCK = 80
CAPACITY = 8000
"""Samples of a source that are held."""

FIRST_LAG = 480
"""60 ms, until it is known how packets come."""

MARGIN = 80
"""So much more than the latest packets need."""

MAX_LAG = 2400
"""300 ms: packets later than that are lost."""

CONCEALED_BLOCKS = 6
"""What is missing for longer is silence."""

_HELD = 4000  # rendered samples kept for listeners that read later than others
_PITCH = (20, 120)  # samples of a period: 400 to 67 Hz
_WINDOW = 160
_SEAM = 40  # samples in which one sound goes over into another
_QUIET = 400  # amplitude below which a block may be left out or doubled
_JUMP = 8000
_WORTH = 200  # a lag longer than needed by so much is shortened


class Jitter:
    """One source's packets, and the voice made of them."""

    __slots__ = (
        "_ahead",
        "_concealed",
        "_known",
        "_lag",
        "_lateness",
        "_newest",
        "_noise",
        "_noise_at",
        "_out",
        "_period",
        "_rendered",
        "_sound",
        "_stamp",
        "_start",
        "_wanted",
    )

    def __init__(self, now: int) -> None:
        self._rendered = now  # position after the last rendered sample
        self._out: Samples = np.zeros(_HELD, dtype=np.int16)
        self._concealed = CONCEALED_BLOCKS  # blocks made up since the last real one
        self._period: Samples = self._out[:0]
        self._noise = self._noise_at = -1
        self._ahead = 0  # how much earlier than its time a block is rendered, for listeners of long packets
        self._lateness: deque[int] = deque(maxlen=100)
        self._begin(0)
        self.restart()

    def restart(self) -> None:
        """Another source begins: what it says is laid by its arrival."""
        self._stamp = -1

    def _begin(self, lag: int) -> None:
        """Positions of the source count from 0: sample 0 is heard at `lag`."""
        self._lag = self._wanted = lag
        self._start = self._newest = 0  # what is held begins here; after the newest sample
        self._sound = bytearray(SILENCE["PCMA"] * CAPACITY)
        self._known = bytearray(CAPACITY)
        self._lateness.clear()

    def noise(self, level: int) -> None:
        """Until the next packet there is noise, `level` dB below overload (RFC 3389)."""
        self._noise = level

    def place(self, timestamp: int, payload: memoryview | bytes, now: int) -> None:
        """A packet's A-law `payload` that arrived at `now`."""
        count = len(payload)
        at = self._newest + timestamp_step(timestamp, self._stamp)
        if self._stamp < 0 or abs(now - at - self._lag) > _JUMP or at + count > self._start + CAPACITY:
            self._begin(now + FIRST_LAG)
            at, self._stamp = 0, timestamp
        if at + count > self._newest:
            self._newest, self._stamp = at + count, (timestamp + count) & TIMESTAMP
            self._noise = -1
        self._lateness.append(now - at)
        if len(self._lateness) >= 10:
            late = sorted(self._lateness)
            self._wanted = min(late[-1 - len(late) // 50] + MARGIN, late[0] + MAX_LAG) + self._ahead
        index = at - self._start
        if index >= 0:
            self._sound[index : index + count] = payload
            self._known[index : index + count] = b"\1" * count

    def read(self, position: int, count: int) -> Samples:
        """`count` samples from `position` on."""
        self._ahead = max(self._ahead, count - BLOCK)
        if position - self._rendered > _HELD:  # nobody has listened for long
            self._rendered = position
        while self._rendered < position + count:
            self._out[:-BLOCK] = self._out[BLOCK:]
            self._out[-BLOCK:] = self._block(self._rendered)
            self._rendered += BLOCK
        at = len(self._out) - (self._rendered - position)
        return self._out[at : at + count].copy() if at >= 0 else np.zeros(count, dtype=np.int16)

    def _block(self, position: int) -> Samples:
        """What is heard from `position` on."""
        index = position - self._lag - self._start
        if index > CAPACITY // 2:
            self._forget(index)
            index = 0
        known = index >= 0 and self._known[index : index + BLOCK] == b"\1" * BLOCK
        if not known:
            if self._wanted > self._lag or index + self._start >= self._newest:
                self._lag = min(self._wanted, self._lag + BLOCK) if self._wanted > self._lag else self._wanted
            return self._made_up()
        sound = decode("PCMA", self._sound[index : index + BLOCK])
        spare = self._lag - self._wanted
        quiet = int(np.abs(sound).max()) < _QUIET
        if spare <= -BLOCK and quiet:
            self._lag += BLOCK  # heard again
        elif spare >= (BLOCK if quiet else _WORTH) and self._known[index + BLOCK : index + 2 * BLOCK] == b"\1" * BLOCK:
            self._lag -= BLOCK
            return _blend(sound, decode("PCMA", self._sound[index + BLOCK : index + 2 * BLOCK]), BLOCK)
        if self._concealed:
            before = self._made_up()
            self._concealed = 0
            return _blend(before, sound, _SEAM)
        return sound

    def _forget(self, count: int) -> None:
        """Drop what was heard."""
        del self._sound[:count], self._known[:count]
        self._sound += SILENCE["PCMA"] * (CAPACITY - len(self._sound))
        self._known += bytes(CAPACITY - len(self._known))
        self._start += count

    def _made_up(self) -> Samples:
        """A block in place of what is missing."""
        if self._noise >= 0:
            self._noise_at = (self._noise_at + BLOCK) % (CAPACITY - BLOCK)
            self._concealed = CONCEALED_BLOCKS
            return decode("PCMA", noise(self._noise)[self._noise_at : self._noise_at + BLOCK])
        if self._concealed == 0:
            self._period = _last_period(self._out[-_WINDOW - _PITCH[1] :])
        done = self._concealed
        self._concealed = min(done + 1, CONCEALED_BLOCKS)
        if done >= CONCEALED_BLOCKS:
            return np.zeros(BLOCK, dtype=np.int16)
        at = np.arange(done * BLOCK, (done + 1) * BLOCK)
        fade = np.clip(1.2 - 0.2 * at / BLOCK, 0, 1)  # whole for 10 ms, then 20 % less in each
        return (self._period[at % len(self._period)] * fade).astype(np.int16)


def _last_period(past: Samples) -> Samples:
    """The last pitch period of `past`: where its end resembles most what was before."""
    values = past.astype(np.float64)
    end = values[-_WINDOW:]
    lags = range(*_PITCH)
    earlier = np.array([values[-_WINDOW - lag : -lag] for lag in lags])
    likeness = earlier @ end / np.sqrt(np.sum(earlier**2, axis=1) + 1)
    return past[-lags[int(np.argmax(likeness))] :].copy()


def _blend(one: Samples, other: Samples, count: int) -> Samples:
    """`other`, faded in over `one` within `count` samples."""
    weight = np.minimum(np.arange(len(other)) / count, 1.0)
    blended: Samples = (one * (1 - weight) + other * weight).astype(np.int16)
    return blended
