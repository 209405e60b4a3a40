"""A hotline's own prompts: where they go, and what there is in all."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from prompts.build import build
from prompts.catalogue import Catalogue
from prompts.importing import Imported, convert
from prompts.own import Prompt, inventory, keep
from prompts.sound import wav_bytes


@pytest.fixture(scope="module")
def recording() -> Imported:
    return convert(wav_bytes(np.sin(np.arange(12000) * 0.3) * 0.4), "mine.wav")


def texts(root: Path, language: str, text: str) -> None:
    (root / language).mkdir(parents=True, exist_ok=True)
    (root / language / "texts.yaml").write_text(text, encoding="utf-8")


def test_an_own_prompt_lies_over_the_packaged_one(tmp_path: Path, recording: Imported) -> None:
    packaged, own = tmp_path / "packaged", tmp_path / "own"
    texts(packaged, "zh", "hello: 您好。\n")
    build(packaged)
    path = keep(own, "zh", "hello", recording)
    assert path == own / "zh" / "hello.wav" == Catalogue("zh", packaged, own).path("hello")
    assert path.read_bytes() == recording.wav
    assert [file.name for file in path.parent.iterdir()] == ["hello.wav"]
    assert keep(own, "common", "music", recording) == own / "common" / "music.wav"


@pytest.mark.parametrize(
    ("language", "name", "why"),
    [
        ("zh", "../hello", "name '../hello'"),
        ("zh", "", "name ''"),
        ("zh", "欢迎", "name '欢迎'"),
        ("../zh", "hello", "language '../zh'"),
    ],
)
def test_bad_names_are_told(tmp_path: Path, recording: Imported, language: str, name: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        keep(tmp_path / "own", language, name, recording)
    assert not (tmp_path / "own").exists()


def test_the_inventory_says_where_each_is_from(tmp_path: Path, recording: Imported) -> None:
    packaged, own = tmp_path / "packaged", tmp_path / "own"
    texts(packaged, "zh", "hello: 您好。\nbye: 再见。\nmenu: 请按一。\n")
    texts(own, "zh", "offer: 今天打折。\n")
    build(packaged)
    build(own, common=False)
    assert not (own / "common").exists()
    keep(packaged, "zh", "menu", recording)
    keep(own, "zh", "hello", recording)
    keep(own, "en", "extra", recording)
    (own / "en" / "broken.wav").write_bytes(b"RIFF")
    found = {(prompt.language, prompt.name): prompt for prompt in inventory(packaged, own)}
    assert list(found) == sorted(found)
    assert {key: (prompt.origin, prompt.text) for key, prompt in found.items() if key[0] != "common"} == {
        ("en", "broken"): ("own recording", ""),
        ("en", "extra"): ("own recording", ""),
        ("zh", "bye"): ("packaged", "再见。"),
        ("zh", "hello"): ("own recording", "您好。"),
        ("zh", "menu"): ("own recording", "请按一。"),
        ("zh", "offer"): ("synthesised", "今天打折。"),
    }
    assert found["common", "music"] == Prompt("music", "common", packaged / "common" / "music.wav", "packaged", 20.0, "")
    assert found["en", "broken"].seconds is None
    assert found["zh", "hello"].seconds == pytest.approx(1.5, abs=0.2)
