"""Keys as telephone-events (RFC 4733 2.5): each press reported once, whatever packets are lost, doubled or late."""

from __future__ import annotations

from ivr.media.rtp import SAMPLE_RATE, TIMESTAMP

KEYS = "0123456789*#ABCD"

LOST_END_S = 0.12
"""A press whose packets cease without an end is over after so long: longer than two lost updates of 50 ms."""

_REMEMBERED = 4
_SEGMENT = 0xFFFF  # the longest duration; a longer press goes on as a new segment (RFC 4733 2.5.1.3)


class DigitReceiver:
    """The telephone-events of one leg. All packets of one press bear the timestamp of its begin."""

    __slots__ = ("_before_ms", "_deadline", "_duration", "_key", "_past", "_stamp")

    def __init__(self) -> None:
        self._past: tuple[int, ...] = ()
        self._key = ""
        self._stamp = 0
        self._duration = 0
        self._before_ms = 0
        self._deadline = 0.0

    @property
    def pressed(self) -> bool:
        """Whether a key is down: tick() must then be called again."""
        return self._key != ""

    def receive(self, timestamp: int, code: int, flags: int, duration: int, now: float) -> list[tuple[str, int]]:
        """One packet: event code, second byte (end bit, volume), duration in samples. Returns keys let go, with their ms."""
        if code >= len(KEYS) or timestamp in self._past:
            return []
        over: list[tuple[str, int]] = []
        if self._key and timestamp != self._stamp:
            if KEYS[code] == self._key and timestamp == (self._stamp + _SEGMENT) & TIMESTAMP:
                self._past = (*self._past[1 - _REMEMBERED :], self._stamp)
                self._before_ms += self._duration * 1000 // SAMPLE_RATE
                self._stamp, self._duration = timestamp, 0
            else:
                over += self._release()
        if not self._key:
            self._key, self._stamp, self._duration, self._before_ms = KEYS[code], timestamp, 0, 0
        self._duration = max(self._duration, duration)
        self._deadline = now + LOST_END_S
        if flags & 0x80:
            over += self._release()
        return over

    def tick(self, now: float) -> list[tuple[str, int]]:
        """Time passed: a key whose end was lost."""
        return self._release() if self._key and now >= self._deadline else []

    def restart(self) -> None:
        """A new source, whose timestamps have nothing to do with the last one's."""
        self._past = ()

    def _release(self) -> list[tuple[str, int]]:
        key, self._key = self._key, ""
        self._past = (*self._past[1 - _REMEMBERED :], self._stamp)
        return [(key, self._before_ms + self._duration * 1000 // SAMPLE_RATE)]
