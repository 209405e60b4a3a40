"""Runs that go to Redis together: in order, each with its own outcome."""

from __future__ import annotations

import asyncio

import pytest
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from routing.link import Fenced, RedisAway
from routing.scripts import load
from routing.store import Commit, Store
from routing.together import AT_MOST, Together
from storage.pipe import Pipe
from storage.redis import connect

COMMIT = load("commit")


def arguments(store: Store, call: str, *, version: int = 1, epoch: int | None = None) -> list[str]:
    number = store.epoch if epoch is None else epoch
    return [store.node, str(number), "", *Commit(call, version, {"version": version}).arguments()]


async def test_many_at_once_are_done_in_order_and_share_round_trips(store: Store, redis: Redis) -> None:
    together = Together(Pipe(redis), COMMIT)
    before = (await redis.info("stats"))["total_reads_processed"]
    many = 3 * AT_MOST
    await asyncio.gather(*(together.run(arguments(store, "a", version=version)) for version in range(1, many + 1)))
    reads = (await redis.info("stats"))["total_reads_processed"] - before
    [call] = await store.live_calls()
    assert (call.version, call.state) == (many, {"version": many})
    assert reads < many / 2, "each had a round trip of its own"


async def test_a_fault_is_told_to_its_own_run_only(store: Store, redis: Redis) -> None:
    await redis.set("{hotline}:call:b", "not a hash")
    together = Together(Pipe(redis), COMMIT)
    first, second, third = await asyncio.gather(
        *(together.run(arguments(store, call)) for call in "abc"), return_exceptions=True
    )
    assert (first, third) == (None, None)
    assert isinstance(second, ResponseError)
    assert [call.call_id for call in await store.live_calls()] == ["a", "c"]


async def test_a_newer_engine_refuses_all(store: Store, redis: Redis) -> None:
    together = Together(Pipe(redis), COMMIT)
    outcomes = await asyncio.gather(
        *(together.run(arguments(store, call, epoch=store.epoch - 1)) for call in "ab"), return_exceptions=True
    )
    assert [type(outcome) for outcome in outcomes] == [Fenced, Fenced]


async def test_all_learn_that_redis_is_away_and_a_later_run_tries_again(store: Store, redis: Redis) -> None:
    nowhere = connect("redis://127.0.0.1:1")
    together = Together(Pipe(nowhere), COMMIT)
    outcomes = await asyncio.gather(*(together.run(arguments(store, call)) for call in "ab"), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [RedisAway, RedisAway]
    with pytest.raises(RedisAway):
        await together.run(arguments(store, "c"))
    await nowhere.aclose()


async def test_a_task_that_is_cancelled_meanwhile_holds_up_nobody(store: Store, redis: Redis) -> None:
    together = Together(Pipe(redis), COMMIT)
    gone = asyncio.create_task(together.run(arguments(store, "a")))
    stays = asyncio.create_task(together.run(arguments(store, "b")))
    await asyncio.sleep(0)
    gone.cancel()
    await stays
    assert gone.cancelled()
    assert "b" in [call.call_id for call in await store.live_calls()]


async def test_who_comes_soon_after_another_waits_for_others(
    store: Store, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("routing.together.SOON_S", 3600.0)
    monkeypatch.setattr("routing.together.GATHER_S", 0.5)
    pipe = Pipe(redis)
    together = Together(pipe, COMMIT)
    await together.run(arguments(store, "a"))
    before = (await redis.info("stats"))["total_reads_processed"]
    second = asyncio.create_task(together.run(arguments(store, "b")))
    for _ in range(5):
        await asyncio.sleep(0)
    await asyncio.gather(second, together.run(arguments(store, "c")))
    reads = (await redis.info("stats"))["total_reads_processed"] - before
    assert reads == 2, "one is the question itself"
