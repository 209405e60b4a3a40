"""G.711 by tables (ITU-T G.711; bit-exact with its decision values): A-law, µ-law, and linear 16 bit through numpy."""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

Law: TypeAlias = Literal["PCMA", "PCMU"]
Samples: TypeAlias = npt.NDArray[np.int16]

STATIC_PAYLOAD_TYPES: dict[int, Law] = {0: "PCMU", 8: "PCMA"}
"""RFC 3551 6, table 4."""

SILENCE: dict[Law, bytes] = {"PCMA": b"\xd5", "PCMU": b"\xff"}
"""The code of the quietest sample."""


def _decode_alaw(code: int) -> int:
    code ^= 0x55
    segment = (code & 0x70) >> 4
    value = ((code & 0x0F) << 4) + 8
    if segment:
        value = (value + 0x100) << (segment - 1)
    return value if code & 0x80 else -value


def _decode_ulaw(code: int) -> int:
    code = ~code & 0xFF
    value = ((((code & 0x0F) << 3) + 0x84) << ((code & 0x70) >> 4)) - 0x84
    return -value if code & 0x80 else value


def _alaw_codes() -> npt.NDArray[np.uint8]:
    linear = _ALL.astype(np.int32) >> 3
    magnitude = np.where(linear < 0, -linear - 1, linear)
    segment = np.searchsorted(np.array([0x1F, 0x3F, 0x7F, 0xFF, 0x1FF, 0x3FF, 0x7FF]), magnitude)
    code = segment << 4 | (magnitude >> np.maximum(segment, 1)) & 0x0F
    return (code ^ np.where(linear < 0, 0x55, 0xD5)).astype(np.uint8)


def _ulaw_codes() -> npt.NDArray[np.uint8]:
    linear = _ALL.astype(np.int32) >> 2
    magnitude = np.minimum(np.abs(linear), 8158) + 33
    segment = np.searchsorted(np.array([0x3F, 0x7F, 0xFF, 0x1FF, 0x3FF, 0x7FF, 0xFFF]), magnitude)
    code = segment << 4 | (magnitude >> (segment + 1)) & 0x0F
    codes: npt.NDArray[np.uint8] = (code ^ np.where(linear < 0, 0x7F, 0xFF)).astype(np.uint8)
    return codes


_ALL = np.arange(65536, dtype=np.uint16).view(np.int16)  # each sample at the index of its bits
_DECODE: dict[Law, Samples] = {
    "PCMA": np.array([_decode_alaw(code) for code in range(256)], dtype=np.int16),
    "PCMU": np.array([_decode_ulaw(code) for code in range(256)], dtype=np.int16),
}
_ENCODE: dict[Law, npt.NDArray[np.uint8]] = {"PCMA": _alaw_codes(), "PCMU": _ulaw_codes()}

ALAW_TO_ULAW = _ENCODE["PCMU"][_DECODE["PCMA"].view(np.uint16)].tobytes()
ULAW_TO_ALAW = _ENCODE["PCMA"][_DECODE["PCMU"].view(np.uint16)].tobytes()
"""For bytes.translate."""


def decode(law: Law, data: bytes | bytearray | memoryview) -> Samples:
    """G.711 bytes as linear samples."""
    return _DECODE[law].take(np.frombuffer(data, dtype=np.uint8))


def encode(law: Law, samples: Samples) -> bytes:
    """Linear samples as G.711 bytes."""
    return _ENCODE[law][samples.view(np.uint16)].tobytes()
