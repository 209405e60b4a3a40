from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable

from ivr.pace import LOOK_S, Pace

FAR_S = 30.0


async def until(what: Callable[[], bool], *, busy: bool = False) -> None:
    """busy: by spending much of the time between two looks."""
    async with asyncio.timeout(FAR_S):
        while not what():
            begun = time.process_time()
            while busy and time.process_time() - begun < LOOK_S / 2:
                pass
            await asyncio.sleep(LOOK_S / 4)


async def test_a_busy_loop_rests_and_an_idle_one_does_not() -> None:
    pace = Pace()
    pace.start()
    await until(lambda: pace.rests > 0, busy=True)
    await until(lambda: not pace.busy)
    rests = pace.rests
    for _ in range(100):
        await asyncio.sleep(0)
    assert pace.rests == rests


async def test_between_rests_all_that_has_come_is_dealt_with_in_its_order() -> None:
    pace, loop = Pace(), asyncio.get_running_loop()
    pace.start()
    await until(lambda: pace.busy, busy=True)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        for number in range(256):
            theirs.send(bytes([number]))
        theirs.shutdown(socket.SHUT_WR)
        found = b""
        async with asyncio.timeout(FAR_S):
            while piece := await loop.sock_recv(ours, 1):
                found += piece
    assert found == bytes(range(256))
