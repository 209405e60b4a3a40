"""[io] Brings callers and seats together: whenever a queue may have changed, and once a second in any case, the claim is
asked again."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping

import structlog

from ivr.call import Phase
from ivr.calltask import CallTask
from ivr.dialplan import Callee
from ivr.steps import SeatClaimed
from routing.store import Store

EVERY_S = 1.0
SOONEST_S = 0.02

log = structlog.get_logger(__name__)


class Matcher:
    """One node's share of the matching. The claim itself is one Lua script: no seat ever gets two calls."""

    def __init__(self, store: Store, tasks: dict[str, CallTask], queues: Iterable[str], seats: Mapping[str, Callee]) -> None:
        """seats: how each is called, by agent number."""
        self._store = store
        self._tasks = tasks
        self._seats = seats
        self._locks = {queue: asyncio.Lock() for queue in queues}

    async def follow_wakes(self) -> None:
        """Match a queue as soon as anybody says that it changed."""
        async for queue in self._store.wakes():
            await self.match(queue)

    async def follow_clock(self) -> None:
        """End wrap-ups and set-asides on time, and match what no wake told us of."""
        while True:
            delay = EVERY_S
            if not self._store.away:
                due = await self._store.due()
                delay = EVERY_S if due is None else min(EVERY_S, due)
                for queue in {task.call.queue for task in self._tasks.values() if task.call.phase is Phase.QUEUED}:
                    await self.match(queue)
            await asyncio.sleep(max(SOONEST_S, delay))

    async def match(self, queue: str) -> None:
        """Claim until no caller or no seat is left."""
        lock = self._locks.get(queue)
        if lock is None or self._store.away:
            return
        async with lock:
            while (claim := await self._store.claim(queue)) is not None:
                task = self._tasks.get(claim.call_id)
                if task is None:
                    log.error("a claimed call is not here", call_id=claim.call_id, seat=claim.seat)
                    await self._store.reconcile()
                    return
                task.tell(SeatClaimed(self._seats.get(claim.seat, Callee(claim.seat)), claim.skipped))
                if not claim.waiting:
                    return
