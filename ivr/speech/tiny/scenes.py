"""Where the speech of measuring is heard: rooms and noises made in other ways than training's (augment.py). 16 kHz."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import product
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import soxr

from ivr.media import g711
from ivr.speech.tiny.augment import Sound, at_level, band, coloured, convolved, level, to_linear
from ivr.speech.tiny.texts import Random, one_of

RATE_HZ = 16000
Band: TypeAlias = Literal["16 k", "8 k", "telephone"]
"""16 k: as it is, brought down by vosk. 8 k: by soxr. telephone: 300 to 3400 Hz and A-law."""
BANDS: Mapping[Band, int] = {"16 k": 16000, "8 k": 8000, "telephone": 8000}
"""Samples a second."""

_SOUND_MPS = 343.0
_ROOMS = ((2.6, 3.1, 2.4, 0.72), (4.2, 5.3, 2.7, 0.6), (7.5, 6.1, 3.2, 0.45))
"""Length, width, height in metres, and how much of a wave's amplitude a wall sends back."""
_ORDER = 6


def scene(speech: Sound, babble: Sound, random: Random) -> npt.NDArray[np.int16]:
    """Speech in a room or close to the telephone, a noise 10 to 30 dB below it, silence around, at a caller's level."""
    if random.random() < 0.5:
        speech = convolved(speech, shoebox(*one_of(random, _ROOMS), random))
    before, after = (np.zeros(int(random.uniform(0.2, 0.5) * RATE_HZ)) for _ in range(2))
    speech = at_level(speech, float(random.uniform(-32.0, -16.0)))
    sound = np.concatenate([before, speech, after])
    kinds: list[Callable[[], Sound]] = [
        lambda: street(len(sound), random),
        lambda: fan(len(sound), random),
        lambda: np.resize(babble, len(sound)),
    ]
    return to_linear(sound + at_level(one_of(random, kinds)(), 0.0) * level(speech) * 10 ** (-random.uniform(10.0, 30.0) / 20))


def in_band(samples: npt.NDArray[np.int16], name: Band) -> npt.NDArray[np.int16]:
    """A scene as a recogniser gets it, at BANDS[name]."""
    if name == "16 k":
        return samples
    return narrowed(soxr.resample(samples / 32768.0, RATE_HZ, 8000), name)


def narrowed(sound: Sound, name: Band) -> npt.NDArray[np.int16]:
    """Sound of 8 kHz as a recogniser gets it; name: 8 k or telephone."""
    if name == "8 k":
        return to_linear(sound)
    return g711.decode("PCMA", g711.encode("PCMA", to_linear(band(sound, 300.0, 3400.0))))


def shoebox(length: float, width: float, height: float, reflection: float, random: Random) -> Sound:
    """The response of a room between two places in it, by image sources (Allen and Berkley, 1979)."""
    size = np.array([length, width, height])
    source, ear = random.uniform(0.2, 0.8, 3) * size, random.uniform(0.2, 0.8, 3) * size
    span = range(-_ORDER, _ORDER + 1)
    rooms = np.array(list(product(span, repeat=3)))[:, None, :]
    mirrored = np.array(list(product((0, 1), repeat=3)))[None, :, :]
    distances = np.linalg.norm((1 - 2 * mirrored) * source + 2 * rooms * size - ear, axis=-1)
    bounces = np.sum(np.abs(rooms - mirrored) + np.abs(rooms), axis=-1)
    delays = (distances / _SOUND_MPS * RATE_HZ).astype(np.int64)
    response = np.zeros(RATE_HZ // 2)
    near = delays < len(response)
    np.add.at(response, delays[near], (reflection**bounces / np.maximum(distances, 0.1))[near])
    first = int(np.argmax(np.abs(response) > 0))
    out: Sound = response[first:] / np.abs(response).max()
    return out


def street(samples: int, random: Random) -> Sound:
    """Deep noise that swells and dies down, as of cars passing."""
    seconds = np.arange(samples) / RATE_HZ
    swell = 0.6 + 0.4 * np.sin(2 * np.pi * random.uniform(0.1, 0.5) * seconds + random.uniform(0, 6))
    return coloured(samples, 0.98, random) * swell


def fan(samples: int, random: Random) -> Sound:
    """Noise in a band, beaten by blades."""
    seconds = np.arange(samples) / RATE_HZ
    beat = 1 + 0.5 * np.sin(2 * np.pi * random.uniform(15.0, 40.0) * seconds)
    return band(random.standard_normal(samples), 100.0, random.uniform(1500.0, 4000.0), RATE_HZ) * beat
