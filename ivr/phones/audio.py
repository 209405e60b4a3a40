"""Telephone sound for measuring: G.711, tones and how alike two recordings are. 8 kHz mono throughout, samples as int16 arrays.

Written apart from ivr.media, so that a mistake there can't hide here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.int16]
Codec = Literal["PCMA", "PCMU"]

RATE = 8000
FULL_SCALE = 32767.0

DTMF_ROWS = {"1": 697, "2": 697, "3": 697, "A": 697, "4": 770, "5": 770, "6": 770, "B": 770}
DTMF_ROWS |= {"7": 852, "8": 852, "9": 852, "C": 852, "*": 941, "0": 941, "#": 941, "D": 941}
DTMF_COLUMNS = {"1": 1209, "4": 1209, "7": 1209, "*": 1209, "2": 1336, "5": 1336, "8": 1336, "0": 1336}
DTMF_COLUMNS |= {"3": 1477, "6": 1477, "9": 1477, "#": 1477, "A": 1633, "B": 1633, "C": 1633, "D": 1633}


def _decode_alaw_byte(code: int) -> int:
    code ^= 0x55
    segment = (code & 0x70) >> 4
    magnitude = ((code & 0x0F) << 4) + 8
    if segment:
        magnitude = (magnitude + 0x100) << (segment - 1)
    return magnitude if code & 0x80 else -magnitude


def _decode_ulaw_byte(code: int) -> int:
    code = ~code & 0xFF
    magnitude = ((((code & 0x0F) << 3) + 0x84) << ((code & 0x70) >> 4)) - 0x84
    return -magnitude if code & 0x80 else magnitude


_DECODE: dict[Codec, Samples] = {
    "PCMA": np.array([_decode_alaw_byte(code) for code in range(256)], dtype=np.int16),
    "PCMU": np.array([_decode_ulaw_byte(code) for code in range(256)], dtype=np.int16),
}
_ALAW_ENDS = np.array([0x1F, 0x3F, 0x7F, 0xFF, 0x1FF, 0x3FF, 0x7FF, 0xFFF])
_ULAW_ENDS = np.array([0x3F, 0x7F, 0xFF, 0x1FF, 0x3FF, 0x7FF, 0xFFF, 0x1FFF])


def decode(codec: Codec, payload: bytes) -> Samples:
    """G.711 octets to 16-bit samples (ITU-T G.711, tables 1 and 2)."""
    return _DECODE[codec][np.frombuffer(payload, dtype=np.uint8)]


def encode(codec: Codec, samples: Samples) -> bytes:
    """16-bit samples to G.711 octets, one octet a sample."""
    linear = samples.astype(np.int32)
    if codec == "PCMA":
        linear >>= 3
        mask = np.where(linear >= 0, 0xD5, 0x55)
        magnitude = np.where(linear >= 0, linear, -linear - 1)
        segment = np.searchsorted(_ALAW_ENDS, magnitude)
        code = (segment << 4) | ((magnitude >> np.maximum(segment, 1)) & 0x0F)
    else:
        linear >>= 2
        mask = np.where(linear >= 0, 0xFF, 0x7F)
        magnitude = np.minimum(np.abs(linear), 8158) + 33
        segment = np.searchsorted(_ULAW_ENDS, magnitude)
        code = (segment << 4) | ((magnitude >> (segment + 1)) & 0x0F)
    return bytes((code ^ mask).astype(np.uint8))


def silence(seconds: float) -> Samples:
    """Digital silence."""
    return np.zeros(round(seconds * RATE), dtype=np.int16)


def tone(hz: float, seconds: float, level: float = 0.3) -> Samples:
    """A sine of `hz`; `level` is its peak as a share of full scale."""
    n = np.arange(round(seconds * RATE))
    return np.asarray(np.round(level * FULL_SCALE * np.sin(2 * np.pi * hz * n / RATE)), dtype=np.int16)


def dtmf_tone(digit: str, seconds: float = 0.1, level: float = 0.25) -> Samples:
    """A key as its two tones (ITU-T Q.23), for in-band digits. KeyError for what is no key."""
    return tone(DTMF_ROWS[digit], seconds, level) + tone(DTMF_COLUMNS[digit], seconds, level)


def _tone_power(signal: npt.NDArray[np.float64], hz: float) -> float:
    """Mean power of the best-fitting sine of `hz`: a Goertzel filter for any frequency and length."""
    angle = 2 * np.pi * hz * np.arange(len(signal)) / RATE
    basis = np.column_stack([np.sin(angle), np.cos(angle)])
    weights, *_ = np.linalg.lstsq(basis, signal, rcond=None)
    return float(np.mean((basis @ weights) ** 2))


def tone_level(samples: Samples, hz: float) -> float:
    """Level of the sine of `hz` in dB below full scale (0 is a full-scale sine, -120 is none)."""
    if not len(samples):
        return -120.0
    power = _tone_power(samples.astype(np.float64), hz)
    return float(10 * np.log10(max(power / (FULL_SCALE**2 / 2), 1e-12)))


def tone_share(samples: Samples, hz: float) -> float:
    """Share of all power that is the sine of `hz`, 0 to 1. Above 0.8 the tone is what is heard; 0 for silence."""
    signal = samples.astype(np.float64)
    total = float(np.mean(signal**2)) if len(signal) else 0.0
    return _tone_power(signal, hz) / total if total > 100.0 else 0.0


def snr(samples: Samples, hz: float) -> float:
    """Signal-to-noise ratio in dB when the sine of `hz` is the signal and all else is noise; G.711 keeps about 37."""
    signal = samples.astype(np.float64)
    wanted = _tone_power(signal, hz) if len(signal) else 0.0
    noise = (float(np.mean(signal**2)) if len(signal) else 0.0) - wanted
    return float(10 * np.log10(max(wanted, 1e-9) / max(noise, 1e-9)))


def loudness(samples: Samples) -> float:
    """Root mean square in dB below full scale; -120 for silence."""
    power = float(np.mean(samples.astype(np.float64) ** 2)) if len(samples) else 0.0
    return float(10 * np.log10(max(power / FULL_SCALE**2, 1e-12)))


def _correlation(heard: npt.NDArray[np.float64], reference: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Normalised correlation of `reference` with each window of its length in `heard` (which is the longer one)."""
    size = 1 << (len(heard) + len(reference) - 1).bit_length()
    product = np.fft.irfft(np.fft.rfft(heard, size) * np.conj(np.fft.rfft(reference, size)), size)
    product = product[: len(heard) - len(reference) + 1]
    energy = np.concatenate([[0.0], np.cumsum(heard**2)])
    window = energy[len(reference) :] - energy[: len(energy) - len(reference)]
    # A window far quieter than the reference proves nothing: without a floor one quantum's noise would count as much as speech.
    floor = 1e-4 * float(np.sum(reference**2)) + 1.0
    return np.asarray(product / np.sqrt(np.maximum(window, floor) * float(np.sum(reference**2))))


PIECE = RATE // 2
APART = RATE
"""A piece of half a second may lie this far from where the whole is found: what was played may have stood still in between."""
SLIP = RATE // 10
"""So much nearer than it should a piece may lie to the one before."""


def similarity(heard: Samples | bytes, reference: Samples | bytes) -> float:
    """How much of `reference` is found in `heard`, 0 to 1: near 1 when it was played whole, little when something else was.

    Bytes are little-endian 16-bit samples. The best common offset is looked for first, then each half second of the reference
    may lie elsewhere, in their order: a lost packet, a slipped clock, or a machine that stood still and went on, cost no more
    than their own half second. G.711 of either law, and volume, hardly count. What was heard only in part scores its part.
    """
    if not len(_floats(heard)) or not (wanted := _sounding(reference)).size:
        return 0.0
    long, offset = _aligned(heard, wanted)
    reached, total = np.zeros(2 * APART + 1), 0.0  # reached: the best that ends with the piece at that place
    for start in range(0, len(wanted), PIECE):
        part = wanted[start : start + PIECE]
        energy = float(np.sum(part**2))
        if energy == 0.0:
            continue
        place = APART + offset + start
        here = np.maximum(0.0, _correlation(long[place - APART : place + len(part) + APART], part))
        reached = energy * here + np.maximum.accumulate(np.pad(reached, (0, SLIP)))[SLIP:]
        total += energy
    return min(1.0, float(np.max(reached)) / total)


def ending(heard: Samples, reference: Samples) -> int:
    """The sample of `heard` at which that ends which is most like `reference`."""
    return _aligned(heard, _sounding(reference))[1]


def _sounding(reference: Samples | bytes) -> npt.NDArray[np.float64]:
    """Without the silence at both ends."""
    wanted = _floats(reference)
    nonzero = np.flatnonzero(np.abs(wanted) > 16)
    return wanted[nonzero[0] : nonzero[-1] + 1] if len(nonzero) else wanted[:0]


def _aligned(heard: Samples | bytes, wanted: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], int]:
    """What was heard with as much silence as is wanted, and APART, at both ends; and where, APART later, what is wanted begins
    in it: there it ends in `heard`."""
    pad = np.zeros(len(wanted) + APART)
    long = np.concatenate([pad, _floats(heard), pad])
    return long, int(np.argmax(_correlation(long[APART:-APART], wanted)))


def _floats(samples: Samples | bytes) -> npt.NDArray[np.float64]:
    array = np.frombuffer(samples, dtype="<i2") if isinstance(samples, bytes) else samples
    return array.astype(np.float64)


@dataclass(frozen=True, slots=True)
class Wave:
    """A WAV file's content: one array a channel, all of one length."""

    rate: int
    format: int
    """1 linear 16 bit, 6 A-law, 7 µ-law (the file's format tag)."""
    channels: tuple[Samples, ...]

    @property
    def seconds(self) -> float:
        """Length of the recording."""
        return len(self.channels[0]) / self.rate


def read_wav(data: bytes) -> Wave:
    """A WAV file of 16-bit linear, A-law or µ-law samples. ValueError for anything else; a cut-off last frame is left out."""
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise ValueError("not a WAV file: no RIFF/WAVE header")
    at, layout, body = 12, b"", None
    while at + 8 <= len(data) and body is None:
        name, size = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        content = data[at + 8 : at + 8 + size]
        if name == b"fmt ":
            layout = content
        elif name == b"data":
            body = content
        at += 8 + size + size % 2
    if len(layout) < 16 or body is None:
        raise ValueError("not a WAV file: its fmt or data chunk is missing")
    tag, count, rate, bits = (int.from_bytes(layout[a:b], "little") for a, b in ((0, 2), (2, 4), (4, 8), (14, 16)))
    if count < 1 or (tag, bits) not in {(1, 16), (6, 8), (7, 8)}:
        raise ValueError(f"WAV format {tag} with {bits} bits and {count} channels is not read here")
    frame = count * bits // 8
    body = body[: len(body) // frame * frame]
    samples = np.frombuffer(body, dtype="<i2").astype(np.int16) if tag == 1 else decode("PCMA" if tag == 6 else "PCMU", body)
    return Wave(rate, tag, tuple(samples[channel::count] for channel in range(count)))


def write_wav(*channels: Samples) -> bytes:
    """A 16-bit linear WAV file of 8 kHz; the channels must be of one length."""
    body = np.column_stack(channels).astype("<i2").tobytes()
    layout = b"".join(
        value.to_bytes(size, "little")
        for value, size in (
            (1, 2),
            (len(channels), 2),
            (RATE, 4),
            (RATE * 2 * len(channels), 4),
            (2 * len(channels), 2),
            (16, 2),
        )
    )
    content = b"WAVEfmt " + (16).to_bytes(4, "little") + layout + b"data" + len(body).to_bytes(4, "little") + body
    return b"RIFF" + len(content).to_bytes(4, "little") + content
