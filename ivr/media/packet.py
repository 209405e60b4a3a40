"""The one packet buffer of a media process, and its counters: what all legs share, so that no packet makes objects."""

from __future__ import annotations

from ivr.media.g711 import Law
from ivr.media.rtp import HEADER_SIZE, MAX_SIZE, TICK_SAMPLES, VERSION

FULL_SIZE = HEADER_SIZE + TICK_SAMPLES


class Buffers:
    """The packet that was read, and the one that goes out; views of both are made once."""

    __slots__ = ("full", "law", "marker", "other", "other_views", "packet", "views")

    def __init__(self) -> None:
        self.packet = bytearray(2048)
        """Where the shell receives."""
        self.law: Law = "PCMA"
        self.marker = 0
        """Codec and marker bit of the packet while it is passed on: its header is overwritten by the first listener."""
        view = memoryview(self.packet)
        self.views = [view[:size] for size in range(MAX_SIZE + 1)]
        self.full = view[HEADER_SIZE:FULL_SIZE]
        """The payload of a packet of 20 ms."""
        self.other = bytearray(2048)
        """What goes out when it isn't the received packet itself."""
        self.other[0] = VERSION
        other = memoryview(self.other)
        self.other_views = [other[:size] for size in range(MAX_SIZE + 1)]


class Counters:
    """Packets counted over all legs since the process started."""

    __slots__ = ("garbage", "quick", "received", "strangers", "unsent")

    def __init__(self) -> None:
        self.received = 0
        self.quick = 0
        """Of these, dealt with in C alone (loops.py)."""
        self.unsent = 0
        """The system refused to take them."""
        self.garbage = 0
        """No RTP, or nothing that was negotiated."""
        self.strangers = 0
        """Not from the leg's peer."""
