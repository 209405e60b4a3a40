"""Several voices in one: linear sum, limited. Used where a leg hears two or more others; two parties are relayed instead."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from ivr.media.g711 import Law, Samples, encode


def mix(voices: Iterable[Samples], law: Law) -> bytes:
    """The sum of voices of one length, coded by `law`. Loud sums are clipped, not wrapped."""
    total = sum(voice.astype(np.int32) for voice in voices)
    return encode(law, np.clip(total, -32768, 32767).astype(np.int16))
