"""[io] Keeps a node's guard and block list the same as the other nodes', through Redis."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import structlog
from redis.asyncio import Redis

from ivr.callers import MAX_LENGTH, Block, Callers, Refusal
from ivr.sip.guard import Ban, Guard
from ivr.sip.number import normalise
from routing.bans import Bars, tell_refused
from routing.store import RedisAway

EVERY_S, AT_ONCE = 1.0, 100

log = structlog.get_logger(__name__)


class Strangers:
    """run() as a task. While Redis is away each node keeps to what it knows."""

    def __init__(self, redis: Redis, node: str, guard: Guard, callers: Callers, clock: Callable[[], float]) -> None:
        self._redis = redis
        self._node = node
        self._guard = guard
        self._callers = callers
        self._clock = clock
        self._addresses = Bars(redis, "address")
        self._numbers = Bars(redis, "number")

    async def run(self) -> None:
        """For ever: own bans out, those of others and the block list in."""
        while True:
            try:
                await self.agree()
            except RedisAway as error:
                log.debug("bans and block list are not up to date", why=str(error))
            await asyncio.sleep(EVERY_S)

    async def agree(self) -> None:
        """Once. Raises RedisAway."""
        now = self._clock()
        for ban in self._guard.unshared(now)[:AT_ONCE]:
            if not await self._addresses.add(ban.source, reason=ban.reason, by=self._node, seconds=ban.until - now):
                break  # the list is full: it holds on this node all the same
            self._guard.share(ban)
        addresses, numbers = await self._addresses.changed(), await self._numbers.changed()
        now = self._clock()
        if addresses is not None:
            log.info("banned addresses", count=len(addresses))
            self._guard.agree((Ban(bar.entry, bar.reason, now + bar.left_s) for bar in addresses if bar.left_s), now)
        if numbers is not None:
            log.info("block list", count=len(numbers))
            self._callers.blocked = {
                # As people write it: +86 139 1234 5678 is the caller 13912345678.
                normalise(bar.entry, None).number: Block(bar.reason, None if bar.left_s is None else now + bar.left_s)
                for bar in numbers
            }

    def refuses(self, number: str, *, limited: bool) -> Refusal | None:
        """Callers.refuses(), now."""
        return self._callers.refuses(number, self._clock(), limited=limited)

    async def tell_refused(self, number: str, refusal: Refusal, call: dict[str, Any]) -> None:
        """Book that a call was turned away; `call` says which."""
        data = {**call, "node": self._node, "why": refusal.why, "reason": refusal.reason, "left_s": refusal.left_s}
        try:
            await tell_refused(self._redis, number[:MAX_LENGTH], data)
        except RedisAway as error:
            log.warning("a refused call is not booked", why=str(error))
