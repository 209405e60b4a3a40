"""What is booked without an engine: once, in order, and also while Redis was away."""

from __future__ import annotations

import asyncio
from pathlib import Path

from redis.asyncio import Redis

from routing.booking import Booking
from routing.events import Event
from storage.embedded import EmbeddedRedis
from storage.journal import Journal
from storage.redis import connect
from tests.routing.conftest import Told, entries

EVENTS = [Event("arrived", {"caller": "1"}), Event("owed", {"reason": "busy"}), Event("ended", {})]


async def test_a_call_that_no_engine_had(redis: Redis, told: Told, tmp_path: Path) -> None:
    booking = Booking(redis, "one", Journal(tmp_path / "journal"))
    await booking.book("CA1", 1001, EVENTS)
    assert await told("CA1") == [("arrived", {"caller": "1"}), ("owed", {"reason": "busy"}), ("ended", {})]
    assert [entry["seq"] for entry in await entries(redis)] == ["1001", "1002", "1003"]


async def test_an_api_that_comes_and_goes_is_told_once_a_change(redis: Redis, told: Told, tmp_path: Path) -> None:
    booking = Booking(redis, "one", Journal(tmp_path / "journal"))
    for why in ("", "", "api_credentials", "api_unreachable", ""):
        await booking.tell_api("twilio-api", why)
    states = [(data["up"], data["reason"]) for _, data in await told("trunk:twilio-api")]
    assert states == [(True, ""), (False, "api_credentials"), (True, "")]


async def test_while_redis_is_away_it_waits_on_disk(tmp_path: Path) -> None:
    server = EmbeddedRedis(tmp_path / "redis")
    server.start()
    client = connect(server.url)
    booking = Booking(client, "one", Journal(tmp_path / "journal"))
    server.stop()
    await booking.book("CA1", 1001, EVENTS)
    await booking.book("CA2", 1001, EVENTS)
    again = Booking(client, "one", Journal(tmp_path / "journal"))  # and a gateway's death
    running = asyncio.create_task(again.run())
    server.start()
    async with asyncio.timeout(20):
        while await client.xlen("{hotline}:events") < 6:  # noqa: ASYNC110 - nobody signals it
            await asyncio.sleep(0.05)
    assert [(entry["subject"], entry["type"]) for entry in await entries(client)] == [
        (call, event.type) for call in ("CA1", "CA2") for event in EVENTS
    ]
    await again.book("CA3", 1001, EVENTS[:1])
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await client.aclose()
    server.stop()
