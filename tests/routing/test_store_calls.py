from __future__ import annotations

import pytest
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from routing.store import Commit, Dequeue, Enqueue, Event, Fenced, Requeue, Store
from tests.routing.conftest import OpenStore, Told, entries, place

CALL = "20261121T205501-3f9a1c7e"


def queued(version: int, call_id: str = CALL, *, queue: str = "service", priority: int = 0) -> Commit:
    return Commit(call_id, version, {"phase": "QUEUED"}, {"phase": "QUEUED"}, (Event("queued"),), (Enqueue(queue, priority),))


async def test_a_committed_call_is_read_back_as_it_was(store: Store, told: Told) -> None:
    await store.commit(
        Commit(CALL, 1, {"phase": "MENU", "名": ["中", 1.5, None]}, {"phase": "MENU"}, (Event("arrived"), Event("answered")))
    )
    await store.commit(Commit("20261121T205500-0", 7, {"phase": "ARRIVED"}))
    first, second = await store.live_calls()
    assert (first.call_id, first.version, first.state) == ("20261121T205500-0", 7, {"phase": "ARRIVED"})
    assert (second.call_id, second.version, second.state) == (CALL, 1, {"phase": "MENU", "名": ["中", 1.5, None]})
    assert 0 <= first.elapsed_s < second.elapsed_s + 60
    assert await told(CALL) == [("arrived", {}), ("answered", {})]


async def test_elapsed_time_is_counted_from_the_saving(store: Store, redis: Redis) -> None:
    await store.commit(Commit(CALL, 1, {}))
    saved_at = float(await redis.hget(f"{{hotline}}:call:{CALL}", "saved_at") or 0)
    await redis.hset(f"{{hotline}}:call:{CALL}", "saved_at", str(saved_at - 100))
    [call] = await store.live_calls()
    assert 100 <= call.elapsed_s < 160


async def test_a_version_counts_once(store: Store, told: Told) -> None:
    await store.commit(queued(5))
    await store.commit(Commit(CALL, 5, {"phase": "again"}, {}, (Event("again"),), (Dequeue("service"),)))
    await store.commit(Commit(CALL, 4, {"phase": "late"}, {}, (Event("late"),)))
    assert [call.state for call in await store.live_calls()] == [{"phase": "QUEUED"}]
    assert [type for type, _ in await told(CALL)] == ["queued"]
    assert await place(store, "service", CALL) == 1


async def test_an_ended_call_leaves_nothing_but_its_events_and_does_not_come_back(
    store: Store, redis: Redis, told: Told
) -> None:
    await store.commit(queued(1))
    end = Commit(CALL, 2, None, {}, (Event("ended", {"by": "caller"}),))
    await store.commit(end)
    await store.commit(end)
    await store.commit(queued(1))
    assert await store.live_calls() == []
    assert await place(store, "service", CALL) is None
    assert await told(CALL) == [("queued", {}), ("ended", {"by": "caller"})]
    assert 0 < await redis.ttl(f"{{hotline}}:ended:{CALL}") <= 3600
    assert not await redis.exists(f"{{hotline}}:call:{CALL}")


async def test_what_is_told_after_the_end_is_kept(store: Store, told: Told) -> None:
    await store.commit(Commit(CALL, 1, None, {}, (Event("ended"),)))
    await store.commit(Commit(CALL, 2, None, {}, (Event("recording_gap", {"detail": "disk"}),)))
    assert [type for type, _ in await told(CALL)] == ["ended", "recording_gap"]


async def test_an_event_has_the_same_number_even_where_redis_forgot_the_call(store: Store, redis: Redis) -> None:
    commit = Commit(CALL, 12, {}, {}, (Event("menu"), Event("key")))
    await store.commit(commit)
    await redis.delete(f"{{hotline}}:call:{CALL}")
    await store.commit(commit)
    told = await entries(redis)
    assert [(fields["seq"], fields["type"]) for fields in told] == [("12001", "menu"), ("12002", "key")] * 2
    assert float(told[0]["at"]) <= float(told[2]["at"])


async def test_callers_wait_in_order_of_coming_and_priority_goes_first(store: Store) -> None:
    await store.commit(queued(1, "a"))
    await store.commit(queued(1, "b"))
    await store.commit(queued(1, "vip", priority=1))
    await store.commit(queued(1, "gold", priority=9))
    await store.commit(queued(1, "c"))
    order = {call: await place(store, "service", call) for call in ("gold", "vip", "a", "b", "c")}
    assert order == {"gold": 1, "vip": 2, "a": 3, "b": 4, "c": 5}


async def test_waiting_already_keeps_the_place_and_another_queue_takes_it(store: Store) -> None:
    await store.commit(queued(1, "a"))
    await store.commit(queued(1, "b"))
    await store.commit(queued(2, "a"))
    assert await place(store, "service", "a") == 1
    await store.commit(queued(3, "a", queue="sales"))
    assert await place(store, "service", "a") is None
    assert await place(store, "sales", "a") == 1
    assert await place(store, "service", "b") == 1


async def test_a_dequeued_call_that_is_requeued_goes_to_the_end(store: Store) -> None:
    await store.commit(queued(1, "a"))
    await store.commit(queued(1, "b"))
    await store.commit(Commit("a", 2, {}, ops=(Dequeue("service"),)))
    assert await place(store, "service", "a") is None
    await store.commit(Commit("a", 3, {}, ops=(Requeue("service"),)))
    assert await place(store, "service", "a") == 2


async def test_a_call_has_its_node(store: Store, open_store: OpenStore) -> None:
    other = await open_store("two")
    await store.commit(Commit("mine", 1, {}))
    await other.commit(Commit("theirs", 1, {}))
    assert [call.call_id for call in await store.live_calls()] == ["mine"]
    assert [call.call_id for call in await other.live_calls()] == ["theirs"]


async def test_an_older_engine_of_the_node_is_refused_everything(store: Store, open_store: OpenStore, told: Told) -> None:
    await store.commit(queued(1))
    newer = await open_store("one", journal="newer")
    assert newer.epoch > store.epoch
    for refused in (
        store.commit(Commit(CALL, 2, None, {}, (Event("ended"),))),
        store.beat(),
        store.claim("service"),
        store.due(),
        store.reap(),
        store.live_calls(),
        store.reconcile(),
        store.set_seats([]),
        store.set_status("1026", "ready"),
        store.bind("1026", {}),
    ):
        with pytest.raises(Fenced):
            await refused
    assert [call.version for call in await newer.live_calls()] == [1]
    assert await told(CALL) == [("queued", {})]
    await newer.beat()


async def test_epochs_rise_also_after_redis_lost_its_data(store: Store, open_store: OpenStore, redis: Redis) -> None:
    await redis.flushall()
    await store.beat()
    again = await open_store("one", journal="again")
    assert again.epoch > store.epoch
    await redis.flushall()
    await redis.hset("{hotline}:engine:one", "epoch", str(again.epoch + 1000))
    later = await open_store("one", journal="later")
    assert later.epoch == again.epoch + 1001


async def test_a_fault_in_a_step_is_told_to_its_engine(store: Store, redis: Redis) -> None:
    await redis.set(f"{{hotline}}:call:{CALL}", "not a hash")
    with pytest.raises(ResponseError, match="WRONGTYPE"):
        await store.commit(Commit(CALL, 1, {}))
    assert not store.away


async def test_scripts_are_loaded_again_when_redis_forgot_them(store: Store, redis: Redis) -> None:
    await store.commit(Commit(CALL, 1, {}))
    await redis.script_flush()
    await store.commit(Commit(CALL, 2, {}))
    assert [call.version for call in await store.live_calls()] == [2]
