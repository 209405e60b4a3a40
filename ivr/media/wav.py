"""The recording's file: a stereo A-law WAV (format 6), its header, and its name while it is being written."""

from __future__ import annotations

from struct import pack, unpack_from

from ivr.media.rtp import SAMPLE_RATE

CHANNELS = 2
HEADER_SIZE = 58

_FORMAT_ALAW = 6
_LIMIT = 0xFFFFFFFF - HEADER_SIZE


def header(frames: int) -> bytes:
    """RIFF, fmt, fact and data headers for `frames` samples a side."""
    size = min(frames * CHANNELS, _LIMIT)
    return (
        pack("<4sI4s", b"RIFF", HEADER_SIZE - 8 + size, b"WAVE")
        + pack("<4sIHHIIHHH", b"fmt ", 18, _FORMAT_ALAW, CHANNELS, SAMPLE_RATE, SAMPLE_RATE * CHANNELS, CHANNELS, 8, 0)
        + pack("<4sII", b"fact", 4, frames)
        + pack("<4sI", b"data", size)
    )


def is_ours(begin: bytes) -> bool:
    """Whether a file that begins so was begun by header()."""
    return len(begin) >= HEADER_SIZE and begin[8:16] == b"WAVEfmt " and unpack_from("<H", begin, 20)[0] == _FORMAT_ALAW


def part_path(path: str, worker: str) -> str:
    """The name while it is being written by the media process `worker`."""
    return f"{path}.{worker}.part"


def final_path(part: str, worker: str) -> str | None:
    """The reverse of part_path(); None when it isn't a file of that worker."""
    path = part.removesuffix(f".{worker}.part")
    return path if path != part else None
