"""Bans and the block list in a real Redis: written by engines and by the console, read by all."""

from __future__ import annotations

import json
from typing import Any

from redis import Redis
from redis.asyncio import Redis as AsyncRedis

from routing import bans
from routing.bans import Bars
from routing.events import STREAM


def stream(redis: Redis) -> list[tuple[str, str, dict[str, Any]]]:
    entries: Any = redis.xrange(STREAM)
    return [(fields["subject"], fields["type"], json.loads(fields["data"])) for _, fields in entries]


async def test_an_engine_s_ban_is_seen_by_others_and_lifted_by_a_person(redis: AsyncRedis, redis_sync: Redis) -> None:
    one, two = Bars(redis, "address"), Bars(redis, "address")
    assert await two.changed() == []
    assert await two.changed() is None
    assert await one.add("203.0.113.9", reason="passwords", by="node1", seconds=600.0)
    (seen,) = await two.changed() or []
    assert (seen.entry, seen.reason, seen.by) == ("203.0.113.9", "passwords", "node1")
    assert seen.left_s is not None
    assert 590.0 < seen.left_s <= 600.0
    assert bans.listed(redis_sync, "number") == []
    assert [bar.entry for bar in bans.listed(redis_sync, "address")] == ["203.0.113.9"]
    assert bans.lift(redis_sync, "address", "203.0.113.9", by="小王")
    assert not bans.lift(redis_sync, "address", "203.0.113.9", by="小王")
    assert await two.changed() == []


async def test_what_ran_out_is_gone(redis: AsyncRedis, redis_sync: Redis) -> None:
    await Bars(redis, "address").add("203.0.113.9", reason="scan", by="node1", seconds=1e-6)
    assert bans.listed(redis_sync, "address") == []
    assert redis_sync.hlen("{hotline}:bars:address") == 0


async def test_the_list_of_addresses_is_bounded(redis: AsyncRedis, redis_sync: Redis) -> None:
    redis_sync.hset("{hotline}:bars:address", mapping={str(n): 'inf {"reason":"","by":"","at":"1"}' for n in range(1000)})
    bars = Bars(redis, "address")
    assert not await bars.add("203.0.113.9", reason="scan", by="node1", seconds=60.0)
    assert await bars.add("17", reason="scan", by="node1", seconds=60.0), "one that is there may be renewed"
    await bars.add("18", reason="scan", by="node1", seconds=1e-6)
    assert await bars.add("203.0.113.9", reason="scan", by="node1", seconds=60.0), "one that ran out makes room"


def test_a_number_s_history_is_in_the_stream(redis_sync: Redis) -> None:
    bans.bar(redis_sync, "number", "13912345678", reason="骚扰", by="小王", seconds=None)
    bans.bar(redis_sync, "number", "10086", reason="x", by="小李", seconds=3600)
    first, second = bans.listed(redis_sync, "number")
    assert {first.entry: first.left_s, second.entry: second.left_s}["13912345678"] is None
    bans.lift(redis_sync, "number", "13912345678", by="小李")
    assert stream(redis_sync) == [
        ("number:13912345678", "blocked", {"reason": "骚扰", "by": "小王"}),
        ("number:10086", "blocked", {"reason": "x", "by": "小李", "seconds": 3600}),
        ("number:13912345678", "unblocked", {"reason": "", "by": "小李", "seconds": 0}),
    ]


async def test_a_refused_call_is_told(redis: AsyncRedis, redis_sync: Redis) -> None:
    await bans.tell_refused(redis, "13912345678", {"why": "blocked", "reason": "骚扰", "left_s": 1.5})
    assert stream(redis_sync) == [("number:13912345678", "refused", {"why": "blocked", "reason": "骚扰", "left_s": 1.5})]
