"""Calls that a seat was asked to make: one at a time, never held for ever; and what became of them."""

from __future__ import annotations

import asyncio
import json
import threading
from contextlib import aclosing

import pytest
from redis import Redis as BlockingRedis
from redis.asyncio import Redis

from routing.commit import Commit, Dialled, Enqueue, FreeSeat, SeatState
from routing.desk import desk
from routing.diallings import Dialling, outcome
from routing.events import Event
from routing.requests import Occupied, originate
from routing.store import Store
from storage.redis import connect_sync
from tests.routing.conftest import OpenStore, Told, sign_on

CUSTOMER = "13912345678"


@pytest.fixture
def tool(redis_url: str, redis: Redis) -> BlockingRedis:
    """What a page has."""
    return connect_sync(redis_url)


async def ask(tool: BlockingRedis, seat: str = "1026", callback_id: str = "7") -> str:
    return await asyncio.to_thread(originate, tool, seat, CUSTOMER, "", callback_id, "wang")


def dialling(tool: BlockingRedis, seat: str = "1026") -> Dialling:
    live = desk(tool, seat)
    assert live is not None
    assert live.dialling is not None
    return live.dialling


def state(tool: BlockingRedis, seat: str = "1026") -> tuple[str, str]:
    live = desk(tool, seat)
    assert live is not None
    return live.seat.state, live.seat.call_id


async def take(store: Store, call_id: str) -> None:
    """What an engine does first."""
    async with asyncio.timeout(20), aclosing(store.requests()) as requests:
        request = await anext(requests)
    assert request.call_id == call_id
    await store.commit(Commit(call_id, 1, {}, {"kind": "outbound", "phase": "SUMMONING", "caller": CUSTOMER, "seat": "1026"}))
    assert await store.take_seat("1026", call_id)


async def until_idle(store: Store, tool: BlockingRedis) -> None:
    async with asyncio.timeout(20):
        while state(tool)[0] != "idle":
            await store.beat()
            await store.due()
            await asyncio.sleep(0.05)


async def hurry(redis: Redis) -> None:
    """The reservations are over; Redis has been up for long."""
    await redis.hset("{hotline}:run", "since", "0")
    await redis.hset("{hotline}:seat:1026", "until", "1")
    await redis.zadd("{hotline}:due", {"until:1026": 1})


async def test_of_many_clicks_one_counts(store: Store, redis_url: str, tool: BlockingRedis) -> None:
    await sign_on(store, "1026")
    got: list[str] = []
    refused: list[tuple[str, str]] = []
    ready = threading.Barrier(8)

    def click() -> None:
        own = connect_sync(redis_url)
        ready.wait()
        try:
            got.append(originate(own, "1026", CUSTOMER, callback_id="7", by="wang"))
        except Occupied as error:
            refused.append((error.why, error.call_id))
        own.close()

    clicks = [threading.Thread(target=click) for _ in range(8)]
    for one in clicks:
        one.start()
    for one in clicks:
        await asyncio.to_thread(one.join)
    [call_id] = got
    assert refused == [("dialling", call_id)] * 7
    assert int(await asyncio.to_thread(tool.llen, "{hotline}:requests")) == 1
    asked = dialling(tool)
    assert (asked.call_id, asked.seat, asked.number, asked.callback_id, asked.by) == (call_id, "1026", CUSTOMER, "7", "wang")
    assert (asked.step, asked.outcome, asked.live) == ("asked", "", True)


async def test_who_dials_gets_no_call_of_the_queue(store: Store, tool: BlockingRedis) -> None:
    await sign_on(store, "1026")
    call_id = await ask(tool)
    assert state(tool) == ("reserved", call_id)
    await store.commit(Commit("a", 1, {}, {}, (), (Enqueue("service"),)))
    assert await store.claim("service") is None
    await take(store, call_id)
    assert await store.claim("service") is None
    await store.commit(Commit(call_id, 2, {}, {}, (), (SeatState("1026", "ringing"), Dialled("seat"))))
    assert await store.claim("service") is None
    live = await asyncio.to_thread(desk, tool, "1026")
    assert live is not None
    assert [(line.queue, line.waiting) for line in live.lines] == [("service", 1)]
    await store.commit(Commit(call_id, 3, None, {}, (), (Dialled("over", "busy", "busy"), FreeSeat("1026"))))
    claim = await store.claim("service")
    assert claim is not None
    assert (claim.call_id, claim.seat) == ("a", "1026")


async def test_steps_are_told_in_the_stream_and_the_next_may_follow(store: Store, tool: BlockingRedis, told: Told) -> None:
    await sign_on(store, "1026")
    call_id = await ask(tool)
    await take(store, call_id)
    for version, step in enumerate(("seat", "customer", "ringing", "ringing", "talking"), 2):
        await store.commit(Commit(call_id, version, {}, {}, (), (Dialled(step),)))  # type: ignore[arg-type]
        assert dialling(tool).step == step
        with pytest.raises(Occupied):
            await ask(tool)
    over = (Dialled("over", "talked", "completed", 12.5), FreeSeat("1026", 15.0, reason="wrap_up"))
    await store.commit(Commit(call_id, 9, None, {}, (), over))
    became = dialling(tool)
    assert (became.step, became.outcome, became.reason, became.talk_s, became.live) == (
        "over",
        "talked",
        "completed",
        12.5,
        False,
    )
    steps = [data["step"] for kind, data in await told("seat:1026") if kind == "dialling"]
    assert steps == ["asked", "seat", "customer", "ringing", "talking", "over"]
    [last] = [data for kind, data in await told("seat:1026") if kind == "dialling" and data["step"] == "over"]
    assert (last["call"], last["outcome"], last["callback_id"]) == (call_id, "talked", "7")
    assert state(tool)[0] == "wrap-up"
    second = await ask(tool)
    assert second != call_id
    assert state(tool) == ("reserved", second), "from wrap-up too"


async def test_who_has_a_call_or_is_nobody_does_not_dial(store: Store, tool: BlockingRedis) -> None:
    await sign_on(store, "1026")
    assert await store.take_seat("1026", "x")
    with pytest.raises(Occupied) as busy:
        await ask(tool)
    assert (busy.value.why, busy.value.call_id) == ("busy", "x")
    with pytest.raises(Occupied, match="no_such_seat"):
        await ask(tool, "9999")
    assert desk(tool, "9999") is None
    assert int(await asyncio.to_thread(tool.llen, "{hotline}:requests")) == 0


@pytest.mark.parametrize("taken", [False, True], ids=["no engine took it", "the engine that took it died at once"])
async def test_what_no_engine_carries_out_is_over_and_in_the_log(
    store: Store, redis: Redis, tool: BlockingRedis, told: Told, taken: bool
) -> None:
    await sign_on(store, "1026")
    call_id = await ask(tool)
    if taken:
        async with asyncio.timeout(20), aclosing(store.requests()) as requests:
            await anext(requests)
    await hurry(redis)
    await until_idle(store, tool)
    became = dialling(tool)
    assert (became.step, became.outcome, became.reason) == ("over", "failed", "expired")
    [(begun, start), (ended, end)] = await told(call_id)
    assert (begun, start["seat"], start["callback_id"], start["caller"]) == ("outbound_started", "1026", "7", CUSTOMER)
    assert (ended, end["reason"], end["result"]) == ("ended", "expired", "not_called")
    # An engine that wakes up late begins nothing.
    await store.commit(Commit(call_id, 1, {}, {}, (Event("outbound_started"),)))
    assert not await store.take_seat("1026", call_id)
    assert len(await told(call_id)) == 2
    second = await ask(tool)
    async with asyncio.timeout(20), aclosing(store.requests()) as requests:
        assert (await anext(requests)).call_id == second, "the one that is over was not handed out"


async def test_where_no_engine_lives_the_next_click_finds_it_over(store: Store, redis: Redis, tool: BlockingRedis) -> None:
    await sign_on(store, "1026")
    first = await ask(tool)
    await redis.hset("{hotline}:seat:1026", "until", "1")
    with pytest.raises(Occupied, match="dialling"):
        await ask(tool)  # Redis has just come up: leases are not judged
    await hurry(redis)
    await store.beat()
    second = await ask(tool)
    assert (state(tool), dialling(tool).call_id) == (("reserved", second), second)
    assert first != second
    waiting = await asyncio.to_thread(tool.lrange, "{hotline}:requests", 0, -1)
    assert [json.loads(text)["call_id"] for text in waiting] == [first, second]


async def test_an_engine_that_starts_again_goes_on_with_the_seat(open_store: OpenStore, tool: BlockingRedis) -> None:
    store = await open_store()
    await sign_on(store, "1026")
    call_id = await ask(tool)
    await take(store, call_id)
    again = await open_store(journal="again")
    assert state(tool) == ("reserved", call_id)
    assert dialling(tool).live
    assert await again.take_seat("1026", call_id)
    assert not await again.take_seat("1026", "another")
    with pytest.raises(Occupied, match="dialling"):
        await ask(tool)


async def test_a_dead_engines_dialling_ends_with_its_call(open_store: OpenStore, redis: Redis, tool: BlockingRedis) -> None:
    store = await open_store("one")
    await sign_on(store, "1026")
    call_id = await ask(tool)
    await take(store, call_id)
    await store.commit(Commit(call_id, 2, {}, {}, (), (SeatState("1026", "talking"), Dialled("talking"))))
    other = await open_store("two")
    await redis.hset("{hotline}:run", "since", "0")
    await redis.hset("{hotline}:engine:one", "alive_until", "1")
    assert await other.reap() == [call_id]
    became = dialling(tool)
    assert (became.step, became.outcome, became.reason) == ("over", "talked", "call_ended")
    assert state(tool)[0] == "idle"
    await ask(tool)


async def test_a_seat_that_hands_its_customer_on_may_dial_again(store: Store, tool: BlockingRedis) -> None:
    await sign_on(store, "1026")
    call_id = await ask(tool)
    await take(store, call_id)
    await store.commit(Commit(call_id, 2, {}, {}, (), (SeatState("1026", "talking"), Dialled("talking"))))
    await store.commit(Commit(call_id, 3, {}, {}, (), (FreeSeat("1026"), Enqueue("service"))))
    assert (dialling(tool).step, dialling(tool).outcome) == ("over", "talked")
    assert await ask(tool) != call_id


@pytest.mark.parametrize(
    ("phase", "reason", "result", "became"),
    [
        ("TALKING", "completed", "reached", "talked"),
        ("TALKING", "rtp_timeout", "reached", "talked"),
        ("DIALLING", "busy", "busy", "busy"),
        ("DIALLING", "no_answer", "no_answer", "no_answer"),
        ("DIALLING", "unreachable", "no_answer", "no_answer"),
        ("DIALLING", "refused", "invalid", "wrong_number"),
        ("DIALLING", "declined", "refused", "refused"),
        ("DIALLING", "given_up", "", "given_up"),
        ("DIALLING", "no_port", "refused", "failed"),
        ("DIALLING", "trunk_unreachable", "refused", "failed"),
        ("DIALLING", "media_lost", "", "failed"),
        ("SUMMONING", "busy", "", "seat_busy"),
        ("SUMMONING", "no_answer", "", "seat_no_answer"),
        ("SUMMONING", "not_confirmed", "", "seat_no_answer"),
        ("SUMMONING", "declined", "", "seat_declined"),
        ("SUMMONING", "unreachable", "", "seat_offline"),
        ("SUMMONING", "trunk_unreachable", "", "failed"),
        ("SUMMONING", "shutdown", "", "failed"),
        ("SUMMONING", "expired", "not_called", "failed"),
        ("SUMMONING", "premium", "refused", "forbidden"),
        ("SUMMONING", "caller_id", "refused", "forbidden"),
        ("SUMMONING", "invalid", "invalid", "wrong_number"),
    ],
)
def test_outcomes(phase: str, reason: str, result: str, became: str) -> None:
    assert outcome(phase, reason, result) == became
