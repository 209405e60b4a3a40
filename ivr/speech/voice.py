"""[io] How loud the voice in a block of sound is: whether there is any is webrtcvad's opinion, with a floor under it."""

from __future__ import annotations

import math

import numpy as np
import webrtcvad

from ivr.media.g711 import decode
from ivr.media.rtp import SAMPLE_RATE

MODE = 2
"""0 to 3; the higher, the less is taken for voice. 2 is early enough: 17 ms after a word's begin, 85 ms at worst."""

FLOOR = 250
"""Samples below that are noise, 42 dB below overload. What a caller's line echoes of a prompt is mostly below."""

LEAST = 10
"""With fewer samples above, of 160, a block is silence. Most of a call is, and costs no more than that."""

TILT = np.float32(0.5)
"""So much of each sample is taken from the next before loudness is measured: high tones count up to three times as much. In a
telephone's band some vowels of one voice are 15 dB apart otherwise (i has nearly nothing left below 300 Hz); with all of it
others are (不, 五: u has nothing left above)."""

_QUIET = bytes(code for code in range(256) if abs(int(decode("PCMA", bytes([code]))[0])) < FLOOR)


class VoiceDetector:
    """One stream's; it learns the noise as it goes."""

    def __init__(self) -> None:
        self._vad = webrtcvad.Vad(MODE)

    def __call__(self, block: bytes) -> float:
        """Of 20 ms of A-law: the root mean square after TILT; 0 where there is no voice."""
        if len(block.translate(None, _QUIET)) < LEAST:
            return 0.0
        samples = decode("PCMA", block)
        if not self._vad.is_speech(samples.tobytes(), SAMPLE_RATE):
            return 0.0
        tilted = samples[1:] - TILT * samples[:-1]
        return math.sqrt(float(tilted @ tilted) / len(tilted))
