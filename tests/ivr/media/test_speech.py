"""Who speaks, and who has fallen silent: sounds of known loudness."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from ivr.media.g711 import SILENCE, encode
from ivr.media.noise import noise
from ivr.media.speech import SpeechMeter
from tests.ivr.media.rig import tone, words

S = 8000


def hiss(seconds: float, dbov: float) -> npt.NDArray[np.int16]:
    values = np.random.default_rng(7).normal(0, 32768 * 10 ** (dbov / 20), int(seconds * S))
    return np.clip(values, -32768, 32767).astype(np.int16)


def spoken_s(*parts: npt.NDArray[np.int16] | bytes, piece: int = S) -> float:
    """Where the meter heard the last speech end, told the sound in pieces."""
    sound = b"".join(part if isinstance(part, bytes) else encode("PCMA", part) for part in parts)
    meter = SpeechMeter()
    for at in range(0, len(sound), piece):
        meter.hear(sound[at : at + piece])
    return meter.spoken / S


@pytest.mark.parametrize("level", [0.01, 0.1, 0.5])
@pytest.mark.parametrize("piece", [8000, 1600, 777])
def test_words_of_any_loudness_end_where_they_end(level: float, piece: int) -> None:
    assert spoken_s(words(4.0, level), hiss(8, -64), piece=piece) == pytest.approx(3.9, abs=0.15)


def test_no_packets_and_a_muted_telephone_are_silence() -> None:
    assert spoken_s(SILENCE["PCMA"] * 10 * S) == 0.0
    assert spoken_s(words(3.0), SILENCE["PCMA"] * 10 * S) == pytest.approx(2.9, abs=0.15)


@pytest.mark.parametrize("dbov", [-60, -50, -40])
def test_noise_behind_the_words_is_no_speech(dbov: float) -> None:
    assert spoken_s(hiss(20, dbov)) == 0.0
    behind = hiss(14, dbov)
    said = behind.copy()
    said[: 4 * S] += words(4.0, 0.2)
    assert spoken_s(said) == pytest.approx(3.9, abs=0.15)


def test_a_noise_that_begins_is_taken_for_speech_for_three_seconds_only() -> None:
    assert 6.0 <= spoken_s(hiss(4, -62), hiss(20, -42)) <= 7.2


def test_a_click_is_no_speech() -> None:
    click = hiss(5, -60)
    click[8000:8200] = 20000
    assert spoken_s(click) == 0.0


def test_what_is_loud_is_never_noise() -> None:
    assert spoken_s(tone(440, 20.0, 0.25)) == 20.0


def test_noise_that_was_made_here_is_silence_at_once() -> None:
    meter = SpeechMeter()
    meter.hear(encode("PCMA", words(2.0)))
    said = meter.spoken
    loud = noise(30)[: S // 2]
    meter.hear(encode("PCMA", words(0.5)) + loud, ((S // 2, S),))
    assert said < meter.spoken <= said + S // 2
    assert meter.heard == 3 * S
