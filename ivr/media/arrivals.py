"""Which packets of a peer are good, by their numbers, and what its stream lost on the way (RFC 3550 A.1, A.3, A.8).

A packet that simply follows the last one is dealt with by its receiver (Leg.receive), which writes `next`; all others are
judged here. Another stream from the same address (SSRC or number jumps) is believed once packets of it follow each other for
nearly two packets' time without one of the old stream between them: who does not hear the stream cannot break into it.
"""

from __future__ import annotations

from enum import IntEnum

from ivr.media.rtp import SAMPLE_RATE, SEQUENCE, TICK_SAMPLES, TIMESTAMP, sequence_step

MISORDER = 100
"""A packet more numbers behind than that is no late one (RFC 3550 A.1)."""

DROPOUT = 50
"""With more numbers missing a packet must prove, like another stream, that it isn't somebody else's."""

MAX_LOST = 3000
"""More numbers missing than that are a jump of the numbers, not a loss (RFC 3550 A.1)."""

LONGEST = 1600
"""Samples of the longest packet (RFC 3551 4.2)."""

_NONE = -1
_SLACK = 20
_STRANGE = 8000  # two packets further apart than 1 s on the way: a clock was set, a timestamp jumped


class Verdict(IntEnum):
    """DROP: a duplicate, or of a stream not believed yet. GOOD: to be used. NEW: to be used, and another stream begins."""

    DROP = 0
    GOOD = 1
    NEW = 2


class Arrivals:
    """The numbers of one peer's packets, over all its streams."""

    __slots__ = (
        "_base",
        "_before",
        "_candidate",
        "_candidate_begin",
        "_candidate_from",
        "_candidate_next",
        "_cycles",
        "_expected_prior",
        "_length",
        "_lost",
        "_lost_before",
        "_missing",
        "_received_prior",
        "_stamp",
        "_transit",
        "duplicates",
        "jitter",
        "next",
        "reordered",
        "ssrc",
    )

    def __init__(self) -> None:
        self.ssrc = _NONE
        """Of the stream that is believed; negative: none yet."""
        self.next = _NONE
        """The number that simply follows. Not wrapped: the packet after 65535 is judged here."""
        self.duplicates = 0
        self.reordered = 0
        self.jitter = 0.0
        """Mean deviation of the time on the way, in samples (RFC 3550 6.4.1)."""
        self._before = self._lost_before = 0  # received and lost of earlier streams
        self._base = self._cycles = self._lost = 0
        self._missing: dict[int, None] = {}  # numbers that may still come late, in their order
        self._expected_prior = self._received_prior = 0
        self._transit: float | None = None
        self._stamp = 0
        self._length = TICK_SAMPLES  # of the stream's packets
        self._candidate = self._candidate_next = self._candidate_begin = self._candidate_from = _NONE

    # By number

    def judge(self, sequence: int, ssrc: int, now: int) -> Verdict:
        """A packet at sample `now` of the local clock."""
        if self.ssrc < 0:
            self._begin(sequence, ssrc)
            return Verdict.NEW
        step = sequence_step(sequence, self.next)
        if ssrc != self.ssrc or not -MISORDER <= step <= DROPOUT:
            return self._prove(sequence, ssrc, now)
        if step < 0:
            if sequence in self._missing:
                del self._missing[sequence]
                self._lost -= 1
                self.reordered += 1
                return Verdict.GOOD
            self.duplicates += 1
            return Verdict.DROP
        self._skip(step, sequence)
        return Verdict.GOOD

    def _skip(self, count: int, sequence: int) -> None:
        """`count` numbers are missing before `sequence`."""
        self._lost += count
        first = max(self.next, self.next + count - MISORDER)
        for number in range(first, self.next + count):
            self._missing[number & SEQUENCE] = None
        while len(self._missing) > MISORDER:
            del self._missing[next(iter(self._missing))]
        if self.next + count > SEQUENCE:
            self._cycles += SEQUENCE + 1
        self.next = sequence + 1

    def _prove(self, sequence: int, ssrc: int, now: int) -> Verdict:
        if ssrc != self._candidate or sequence != self._candidate_next or self.next != self._candidate_from:
            self._candidate, self._candidate_begin, self._candidate_from = ssrc, now, self.next
        self._candidate_next = (sequence + 1) & SEQUENCE
        if now - self._candidate_begin < 2 * self._length - _SLACK:
            return Verdict.DROP
        step = sequence_step(sequence, self.next)
        if ssrc == self.ssrc and 0 < step < MAX_LOST:
            self._missing.clear()
            self._skip(step, sequence)
            return Verdict.GOOD
        self._begin(sequence, ssrc)
        return Verdict.NEW

    def forget(self) -> None:
        """The next packet's stream is believed at once."""
        self._before += self._expected - self._lost
        self._lost_before += self._lost
        self.ssrc = self.next = self._candidate = _NONE
        self._lost = 0
        self._missing.clear()

    def _begin(self, sequence: int, ssrc: int) -> None:
        self.forget()
        self.ssrc, self.next = ssrc, sequence + 1
        self._base, self._cycles = sequence, 0
        self._expected_prior = self._received_prior = 0
        self._transit, self._length = None, TICK_SAMPLES

    # In time

    def timed(self, timestamp: int, arrival_s: float, again: bool) -> None:
        """A packet's arrival; `again`: the next one to the packet timed last, so that both tell the jitter (RFC 3550 A.8)."""
        transit = (arrival_s * SAMPLE_RATE - timestamp) % (TIMESTAMP + 1)
        if again and self._transit is not None:
            difference = abs(transit - self._transit)
            difference = min(difference, TIMESTAMP + 1 - difference)
            if difference < _STRANGE:
                self.jitter += (difference - self.jitter) / 16
            if TICK_SAMPLES <= timestamp - self._stamp <= LONGEST:
                self._length = timestamp - self._stamp
        self._transit, self._stamp = transit, timestamp

    # What came

    @property
    def _expected(self) -> int:
        return 0 if self.ssrc < 0 else self._cycles + self.next - self._base

    @property
    def received(self) -> int:
        """Good packets so far."""
        return self._before + self._expected - self._lost

    @property
    def lost(self) -> int:
        """Packets that did not come, so far."""
        return self._lost_before + self._lost

    @property
    def stream_lost(self) -> int:
        """Packets that did not come of the stream that is believed now: what a report counts."""
        return self._lost

    @property
    def highest(self) -> int:
        """The highest number, with the count of wraps above it (RFC 3550 6.4.1)."""
        return self._cycles + self.next - 1

    def fraction_lost(self) -> int:
        """The part lost since the last call, in 256ths (RFC 3550 A.3)."""
        expected, received = self._expected, self._expected - self._lost
        of = expected - self._expected_prior
        lost = of - (received - self._received_prior)
        self._expected_prior, self._received_prior = expected, received
        return min(255, (lost << 8) // of) if of > 0 and lost > 0 else 0
