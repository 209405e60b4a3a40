"""`hotline demo`: by keys, and by spoken words alone."""

from __future__ import annotations

import re
from pathlib import Path

from tests.system.test_command import hotline


def steps(said: str, who: str) -> list[str]:
    """What one of them did, in order."""
    found = (re.match(rf" *[\d.]+ s  {who} +(.*)", line) for line in said.splitlines())
    return [line[1] for line in found if line is not None]


def leftovers(directory: Path) -> list[Path]:
    return list(directory.glob("hotline-demo-*"))


async def test_the_call_by_keys(tmp_path: Path) -> None:
    status, said = await hotline("demo", TMPDIR=str(tmp_path))
    assert status == 0, said
    assert "hears the seat's tone, 620 Hz" in steps(said, "caller")
    assert said.endswith("all steps came true\n")
    assert leftovers(tmp_path) == []


async def test_the_call_by_words_alone(tmp_path: Path) -> None:
    status, said = await hotline("demo", "--voice", TMPDIR=str(tmp_path))
    assert status == 0, said
    menus = [line.removeprefix("menu: ") for line in steps(said, "hotline") if line.startswith("menu: ")]
    assert menus == ["welcome", "main", "info", "main", "english", "english_info", "english", "service"]
    assert not [line for line in steps(said, "hotline") if line.startswith("key ")]
    assert [line for line in steps(said, "hotline") if re.match(r"heard “营业时间” in main, confidence [\d.]+", line)]
    caller = steps(said, "caller")
    assert "says “英语” into the prompt" in caller
    assert [line for line in caller if line.startswith("hears the prompt fall silent ")]
    assert caller[-1] == "pressed no key; 4 words led to the seat"
