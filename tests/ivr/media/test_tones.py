"""Keys in the sound: what ITU-T Q.24 asks to be taken is, what it asks to be left is, and speech and signals are no keys."""

from __future__ import annotations

import wave
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from bench.dtmf import Sound, coded, heard, presses, recognised, shipped
from ivr.media.g711 import SILENCE, Law
from ivr.media.tones import KEYS, SOUND, ToneReceiver, hear

PROMPTS = Path(__file__).parents[3] / "prompts"
PRESSES = 48


def tone(*hertz: float, seconds: float = 2.0, amplitude: float = 8000) -> Sound:
    at = np.arange(int(seconds * 8000)) / 8000
    return np.asarray(sum(amplitude * np.sin(2 * np.pi * each * at) for each in hertz))


def test_each_of_sixteen_keys_is_told_once_with_its_length() -> None:
    told = heard(coded(presses(KEYS, np.random.default_rng(1), on_ms=100, off_ms=60)))
    assert "".join(key for key, _ in told) == KEYS
    assert all(85 <= ms <= 110 for _, ms in told), told
    assert heard(coded(presses("5", np.random.default_rng(1), on_ms=4000)))[0][1] in range(3980, 4020)


@pytest.mark.parametrize("law", ["PCMA", "PCMU"])
@pytest.mark.parametrize(
    "terms",
    [
        {"snr_db": 15},
        {"snr_db": 15, "twist_db": -8},
        {"snr_db": 15, "twist_db": 4},
        {"snr_db": 15, "offset": 0.015},
        {"snr_db": 15, "offset": -0.015},
        {"snr_db": 15, "dbm0": -30},
        {"snr_db": 15, "dbm0": 0},
        {"on_ms": 150, "lost_ms": 20},
        {"snr_db": 20, "row": 5},
    ],
    ids=str,
)
def test_what_must_be_taken_is(law: Law, terms: dict[str, float]) -> None:
    assert recognised(PRESSES, law, **terms) == 100  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "terms",
    [
        {"offset": 0.035},
        {"offset": -0.035},
        {"on_ms": 20},
        {"dbm0": -45},
        {"twist_db": -14},
        {"twist_db": 10},
        {"snr_db": 0, "on_ms": 100},
        {"off_ms": 20, "row": 2},
    ],
    ids=str,
)
def test_what_must_not_be_taken_is_not(terms: dict[str, float]) -> None:
    assert recognised(PRESSES, **terms) == 0  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "sound",
    [
        tone(),
        tone(697),
        tone(1336),
        tone(697, 770),
        tone(1209, 1336),
        tone(450),  # dial, busy and ring-back tone in China
        tone(350, 440),
        tone(770, 1336, 2000),
        tone(770, 1336, amplitude=8000) + tone(1540, 2672, amplitude=4000),
        np.random.default_rng(1).normal(0, 6000, 80000),
        np.random.default_rng(1).normal(0, 200, 80000),
        np.sign(tone(770)) * 8000,
    ],
    ids=range(12),
)
def test_signals_and_noise_are_no_keys(sound: Sound) -> None:
    assert heard(coded(np.resize(sound, 2 * 8000))) == []


def test_our_prompts_and_music_are_no_keys() -> None:
    with wave.open(str(PROMPTS / "common" / "music.wav"), "rb") as file:
        music = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float64)
    assert heard(coded(music)) == []
    assert [heard(coded(sound)) for sound in islice(shipped(), 28, 32)] == [[]] * 4


def test_a_key_over_our_own_prompts_echo_is_taken() -> None:
    keys = presses("159#", np.random.default_rng(1), on_ms=80, off_ms=80)
    echo = next(shipped())[8000 : 8000 + len(keys)]
    echo *= 10 ** (-24 / 20) * 8000 / np.abs(echo).max()
    assert [key for key, _ in heard(coded(keys + echo))] == list("159#")


def test_legs_searched_together_hear_each_their_own() -> None:
    """As many legs as keys, each pressing another one; one leg beside them hears nothing."""
    sounds = [coded(presses(key * 3, np.random.default_rng(number))) for number, key in enumerate(KEYS)]
    sounds.append(SILENCE["PCMA"] * 8000)
    receivers = [ToneReceiver() for _ in sounds]
    told = ["" for _ in sounds]
    for at in range(0, 8000, SOUND):
        parts = [sound[at : at + SOUND].ljust(SOUND, SILENCE["PCMA"]) for sound in sounds]
        for number, keys in enumerate(hear(receivers, parts)):
            told[number] += "".join(key for key, _ in keys)
    assert told == [key * 3 for key in KEYS] + [""]
