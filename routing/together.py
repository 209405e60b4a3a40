"""[io] Runs of one script by many tasks: what is asked for while a round trip is under way goes out together in the next one.

Alone a run leaves at once. Under load a round trip, and the write to Redis's disk that it waits for, is shared by all: a run
that is asked for soon after the one before waits a little for others.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from routing import link
from routing.link import Faults
from routing.scripts import Script
from storage.pipe import Pipe

AT_MOST = 100
"""Runs in one round trip: Redis serves others in between."""
GATHER_S = 0.002
SOON_S = 0.004
"""Who comes so soon after the last round trip waits GATHER_S for others to share the next one."""


class Together:
    """One script's runs, in the order in which they are asked for."""

    def __init__(self, pipe: Pipe, script: Script) -> None:
        self._pipe = pipe
        self._script = script
        self._waiting: list[tuple[Sequence[str], asyncio.Future[None]]] = []
        self._under_way: list[asyncio.Future[None]] = []
        self._at_work = False
        self._last = -SOON_S
        """When the last round trip ended."""

    async def run(self, arguments: Sequence[str]) -> None:
        """Have the script run. Raises Fenced; RedisAway, when it may have been done; ResponseError for a fault in it."""
        done = asyncio.get_running_loop().create_future()
        self._waiting.append((arguments, done))
        if not self._at_work:
            self._at_work = True
            loop = asyncio.get_running_loop()
            if loop.time() - self._last < SOON_S:
                loop.call_later(GATHER_S, self._send)
            else:
                loop.call_soon(self._send)  # after what has come already, which may want a run too
        await done

    def _send(self) -> None:
        now, self._waiting = self._waiting[:AT_MOST], self._waiting[AT_MOST:]
        self._under_way = [done for _, done in now]
        self._at_work = bool(now)
        if now:
            link.run_in_order(self._pipe, self._script, [arguments for arguments, _ in now], self._told)

    def _told(self, faults: Faults) -> None:
        runs = self._under_way
        for index, done in enumerate(runs):
            fault = faults[index] if isinstance(faults, list) else faults
            if done.done():
                continue  # its task was cancelled
            if fault is None:
                done.set_result(None)
            else:
                done.set_exception(fault)
        self._last = asyncio.get_running_loop().time()
        self._send()
