"""What a call does to speech, for training: a room, other sounds, a level, a band, G.711, lost packets. 8 kHz throughout."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from ivr.media import g711
from ivr.speech.tiny.texts import Random, one_of

Sound: TypeAlias = npt.NDArray[np.float64]
"""Samples from -1 to 1."""

RATE_HZ = 8000
_LAWS: tuple[g711.Law, ...] = ("PCMA", "PCMA", "PCMU")
_TAPS = 129
_PACKET = 160
"""Samples in a packet of 20 ms."""


def augmented(speech: Sound, others: Sound, random: Random) -> npt.NDArray[np.int16]:
    """Speech (8 kHz) as it might arrive. others: somebody else's speech, for babble."""
    sound = tilted(speech, random.uniform(-0.6, 0.6))
    if random.random() < 0.45:
        sound = echoing(sound, seconds=random.uniform(0.05, 0.4), share=random.uniform(0.1, 0.8), random=random)
    sound = np.concatenate([silence(random.uniform(0.05, 0.5)), sound, silence(random.uniform(0.1, 0.7))])
    sound = at_level(sound, random.uniform(-38.0, -13.0))
    if random.random() < 0.8:
        sound = sound + noise(len(sound), others, random) * level(sound) * 10 ** (-random.uniform(5.0, 35.0) / 20)
    return line(sound, random)


def wordless(samples: int, others: Sound, random: Random) -> npt.NDArray[np.int16]:
    """Sound in which nobody speaks: noise, or tones such as those of keys and lines."""
    if random.random() < 0.5:
        return line(at_level(noise(samples, others[:0], random), random.uniform(-65.0, -20.0)), random)
    seconds = np.arange(samples) / RATE_HZ
    tone = np.zeros(samples)
    for _ in range(int(random.integers(1, 3))):
        tone += np.sin(2 * np.pi * random.uniform(350.0, 1650.0) * seconds)
    on = np.sin(2 * np.pi * random.uniform(0.2, 4.0) * seconds) > random.uniform(-1.0, 0.5)
    return line(at_level(tone * on + 1e-6, random.uniform(-45.0, -12.0)), random)


def line(sound: Sound, random: Random) -> npt.NDArray[np.int16]:
    """Through a telephone's band or a wider one, clipped where too loud, as G.711 or linear, with packets lost."""
    if random.random() < 0.6:
        sound = band(sound, random.uniform(200.0, 350.0), random.uniform(3200.0, 3600.0))
    samples = to_linear(sound)
    if random.random() < 0.7:
        law = one_of(random, _LAWS)
        samples = g711.decode(law, g711.encode(law, samples))
    if random.random() < 0.15:
        samples = losing(samples, random.uniform(0.005, 0.04), random)
    return samples


def to_linear(sound: Sound) -> npt.NDArray[np.int16]:
    """Samples from -1 to 1 as 16 bit."""
    return np.clip(np.round(sound * 32768.0), -32768, 32767).astype(np.int16)


def level(sound: Sound) -> float:
    """Root mean square."""
    return float(np.sqrt(np.mean(sound**2))) if len(sound) else 0.0


def at_level(sound: Sound, dbfs: float) -> Sound:
    """The same at that root mean square."""
    return sound * (10 ** (dbfs / 20) / max(level(sound), 1e-9))


def silence(seconds: float) -> Sound:
    return np.zeros(int(seconds * RATE_HZ))


def tilted(sound: Sound, slope: float) -> Sound:
    """Brighter (below 0) or duller: a filter of one zero."""
    return sound + slope * np.concatenate([[0.0], sound[:-1]])


def echoing(sound: Sound, seconds: float, share: float, random: Random) -> Sound:
    """In a room whose echo dies away in that time: noise under an exponential. share: the echo's energy beside the voice's."""
    length = max(1, int(seconds * RATE_HZ))
    tail = random.standard_normal(length) * np.exp(-6.9 * np.arange(length) / length)
    tail *= share / max(float(np.sqrt((tail**2).sum())), 1e-9)
    tail[0] += 1.0
    return convolved(sound, tail)


def convolved(sound: Sound, response: Sound) -> Sound:
    """By Fourier transforms, in full length."""
    length = len(sound) + len(response) - 1
    size = 1 << (length - 1).bit_length()
    out: Sound = np.fft.irfft(np.fft.rfft(sound, size) * np.fft.rfft(response, size), size)[:length]
    return out


def band(sound: Sound, low_hz: float, high_hz: float, rate_hz: int = RATE_HZ) -> Sound:
    """What lies between two frequencies, by a linear phase filter; as long as before."""
    steps = np.arange(_TAPS) - _TAPS // 2
    taps = 2 * high_hz / rate_hz * np.sinc(2 * high_hz / rate_hz * steps) - 2 * low_hz / rate_hz * np.sinc(
        2 * low_hz / rate_hz * steps
    )
    return convolved(sound, taps * np.hamming(_TAPS))[_TAPS // 2 : _TAPS // 2 + len(sound)]


def noise(samples: int, others: Sound, random: Random) -> Sound:
    """A kind of noise at a root mean square of 1."""
    kinds: list[Callable[[], Sound]] = [
        lambda: random.standard_normal(samples),
        lambda: coloured(samples, random.uniform(0.5, 0.97), random),
        lambda: coloured(samples, random.uniform(0.5, 0.97), random) + hum(samples, random),
    ]
    if len(others):
        kinds.append(lambda: np.resize(np.roll(others, int(random.integers(0, len(others)))), samples))
    return at_level(one_of(random, kinds)(), 0.0)


def coloured(samples: int, pole: float, random: Random) -> Sound:
    """Noise through a filter of one pole: the nearer to 1, the deeper."""
    spectrum = np.fft.rfft(random.standard_normal(samples))
    turn = np.exp(-2j * np.pi * np.arange(len(spectrum)) / samples)
    sound: Sound = np.fft.irfft(spectrum / (1 - pole * turn), samples)
    return at_level(sound, 0.0)


def hum(samples: int, random: Random) -> Sound:
    """Mains, with overtones."""
    seconds = np.arange(samples) / RATE_HZ
    base = one_of(random, (50.0, 60.0))
    overtones = [np.sin(2 * np.pi * base * n * seconds + random.uniform(0, 6)) * random.uniform(0, 1) for n in (1, 2, 3, 5, 7)]
    return np.asarray(sum(overtones), dtype=np.float64)


def losing(samples: npt.NDArray[np.int16], share: float, random: Random) -> npt.NDArray[np.int16]:
    """With packets of 20 ms lost: silence in their place, or the packet before once more."""
    kept = samples.copy()
    repeat = random.random() < 0.5
    for start in range(_PACKET, len(kept) - _PACKET, _PACKET):
        if random.random() < share:
            kept[start : start + _PACKET] = kept[start - _PACKET : start] if repeat else 0
    return kept
