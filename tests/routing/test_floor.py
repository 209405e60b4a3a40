from __future__ import annotations

from redis import Redis

from routing.floor import snapshot
from routing.store import Commit, Enqueue, SeatProfile, SeatState, Store
from storage.redis import connect_sync
from tests.routing.conftest import sign_on


async def test_the_floor_shows_calls_seats_and_queues(store: Store, redis_url: str) -> None:
    await sign_on(store, "1026")
    await store.commit(Commit("a", 1, {}, {"phase": "QUEUED", "caller": "139", "queue": "service"}, (), (Enqueue("service"),)))
    await store.commit(Commit("b", 1, {}, {"phase": "QUEUED", "since": 1.5}, (), (Enqueue("service"),)))
    assert await store.claim("service") is not None
    await store.commit(Commit("a", 2, {}, {"phase": "TALKING", "seat": "1026"}, (), (SeatState("1026", "talking"),)))
    client = connect_sync(redis_url)
    floor = snapshot(client)
    client.close()
    assert floor.calls == [
        {"call_id": "a", "node": "one", "alive": True, "phase": "TALKING", "seat": "1026"},
        {"call_id": "b", "node": "one", "alive": True, "phase": "QUEUED", "since": 1.5},
    ]
    [seat] = floor.seats
    assert seat.pop("since") <= floor.at
    assert seat == {
        **{"number": "1026", "name": "agent 1026", "queues": ["service"], "status": "ready", "reason": "", "registered": True},
        **{"state": "talking", "call_id": "a", "until": None, "aside_until": None},
    }
    [queue] = floor.queues
    [waiting] = queue["waiting"]
    assert 0 <= waiting["waited_s"] < 60
    assert (queue["name"], queue["seats"], queue["ready"]) == ("service", 1, 0)
    assert (waiting["call_id"], waiting["position"]) == ("b", 1)


async def test_a_queue_without_callers_is_shown_and_a_dead_engines_call_is_marked(store: Store, redis_sync: Redis) -> None:
    await store.set_seats([SeatProfile("1026", "", ("service", "sales"))])
    await store.commit(Commit("a", 1, {}, {"phase": "MENU"}))
    redis_sync.hset("{hotline}:engine:one", "alive_until", "0")
    floor = snapshot(redis_sync)
    assert [(queue["name"], queue["waiting"]) for queue in floor.queues] == [("sales", []), ("service", [])]
    assert [call["alive"] for call in floor.calls] == [False]


def test_an_empty_redis_is_an_empty_floor(redis_sync: Redis) -> None:
    redis_sync.script_flush()
    floor = snapshot(redis_sync)
    assert (floor.calls, floor.seats, floor.queues) == ([], [], [])
    assert floor.at > 1.7e9


async def test_living_engines_say_which_trunks_are_up(store: Store, redis_sync: Redis) -> None:
    assert snapshot(redis_sync).trunks == [], "nothing has been said yet"
    await store.beat({"carrier": True, "backup": False})
    trunks = [{"node": "one", "name": "backup", "up": False}, {"node": "one", "name": "carrier", "up": True}]
    assert snapshot(redis_sync).trunks == trunks
    redis_sync.hset("{hotline}:engine:one", "alive_until", "0")
    assert snapshot(redis_sync).trunks == []
