"""Sound as numpy arrays from -1 to 1: levels, trimming, the telephone's 8 kHz, hold music, WAV bytes. No clock, no files."""

from __future__ import annotations

import io
import wave
from collections.abc import Callable

import numpy as np
import soxr
from numpy.typing import NDArray

RATE = 8000
FRAME = RATE // 50

Sound = NDArray[np.float64]


def frame_levels_db(sound: Sound) -> Sound:
    """The level of each 20 ms, in dB below a full-scale square wave; digital silence is -120."""
    count = max(1, len(sound) // FRAME)
    frames = np.resize(sound, count * FRAME) if len(sound) < FRAME else sound[: count * FRAME]
    power = np.mean(frames.reshape(count, FRAME) ** 2, axis=1)
    levels: Sound = 10 * np.log10(np.maximum(power, 1e-12))
    return levels


def active_level_db(sound: Sound) -> float:
    """The level while something is said: the mean power of the frames within 25 dB of the loudest (after ITU-T P.56)."""
    levels = frame_levels_db(sound)
    active = levels[levels >= levels.max() - 25]
    return float(10 * np.log10(np.mean(10 ** (active / 10))))


def to_telephone(sound: Sound, rate: int) -> Sound:
    """Resampled to 8 kHz, without what lies below 100 Hz, which telephones don't carry."""
    narrow: Sound = np.asarray(soxr.resample(sound, rate, RATE, quality="VHQ"), dtype=np.float64)
    spectrum = np.fft.rfft(narrow)
    hertz = np.fft.rfftfreq(len(narrow), 1 / RATE)
    spectrum *= np.clip((hertz - 60) / 60, 0, 1)
    filtered: Sound = np.fft.irfft(spectrum, len(narrow))
    return filtered


def trim(sound: Sound, *, before_s: float, after_s: float, floor_db: float = -35.0) -> Sound:
    """Cut silence (what is `floor_db` below the loudest 20 ms) from both ends but keep these pauses; fade in and out, 5 ms."""
    levels = frame_levels_db(sound)
    loud = np.flatnonzero(levels >= levels.max() + floor_db)
    first, last = int(loud[0]) * FRAME, (int(loud[-1]) + 1) * FRAME
    lead, tail = round(before_s * RATE), round(after_s * RATE)
    padded = np.concatenate([np.zeros(lead), sound, np.zeros(tail)])
    cut = padded[first : last + lead + tail].copy()
    ramp = np.linspace(0, 1, RATE // 200)
    cut[: len(ramp)] *= ramp
    cut[-len(ramp) :] *= ramp[::-1]
    return cut


def level_to(sound: Sound, level_db: float, peak: float = 0.89) -> Sound:
    """At this active level; peaks that would go beyond `peak` are rounded, not clipped."""
    louder = sound * 10 ** ((level_db - active_level_db(sound)) / 20)
    knee = peak * 0.7
    over = np.abs(louder) > knee
    rounded = np.sign(louder) * (knee + (peak - knee) * np.tanh((np.abs(louder) - knee) / (peak - knee)))
    return np.where(over, rounded, louder)


def wav_bytes(sound: Sound) -> bytes:
    """A WAV file: 8 kHz, mono, 16 bit."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(np.round(np.clip(sound, -1, 1) * 32767).astype("<i2").tobytes())
    return buffer.getvalue()


def beep(level_db: float = -18.0) -> Sound:
    """A quarter of a second of 1 kHz with soft edges."""
    seconds = np.arange(RATE // 4) / RATE
    edge = np.minimum(1, np.minimum(seconds, seconds[::-1]) / 0.01)
    return level_to(np.sin(2 * np.pi * 1000 * seconds) * edge, level_db)


def ringback(level_db: float = -18.0) -> Sound:
    """What a caller hears while a telephone in China rings: 450 Hz, one second of five."""
    seconds = np.arange(RATE) / RATE
    edge = np.minimum(1, np.minimum(seconds, seconds[::-1]) / 0.01)
    tone = level_to(np.sin(2 * np.pi * 450 * seconds) * edge, level_db)
    return np.concatenate([tone, np.zeros(4 * RATE, dtype=tone.dtype)])


def pause() -> Sound:
    """A quarter of a second of nothing, between the groups of a number."""
    return np.zeros(RATE // 4)


CHORDS = (("A3", "C4", "E4", "G4"), ("F3", "A3", "C4", "E4"), ("C4", "E4", "G4", "B4"), ("G3", "B3", "D4", "A4"))
"""Am7, Fmaj7, Cmaj7, Gadd9: four bars that lead into themselves."""
_SEMITONES = {"C": -9, "D": -7, "E": -5, "F": -4, "G": -2, "A": 0, "B": 2}
BAR_S = 2.5


def music(level_db: float = -30.0) -> Sound:
    """Twenty seconds of quiet chords with plucked notes over them.

    It loops without a seam: what sounds on at the end is laid over the start.
    """
    bars = CHORDS * 2
    length = round(len(bars) * BAR_S * RATE)
    track = np.zeros(length)
    for bar, chord in enumerate(bars):
        for note in chord:
            _lay(track, _pad(_hertz(note)) * 0.25, bar * BAR_S)
        order = (0, 2, 1, 3, 2, 1) if bar % 2 == 0 else (3, 1, 2, 0, 1, 2)
        for step, index in enumerate(order):
            octave = 2 if (bar + step) % 4 else 1
            _lay(track, _pluck(_hertz(chord[index]) * octave) * 0.4, bar * BAR_S + step * BAR_S / len(order))
    return level_to(track, level_db)


def _hertz(note: str) -> float:
    return float(440.0 * 2 ** ((_SEMITONES[note[0]] + 12 * (int(note[1]) - 4)) / 12))


def _pad(hertz: float) -> Sound:
    """A soft tone of a bar and a half that swells and fades."""
    seconds = np.arange(round(BAR_S * 1.5 * RATE)) / RATE
    swell: Sound = np.sin(np.pi * np.arange(len(seconds)) / len(seconds)) ** 1.5
    return _harmonics(hertz, seconds, lambda n: 1 / n**2) * swell


def _pluck(hertz: float) -> Sound:
    """A plucked note that dies away within a second and a half."""
    seconds = np.arange(round(1.5 * RATE)) / RATE
    edges: Sound = np.minimum(1, seconds / 0.008) * np.minimum(1, (1.5 - seconds) / 0.1)
    return _harmonics(hertz, seconds, lambda n: np.exp(-seconds * 3 * n) / n) * edges


def _harmonics(hertz: float, seconds: Sound, weight: Callable[[int], Sound | float]) -> Sound:
    tone = np.zeros(len(seconds))
    for n in (1, 2, 3):
        tone += np.sin(2 * np.pi * hertz * n * seconds) * weight(n)
    return tone


def _lay(track: Sound, tone: Sound, at_s: float) -> None:
    """Add a tone; what goes beyond the end comes in again at the start."""
    places = (round(at_s * RATE) + np.arange(len(tone))) % len(track)
    track[places] += tone
