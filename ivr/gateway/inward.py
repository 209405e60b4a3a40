"""What the outside party says and presses, as the packets of one RTP stream (RFC 3550, keys by RFC 4733).

Frames come over a reliable way, so a missing or late one is the outside network's doing: it is passed on as a gap or a late
packet, and media deals with it as with any trunk's.
"""

from __future__ import annotations

import struct
from collections import deque

from ivr.media.dtmf import KEYS
from ivr.media.rtp import MARKER, SAMPLE_RATE, SEQUENCE, TICK_SAMPLES, TIMESTAMP, VERSION

PCMU = 0
KEY_MS = 100
PAUSE_MS = 60
"""Between two keys."""
MAX_KEYS = 32
_LATE = 100  # chunks
_FRAME = TICK_SAMPLES
_HEADER = struct.Struct(">BBHII")
_EVENT = struct.Struct(">BBH")
_SLACK_MS = 60
"""So far a frame's time may be off the one before without being a pause: their clocks are coarse."""


class Inward:
    """One stream's numbers. `ssrc`, `sequence` and `timestamp` are random."""

    __slots__ = (
        "_chunk",
        "_end_ms",
        "_event",
        "_free",
        "_keys",
        "_marker",
        "_next",
        "_pause",
        "_sequence",
        "_ssrc",
        "dtmf_type",
    )

    def __init__(self, *, ssrc: int, sequence: int, timestamp: int) -> None:
        self._ssrc = ssrc
        self._sequence = sequence
        self._next = timestamp  # of the next sample
        self._marker = MARKER
        self._chunk = 0
        self._end_ms = -1  # where the frame before ended, by its own time
        self._keys: deque[str] = deque()
        self._event = (0, 0)  # timestamp and duration of the key that is down
        self._pause = 0
        self._free = timestamp  # no key has a timestamp of this or a later time yet: each needs its own
        self.dtmf_type: int | None = None
        """Payload type of telephone-events, None where there are none."""

    def sound(self, sound: bytes, chunk: int = -1, timestamp_ms: int = -1) -> bytes:
        """The packet of a frame; b"" for one that comes too late to be of use."""
        missing = chunk - self._chunk - 1 if chunk > 0 and self._chunk else 0
        if missing < 0:
            return self._late(sound, -missing)
        if chunk > 0:
            self._chunk = chunk
        self._sequence += min(missing, _LATE)
        off_ms = timestamp_ms - self._end_ms if timestamp_ms >= 0 and self._end_ms >= 0 else 0
        if missing or off_ms > _SLACK_MS:
            # A pause is a whole number of frames, at least those that are missing.
            self._next += max(missing, round(off_ms * SAMPLE_RATE / 1000 / _FRAME)) * _FRAME
        if timestamp_ms >= 0:
            self._end_ms = timestamp_ms + len(sound) * 1000 // SAMPLE_RATE
        packet = self._packet(PCMU, self._next, sound, self._marker)
        self._marker = 0
        self._next += len(sound)
        return packet

    def press(self, digit: str) -> None:
        """A key was pressed: tick() gives its packets."""
        if len(self._keys) < MAX_KEYS:
            self._keys.append(digit)

    @property
    def pressing(self) -> bool:
        """Whether tick() is wanted, each 20 ms."""
        return bool(self._keys)

    def tick(self) -> list[bytes]:
        """20 ms have passed: what is to be sent of the keys."""
        if not self._keys:
            return []
        if self._pause:
            self._pause -= 1
            return []
        if self.dtmf_type is None:
            self._keys.clear()  # nobody takes them
            return []
        stamp, duration = self._event
        marker = 0
        if not duration:
            stamp, marker = max(self._next, self._free), MARKER
        duration += _FRAME
        over = duration >= KEY_MS * SAMPLE_RATE // 1000
        payload = _EVENT.pack(KEYS.index(self._keys[0]), 0x80 | 10 if over else 10, duration)
        packets = [self._packet(self.dtmf_type, stamp, payload, marker) for _ in range(3 if over else 1)]
        self._event = (stamp, duration)
        if over:
            self._keys.popleft()
            self._free = stamp + duration + PAUSE_MS * SAMPLE_RATE // 1000
            self._event, self._pause = (0, 0), PAUSE_MS // 20
        return packets

    def _late(self, sound: bytes, by: int) -> bytes:
        if by > _LATE or by == 1:  # the last one again
            return b""
        sequence, self._sequence = self._sequence, self._sequence - by
        packet = self._packet(PCMU, self._next - by * len(sound), sound, 0)
        self._sequence = sequence
        return packet

    def _packet(self, kind: int, timestamp: int, payload: bytes, marker: int) -> bytes:
        header = _HEADER.pack(VERSION, kind | marker, self._sequence & SEQUENCE, timestamp & TIMESTAMP, self._ssrc)
        self._sequence += 1
        return header + payload
