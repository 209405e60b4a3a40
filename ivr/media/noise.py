"""Comfort noise (RFC 3389): what is heard, and recorded, while a peer that suppresses silence says nothing."""

from __future__ import annotations

from functools import cache

import numpy as np

from ivr.media.g711 import encode
from ivr.media.rtp import SAMPLE_RATE

LEVELS = 128
"""Noise levels go from 0, overload, to 127 dB below it (RFC 3389 3)."""


@cache
def noise(level: int) -> bytes:
    """A second of white noise in A-law, `level` dB below overload; one of LEVELS."""
    samples = np.random.default_rng(level).normal(0.0, 32768 * 10 ** (-level / 20), SAMPLE_RATE)
    return encode("PCMA", np.clip(samples, -32768, 32767).astype(np.int16))
