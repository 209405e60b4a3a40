"""The programs of bench/ that nobody runs every day still measure: a few calls and pages, a second or two. What they find is of
no meaning here but for what is lost."""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).parents[2] / "bench"
pytestmark = pytest.mark.interop(peer="bench")


async def printed(program: str, *arguments: str) -> str:
    """What it prints."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(BENCH / program), *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said = (await process.communicate())[0].decode()
    assert process.returncode == 0, said
    return said


async def test_the_loop_of_media() -> None:
    said = await printed("media_loop.py", "--loop", "fast", "--play", "1", "--bridge", "1", "--seconds", "1")
    assert re.findall(r"fast +(\S+) +1 calls", said) == ["play", "bridge+record"], said
    assert said.count("unsent 0 gaps 0") == 2, said


async def test_seats_pages() -> None:
    said = await printed("seats.py", "42", "0", "2")
    *_, row = (line for line in said.splitlines() if line.startswith("| "))
    assert re.search(r"\| 0 of [1-9]\d* \|", row), f"something was missed: {said}"


async def test_streams_of_twilio() -> None:
    said = await printed("gateway.py", "2", "2")
    assert re.search(r"gateway-2 \| 2 \|.* of [1-9]\d* \|", said), said


async def test_menus_in_effect() -> None:
    said = await printed("menus.py", "2", "0")
    assert re.search(r"menus-0 \| 2 \| 0 \|.* 0 of 2 \|", said), said
