"""Keys as telephone-events (RFC 4733 2.5): each press reported once, whatever packets are lost, doubled or late."""

from __future__ import annotations

from ivr.media.rtp import SAMPLE_RATE, TIMESTAMP

KEYS = "0123456789*#ABCD"

LOST_END_S = 0.12
"""A press whose packets cease without an end is over after so long: longer than two lost updates of 50 ms."""

_REMEMBERED = 4
_SEGMENT = 0xFFFF  # the longest duration; a longer press goes on as a new segment (RFC 4733 2.5.1.3)
_END = 0x80


class DigitReceiver:
    """The telephone-events of one leg. All packets of one press bear the timestamp of its begin."""

    __slots__ = ("_begin", "_deadline", "_duration", "_key", "_past", "_stamp", "heard", "pressed")

    def __init__(self) -> None:
        self.pressed = False
        """Whether a key is down: tick() must then be called again."""
        self.heard = False
        """Whether there ever was one: the peer's keys need then not be looked for in its sound."""
        self._past: tuple[int, ...] = ()
        self._key = ""  # that is down, or was last
        self._begin = 0
        self._stamp = 0
        self._duration = 0
        self._deadline = 0.0

    def receive(self, timestamp: int, code: int, flags: int, duration: int, now: float) -> list[tuple[str, int]]:
        """One packet: event code, second byte (end bit, volume), duration in samples. Returns keys let go, with their ms."""
        if code >= len(KEYS) or timestamp in self._past:
            return []
        self.heard = True
        over: list[tuple[str, int]] = []
        if KEYS[code] == self._key and self._goes_on(timestamp):
            if not self.pressed:
                self._stamp, self._duration = timestamp, duration
                self._remember(timestamp)
                return []
            if timestamp != self._stamp:
                self._remember(self._stamp)
                self._stamp, self._duration = timestamp, 0
        else:
            if self.pressed:
                over += self._release()
            self.pressed, self._key, self._begin, self._stamp, self._duration = True, KEYS[code], timestamp, timestamp, 0
        self._duration = max(self._duration, duration)
        self._deadline = now + LOST_END_S
        if flags & _END:
            over += self._release()
        return over

    def tick(self, now: float) -> list[tuple[str, int]]:
        """Time passed: a key whose end was lost."""
        return self._release() if self.pressed and now >= self._deadline else []

    def restart(self) -> None:
        """A new source, whose timestamps have nothing to do with the last one's."""
        self._past = ()
        if not self.pressed:
            self._key = ""

    def _goes_on(self, timestamp: int) -> bool:
        """Whether a packet of the same key belongs to the same press: of this segment, of the next of a long press, or, from a
        sender that stamps each packet anew, the next packet. Another press would begin after this one's end."""
        step = (timestamp - self._stamp) & TIMESTAMP
        return step <= self._duration or step == _SEGMENT

    def _release(self) -> list[tuple[str, int]]:
        self.pressed = False
        self._remember(self._stamp)
        return [(self._key, (((self._stamp - self._begin) & TIMESTAMP) + self._duration) * 1000 // SAMPLE_RATE)]

    def _remember(self, stamp: int) -> None:
        self._past = (*self._past[1 - _REMEMBERED :], stamp)
