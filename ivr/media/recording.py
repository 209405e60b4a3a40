"""One running recording: two timelines, taken side by side."""

from __future__ import annotations

from ivr.media.rtp import SAMPLE_RATE
from ivr.media.timeline import Timeline

HOLD = SAMPLE_RATE // 5
"""What is not older than 200 ms stays open for late packets."""


class Recording:
    """`left` and `right` are leg names. Silence stands for whatever was not heard, and for what could not be stored."""

    __slots__ = ("gaps", "group", "left", "missing", "name", "path", "right", "sides")

    def __init__(self, name: str, path: str, left: str, right: str, *, start: int, group: int) -> None:
        self.name = name
        self.path = path
        self.left = left
        self.right = right
        self.group = group
        self.sides = (Timeline(start), Timeline(start))
        self.gaps = 0
        """Times that the disk was too slow."""
        self.missing = 0
        """Frames that could not be stored since the last that were."""

    def take(self, until: int, now: int) -> bytes:
        """The frames up to `until`, interleaved."""
        left, right = (side.take(until, now) for side in self.sides)
        frames = bytearray(2 * len(left))
        frames[0::2] = left
        frames[1::2] = right
        return bytes(frames)

    def lost(self, frames: int) -> bool:
        """Taken frames could not be stored. Returns whether a gap begins here."""
        begins = self.missing == 0
        self.missing += frames
        self.gaps += begins
        return begins
