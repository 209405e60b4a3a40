"""RTP packets in the caller's buffer (RFC 3550 5.1) and arithmetic of numbers that wrap around."""

from __future__ import annotations

from struct import Struct

SAMPLE_RATE = 8000
TICK_SAMPLES = 160
"""Samples, and bytes of G.711, in 20 ms."""

HEADER_SIZE = 12
VERSION = 0x80
"""First byte of a packet without padding, extension and contributing sources: all that phones and trunks send."""

MARKER = 0x80
"""Bit of the second byte: a talkspurt begins (RFC 3551 4.1)."""

MAX_PAYLOAD = 1600
"""Bytes of the longest payload taken: 200 ms, what a receiver should accept (RFC 3551 4.2)."""

MAX_SIZE = HEADER_SIZE + MAX_PAYLOAD

SEQUENCE = 0xFFFF
TIMESTAMP = 0xFFFFFFFF
"""Masks of the wrapping numbers."""

NUMBERS = Struct(">HII")
"""Sequence, timestamp and SSRC, at offset 2."""

HEADER = Struct(">BHII")
"""Marker and payload type, sequence, timestamp, SSRC, at offset 1."""

PTIMES_MS = (10, 20, 30, 40, 60)
"""Lengths of the packets that are made here."""

FRAMES = {ptime_ms * 8: Struct(f">BHII{ptime_ms * 8}s") for ptime_ms in PTIMES_MS}
"""HEADER and so many samples of G.711, at offset 1."""


def payload_span(packet: bytes | bytearray, size: int) -> tuple[int, int]:
    """Where the payload of a packet of `size` bytes begins and ends; (0, 0) when it is no RTP packet with a payload."""
    if size <= HEADER_SIZE or packet[0] & 0xC0 != VERSION:
        return 0, 0
    begin = HEADER_SIZE + 4 * (packet[0] & 0x0F)
    if packet[0] & 0x10:  # header extension (RFC 3550 5.3.1)
        if begin + 4 > size:
            return 0, 0
        begin += 4 + 4 * (packet[begin + 2] << 8 | packet[begin + 3])
    end = size
    if packet[0] & 0x20:  # the last byte counts the padding
        end -= packet[size - 1] or size
    return (begin, end) if begin < end else (0, 0)


def sequence_step(later: int, earlier: int) -> int:
    """How many packets `later` is after `earlier`: -32768 to 32767."""
    return ((later - earlier + 0x8000) & SEQUENCE) - 0x8000


def timestamp_step(later: int, earlier: int) -> int:
    """How many samples `later` is after `earlier`: -2**31 to 2**31 - 1."""
    return ((later - earlier + 0x80000000) & TIMESTAMP) - 0x80000000
