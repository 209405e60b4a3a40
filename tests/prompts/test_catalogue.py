"""Finding prompts by name."""

from __future__ import annotations

import wave
from pathlib import Path

import pytest

from prompts.catalogue import Catalogue, PromptMissing, agent_number, available, languages, lengths, say_digits


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("zh/hello.wav", "zh/only_zh.wav", "en/hello.wav", "en/only_en.wav", "common/music.wav", "en/music.wav"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"")
    (tmp_path / "fr").mkdir()
    (tmp_path / "fr" / "texts.yaml").write_text("", encoding="utf-8")
    (tmp_path / "menus").mkdir()
    (tmp_path / "menus" / "sample.yaml").write_text("", encoding="utf-8")
    return tmp_path


def test_its_own_language_then_common_then_another(root: Path) -> None:
    zh, en, fr = (Catalogue(language, root) for language in ("zh", "en", "fr"))
    assert zh.path("hello") == root / "zh" / "hello.wav"
    assert en.path("hello") == root / "en" / "hello.wav"
    assert zh.path("only_en") == root / "en" / "only_en.wav"
    assert zh.path("music") == root / "common" / "music.wav"
    assert en.path("music") == root / "en" / "music.wav"
    assert fr.path("hello") == root / "en" / "hello.wav"
    assert zh.paths(("hello", "music")) == (root / "zh" / "hello.wav", root / "common" / "music.wav")
    assert zh.names() == {"hello", "only_zh", "only_en", "music"}


def test_a_missing_prompt_is_named(root: Path) -> None:
    with pytest.raises(PromptMissing, match=r"'bye' in 'zh'"):
        Catalogue("zh", root).path("bye")


def test_what_there_is(root: Path) -> None:
    assert languages(root) == ("en", "fr", "zh")
    assert available(root) == {"zh": {"hello", "only_zh", "music"}, "en": {"hello", "only_en", "music"}, "fr": {"music"}}


def test_a_hotlines_own_prompts_lie_over_the_packaged_ones(root: Path, tmp_path: Path) -> None:
    own = tmp_path / "own"
    for name in ("zh/hello.wav", "zh/promotion.wav", "ja/hello.wav"):
        (own / name).parent.mkdir(parents=True, exist_ok=True)
        (own / name).write_bytes(b"")
    zh = Catalogue("zh", root, own)
    assert zh.path("hello") == own / "zh" / "hello.wav"
    assert zh.path("promotion") == own / "zh" / "promotion.wav"
    assert zh.path("only_zh") == root / "zh" / "only_zh.wav"
    assert languages(root, own) == ("en", "fr", "ja", "zh")
    assert available(root, own)["zh"] == {"hello", "only_zh", "music", "promotion"}
    assert available(root, own)["ja"] == {"hello", "music"}


def test_numbers_are_read_digit_by_digit() -> None:
    assert say_digits("10-26x") == ("digit_1", "digit_0", "digit_2", "digit_6")
    assert agent_number("1026") == ("agent_number", "digit_1", "digit_0", "digit_2", "digit_6", "at_your_service")


def test_how_long_prompts_are(root: Path) -> None:
    for name, seconds in (("zh/hello", 2), ("common/music", 30)):
        with wave.open(str(root / f"{name}.wav"), "wb") as sound:
            sound.setnchannels(1)
            sound.setsampwidth(2)
            sound.setframerate(8000)
            sound.writeframes(bytes(16000 * seconds))
    measured = lengths(root)
    assert measured["zh"] == {"hello": 2.0, "music": 30.0}, "an empty file has no length"
    assert measured["en"] == {"music": 30.0}
