from __future__ import annotations

import asyncio

import pytest
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from routing.link import Fenced, RedisAway, listen, run_all
from routing.scripts import load
from routing.store import Commit, Store
from storage.pipe import Pipe
from storage.redis import connect

COMMIT = load("commit")


def arguments(store: Store, call: str, epoch: int) -> list[str]:
    return [store.node, str(epoch), "", *Commit(call, 1, {}).arguments()]


async def test_each_runs_in_order_and_a_fault_stops_none_of_the_others(store: Store, redis: Redis) -> None:
    await redis.set("{hotline}:call:b", "not a hash")
    await redis.script_flush()
    first, second, third = await run_all(Pipe(redis), COMMIT, [arguments(store, call, store.epoch) for call in "abc"])
    assert (first, third) == (None, None)
    assert isinstance(second, ResponseError)
    assert [call.call_id for call in await store.live_calls()] == ["a", "c"]


async def test_a_newer_engine_stops_them(store: Store, redis: Redis) -> None:
    with pytest.raises(Fenced, match="FENCED engine one"):
        await run_all(Pipe(redis), COMMIT, [arguments(store, "a", store.epoch - 1)])


async def test_no_redis_is_told(store: Store) -> None:
    nowhere = connect("redis://127.0.0.1:1")
    with pytest.raises(RedisAway, match="redis_url"):
        await run_all(Pipe(nowhere), COMMIT, [arguments(store, "a", store.epoch)])
    await nowhere.aclose()


@pytest.mark.parametrize("turns", range(0, 60, 3))
async def test_a_listener_that_is_cancelled_ends_whatever_it_is_about(redis: Redis, turns: int) -> None:
    async def everything() -> list[str]:
        return ["all"]

    async def follow() -> None:
        async for _ in listen(redis, ("news",), everything):
            pass

    tasks = [asyncio.create_task(follow()) for _ in range(5)]
    for _ in range(turns):
        await asyncio.sleep(0)  # connecting, subscribing, asking for everything, waiting
    for task in tasks:
        task.cancel()
    _, running = await asyncio.wait(tasks, timeout=30)
    assert not running
