"""The prompts that come with the project: nobody can hear a test run, so they are measured."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest
import yaml

from ivr.flow.model import ENDINGS
from ivr.flow.parts import NoInput, NoMatch
from prompts import PATH
from prompts.build import WORDLESS, read_texts
from prompts.catalogue import Catalogue, agent_number, available
from prompts.sound import Sound, active_level_db, beep, frame_levels_db, music, trim

NEEDED = {
    "welcome",
    "main_menu",
    "please_wait",
    "signed_on",
    "signed_off",
    "on_break",
    "back_ready",
    "unknown_code",
    "music",
    "beep",
    *agent_number("0123456789"),
    *NoInput().prompt,
    *NoMatch().prompt,
    *(prompt for ending in ENDINGS.values() for prompt in ending.prompt),
}
WAVS = sorted(path for path in PATH.glob("*/*.wav") if path.stem != "pause")


def read(path: Path) -> Sound:
    with wave.open(str(path)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (8000, 1, 2)
        return np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float64) / 32768


@pytest.mark.parametrize("language", ["zh", "en"])
def test_all_that_is_needed_is_there(language: str) -> None:
    assert available(PATH)[language] >= NEEDED
    assert set(read_texts(PATH / language / "texts.yaml", language)) >= NEEDED - {"music", "beep"}


@pytest.mark.parametrize("language", ["zh", "en", "common"])
def test_every_wav_is_built_from_what_is_written(language: str) -> None:
    built = yaml.safe_load((PATH / language / "built.yaml").read_text(encoding="utf-8"))
    texts = set(read_texts(PATH / language / "texts.yaml", language)) or set(WORDLESS)
    assert set(built) == texts == {path.stem for path in (PATH / language).glob("*.wav")}


@pytest.mark.parametrize("path", WAVS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_each_can_be_heard(path: Path) -> None:
    sound = read(path)
    level = active_level_db(sound)
    loudest = np.abs(sound).max()
    assert (-31 < level < -29) if path.stem == "music" else (-21 < level < -17)
    assert 0.05 < loudest < 0.9
    assert abs(sound.mean()) < 0.001
    levels = frame_levels_db(sound)
    if path.parent.name != "common":
        assert 0.2 < len(sound) / 8000 < 16
        assert (levels > level - 25).mean() > 0.5  # more speech than pause
        assert levels[:10].max() > level - 20  # begins within 0.2 s, if with a soft x or sh
        assert levels[-10:].max() > level - 25


def test_the_welcome_gives_the_notice() -> None:
    assert "可能被录音" in read_texts(PATH / "zh" / "texts.yaml", "zh")["welcome"][0]
    assert "may be recorded" in read_texts(PATH / "en" / "texts.yaml", "en")["welcome"][0]


def test_one_is_read_yao() -> None:
    assert read_texts(PATH / "zh" / "texts.yaml", "zh")["digit_1"][0] == "幺"


def test_the_agent_number_is_short_enough_at_answer() -> None:
    for language, limit in (("zh", 4.0), ("en", 5.5)):
        seconds = sum(len(read(path)) / 8000 for path in Catalogue(language, PATH).paths(agent_number("1026")))
        assert seconds < limit


def test_the_digits_differ() -> None:
    for language in ("zh", "en"):
        digits = [read(path) for path in Catalogue(language, PATH).paths(f"digit_{n}" for n in range(10))]
        spectra = [np.abs(np.fft.rfft(digit, 8192))[:2048] for digit in digits]
        for i, one in enumerate(spectra):
            for other in spectra[:i]:
                assert one @ other / np.sqrt((one @ one) * (other @ other)) < 0.97


def test_music_loops_without_a_seam() -> None:
    sound = music()
    assert len(sound) == 160_000
    turned = np.roll(sound, 80_000)  # the seam in the middle
    steps = np.abs(np.diff(turned))
    assert steps[79_980:80_020].max() < steps.max() / 2
    levels = frame_levels_db(sound)
    assert levels.min() > -45
    assert active_level_db(sound) == pytest.approx(-30, abs=0.5)


def test_the_beep_is_one_kilohertz() -> None:
    sound = beep()
    spectrum = np.abs(np.fft.rfft(sound))
    assert np.fft.rfftfreq(len(sound), 1 / 8000)[spectrum.argmax()] == pytest.approx(1000, abs=4)
    assert active_level_db(sound) == pytest.approx(-18, abs=0.5)


def test_the_pause_is_silent() -> None:
    assert not read(PATH / "common" / "pause.wav").any()


def test_trim_keeps_the_pauses_asked_for() -> None:
    tone = np.sin(np.arange(1600) / 3) * 0.5
    sound = np.concatenate([np.zeros(3200), tone, np.zeros(4800)])
    assert len(trim(sound, before_s=0.1, after_s=0.2)) == 1600 + 800 + 1600


def test_the_level_of_the_shortest_sound_can_be_measured() -> None:
    assert active_level_db(np.full(10, 0.1)) == pytest.approx(-20, abs=0.1)
    assert active_level_db(np.zeros(10)) == pytest.approx(-120, abs=0.1)
