from __future__ import annotations

import asyncio

import pytest
from redis.asyncio import Redis

from routing.store import Commit, Enqueue, FreeSeat, SeatProfile, SeatState, Store, UnknownSeat
from tests.routing.conftest import OpenStore, Told, place, sign_on

DUE = "{hotline}:due"


async def talk(store: Store, call: str, seat: str) -> None:
    await store.commit(Commit(call, 1, {}, ops=(Enqueue("service"),)))
    claim = await store.claim("service")
    assert claim is not None
    assert claim.seat == seat
    await store.commit(Commit(call, 2, {}, ops=(SeatState(seat, "talking"),)))


async def make_due(redis: Redis, member: str) -> None:
    """As if its time had come."""
    assert await redis.zscore(DUE, member) is not None
    await redis.zadd(DUE, {member: 1})


async def has_been_up_for_long(redis: Redis) -> None:
    await redis.hset("{hotline}:run", "since", "0")


async def states(store: Store) -> dict[str, str]:
    return {seat.number: seat.state for seat in await store.seats()}


async def test_a_configured_seat_is_off_and_idle(store: Store) -> None:
    await store.set_seats([SeatProfile("1026", "小王", ("service", "sales"))])
    seat = await store.seat("1026")
    assert seat is not None
    assert (seat.name, seat.queues, seat.status, seat.state) == ("小王", ("service", "sales"), "off", "idle")
    assert (seat.call_id, seat.until, seat.aside_until, seat.registered) == ("", None, None, False)
    assert await store.seat("9999") is None


async def test_publishing_the_seats_again_keeps_what_is_live(store: Store) -> None:
    await sign_on(store, "1", "2", "3")
    await talk(store, "a", "1")
    await store.set_seats([SeatProfile("1", "renamed", ("sales",)), SeatProfile("2", "", ("sales",))])
    seat = await store.seat("1")
    assert seat is not None
    assert (seat.name, seat.queues, seat.status, seat.state, seat.call_id) == ("renamed", ("sales",), "ready", "talking", "a")
    assert await store.seat("3") is None
    await store.commit(Commit("b", 1, {}, ops=(Enqueue("service"),)))
    assert await store.claim("service") is None
    await store.commit(Commit("c", 1, {}, ops=(Enqueue("sales"),)))
    claim = await store.claim("sales")
    assert claim is not None
    assert claim.seat == "2"


async def test_a_removed_seat_ends_with_its_call(store: Store, redis: Redis) -> None:
    await sign_on(store, "1")
    await talk(store, "a", "1")
    await store.set_seats([])
    assert await store.seats() == []
    seat = await store.seat("1")
    assert seat is not None
    assert seat.state == "talking"
    await store.commit(Commit("a", 3, {}, ops=(FreeSeat("1", wrap_up_s=10, set_aside_s=10),)))
    assert await store.seat("1") is None
    assert await redis.zcard(DUE) == 0


async def test_status_is_the_humans_and_is_told(store: Store, told: Told) -> None:
    await store.set_seats([SeatProfile("1026", "", ("service",))])
    await store.set_status("1026", "ready")
    await store.set_status("1026", "break", "小休")
    seat = await store.seat("1026")
    assert seat is not None
    assert (seat.status, seat.reason, seat.state) == ("break", "小休", "idle")
    assert await told("seat:1026") == [
        ("seat_status", {"status": "ready", "reason": "", "queues": ["service"]}),
        ("seat_status", {"status": "break", "reason": "小休", "queues": ["service"]}),
    ]
    with pytest.raises(UnknownSeat):
        await store.set_status("4711", "ready")


async def test_wrap_up_ends_in_its_time_and_status_does_not_cut_it_short(store: Store, redis: Redis, told: Told) -> None:
    await sign_on(store, "1026")
    await talk(store, "a", "1026")
    assert await store.due() is None
    await store.commit(Commit("a", 3, None, ops=(FreeSeat("1026", wrap_up_s=300, reason="completed"),)))
    await store.set_status("1026", "ready")
    assert await states(store) == {"1026": "wrap-up"}
    wait_s = await store.due()
    assert wait_s is not None
    assert 200 < wait_s <= 300
    seat = await store.seat("1026")
    assert seat is not None
    assert seat.since is not None
    assert seat.until == pytest.approx(seat.since + 300)
    await make_due(redis, "until:1026")
    assert await store.due() is None
    assert await states(store) == {"1026": "idle"}
    assert [data["state"] for type, data in await told("seat:1026") if type == "seat_state"] == [
        "reserved",
        "talking",
        "wrap-up",
        "idle",
    ]
    await talk(store, "b", "1026")


async def test_a_set_aside_ends_in_its_time(store: Store, redis: Redis, told: Told) -> None:
    await sign_on(store, "1026")
    await talk(store, "a", "1026")
    await store.commit(Commit("a", 3, None, ops=(FreeSeat("1026", set_aside_s=300, reason="refused"),)))
    await store.commit(Commit("b", 1, {}, ops=(Enqueue("service"),)))
    assert await store.claim("service") is None
    seat = await store.seat("1026")
    assert seat is not None
    assert seat.aside_until is not None
    await make_due(redis, "aside:1026")
    assert await store.due() is None
    seat = await store.seat("1026")
    assert seat is not None
    assert seat.aside_until is None
    assert (await told("seat:1026"))[-1] == ("seat_state", {"state": "idle", "reason": "set_aside_over"})
    assert await store.claim("service") is not None


async def test_a_reservation_that_is_not_rung_lapses_and_the_caller_has_its_place(store: Store, redis: Redis) -> None:
    await sign_on(store, "1026")
    for call in ("a", "b"):
        await store.commit(Commit(call, 1, {}, ops=(Enqueue("service"),)))
    assert await store.claim("service") is not None
    await make_due(redis, "until:1026")
    # Redis has just come up: whoever held the reservation may not have had the time to say so.
    assert await store.due() == 1.0
    assert await states(store) == {"1026": "reserved"}
    await has_been_up_for_long(redis)
    assert await store.due() is None
    assert await states(store) == {"1026": "idle"}
    assert await place(store, "service", "a") == 1


async def test_a_telephone_that_rings_all_the_same_takes_seat_and_caller_back(store: Store, redis: Redis) -> None:
    await sign_on(store, "1026")
    await store.commit(Commit("a", 1, {}, ops=(Enqueue("service"),)))
    assert await store.claim("service") is not None
    await has_been_up_for_long(redis)
    await make_due(redis, "until:1026")
    await store.due()
    await store.commit(Commit("a", 2, {}, ops=(SeatState("1026", "ringing"),)))
    assert await states(store) == {"1026": "ringing"}
    assert await place(store, "service", "a") is None
    assert await redis.zcard("{hotline}:idle:service") == 0


async def test_a_new_engine_gives_back_what_the_last_one_had_only_reserved(store: Store, open_store: OpenStore) -> None:
    await sign_on(store, "1", "2")
    await talk(store, "a", "1")
    await store.commit(Commit("b", 1, {}, ops=(Enqueue("service"),)))
    assert await store.claim("service") is not None
    assert await store.reconcile() == []
    newer = await open_store("one", journal="newer")
    assert await states(newer) == {"1": "talking", "2": "idle"}
    assert await place(newer, "service", "b") == 1


async def test_seats_of_calls_that_are_gone_are_freed(store: Store, open_store: OpenStore, redis: Redis) -> None:
    other = await open_store("two")
    await sign_on(store, "1", "2")
    await talk(store, "a", "1")
    await talk(other, "b", "2")
    await redis.delete("{hotline}:call:a", "{hotline}:call:b")
    assert await store.reconcile() == ["1"]
    assert await states(store) == {"1": "idle", "2": "talking"}


async def test_bindings_expire_one_by_one(store: Store, redis: Redis) -> None:
    live = await store.bind("1026", {"sip:a": {"expires_s": 60, "received": "192.0.2.9:5060"}, "sip:b": {"expires_s": 3600}})
    assert [(one["uri"], one.get("received")) for one in live] == [("sip:b", None), ("sip:a", "192.0.2.9:5060")]
    assert 0 < live[1]["expires_s"] <= 60
    await store.bind("1026", {"sip:a": {"expires_s": 0}, "sip:c": {"expires_s": 120}})
    assert [one["uri"] for one in await store.bindings("1026")] == ["sip:b", "sip:c"]
    kept = await redis.hget("{hotline}:bindings:1026", "sip:b")
    assert kept is not None
    await redis.hset("{hotline}:bindings:1026", "sip:b", "1.0 " + str(kept).partition(" ")[2])
    assert [one["uri"] for one in await store.bindings("1026")] == ["sip:c"]
    assert await store.bind("1026", {"sip:d": {"expires_s": 9}}, replace=True) != []
    assert [one["uri"] for one in await store.bindings("1026")] == ["sip:d"]
    assert await store.bind("1026", {}, replace=True) == []
    assert await store.bindings("nobody") == []


async def test_a_seat_is_registered_while_a_contact_lives(store: Store, redis: Redis) -> None:
    await sign_on(store, "1026")
    seat = await store.seat("1026")
    assert seat is not None
    assert seat.registered
    await redis.zadd("{hotline}:registered", {"1026": 1})
    [seat] = await store.seats()
    assert not seat.registered


async def test_what_frees_a_seat_or_brings_a_caller_wakes_the_queue(store: Store, redis: Redis) -> None:
    wakes = store.wakes()
    first: asyncio.Future[str] = asyncio.ensure_future(anext(wakes))
    await store.set_seats([SeatProfile("1026", "", ("service",))])
    async with asyncio.timeout(30):
        await store.commit(Commit("a", 1, {}, ops=(Enqueue("service"),)))
        assert await first == "service"
        for cause in (
            store.commit(Commit("b", 1, {}, ops=(Enqueue("service"),))),
            store.set_status("1026", "ready"),
            store.bind("1026", {"sip:a": {"expires_s": 60}}),
        ):
            await cause
            assert await anext(wakes) == "service"
        claim = await store.claim("service")
        assert claim is not None
        assert (claim.call_id, claim.waiting) == ("a", 1)
        await store.commit(Commit("a", 2, None, ops=(FreeSeat("1026"),)))
        assert await anext(wakes) == "service"
    await wakes.aclose()  # type: ignore[attr-defined]


async def test_where_nobody_waits_nobody_is_woken(store: Store, redis: Redis) -> None:
    async with redis.pubsub() as pubsub:
        await pubsub.subscribe("{hotline}:wake")
        assert (await pubsub.get_message(timeout=5))["type"] == "subscribe"
        await sign_on(store, "1026")
        await store.commit(Commit("a", 1, {}, ops=(Enqueue("sales"),)))
        message = await pubsub.get_message(timeout=5)
    assert message["data"] == "sales", "nobody waits in the seat's own queue"
