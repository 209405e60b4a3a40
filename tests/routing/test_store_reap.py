from __future__ import annotations

from typing import Any

import pytest
from redis.asyncio import Redis

from routing.store import Commit, Enqueue, Event, Fenced, SeatState, Store
from tests.routing.conftest import OpenStore, Told, place, sign_on


async def died(redis: Redis, node: str, ago_s: float) -> None:
    seconds, _ = await redis.time()
    await redis.hset(f"{{hotline}}:engine:{node}", "alive_until", str(seconds - ago_s))


async def has_been_up_for_long(redis: Redis) -> None:
    await redis.hset("{hotline}:run", "since", "0")


@pytest.fixture
async def other(open_store: OpenStore, redis: Redis) -> Store:
    """A second engine, with one call that waits and one that talks."""
    other = await open_store("two")
    await sign_on(other, "1026")
    await other.commit(Commit("talks", 1, {}, {"phase": "TALKING", "caller": "13912345678"}, (), (Enqueue("service"),)))
    assert await other.claim("service") is not None
    await other.commit(Commit("talks", 2, {}, {"phase": "TALKING", "seat": "1026"}, (), (SeatState("1026", "talking"),)))
    await other.commit(
        Commit("waits", 4, {}, {"phase": "QUEUED", "queue": "service"}, (Event("queued"),), (Enqueue("service"),))
    )
    return other


async def test_a_dead_engines_calls_end_with_an_event_and_its_seats_are_free(
    store: Store, other: Store, redis: Redis, told: Told
) -> None:
    await died(redis, "two", 80)
    await has_been_up_for_long(redis)
    assert sorted(await store.reap()) == ["talks", "waits"]
    [(talk, talk_end)] = await told("talks")
    assert talk == "ended"
    assert_ended(talk_end, phase="TALKING", seat="1026")
    assert "wait_s" not in talk_end
    [_, (_, wait_end)] = await told("waits")
    assert_ended(wait_end, phase="QUEUED", queue="service")
    assert wait_end["wait_s"] >= 0
    [seat] = await store.seats()
    assert (seat.state, seat.call_id) == ("idle", "")
    assert await place(store, "service", "waits") is None
    assert await store.reap() == []


def assert_ended(data: dict[str, Any], **summary: str) -> None:
    assert data.items() >= {"by": "system", "reason": "engine_lost", **summary}.items()


async def test_an_engine_that_only_slept_is_refused_and_its_calls_stay_ended(
    store: Store, other: Store, open_store: OpenStore, redis: Redis, told: Told
) -> None:
    await died(redis, "two", 80)
    await has_been_up_for_long(redis)
    await store.reap()
    with pytest.raises(Fenced):
        await other.beat()
    again = await open_store("two", journal="again")
    await again.commit(Commit("waits", 5, {}, {}, (Event("key"),), (Enqueue("service"),)))
    assert await again.live_calls() == []
    assert [type for type, _ in await told("waits")] == ["queued", "ended"]


async def test_nobody_is_reaped_before_its_time(store: Store, other: Store, redis: Redis) -> None:
    await has_been_up_for_long(redis)
    await died(redis, "two", 60)
    assert await store.reap() == []
    await died(redis, "one", 1000)
    assert await store.reap() == []
    assert len(await other.live_calls()) == 2


async def test_nobody_is_reaped_within_a_lease_of_a_redis_restart_or_failover(store: Store, other: Store, redis: Redis) -> None:
    await died(redis, "two", 80)
    assert await store.reap() == []
    await has_been_up_for_long(redis)
    await redis.hset("{hotline}:run", "id", "another process")
    assert await store.reap() == []
    await has_been_up_for_long(redis)
    assert await store.reap() != []


async def test_an_unreadable_summary_does_not_save_a_call_from_its_end(
    store: Store, other: Store, redis: Redis, told: Told
) -> None:
    await redis.hset("{hotline}:call:talks", "summary", "not JSON")
    await died(redis, "two", 80)
    await has_been_up_for_long(redis)
    await store.reap()
    [(type, data)] = await told("talks")
    assert type == "ended"
    assert_ended(data)


async def test_seats_of_a_dead_engine_without_their_calls_are_freed_too(store: Store, other: Store, redis: Redis) -> None:
    await redis.delete("{hotline}:call:talks", "{hotline}:calls:two")
    await died(redis, "two", 80)
    await has_been_up_for_long(redis)
    assert await store.reap() == []
    [seat] = await store.seats()
    assert seat.state == "idle"


async def test_a_call_that_cannot_be_gone_on_with_is_given_up_like_those_of_the_dead(
    store: Store, other: Store, redis: Redis, told: Told
) -> None:
    await other.give_up("waits")
    [_, (type, data)] = await told("waits")
    assert type == "ended"
    assert_ended(data, phase="QUEUED", queue="service")
    assert data["wait_s"] >= 0
    assert await place(other, "service", "waits") is None
    assert [live.call_id for live in await other.live_calls()] == ["talks"]
    await other.give_up("talks")
    [seat] = await store.seats()
    assert (seat.state, seat.call_id) == ("idle", "")
    await other.commit(Commit("talks", 3, {}, {}, (Event("key"),), ()))
    assert await other.live_calls() == [], "nobody brings it to life again"


@pytest.mark.parametrize("lost", ["", "not JSON", "[]"])
async def test_live_calls_come_whatever_has_become_of_them(other: Store, redis: Redis, told: Told, lost: str) -> None:
    if lost:
        await redis.hset("{hotline}:call:talks", "state", lost)
    else:
        await redis.delete("{hotline}:call:talks")
    assert {live.call_id: live.state for live in await other.live_calls()} == {"talks": {}, "waits": {}}
    await other.give_up("talks")
    assert [type for type, _ in await told("talks")] == ["ended"]
    assert [live.call_id for live in await other.live_calls()] == ["waits"]
