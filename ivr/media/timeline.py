"""What one source said, each packet at its place in time: RTP timestamps laid upon the local clock. For recorder and mix.

Positions are samples of the process's clock (schedule.Schedule.samples). Sound is A-law. Gaps are silence; a packet that comes
late is put to its place as long as that has not been taken; a source that jumps, or drifts from the local clock, is laid anew.
"""

from __future__ import annotations

from ivr.media.g711 import SILENCE
from ivr.media.rtp import TICK_SAMPLES, TIMESTAMP, timestamp_step

CAPACITY = 16000
"""Samples held: 2 s. Whoever takes must take more often."""

AHEAD = 800
"""A source may run ahead of the local clock by 100 ms before it is laid anew."""

_PAST = 16000  # a packet up to 2 s behind is late, one further behind belongs to a stream that jumped back
_QUIET = SILENCE["PCMA"] * CAPACITY


class Timeline:
    """Sound of one source from `start` on; place() as it arrives, take() from the front, read() in between."""

    __slots__ = ("_anchored", "_at", "_buffer", "_next", "start")

    def __init__(self, start: int) -> None:
        self.start = start
        """Position of the first sample not yet taken."""
        self._buffer = bytearray(_QUIET)
        self._at = 0  # index after the newest sample
        self._next = -1  # the timestamp that belongs there
        self._anchored = False

    def restart(self) -> None:
        """Another source begins, or timestamps begin anew: the next packet is laid by its arrival."""
        self._anchored = False
        self._next = -1

    def place(self, timestamp: int, payload: memoryview | bytes, now: int) -> None:
        """A packet's A-law `payload` that arrived at `now`. Never holds more than CAPACITY."""
        at = self._at
        if timestamp != self._next or at < 0:
            at = self._position(timestamp, len(payload), now)
            if at < 0:
                return
        end = at + len(payload)
        if end > CAPACITY:
            return
        self._buffer[at:end] = payload
        if end > self._at or timestamp == self._next:
            self._at = end
            self._next = (timestamp + len(payload)) & TIMESTAMP

    def _position(self, timestamp: int, count: int, now: int) -> int:
        """The index for a packet that doesn't simply follow the last one; negative to drop it."""
        if self._anchored:
            step = timestamp_step(timestamp, self._next)
            at = self._at + step
            if at >= 0 and self.start + at + count - now <= AHEAD:
                return at
            if -_PAST <= step < 0:
                return -1
        self._anchored = True
        self._at = max(now - count - self.start, 0)
        self._next = timestamp
        return self._at

    def read(self, position: int, count: int = TICK_SAMPLES) -> bytes:
        """`count` samples from `position` on; silence where nothing is known."""
        index = position - self.start
        if index < 0 or index + count > CAPACITY:
            return _QUIET[:count]
        return bytes(self._buffer[index : index + count])

    def take(self, until: int, now: int) -> bytes:
        """Remove and return the samples from `start` to `until`; empty if there are none."""
        count = until - self.start
        if count <= 0:
            return b""
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
