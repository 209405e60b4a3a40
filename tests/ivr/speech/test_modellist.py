"""The vendor's list: what is read, and what a wish means."""

from __future__ import annotations

import json

import pytest

from ivr.speech.modellist import BadList, Unknown, choose, languages_of, parse, usable
from tests.ivr.speech.models import entry


def listed(*entries: object) -> bytes:
    return json.dumps(entries).encode()


ENTRIES = [
    entry("vosk-model-small-cn-0.3", b"1", obsolete="true"),
    entry("vosk-model-small-cn-0.22", b"1"),
    entry("vosk-model-cn-0.22", b"1", type="big"),
    entry("vosk-model-small-en-us-zamia-0.50", b"1", lang="en-us"),
    entry("vosk-model-small-en-us-0.4", b"1", lang="en-us"),
    entry("vosk-model-small-en-us-0.15", b"1", lang="en-us"),
    entry("vosk-model-en-us-0.22-lgraph", b"1", lang="en-us", type="big-lgraph"),
    entry("vosk-model-small-en-in-0.4", b"1", lang="en-in"),
    entry("vosk-model-small-ru-0.22", b"1", lang="ru"),
    entry("vosk-model-spk-0.4", b"1", lang="all", type="spk"),
]


def test_wishes() -> None:
    models = parse(listed(*ENTRIES))
    assert choose(models, "zh").name == "vosk-model-small-cn-0.22"
    assert choose(models, "en").name == "vosk-model-small-en-us-0.15"
    assert choose(models, "vosk-model-small-en-in-0.4").language == "en"
    assert [one.name for one in usable(models)] == [
        "vosk-model-small-cn-0.22",
        "vosk-model-small-en-us-zamia-0.50",
        "vosk-model-small-en-us-0.4",
        "vosk-model-small-en-us-0.15",
        "vosk-model-en-us-0.22-lgraph",
        "vosk-model-small-en-in-0.4",
    ]


@pytest.mark.parametrize(
    ("wanted", "why"),
    [
        ("vosk-model-small-xx", "it has: vosk-model-small-cn-0.22, "),
        ("vosk-model-spk-0.4", "speakers"),
        ("vosk-model-cn-0.22", "fixed graph"),
    ],
)
def test_what_cannot_be_wished(wanted: str, why: str) -> None:
    with pytest.raises(Unknown, match=why):
        choose(parse(listed(*ENTRIES)), wanted)


def test_no_small_one() -> None:
    with pytest.raises(Unknown, match="no small model for en"):
        choose(parse(listed(*ENTRIES[:3])), "en")


@pytest.mark.parametrize(
    "bad",
    [
        {"name": "../up"},
        {"name": ".hidden"},
        {"md5": "1234"},
        {"size": 0},
        {"size": -5},
        {"url": None},
        {"obsolete": "perhaps"},
    ],
)
def test_a_bad_entry_is_left_out(bad: dict[str, object]) -> None:
    assert [one.name for one in parse(listed({**ENTRIES[1], **bad}, ENTRIES[5], {}))] == ["vosk-model-small-en-us-0.15"]


@pytest.mark.parametrize("data", [b"", b"<html>", b"{}", b"[]", b"[1]", b'[{"name": "a"}]', b"\xff"])
def test_what_is_no_list(data: bytes) -> None:
    with pytest.raises(BadList):
        parse(data)


def test_languages_told_by_names() -> None:
    assert languages_of("vosk-model-small-cn-0.22") == ("zh",)
    assert languages_of("vosk-model-cn-kaldi-multicn-0.15") == ("zh",)
    assert languages_of("vosk-model-en-us-0.22-lgraph") == ("en",)
    assert languages_of("vosk-model-small-en-in-0.4") == ("en",)
    assert languages_of("vosk-model-small-eo-0.42") == ()
    assert languages_of("ours") == ()
