"""Texts spoken once: kept by content, whole files only, bounded, several processes at once."""

from __future__ import annotations

import multiprocessing
import os
import wave
from pathlib import Path

import numpy as np
import pytest

from prompts.engines import Espeak
from prompts.files import PARTIAL
from prompts.synthesis import SpeechError, Spoken
from prompts.voicecache import ABANDONED_S, GRACE_S, VoiceCache


class Tone:
    """An engine that says everything as a tone of one second, and counts."""

    name = "tone"
    languages = frozenset({"zh", "en"})

    def __init__(self, model: str = "a") -> None:
        self.model = model
        self.spoken: list[str] = []

    def recipe(self, language: str, voice: str = "") -> str:
        return f"tone {self.model} {language} {voice}"

    def synthesise(self, text: str, language: str, voice: str = "") -> Spoken:
        if text == "":
            raise SpeechError("nothing to say")
        self.spoken.append(text)
        return Spoken(np.sin(np.arange(16000) * 0.1), 16000)


LARGE = 1 << 30
SIZE = 16_000
"""About the bytes of a second."""


def test_a_text_is_spoken_once_and_kept(tmp_path: Path) -> None:
    tone = Tone()
    cache = VoiceCache(tmp_path / "voice", tone, LARGE)
    path = cache.voiced("您好", "zh")
    assert cache.voiced("您好", "zh") == path == VoiceCache(tmp_path / "voice", tone, LARGE).voiced("您好", "zh")
    assert tone.spoken == ["您好"]
    assert path.parent == tmp_path / "voice"
    with wave.open(str(path)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (8000, 1, 2)


def test_two_who_speak_a_text_at_once_hear_the_same(tmp_path: Path) -> None:
    class Slow(Tone):
        """While it speaks, another process speaks the same text, and otherwise: espeak-ng does."""

        def synthesise(self, text: str, language: str, voice: str = "") -> Spoken:
            first.append(VoiceCache(tmp_path, Tone(), LARGE).voiced(text, language).read_bytes())
            return Spoken(np.sin(np.arange(16000) * 0.2), 16000)

    first: list[bytes] = []
    path = VoiceCache(tmp_path, Slow(), LARGE).voiced("您好", "zh")
    assert path.read_bytes() == first[0]


def test_text_language_voice_engine_and_model_make_the_name(tmp_path: Path) -> None:
    cache, other, espeak = (VoiceCache(tmp_path, engine, LARGE) for engine in (Tone(), Tone("b"), Espeak()))
    names = [
        cache.path("您好", "zh"),
        cache.path("您好。", "zh"),
        cache.path("您好", "en"),
        cache.path("您好", "zh", "loud"),
        other.path("您好", "zh"),
        espeak.path("您好", "zh"),
    ]
    assert len(set(names)) == len(names)


def test_what_cannot_be_spoken_leaves_nothing(tmp_path: Path) -> None:
    cache = VoiceCache(tmp_path / "voice", Tone(), LARGE)
    with pytest.raises(SpeechError, match="nothing to say"):
        cache.voiced("", "zh")
    assert not (tmp_path / "voice").exists()


def test_what_was_not_used_for_longest_goes_first(tmp_path: Path) -> None:
    cache = VoiceCache(tmp_path, Tone(), 3 * SIZE + SIZE // 2)
    paths = [cache.voiced(text, "zh") for text in "一二三"]
    long_ago = paths[0].stat().st_mtime - 10 * GRACE_S
    for age, path in enumerate(paths):
        os.utime(path, (long_ago + age, long_ago + age))
    cache.voiced("一", "zh")  # used again
    fourth = cache.voiced("四", "zh")
    assert [path.exists() for path in paths] == [True, False, True]
    assert fourth.exists()


def test_what_was_just_handed_out_stays(tmp_path: Path) -> None:
    cache = VoiceCache(tmp_path, Tone(), 1)
    paths = [cache.voiced(text, "zh") for text in "一二三"]
    assert all(path.exists() for path in paths)


def test_half_written_files_of_the_dead_are_removed(tmp_path: Path) -> None:
    old, new = tmp_path / f"old{PARTIAL}", tmp_path / f"new{PARTIAL}"
    for path in (old, new):
        path.write_bytes(b"RIFF")
    then = old.stat().st_mtime - 2 * ABANDONED_S
    os.utime(old, (then, then))
    VoiceCache(tmp_path, Tone(), LARGE).voiced("一", "zh")
    assert [path.exists() for path in (old, new)] == [False, True]


def _speak(folder: str, barrier: multiprocessing.synchronize.Barrier) -> None:
    cache = VoiceCache(Path(folder), Tone(), 2 * SIZE)
    barrier.wait(30)
    for number in range(40):
        path = cache.voiced(str(number % 5), "zh")
        with wave.open(str(path)) as file:
            assert file.getnframes() > 8000


def test_several_processes_share_a_folder(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(3)
    processes = [context.Process(target=_speak, args=(str(tmp_path), barrier)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert len(list(tmp_path.glob("*.wav"))) == 5
    assert not list(tmp_path.glob(f"*{PARTIAL}"))
