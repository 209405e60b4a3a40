"""When to send: one schedule for all legs, each 20 ms tick spread over slots, by absolute deadlines that never drift."""

from __future__ import annotations

from ivr.media.rtp import SAMPLE_RATE, TICK_SAMPLES

SLOTS = 4
SLOT_S = TICK_SAMPLES / SAMPLE_RATE / SLOTS
SLOT_SAMPLES = TICK_SAMPLES // SLOTS

LATE_SLOTS = 40
"""A schedule further behind than 200 ms leaves slots out instead of sending them in a burst."""


class Schedule:
    """Slots numbered from 0 at `start` (seconds of a monotonic clock); slot n is due at start + n * SLOT_S."""

    __slots__ = ("_awaited", "_start", "number", "skipped")

    def __init__(self, start: float) -> None:
        self._start = start
        self._awaited = 0
        self.number = 0
        """The next slot."""
        self.skipped = 0
        """Slots left out for lateness."""

    @property
    def deadline(self) -> float:
        """When the next slot is due."""
        return self._start + self.number * SLOT_S

    @property
    def clock(self) -> int:
        """Samples from the start to the next slot."""
        return self.number * SLOT_SAMPLES

    def samples(self, now: float) -> int:
        """Samples from the start to `now`."""
        return int((now - self._start) * SAMPLE_RATE)

    def seconds(self, samples: int) -> float:
        """The reverse of samples()."""
        return self._start + samples / SAMPLE_RATE

    def until_slot(self, now: float) -> float:
        """Seconds until a slot begins, used or not; 0 when one has begun since the last call waited for one: who is behind
        doesn't wait."""
        slot = int((now - self._start) / SLOT_S)
        if slot > self._awaited:
            self._awaited = slot
            return 0.0
        self._awaited = slot + 1
        return max(0.0, self._start + self._awaited * SLOT_S - now)

    def catch_up(self, now: float) -> None:
        """Leave out slots when too many are overdue; whole ticks, so that no leg loses more than another."""
        overdue = int((now - self.deadline) / SLOT_S)
        if overdue > LATE_SLOTS:
            overdue -= overdue % SLOTS
            self.number += overdue
            self.skipped += overdue

    def idle_until(self, now: float) -> None:
        """Nothing was to be sent up to `now`: go on from there."""
        overdue = int((now - self.deadline) / SLOT_S)
        if overdue > 0:
            self.number += overdue
