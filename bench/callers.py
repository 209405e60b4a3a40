"""Words as a synthetic caller says them, 8 kHz: for tests and measurements."""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt
import soxr

from bench.mouth import speak
from prompts.speech import Voice

RATE = 8000
VOICES = (Voice("cmn", 160, 45, 50), Voice("cmn+f3", 180, 60, 50), Voice("cmn+m4", 140, 30, 50))


@functools.cache
def word(text: str, voice: Voice = VOICES[0], level: float = 0.4) -> npt.NDArray[np.int16]:
    """The text as it is spoken, from its first sound to its last."""
    spoken, rate = speak(text, voice)
    samples = soxr.resample(spoken, rate, RATE)
    samples = samples / np.abs(samples).max() * level
    audible = np.flatnonzero(np.abs(samples) > 0.01 * level)
    found: npt.NDArray[np.int16] = (samples[audible[0] : audible[-1] + 1] * 32767).astype(np.int16)
    return found


def line(*parts: npt.NDArray[np.int16] | float, seed: int = 1) -> npt.NDArray[np.int16]:
    """Words and pauses (in seconds) one after the other, on a line that is never quite silent."""
    sound = np.concatenate([np.zeros(int(p * RATE), np.int16) if isinstance(p, int | float) else p for p in parts])
    noise = np.random.default_rng(seed).normal(0, 20, len(sound))
    noisy: npt.NDArray[np.int16] = np.clip(sound + noise, -32768, 32767).astype(np.int16)
    return noisy
