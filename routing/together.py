"""[io] Runs of one script by many tasks: what is asked for while a round trip is under way goes out together in the next one.

Alone a run leaves at once. Under load a round trip, and the write to Redis's disk that it waits for, is shared by all.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from routing import link
from routing.link import Fenced, RedisAway
from routing.scripts import Script

AT_MOST = 100
"""Runs in one round trip: Redis serves others in between."""


class Together:
    """One script's runs, in the order in which they are asked for."""

    def __init__(self, redis: Redis, script: Script) -> None:
        self._redis = redis
        self._script = script
        self._waiting: list[tuple[Sequence[str], asyncio.Future[None]]] = []
        self._sending: asyncio.Task[None] | None = None

    async def run(self, arguments: Sequence[str]) -> None:
        """Have the script run. Raises Fenced; RedisAway, when it may have been done; ResponseError for a fault in it."""
        done = asyncio.get_running_loop().create_future()
        self._waiting.append((arguments, done))
        if self._sending is None:
            self._sending = asyncio.create_task(self._send())
        await done

    async def _send(self) -> None:
        try:
            while self._waiting:
                now, self._waiting = self._waiting[:AT_MOST], self._waiting[AT_MOST:]
                await self._round_trip(now)
        finally:
            self._sending = None

    async def _round_trip(self, runs: Sequence[tuple[Sequence[str], asyncio.Future[None]]]) -> None:
        faults: Sequence[ResponseError | Fenced | RedisAway | None]
        try:
            faults = await link.run_in_order(self._redis, self._script, [arguments for arguments, _ in runs])
        except (Fenced, RedisAway) as error:
            faults = [error] * len(runs)
        for (_, done), fault in zip(runs, faults, strict=True):
            if done.done():
                continue  # its task was cancelled
            if fault is None:
                done.set_result(None)
            else:
                done.set_exception(fault)
