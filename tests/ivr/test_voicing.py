"""Items of a menu become files: what is there at once, what is spoken first, and what is left out."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from ivr import voicing as module
from ivr.flow.events import Reading, Speech
from ivr.flow.model import Document
from ivr.voicing import Voicing
from prompts import PATH
from prompts.catalogue import Catalogue
from prompts.engines import Espeak
from prompts.synthesis import SpeechError, Spoken
from prompts.voicecache import VoiceCache

CATALOGUES = {language: Catalogue(language, PATH) for language in ("zh", "en")}


class Slow:
    """A voice that speaks when it is let; it can't speak what holds a "!"."""

    name = "slow"
    languages = frozenset({"zh", "en"})

    def __init__(self) -> None:
        self.may = threading.Event()
        self.said: list[tuple[str, str]] = []

    def recipe(self, language: str, voice: str = "") -> str:
        return "slow"

    def synthesise(self, text: str, language: str, voice: str = "") -> Spoken:
        if "!" in text:
            raise SpeechError(f"can't speak {text}")
        self.may.wait(10)
        self.said.append((text, language))
        return Spoken(np.sin(np.arange(8000) / 3).astype(np.float32), 8000)


@pytest.fixture
def slow() -> Slow:
    return Slow()


@pytest.fixture
def voice(tmp_path: Path, slow: Slow) -> Iterator[Voicing]:
    voice = Voicing(VoiceCache(tmp_path, slow, 10**9))
    yield voice
    slow.may.set()
    voice.close()


def names(files: tuple[str, ...] | None) -> list[str]:
    return [Path(file).stem for file in files or ()]


def test_recordings_and_values_are_ready_at_once(voice: Voicing) -> None:
    items = ("goodbye", Reading("digits", "102"), Reading("count", "2"), Speech(" "))
    assert names(voice.ready(items, "zh", CATALOGUES)) == ["goodbye", "digit_1", "digit_0", "digit_2", "num_liang"]


def test_what_can_t_be_had_is_left_out(voice: Voicing) -> None:
    items = ("no_such_prompt", "goodbye", Reading("amount", "much"), Reading("no_such_kind", "1"))
    assert names(voice.ready(items, "zh", CATALOGUES)) == ["goodbye"]


async def test_a_text_is_spoken_once_and_then_ready(voice: Voicing, slow: Slow) -> None:
    items = ("goodbye", Speech("你好"))
    assert voice.ready(items, "zh", CATALOGUES) is None
    slow.may.set()
    one, two = await asyncio.gather(voice.files(items, "zh", CATALOGUES), voice.files(items, "zh", CATALOGUES))
    assert one == two
    assert len(one) == 2
    assert slow.said == [("你好", "zh")]
    assert voice.ready(items, "zh", CATALOGUES) == one


async def test_a_slow_voice_is_not_waited_for(voice: Voicing, slow: Slow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "VOICE_S", 0.05)
    assert names(await voice.files((Speech("慢"), "goodbye", Speech("不行!")), "zh", CATALOGUES)) == ["goodbye"]
    slow.may.set()
    while voice.ready((Speech("慢"),), "zh", CATALOGUES) is None:  # noqa: ASYNC110 - it is there when it was spoken
        await asyncio.sleep(0.01)


async def test_too_many_texts_are_left_out(voice: Voicing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "VOICE_S", 0.05)
    monkeypatch.setattr(module, "MAX_PENDING", 2)
    items = tuple(Speech(f"文{number}") for number in range(9))
    assert await voice.files(items, "zh", CATALOGUES) == ()
    assert len(voice._pending) == 2


async def test_a_menus_fixed_texts_are_spoken_before_they_are_wanted(voice: Voicing, slow: Slow) -> None:
    slow.may.set()
    document = Document.model_validate(
        {
            "start": "hello",
            "nodes": {
                "hello": {
                    "kind": "language",
                    "prompt": {"text": {"zh": "你好", "en": "hello"}},
                    "keys": {"2": "en"},
                    "then": "x",
                },
                "x": {"kind": "hangup", "prompt": [{"text": "您好 {name}"}, "goodbye"]},
            },
        }
    )
    voice.warm(document)
    voice.warm(document)
    await asyncio.gather(*voice._warming)
    assert sorted(slow.said) == [("hello", "en"), ("你好", "zh")]


async def test_the_real_voice(tmp_path: Path) -> None:
    voice = Voicing(VoiceCache(tmp_path, Espeak(), 10**9))
    [file] = await voice.files((Speech("谢谢"),), "zh", CATALOGUES)
    assert len(await asyncio.to_thread(Path(file).read_bytes)) > 4000
    voice.close()
