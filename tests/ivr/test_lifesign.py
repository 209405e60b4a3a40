"""A gateway's sign of life is seen to end with its process, however it ends."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ivr import lifesign
from ivr.lifesign import LifeSign

SHOW = """
import asyncio, sys
from pathlib import Path
from ivr.lifesign import LifeSign

async def main():
    sign = LifeSign()
    await sign.show(Path(sys.argv[1]))
    while not sign.links:
        await asyncio.sleep(0.01)
    print("seen", flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


class Told:
    """What the engine's end was told: whether a gateway lives."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.news: asyncio.Queue[bool] = asyncio.Queue()
        self.following = asyncio.create_task(lifesign.follow(path, self.news.put_nowait))

    async def next(self) -> bool:
        return await asyncio.wait_for(self.news.get(), 10)


@pytest.fixture
async def told(tmp_path: Path) -> AsyncIterator[Told]:
    told = Told(tmp_path / "gateway.sock")
    yield told
    told.following.cancel()
    await asyncio.gather(told.following, return_exceptions=True)


async def gateway(path: Path) -> asyncio.subprocess.Process:
    """One that the engine is connected with."""
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", SHOW, str(path), stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert await asyncio.wait_for(process.stdout.readline(), 60) == b"seen\n"
    return process


@pytest.mark.parametrize("by", [signal.SIGKILL, signal.SIGTERM])
async def test_a_death_is_told_whether_or_not_another_comes(told: Told, by: signal.Signals) -> None:
    assert not await told.next(), "none is there when we begin"
    for _ in range(2):  # the second one takes the place of a dead one's socket
        process = await gateway(told.path)
        assert await told.next()
        assert told.news.empty(), "it was told once"
        process.send_signal(by)
        await process.wait()
        assert not await told.next()


async def test_one_that_is_there_when_we_begin(tmp_path: Path) -> None:
    sign = LifeSign()
    await sign.show(tmp_path / "gateway.sock")
    told = Told(tmp_path / "gateway.sock")
    assert await told.next()
    sign.end()
    assert not await told.next()
    told.following.cancel()


async def test_an_end_in_good_order_is_one_too(told: Told) -> None:
    assert not await told.next()
    sign = LifeSign()
    await sign.show(told.path)
    assert await told.next()
    sign.end()
    assert not await told.next()


async def test_who_looks_no_more_is_let_go(told: Told) -> None:
    assert not await told.next()
    sign = LifeSign()
    await sign.show(told.path)
    assert await told.next()
    async with asyncio.timeout(10):
        while not sign.links:  # noqa: ASYNC110 - nobody signals it
            await asyncio.sleep(0.01)
    told.following.cancel()
    async with asyncio.timeout(10):
        while sign.links:  # noqa: ASYNC110 - nobody signals it
            await asyncio.sleep(0.01)
    sign.end()
