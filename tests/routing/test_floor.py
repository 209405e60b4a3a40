from __future__ import annotations

from redis import Redis

from routing.floor import snapshot
from routing.store import Commit, Enqueue, SeatProfile, SeatState, Store
from storage.redis import connect_sync
from tests.routing.conftest import OpenStore, Told, sign_on


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
    assert seat.pop("status_since") <= floor.at
    assert seat == {
        **{"number": "1026", "name": "agent 1026", "queues": ["service"], "status": "ready", "reason": "", "registered": True},
        **{"state": "talking", "call_id": "a", "until": None, "aside_until": None, "wraps": ""},
    }
    [queue] = floor.queues
    [waiting] = queue["waiting"]
    assert 0 <= waiting["waited_s"] < 60
    assert (queue["name"], queue["seats"], queue["ready"]) == ("service", 1, 0)
    assert (waiting["call_id"], waiting["position"]) == ("b", 1)


async def test_ready_are_seats_that_a_call_could_go_to(store: Store, redis_sync: Redis) -> None:
    """Signed on and idle, but one telephone is gone, and one seat is set aside."""
    await sign_on(store, "1", "2", "3", "4")
    await store.set_status("4", "off")
    redis_sync.hset("{hotline}:seat:2", "aside_until", str(snapshot(redis_sync).at + 100))
    await store.bind("3", {}, replace=True)
    [queue] = snapshot(redis_sync).queues
    assert (queue["seats"], queue["ready"]) == (4, 1)


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
    await store.beat({"carrier": "", "backup": "no_answer"})
    trunks = [{"node": "one", "name": "backup", "up": False}, {"node": "one", "name": "carrier", "up": True}]
    assert snapshot(redis_sync).trunks == trunks
    redis_sync.hset("{hotline}:engine:one", "alive_until", "0")
    assert snapshot(redis_sync).trunks == []


async def test_a_trunk_that_comes_or_goes_is_told_once(open_store: OpenStore, told: Told) -> None:
    store = await open_store()
    await store.beat({})
    for faults in ({"carrier": ""}, {"carrier": ""}, {"carrier": "no_answer"}, {"carrier": "not_registered"}):
        await store.beat(faults)
    newer = await open_store()
    await newer.beat({})
    for faults in ({"carrier": "no_answer"}, {"carrier": ""}):
        await newer.beat(faults)
    other = await open_store("two")
    await other.beat({"carrier": ""})
    changes = [(data["node"], data["up"], data["reason"]) for kind, data in await told("trunk:carrier") if kind == "trunk"]
    assert changes == [("one", True, ""), ("one", False, "no_answer"), ("one", True, ""), ("two", True, "")]


async def test_the_longest_name_of_a_trunk_is_told(store: Store, told: Told) -> None:
    await store.beat({"t" * 64: "not_found"})
    [(_, data)] = await told("trunk:" + "t" * 58)
    assert (data["trunk"], data["up"], data["reason"]) == ("t" * 64, False, "not_found")
