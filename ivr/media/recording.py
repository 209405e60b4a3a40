"""One running recording: the timelines of one leg or two, taken side by side, and where it ends by itself."""

from __future__ import annotations

from typing import Literal, TypeAlias

from ivr.media.control import Record
from ivr.media.rtp import SAMPLE_RATE
from ivr.media.speech import Span, SpeechMeter
from ivr.media.timeline import Timeline

HOLD = SAMPLE_RATE // 5
"""What is not older than 200 ms stays open for late packets."""

KEPT_S = 0.5
"""What is kept of the silence after the last words."""

Over: TypeAlias = Literal["", "silence", "limit"]


class Side(Timeline):
    """One leg's timeline that remembers where it has laid comfort noise."""

    __slots__ = ("_laid",)

    def __init__(self, start: int) -> None:
        super().__init__(start)
        self._laid: list[Span] = []  # positions

    def _murmur(self, begin: int, until: int) -> None:
        super()._murmur(begin, until)
        self._laid.append((self.start + max(begin, 0), self.start + until))

    def noise_in(self, begin: int, until: int) -> tuple[Span, ...]:
        """The spans of made noise between two positions, counted from the first; what lies before is forgotten."""
        found = tuple((max(a, begin) - begin, min(b, until) - begin) for a, b in self._laid if a < until and b > begin)
        self._laid = [span for span in self._laid if span[1] > until]
        return found


class Recording:
    """What `order` asks for. Silence stands for whatever was not heard, and for what could not be stored."""

    __slots__ = ("_limit", "_meters", "_start", "gaps", "group", "missing", "order", "over", "sides")

    def __init__(self, order: Record, *, start: int, group: int) -> None:
        self.order = order
        self.group = group
        # The C loops serve plain timelines only, so that a talk's are plain.
        self.sides: tuple[Timeline, ...] = tuple((Side if order.silence_s else Timeline)(start) for _ in order.legs)
        self._start = start
        self._limit = start + int(order.max_s * SAMPLE_RATE) if order.max_s else None
        self._meters = tuple((SpeechMeter(), side) for side in self.sides if isinstance(side, Side))
        self.gaps = 0
        """Times that the disk was too slow."""
        self.missing = 0
        """Frames that could not be stored since the last that were."""
        self.over: Over = ""
        """Why it has ended by itself."""

    @property
    def channels(self) -> int:
        """Samples a frame."""
        return len(self.sides)

    @property
    def keep(self) -> int | None:
        """How many frames of the file are kept: up to the last words. None: all."""
        if not self._meters:
            return None
        spoken = max(meter.spoken for meter, _ in self._meters)
        return spoken + int(KEPT_S * SAMPLE_RATE) if spoken else 0

    def take(self, until: int, now: int) -> bytes:
        """The frames up to `until`, or up to the limit, interleaved. Sets `over`."""
        begin = self.sides[0].start
        if self._limit is not None and until >= self._limit:
            until, self.over = self._limit, "limit"
        taken = [side.take(until, now) for side in self.sides]
        if self._meters and until > begin:
            for (meter, side), sound in zip(self._meters, taken, strict=True):
                meter.hear(sound, side.noise_in(begin, until))
            spoken = max(meter.spoken for meter, _ in self._meters)
            if until - self._start - spoken >= self.order.silence_s * SAMPLE_RATE:
                self.over = "silence"
        if len(taken) == 1:
            return taken[0]
        frames = bytearray(2 * len(taken[0]))
        frames[0::2], frames[1::2] = taken
        return bytes(frames)

    def lost(self, frames: int) -> bool:
        """Taken frames could not be stored. Returns whether a gap begins here."""
        begins = self.missing == 0
        self.missing += frames
        self.gaps += begins
        return begins
