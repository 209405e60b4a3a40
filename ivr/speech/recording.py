"""A caller's recording, a WAV, as a model is to hear it: linear 8 to 32 bit, A-law or µ-law, any rate that speech has. Bytes
in, bytes out."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Literal

import numpy as np
import soxr
from numpy.typing import NDArray

from ivr.media.g711 import Law, decode

Channel = Literal["mono", "left", "right"]

TELEPHONE_HZ = 8000
RATES = range(8000, 96_001)
MAX_S = 60.0
"""One utterance is shorter."""
MIN_S = 0.1
SILENT = 8
"""Samples that never exceed this, of 32767, are silence."""

_PCM, _ALAW, _ULAW, _EXTENSIBLE = 1, 6, 7, 0xFFFE
_LAWS: dict[int, Law] = {_ALAW: "PCMA", _ULAW: "PCMU"}


class BadRecording(ValueError):
    """A file that can't be listened to; the text says what is wrong."""


@dataclass(frozen=True, slots=True)
class Recording:
    """Telephone sound. samples: int16, 8 kHz, one channel."""

    samples: NDArray[np.int16]
    rate_hz: int
    """Of the file, before."""

    @property
    def seconds(self) -> float:
        return len(self.samples) / TELEPHONE_HZ


def read(data: bytes, channel: Channel = "mono") -> Recording:
    """A WAV's sound; more than 8 kHz is brought down to what a telephone carries. Raises BadRecording."""
    layout, body = _chunks(data)
    tag, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", layout)
    if tag == _EXTENSIBLE and len(layout) >= 26:
        (tag,) = struct.unpack_from("<H", layout, 24)
    if rate not in RATES:
        raise BadRecording(f"{rate} samples a second; {RATES.start} to {RATES.stop - 1} are taken")
    width = bits // 8
    if not ((tag == _PCM and bits in {8, 16, 24, 32}) or (tag in _LAWS and bits == 8)):
        raise BadRecording(f"WAV format {tag} with {bits} bits is not taken: linear, A-law or µ-law is")
    if channel == "mono" and channels != 1:
        raise BadRecording(f"{channels} channels: say which one is the caller's (--channel; left in our own recordings)")
    if channels not in {1, 2}:
        raise BadRecording(f"{channels} channels; 1 or 2 are taken")
    frame = width * channels
    if len(body) // frame < rate * MIN_S:
        raise BadRecording(f"it is shorter than {MIN_S} s")
    if len(body) // frame > rate * MAX_S:
        raise BadRecording(f"it is longer than {MAX_S:.0f} s: one utterance a file")
    samples = _linear(body[: len(body) // frame * frame], tag, width)[
        1 if channels == 2 and channel == "right" else 0 :: channels
    ]
    if np.abs(samples.astype(np.int32)).max() <= SILENT:
        raise BadRecording("it is silent")
    if rate != TELEPHONE_HZ:
        samples = soxr.resample(samples, rate, TELEPHONE_HZ, quality="HQ")
    return Recording(samples, rate)


def _chunks(data: bytes) -> tuple[bytes, bytes]:
    """The fmt and data chunks of a RIFF file."""
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise BadRecording("it is no WAV file")
    layout, at = b"", 12
    while at + 8 <= len(data):
        name, size = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        if name == b"fmt ":
            layout = data[at + 8 : at + 8 + size]
        elif name == b"data":
            if len(layout) < 16:
                break
            if at + 8 + size > len(data) and size < _UNFINISHED:
                raise BadRecording(f"it is cut off: {len(data) - at - 8} of {size} bytes of sound")
            return layout, data[at + 8 : at + 8 + size]
        at += 8 + size + size % 2
    raise BadRecording("it is no whole WAV file: fmt or data is missing")


_UNFINISHED = 0x7FFFFF00
"""What streams write for a length that they don't know."""


def _linear(body: bytes, tag: int, width: int) -> NDArray[np.int16]:
    if tag in _LAWS:
        return decode(_LAWS[tag], body)
    if width == 1:
        return ((np.frombuffer(body, np.uint8).astype(np.int16) - 128) << 8).astype(np.int16)
    if width == 2:
        return np.frombuffer(body, "<i2").astype(np.int16)
    whole = np.frombuffer(body, np.uint8).reshape(-1, width)
    return np.ascontiguousarray(whole[:, width - 2 :]).view("<i2").reshape(-1).astype(np.int16)
