"""What one source said, each packet at its place in time: RTP timestamps laid upon the local clock. For the recorder.

Positions are samples of the process's clock (schedule.Schedule.samples). Sound is A-law. Gaps are silence, or the noise that
the source wants them to be; a packet that comes late is put to its place as far as that has not been taken; a source that
jumps, or drifts from the local clock, is laid anew.
"""

from __future__ import annotations

from typing import Protocol

from ivr.media.g711 import SILENCE
from ivr.media.noise import noise
from ivr.media.rtp import TIMESTAMP, timestamp_step

CAPACITY = 16000
"""Samples held: 2 s. Whoever takes must take more often."""

AHEAD = 800
"""A source may run ahead of the local clock by 100 ms before it is laid anew."""

_PAST = 16000  # a packet up to 2 s behind is late, one further behind belongs to a stream that jumped back
_QUIET = SILENCE["PCMA"] * CAPACITY


class Voice(Protocol):
    """Who is told what a leg hears."""

    def place(self, timestamp: int, payload: memoryview | bytes, now: int) -> None:
        """A packet's A-law `payload` that arrived at `now`."""

    def noise(self, level: int) -> None:
        """Until the next packet there is noise, `level` dB below overload (RFC 3389)."""

    def restart(self) -> None:
        """Another source begins, or timestamps begin anew: the next packet is laid by its arrival."""


class Timeline:
    """Sound of one source from `start` on; place() as it arrives, take() from the front."""

    __slots__ = ("_anchored", "_at", "_buffer", "_next", "_noise", "start")

    def __init__(self, start: int) -> None:
        self.start = start
        """Position of the first sample not yet taken."""
        self._buffer = bytearray(_QUIET)
        self._at = 0  # index after the newest sample
        self._next = -1  # the timestamp that belongs there
        self._anchored = False
        self._noise = b""

    def restart(self) -> None:
        """Another source begins, or timestamps begin anew: the next packet is laid by its arrival."""
        self._anchored = False
        self._next = -1
        self._noise = b""

    def noise(self, level: int) -> None:
        """Until the next packet there is noise, `level` dB below overload (RFC 3389)."""
        self._noise = noise(level)

    def place(self, timestamp: int, payload: memoryview | bytes, now: int) -> None:
        """A packet's A-law `payload` that arrived at `now`. Never holds more than CAPACITY."""
        count = len(payload)
        at = self._at
        if timestamp != self._next or at < 0 or self._noise:
            self._lay(timestamp, payload, now)
            return
        end = at + count
        if end <= CAPACITY:
            self._buffer[at:end] = payload
            self._at = end
            self._next = (timestamp + count) & TIMESTAMP

    def _lay(self, timestamp: int, payload: memoryview | bytes, now: int) -> None:
        """A packet that doesn't simply follow the last one."""
        count, newest = len(payload), self._at
        at = self._position(timestamp, count, now)
        end = at + count
        if not 0 < end <= CAPACITY:
            return
        if self._noise and at >= newest:
            self._murmur(newest, at)
            self._noise = b""
        if at < 0:  # what of it is not taken yet
            payload = payload[-at:]
        self._buffer[max(at, 0) : end] = payload
        if end > self._at:
            self._at = end
            self._next = (timestamp + count) & TIMESTAMP

    def _murmur(self, begin: int, until: int) -> None:
        """Lay noise between two indices."""
        begin, until = max(begin, 0), min(until, CAPACITY)
        if until > begin:
            self._buffer[begin:until] = (self._noise * 2)[: until - begin]

    def _position(self, timestamp: int, count: int, now: int) -> int:
        """The index for a packet; negative as far as its time is over."""
        if self._anchored:
            step = timestamp_step(timestamp, self._next)
            at = self._at + step
            if at + count > 0 and self.start + at + count - now <= AHEAD:
                return at
            if -_PAST <= step < 0:
                return -count
        self._anchored = True
        self._at = max(now - count - self.start, 0)
        self._next = timestamp
        return self._at

    def take(self, until: int, now: int) -> bytes:
        """Remove and return the samples from `start` to `until`; empty if there are none."""
        count = until - self.start
        if count <= 0:
            return b""
        if self._noise:
            self._murmur(self._at, count)
        taken = bytes(self._buffer[:count])
        if count > CAPACITY:
            taken += SILENCE["PCMA"] * (count - CAPACITY)
        del self._buffer[:count]
        self._buffer += _QUIET[: CAPACITY - len(self._buffer)]
        self._at -= count
        self.start = until
        if until + self._at - now > AHEAD:
            self.restart()
        return taken
