"""Seats that calls ask for by name, calls that are asked for, and what is told of a call outside its steps."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest
from redis import Redis as BlockingRedis
from redis.asyncio import Redis

from routing.events import QUALITY_SEQ
from routing.requests import CallRequest, originate, set_status
from routing.store import Commit, Enqueue, Event, Fenced, FreeSeat, SeatProfile, SeatState, Store
from storage.redis import connect_sync
from tests.routing.conftest import OpenStore, Told, entries, place, sign_on


@pytest.fixture
def tool(redis_url: str, redis: Redis) -> BlockingRedis:
    """What a page or a command has."""
    return connect_sync(redis_url)


async def state(store: Store, number: str) -> tuple[str, str]:
    seat = await store.seat(number)
    assert seat is not None
    return seat.state, seat.call_id


async def talking(store: Store, call: str = "a", seat: str = "1026") -> None:
    """A call that was claimed in its queue and talks."""
    await store.commit(Commit(call, 1, {}, {}, (), (Enqueue("service"),)))
    claim = await store.claim("service")
    assert claim is not None
    assert (claim.call_id, claim.seat) == (call, seat)
    await store.commit(Commit(call, 2, {}, {}, (), (SeatState(seat, "talking"),)))


async def test_a_seat_is_taken_once_whatever_its_human_wishes(store: Store) -> None:
    await sign_on(store, "1026", "1027")
    await store.set_status("1026", "break")
    assert await store.take_seat("1026", "a")
    assert not await store.take_seat("1026", "b")
    assert not await store.take_seat("9999", "a")
    assert await state(store, "1026") == ("reserved", "a")
    await store.commit(Commit("a", 1, {}, {}, (), (SeatState("1026", "ringing"),)))
    await store.commit(Commit("a", 2, {}, {}, (), (FreeSeat("1026", wrap_up_s=1000),)))
    assert await store.take_seat("1026", "b"), "a call of its own may come in wrap-up"
    await store.set_status("1026", "ready")
    await store.commit(Commit("c", 1, {}, {}, (), (Enqueue("service"),)))
    claim = await store.claim("service")
    assert claim is not None
    assert claim.seat == "1027", "it is not in the queue's list while it is taken"


async def test_a_call_can_have_two_seats_and_its_end_frees_both(store: Store) -> None:
    await sign_on(store, "1026")
    await store.set_seats([SeatProfile("1026", "", ("service",)), SeatProfile("1027")])
    await talking(store)
    assert await store.take_seat("1027", "a")
    await store.commit(Commit("a", 3, {}, {}, (), (SeatState("1027", "ringing"),)))
    assert await state(store, "1026") == ("talking", "a")
    assert await state(store, "1027") == ("ringing", "a")
    await store.commit(Commit("a", 4, None))
    assert (await state(store, "1026"))[0] == (await state(store, "1027"))[0] == "idle"


async def test_a_claim_frees_what_a_waiting_call_still_held(store: Store, redis: Redis) -> None:
    await sign_on(store, "1026", "1027")
    assert await store.take_seat("1027", "a")
    await store.commit(Commit("a", 1, {}, {}, (), (Enqueue("service"),)))
    claim = await store.claim("service")
    assert claim is not None
    assert claim.seat == "1026"
    assert await state(store, "1027") == ("idle", "")


async def test_a_lapsed_reservation_by_name_puts_nobody_in_line(open_store: OpenStore, redis: Redis) -> None:
    store = await open_store(lease_s=0.2)
    await redis.hset("{hotline}:run", "since", "0")
    await sign_on(store, "1026")
    await store.set_seats([SeatProfile("1026", "", ("service",)), SeatProfile("1027")])
    await talking(store)
    assert await store.take_seat("1027", "a")
    async with asyncio.timeout(10):
        while (await state(store, "1027"))[0] != "idle":
            await store.beat()
            await store.due()
            await asyncio.sleep(0.05)
    assert await state(store, "1026") == ("talking", "a")
    assert await place(store, "service", "a") is None, "it talks: it must not be claimed"


async def test_an_engine_that_starts_again_gives_back_what_was_only_reserved(open_store: OpenStore) -> None:
    store = await open_store()
    await sign_on(store, "1026")
    await store.set_seats([SeatProfile("1026", "", ("service",)), SeatProfile("1027")])
    await talking(store)
    assert await store.take_seat("1027", "a")
    again = await open_store(journal="again")
    assert await state(again, "1026") == ("talking", "a")
    assert await state(again, "1027") == ("idle", "")
    assert await place(again, "service", "a") is None
    with pytest.raises(Fenced):
        await store.take_seat("1027", "a")


async def test_a_fixed_telephone_need_not_register(store: Store) -> None:
    await store.set_seats([SeatProfile("1030", "", ("service",), fixed=True)])
    await store.set_status("1030", "ready")
    seat = await store.seat("1030")
    assert seat is not None
    assert seat.registered
    await store.commit(Commit("a", 1, {}, {}, (), (Enqueue("service"),)))
    claim = await store.claim("service")
    assert claim is not None
    assert claim.seat == "1030"


async def test_each_request_reaches_one_engine(open_store: OpenStore, tool: BlockingRedis) -> None:
    one, two = await open_store("one"), await open_store("two")
    await sign_on(one, "1026", "1027")
    first = await asyncio.to_thread(originate, tool, "1026", "13912345678", "out", "r7")
    got: list[CallRequest] = []
    some = asyncio.Event()

    async def follow(store: Store) -> None:
        async with aclosing(store.requests()) as requests:
            async for request in requests:
                got.append(request)
                some.set()
                if len(got) == 2:
                    return

    async with asyncio.timeout(20):
        tasks = [asyncio.create_task(follow(store)) for store in (one, two)]
        await some.wait()
        second = await asyncio.to_thread(originate, tool, "1027", "10086")
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
    assert [request.call_id for request in got] == [first, second]
    assert (got[0].seat, got[0].number, got[0].trunk, got[0].callback_id) == ("1026", "13912345678", "out", "r7")


async def test_a_fenced_engine_gets_no_request(open_store: OpenStore, tool: BlockingRedis) -> None:
    old = await open_store()
    await sign_on(old, "1026")
    await open_store(journal="again")
    await asyncio.to_thread(originate, tool, "1026", "10086")
    with pytest.raises(Fenced):
        async with asyncio.timeout(20), aclosing(old.requests()) as requests:
            await anext(requests)


async def test_a_status_set_from_outside(store: Store, tool: BlockingRedis) -> None:
    await sign_on(store, "1026")
    assert await asyncio.to_thread(set_status, tool, "1026", "break", "午饭")
    seat = await store.seat("1026")
    assert seat is not None
    assert (seat.status, seat.reason) == ("break", "午饭")
    assert not await asyncio.to_thread(set_status, tool, "9999", "off")


async def test_what_is_told_beside_the_steps(store: Store, redis: Redis, told: Told) -> None:
    await store.commit(Commit("a", 1, None, {}, (Event("ended"),)))
    await store.note("a", Event("quality", {"lost": 3}), QUALITY_SEQ)
    assert await told("a") == [("ended", {}), ("quality", {"lost": 3})]
    assert int((await entries(redis))[-1]["seq"]) == QUALITY_SEQ
