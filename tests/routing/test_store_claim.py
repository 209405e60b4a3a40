from __future__ import annotations

import asyncio
from collections import Counter

from redis.asyncio import Redis

from routing.commit import Op
from routing.store import Claim, Commit, Enqueue, FreeSeat, Requeue, SeatProfile, SeatState, Store
from tests.routing.conftest import OpenStore, Told, place, sign_on


async def wait(store: Store, *calls: str) -> None:
    for call in calls:
        await store.commit(Commit(call, 1, {}, {}, (), (Enqueue("service"),)))


async def step(store: Store, call: str, version: int, *ops: Op) -> None:
    await store.commit(Commit(call, version, {}, {}, (), ops))


async def state(store: Store, number: str) -> tuple[str, str]:
    seat = await store.seat(number)
    assert seat is not None
    return seat.state, seat.call_id


async def test_the_first_caller_gets_the_seat_that_is_idle_for_longest(store: Store, told: Told) -> None:
    await sign_on(store, "1027", "1026")
    await wait(store, "a", "b", "c")
    one, two = await store.claim("service"), await store.claim("service")
    assert one is not None
    assert two is not None
    assert (one.call_id, one.seat) == ("a", "1027")
    assert (two.call_id, two.seat, two.skipped) == ("b", "1026", (("1027", "reserved"),))
    assert 0 <= one.waited_s < 60
    assert await store.claim("service") is None
    assert await place(store, "service", "c") == 1
    assert await state(store, "1027") == ("reserved", "a")
    assert (await told("seat:1027"))[-1] == ("seat_state", {"state": "reserved", "call": "a"})


async def test_nobody_waiting_or_nobody_there_is_no_claim(store: Store) -> None:
    assert await store.claim("service") is None
    await wait(store, "a")
    assert await store.claim("service") is None
    await sign_on(store, "1026", queue="sales")
    assert await store.claim("service") is None
    assert await place(store, "service", "a") == 1


async def test_seats_that_cannot_take_the_call_are_skipped_and_it_is_said_why(store: Store, redis: Redis) -> None:
    numbers = ["1", "2", "3", "4", "5", "6", "7"]
    await sign_on(store, *numbers)
    await wait(store, "talker", "wrapper", "refuser")
    for call in ("talker", "wrapper", "refuser"):
        assert await store.claim("service") is not None
        await step(store, call, 2, SeatState({"talker": "1", "wrapper": "2", "refuser": "3"}[call], "talking"))
    await step(store, "wrapper", 3, FreeSeat("2", wrap_up_s=1000))
    await step(store, "refuser", 3, FreeSeat("3", set_aside_s=1000, reason="no_answer"))
    await store.set_status("4", "break", "午饭")
    await store.set_status("5", "off")
    await store.bind("6", {}, replace=True)
    await wait(store, "caller")
    claim = await store.claim("service")
    assert claim is not None
    assert claim.seat == "7"
    assert dict(claim.skipped) == {
        "1": "talking",
        "2": "wrap-up",
        "3": "set_aside",
        "4": "break",
        "5": "off",
        "6": "not_registered",
    }


async def test_at_most_twenty_skipped_seats_are_told(store: Store) -> None:
    await store.set_seats([SeatProfile(str(n), "", ("service",)) for n in range(100, 160)])
    await store.bind("100", {"sip:x": {"expires_s": 60}})
    await store.set_status("100", "ready")
    await wait(store, "a")
    claim = await store.claim("service")
    assert claim is not None
    assert len(claim.skipped) == 20
    assert {reason for _, reason in claim.skipped} == {"off"}


async def test_a_seat_is_found_behind_any_number_that_cannot_take_the_call(store: Store) -> None:
    away = [str(number) for number in range(1000, 1045)]
    await sign_on(store, *away, "9999")
    for number in away:
        await store.bind(number, {}, replace=True)
    await wait(store, "a", "b")
    claim = await store.claim("service")
    assert claim is not None
    assert claim.seat == "9999"
    assert claim.skipped == tuple((number, "not_registered") for number in away[:20])
    assert await store.claim("service") is None


async def test_no_answer_gives_the_place_back_and_sets_the_seat_aside(store: Store) -> None:
    await sign_on(store, "1026")
    await wait(store, "a", "b")
    assert await store.claim("service") is not None
    await step(store, "a", 2, SeatState("1026", "ringing"))
    assert await state(store, "1026") == ("ringing", "a")
    await step(store, "a", 3, FreeSeat("1026", set_aside_s=60, reason="no_answer"), Requeue("service"))
    assert await state(store, "1026") == ("idle", "")
    assert await place(store, "service", "a") == 1
    assert await store.claim("service") is None
    await store.set_status("1026", "ready")
    claim = await store.claim("service")
    assert claim is not None
    assert claim.call_id == "a"


async def test_a_seat_obeys_only_the_call_it_holds(store: Store) -> None:
    await sign_on(store, "1026")
    await wait(store, "a", "b")
    assert await store.claim("service") is not None
    await step(store, "a", 2, SeatState("1026", "talking"))
    await step(store, "b", 2, SeatState("1026", "ringing"))
    await step(store, "b", 3, FreeSeat("1026"))
    assert await state(store, "1026") == ("talking", "a")


async def test_a_call_that_ends_never_leaves_its_seat_busy(store: Store) -> None:
    await sign_on(store, "1026")
    await wait(store, "a")
    assert await store.claim("service") is not None
    await store.commit(Commit("a", 2, None))
    assert await state(store, "1026") == ("idle", "")


async def test_a_call_that_takes_another_seat_never_leaves_the_first_busy(store: Store) -> None:
    await sign_on(store, "1", "2")
    await wait(store, "a")
    assert await store.claim("service") is not None
    await step(store, "a", 2, Requeue("service"))
    claim = await store.claim("service")
    assert claim is not None
    assert claim.seat == "2"
    assert await state(store, "1") == ("idle", "")
    assert await state(store, "2") == ("reserved", "a")


async def test_the_end_of_a_call_may_free_its_seat_into_wrap_up(store: Store) -> None:
    await sign_on(store, "1026")
    await wait(store, "a")
    assert await store.claim("service") is not None
    await store.commit(Commit("a", 2, None, ops=(FreeSeat("1026", wrap_up_s=100),)))
    assert await state(store, "1026") == ("wrap-up", "")


async def test_many_claimers_never_share_a_seat_or_a_caller(open_store: OpenStore, redis: Redis) -> None:
    stores = [await open_store(f"node{n}") for n in range(4)]
    seats = [str(1000 + n) for n in range(30)]
    await sign_on(stores[0], *seats)
    calls = {f"call{n:03}": stores[n % 4] for n in range(60)}
    for call, store in calls.items():
        await wait(store, call)

    async def claim_all(store: Store) -> list[Claim]:
        claims = []
        # Others' callers may stand before ours: each claim may be in vain, so go on until the seats are gone.
        while await redis.zcard("{hotline}:idle:service"):
            claim = await store.claim("service")
            if claim is not None:
                claims.append(claim)
                assert calls[claim.call_id] is store
        return claims

    found = await asyncio.gather(*(claim_all(store) for store in stores for _ in range(5)))
    claims = [claim for some in found for claim in some]
    assert sorted(claim.seat for claim in claims) == seats
    # Strictly in line, whoever asked first.
    assert sorted(claim.call_id for claim in claims) == sorted(calls)[:30]
    assert max(Counter(claim.call_id for claim in claims).values()) == 1


async def test_only_the_engine_that_has_the_first_caller_gets_it_and_it_is_woken(open_store: OpenStore, redis: Redis) -> None:
    one, two = await open_store("one"), await open_store("two")
    await sign_on(one, "1026")
    await wait(one, "a")
    await wait(two, "b")
    async with redis.pubsub() as pubsub:
        await pubsub.subscribe("{hotline}:wake:one", "{hotline}:wake:two", "{hotline}:wake")
        assert await two.claim("service") is None
        heard: list[tuple[str, str]] = []
        while not heard:
            message = await pubsub.get_message(ignore_subscribe_messages=True, timeout=5)
            if message:
                heard.append((message["channel"], message["data"]))
    assert heard == [("{hotline}:wake:one", "service")]
    assert await one.claim("service") is not None


async def test_a_dead_engines_callers_keep_their_places_but_hold_nobody_up(open_store: OpenStore, redis: Redis) -> None:
    one, two = await open_store("one"), await open_store("two")
    await sign_on(two, "1", "2")
    await wait(one, *(f"dead{n:02}" for n in range(60)))
    await wait(two, "b")
    await redis.hset("{hotline}:engine:one", "alive_until", "0")
    claim = await two.claim("service")
    assert claim is not None
    assert claim.call_id == "b"
    await one.beat()
    claim = await one.claim("service")
    assert claim is not None
    assert claim.call_id == "dead00"


async def test_a_call_that_is_gone_is_dropped_from_the_line(store: Store, redis: Redis) -> None:
    await sign_on(store, "1026")
    await wait(store, "a")
    await redis.zadd("{hotline}:queue:service", {f"ghost{n:02}": n for n in range(70)})
    claim = await store.claim("service")
    assert claim is not None
    assert claim.call_id == "a"
    assert await redis.zcard("{hotline}:queue:service") == 0
