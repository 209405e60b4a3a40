"""Recordings for tests and pictures, as the recorder writes them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ivr.media.g711 import encode
from ivr.media.wav import header

RATE = 8000


def speech(seconds: float, spans: tuple[tuple[float, float], ...], pitch: float = 180.0) -> np.ndarray:
    """Something with a voice's ups and downs in these times, and a line's faint noise throughout."""
    at = np.arange(round(seconds * RATE)) / RATE
    noise = np.random.default_rng(1).normal(0, 12, len(at))
    said = np.zeros(len(at))
    for begin, end in spans:
        within = (at >= begin) & (at < end)
        swell = 0.35 + 0.65 * np.abs(np.sin(2 * np.pi * 1.7 * (at - begin)) * np.sin(2 * np.pi * 0.31 * at + pitch))
        said += within * swell * np.sin(2 * np.pi * pitch * at + 2 * np.sin(2 * np.pi * 3 * at))
    return (noise + 9000 * said).astype(np.int16)


def write_recording(path: Path, *sides: np.ndarray) -> None:
    """A finished A-law WAV of one side or two."""
    sound = np.stack(sides, axis=1).reshape(-1)
    path.write_bytes(header(len(sides[0]), len(sides)) + encode("PCMA", sound))
