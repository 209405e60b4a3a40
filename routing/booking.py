"""[io] Books what happened without an engine: calls that were answered in its place, and whether a trunk's API can be had.
While Redis is away it waits in a journal."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence

import structlog
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from routing import link, scripts
from routing.events import Event
from routing.link import Pauses, RedisAway
from storage.journal import Journal

_BOOK = scripts.load("book")
_TOLD_TRUNK = scripts.load("told_trunk")

log = structlog.get_logger(__name__)


class Booking:
    """run() as a task brings home what waited."""

    def __init__(self, redis: Redis, node: str, journal: Journal) -> None:
        self._redis = redis
        self._node = node
        self._journal = journal
        self._waiting = asyncio.Event()
        if journal:
            self._waiting.set()

    async def book(self, call_id: str, seq: int, events: Sequence[Event]) -> None:
        """These events of a call, numbered from seq on: the same numbers again are the same events. Raises OSError where
        neither Redis nor the journal takes them."""
        told = [text for number, event in enumerate(events, seq) for text in (str(number), event.type, json.dumps(event.data))]
        if not self._waiting.is_set():
            try:
                await link.run(self._redis, _BOOK, "", call_id, *told)
            except RedisAway as error:
                log.warning("redis_away", node=self._node, why=str(error))
            else:
                return
        await self._journal.append([repr(time.time()), call_id, *told])
        self._waiting.set()

    async def tell_api(self, name: str, why: str) -> None:
        """Whether a trunk's API can be had: why "" when it can. A change is an event, as trunks' own are; while Redis is away
        nobody is told."""
        try:
            await link.run(self._redis, _TOLD_TRUNK, self._node, name, "0" if why else "1", why)
        except RedisAway as error:
            log.warning("redis_away", node=self._node, why=str(error))

    async def run(self) -> None:
        """For ever."""
        pauses = Pauses()
        while True:
            await self._waiting.wait()
            try:
                done = 0
                while records := self._journal.records(done):
                    for record in records:
                        await self._again(record)
                    done += len(records)
            except RedisAway:
                await pauses.wait()
                continue
            # No await since the journal was found empty, so nothing came between.
            self._journal.clear()
            self._waiting.clear()
            pauses.reset()

    async def _again(self, record: list[str]) -> None:
        try:
            await link.run(self._redis, _BOOK, *record)
        except ResponseError as error:  # it would fail for ever and keep all that follows from Redis
            log.error("journal_record_refused", call_id=record[1], why=str(error))
