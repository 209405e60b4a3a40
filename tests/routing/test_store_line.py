"""A queue's line: who is let in, where a caller stands, and how long it will wait as far as anybody knows."""

from __future__ import annotations

import asyncio

from redis.asyncio import Redis

from routing.commit import Dequeue
from routing.line import Line
from routing.store import Commit, Enqueue, FreeSeat, Requeue, SeatState, Store
from tests.routing.conftest import OpenStore, sign_on
from tests.routing.test_store_claim import step, wait


async def enter(store: Store, call: str, most: int | None, priority: int = 0) -> bool:
    """Whether the call was let in."""
    await store.commit(Commit(call, 1, {}, {}, (), (Enqueue("service", priority, most),)))
    line = await store.line("service", call)
    assert line is not None
    assert line.turned_away == (line.position is None)
    return not line.turned_away


async def test_a_full_queue_lets_nobody_in(store: Store) -> None:
    assert [await enter(store, call, 2) for call in "abc"] == [True, True, False]
    assert await enter(store, "d", None), "without a limit there is room"
    assert await enter(store, "e", 3) is False
    await step(store, "a", 2, Dequeue("service"))
    await step(store, "e", 2, Enqueue("service", 0, 3))
    line = await store.line("service", "e")
    assert line == Line(3, 0, None, 3), "there is room again"


async def test_many_at_once_are_not_let_in_above_the_limit(store: Store) -> None:
    await asyncio.gather(*(store.commit(Commit(str(call), 1, {}, {}, (), (Enqueue("service", 0, 5),))) for call in range(20)))
    line = await store.line("service")
    assert line is not None
    assert line.waiting == 5


async def test_who_finds_a_seat_ready_is_let_in_though_nobody_may_wait(store: Store) -> None:
    await sign_on(store, "1", "2")
    assert [await enter(store, call, 0) for call in "abc"] == [True, True, False]
    assert await store.claim("service") is not None
    await store.set_status("2", "break")
    assert await enter(store, "d", 0) is False


async def test_a_step_from_the_journal_is_let_in(open_store: OpenStore, redis: Redis) -> None:
    first = await open_store()
    await enter(first, "a", 1)
    first._lost.set()  # as while Redis is away
    await first.commit(Commit("b", 1, {}, {}, (), (Enqueue("service", 0, 1),)))
    again = await open_store()
    line = await again.line("service", "b")
    assert line is not None
    assert line.position == 2


async def test_priority_goes_before_and_is_kept(store: Store) -> None:
    for call, priority in (("a", 0), ("b", 5), ("c", 0)):
        await enter(store, call, None, priority)
    places = [(await store.line("service", call) or Line(0, 0, None)).position for call in "abc"]
    assert places == [2, 1, 3]
    await store.commit(Commit("d", 1, {}, {}, (), (Requeue("service", 9),)))
    assert (await store.line("service", "d") or Line(0, 0, None)).position == 1


async def talk(store: Store, call: str, redis: Redis, seconds: float) -> None:
    """A talk of so long, told by the clock that the seat's hash keeps."""
    await wait(store, call)
    claim = await store.claim("service")
    assert claim is not None
    await step(store, call, 2, SeatState(claim.seat, "talking"))
    key = f"{{hotline}}:seat:{claim.seat}"
    await redis.hset(key, "since", str(float(await redis.hget(key, "since") or 0) - seconds))
    await step(store, call, 3, FreeSeat(claim.seat, wrap_up_s=0.0))
    await store.commit(Commit(call, 4, None))


async def test_the_expected_wait(store: Store, redis: Redis) -> None:
    await sign_on(store, "1", "2")
    for number, call in enumerate("abc"):
        assert (await store.line("service") or Line(0, 0, None)).wait_s == 0.0, "a seat is ready"
        if number == 2:
            await wait(store, "x")
            await wait(store, "y")
            await wait(store, "z")
            line = await store.line("service", "z")
            assert line is not None
            assert line.wait_s is None, "two talks are no measure"
            for waiting in "xyz":
                await store.commit(Commit(waiting, 2, None))
        await talk(store, call, redis, 120.0)
    for call in "uvw":
        await wait(store, call)
    waits = [(await store.line("service", call) or Line(0, 0, None)).wait_s for call in "uvw"]
    assert waits[:2] == [0.0, 0.0]
    assert 59 < (waits[2] or 0) < 62, "one handling time, shared by two seats"
    await store.set_status("2", "break")
    assert 119 < ((await store.line("service", "v")) or Line(0, 0, None)).wait_s <= 122  # type: ignore[operator]
    await store.set_status("1", "off")
    assert (await store.line("service", "v") or Line(0, 0, 1.0)).wait_s is None, "nobody is in service"


async def test_what_is_known_of_a_caller(store: Store, redis: Redis) -> None:
    assert await store.caller("13900000001") == {}
    await redis.hset("{hotline}:caller:13900000001", mapping={"calls": "3", "name": "王"})
    assert await store.caller("13900000001") == {"calls": "3", "name": "王"}


async def test_while_redis_is_away_nobody_knows(store: Store) -> None:
    store._lost.set()
    assert await store.line("service", "a") is None
    assert await store.caller("13900000001") is None
