"""Sound files: read by a thread, kept, read anew when they change, refused by name."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from ivr.media import sounds
from ivr.media.g711 import encode
from ivr.media.sounds import SoundError, Sounds
from tests.ivr.media.rig import tone, write_wav


@pytest.fixture
def told() -> threading.Semaphore:
    return threading.Semaphore(0)


@pytest.fixture
def found(told: threading.Semaphore) -> Iterator[Sounds]:
    made = Sounds(told.release)
    yield made
    made.close()


def test_what_was_asked_for_is_found_in_its_order(found: Sounds, told: threading.Semaphore, tmp_path: Path) -> None:
    one, two = (str(write_wav(tmp_path / f"{hz}.wav", tone(hz, 0.05))) for hz in (440, 880))
    found.ask("both", (one, two), "PCMA")
    found.ask("partly", (one, str(tmp_path / "none.wav")), "PCMU")
    found.ask("nothing", (), "PCMA")
    for _ in range(3):
        assert told.acquire(timeout=10)
    assert found.found() == [
        ("both", encode("PCMA", tone(440, 0.05)) + encode("PCMA", tone(880, 0.05)), True),
        ("partly", encode("PCMU", tone(440, 0.05)), False),
        ("nothing", b"", True),
    ]
    assert found.found() == []


def test_files_are_read_once_and_anew_when_they_change(found: Sounds, tmp_path: Path) -> None:
    path = write_wav(tmp_path / "a.wav", tone(440, 2.3))
    sound = found.sound(str(path), "PCMA")
    assert sound == encode("PCMA", tone(440, 2.3))
    assert found.sound(str(path), "PCMA") is sound
    assert found.sound(str(path), "PCMU") == encode("PCMU", tone(440, 2.3))
    write_wav(path, tone(440, 0.1))
    assert len(found.sound(str(path), "PCMA")) == 800


def test_what_was_found_just_now_is_at_hand(
    found: Sounds, told: threading.Semaphore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sounds, "FRESH_S", 3600.0)
    one, two = (str(write_wav(tmp_path / f"{hz}.wav", tone(hz, 0.05))) for hz in (440, 880))
    assert found.at_hand((one,), "PCMA") is None
    found.ask("one", (one, str(tmp_path / "none.wav")), "PCMA")
    assert told.acquire(timeout=10)
    assert found.at_hand((one,), "PCMA") == encode("PCMA", tone(440, 0.05))
    for files, law in (((one, two), "PCMA"), ((str(tmp_path / "none.wav"),), "PCMA"), ((one,), "PCMU")):
        assert found.at_hand(files, law) is None  # type: ignore[arg-type]
    assert found.sound(two, "PCMA")
    assert found.at_hand((two, one), "PCMA") == encode("PCMA", tone(880, 0.05)) + encode("PCMA", tone(440, 0.05))
    monkeypatch.setattr(sounds, "FRESH_S", 0.0)
    assert found.sound(one, "PCMA")
    assert found.at_hand((one,), "PCMA") is None


def test_sounds_do_not_fill_the_memory(found: Sounds, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sounds, "MAX_KEPT", 1600)
    paths = [str(write_wav(tmp_path / f"{n}.wav", tone(440, 0.1))) for n in range(3)]
    first, second, _ = (found.sound(path, "PCMA") for path in paths)
    assert found.sound(paths[1], "PCMA") is second
    assert found.sound(paths[0], "PCMA") is not first
    monkeypatch.setattr(sounds, "MAX_FILE_S", 0)
    with pytest.raises(SoundError, match="longer"):
        found.sound(paths[2], "PCMA")


def test_what_is_no_prompt_is_refused_by_name(found: Sounds, tmp_path: Path) -> None:
    (tmp_path / "text.wav").write_text("hello")
    (tmp_path / "empty.wav").touch()
    write_wav(tmp_path / "fast.wav", np.zeros(10, dtype=np.int16), rate=44100)
    for name in ("none.wav", "text.wav", "empty.wav", "fast.wav"):
        with pytest.raises(SoundError, match=name):
            found.sound(str(tmp_path / name), "PCMA")
    with pytest.raises(SoundError, match="null"):
        found.sound("a\0b", "PCMA")
