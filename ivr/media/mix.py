"""Several voices in one: linear sum, limited. Used where a leg hears two or more others; two parties are relayed instead."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from ivr.media.g711 import Law, decode, encode
from ivr.media.rtp import TICK_SAMPLES

DELAY = 480
"""The mix lags the local clock by 60 ms, so that jittering packets are there when their time comes."""


def mix(voices: Iterable[bytes], law: Law) -> bytes:
    """The sum of A-law frames of 20 ms, coded by `law`. Loud sums are clipped, not wrapped."""
    total = np.zeros(TICK_SAMPLES, dtype=np.int32)
    for voice in voices:
        total += decode("PCMA", voice)
    return encode(law, np.clip(total, -32768, 32767).astype(np.int16))
