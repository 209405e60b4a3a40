"""The recording's file: an A-law WAV (format 6) of one channel or two, its header, and its name while it is being written."""

from __future__ import annotations

from struct import pack, unpack_from

from ivr.media.rtp import SAMPLE_RATE

HEADER_SIZE = 58

_FORMAT_ALAW = 6
_LIMIT = 0xFFFFFFFF - HEADER_SIZE


def header(frames: int, channels: int) -> bytes:
    """RIFF, fmt, fact and data headers for `frames` samples a channel."""
    size = min(frames * channels, _LIMIT)
    return (
        pack("<4sI4s", b"RIFF", HEADER_SIZE - 8 + size, b"WAVE")
        + pack("<4sIHHIIHHH", b"fmt ", 18, _FORMAT_ALAW, channels, SAMPLE_RATE, SAMPLE_RATE * channels, channels, 8, 0)
        + pack("<4sII", b"fact", 4, frames)
        + pack("<4sI", b"data", size)
    )


def channels_of(begin: bytes) -> int:
    """The channels of a file that begins so, as header() wrote it; 0: it was not begun by header()."""
    if len(begin) < HEADER_SIZE or begin[8:16] != b"WAVEfmt ":
        return 0
    kind, channels = unpack_from("<HH", begin, 20)
    return int(channels) if kind == _FORMAT_ALAW and channels in {1, 2} else 0


def part_path(path: str, worker: str) -> str:
    """The name while it is being written by the media process `worker`."""
    return f"{path}.{worker}.part"


def final_path(part: str, worker: str) -> str | None:
    """The reverse of part_path(); None when it isn't a file of that worker."""
    path = part.removesuffix(f".{worker}.part")
    return path if path != part else None
