"""A seat as its page sees it, and a wrap-up that waits for who writes."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from redis import Redis as BlockingRedis
from redis.asyncio import Redis

from routing.commit import Commit, Enqueue, FreeSeat, SeatState
from routing.desk import Desk, Known, Trail, desk, finish_wrap_up, renew_wrap_up
from routing.events import Event
from routing.requests import set_status
from routing.store import Store
from storage.redis import connect_sync
from tests.routing.conftest import Told, sign_on

SUMMARY: dict[str, Any] = {
    **{"kind": "inbound", "phase": "TALKING", "trunk": "local", "hotline": "sample", "called": "4001", "caller": "13912345678"},
    **{"place": "江苏省苏州", "queue": "service", "seat": "1026", "menu": "main", "since": 1.7e9, "waited_s": 4.5},
}


@pytest.fixture
def tool(redis_url: str, redis: Redis) -> BlockingRedis:
    """What a page has."""
    return connect_sync(redis_url)


def live(tool: BlockingRedis, seat: str = "1026") -> Desk:
    found = desk(tool, seat)
    assert found is not None
    return found


async def talking(store: Store) -> None:
    """Caller "a" came through the menu and talks to 1026; "b" waits."""
    await sign_on(store, "1026")
    way = (
        Event("arrived", {"caller": "13912345678"}),
        Event("menu", {"node": "main", "title": "主菜单"}),
        Event("key", {"node": "main", "digit": "2"}),
        Event("said", {"node": "main", "text": "报修"}),
        Event("entered", {"node": "pin", "variable": "pin", "value": "***"}),
    )
    await store.commit(Commit("a", 1, {}, SUMMARY | {"phase": "MENU", "seat": ""}, way))
    line = (Event("queued", {"queue": "service", "position": 1}),)
    await store.commit(Commit("a", 2, {}, SUMMARY | {"phase": "QUEUED", "seat": ""}, line, (Enqueue("service"),)))
    assert await store.claim("service") is not None
    await store.commit(Commit("a", 3, {}, SUMMARY, (), (SeatState("1026", "talking"),)))
    await store.commit(Commit("b", 1, {}, SUMMARY | {"phase": "QUEUED", "seat": ""}, (), (Enqueue("service"),)))


async def test_who_calls_and_how_they_came_here(store: Store, redis: Redis, tool: BlockingRedis) -> None:
    await talking(store)
    await redis.hset("{hotline}:caller:13912345678", mapping={"calls": "2", "name": "王先生", "class": "vip", "tags": "a,b"})
    seen = live(tool)
    assert (seen.seat.state, seen.seat.call_id, seen.waiting, seen.dialling) == ("talking", "a", 1, None)
    call = seen.call
    assert call is not None
    assert (call.number, call.place, call.queue, call.phase, call.lives) == (
        "13912345678",
        "江苏省苏州",
        "service",
        "TALKING",
        True,
    )
    assert (call.waited_s, call.since) == (4.5, 1.7e9)
    assert call.known == Known(2, "王先生", "vip", ("a", "b"))
    assert [(one.kind, one.node, one.text) for one in call.trail] == [
        ("menu", "main", "主菜单"),
        ("key", "main", "2"),
        ("said", "main", "报修"),
        ("entered", "pin", "***"),
        ("queued", "", "service"),
    ]
    assert isinstance(call.trail[0], Trail)
    assert 0 < call.trail[0].at <= seen.at


async def test_a_long_way_is_bounded(store: Store, redis: Redis) -> None:
    for version in range(1, 8):
        way = tuple(Event("key", {"digit": str(n % 10)}) for n in range(20))
        await store.commit(Commit("a", version, {}, {}, way))
    assert await redis.llen("{hotline}:trail:a") == 40
    assert await redis.ttl("{hotline}:trail:a") > 0


async def test_in_wrap_up_the_call_is_still_there(store: Store, tool: BlockingRedis) -> None:
    await talking(store)
    free = (FreeSeat("1026", 15.0, reason="wrap_up"),)
    await store.commit(Commit("a", 4, None, SUMMARY | {"phase": "ENDED"}, (Event("ended"),), free))
    seen = live(tool)
    assert (seen.seat.state, seen.seat.wraps, seen.seat.call_id) == ("wrap-up", "a", "")
    assert seen.call is not None
    assert (seen.call.call_id, seen.call.number, seen.call.phase, seen.call.lives) == ("a", "13912345678", "ENDED", False)
    assert len(seen.call.trail) == 5
    assert finish_wrap_up(tool, "1026", "a")
    seen = live(tool)
    assert (seen.seat.state, seen.seat.wraps, seen.call) == ("idle", "", None)


async def test_who_writes_is_waited_for_within_bounds(store: Store, redis: Redis, tool: BlockingRedis, told: Told) -> None:
    await talking(store)
    await store.commit(Commit("a", 4, None, SUMMARY, (), (FreeSeat("1026", 2.0, reason="wrap_up"),)))
    began = live(tool).seat.since
    assert began is not None
    until = await asyncio.to_thread(renew_wrap_up, tool, "1026", "a", 30.0, 300.0)
    assert until is not None
    assert 29.0 < until - began < 60.0
    assert live(tool).seat.until == until
    assert renew_wrap_up(tool, "1026", "a", 5.0, 300.0) == until, "never shorter than it would have been"
    assert renew_wrap_up(tool, "1026", "a", 1000.0, 40.0) == pytest.approx(began + 40.0, abs=0.01)
    assert renew_wrap_up(tool, "1026", "a", 1000.0, 40.0) == pytest.approx(began + 40.0, abs=0.01), "no longer than that"
    assert renew_wrap_up(tool, "1026", "b", 30.0, 300.0) is None, "another call's"
    await store.due()
    assert live(tool).seat.state == "wrap-up"
    assert not finish_wrap_up(tool, "1026", "b")
    assert await store.claim("service") is None
    assert finish_wrap_up(tool, "1026", "a")
    assert not finish_wrap_up(tool, "1026", "a")
    assert renew_wrap_up(tool, "1026", "a", 30.0, 300.0) is None
    kinds = [data["reason"] for kind, data in await told("seat:1026") if kind == "seat_state" and "reason" in data]
    assert kinds == ["wrap_up", "wrap_up_done"]
    claim = await store.claim("service")
    assert claim is not None
    assert claim.call_id == "b"


async def test_a_wrap_up_that_is_longer_by_itself_is_not_shortened(store: Store, tool: BlockingRedis) -> None:
    await talking(store)
    await store.commit(Commit("a", 4, None, SUMMARY, (), (FreeSeat("1026", 600.0, reason="wrap_up"),)))
    until = live(tool).seat.until
    assert renew_wrap_up(tool, "1026", "a", 30.0, 300.0) == until


async def test_since_when_somebody_rests(store: Store, tool: BlockingRedis) -> None:
    await sign_on(store, "1026")
    assert await asyncio.to_thread(set_status, tool, "1026", "break", "meal")
    first = live(tool).seat
    assert (first.status, first.reason) == ("break", "meal")
    assert first.status_since is not None
    await asyncio.to_thread(set_status, tool, "1026", "break", "meal")
    assert live(tool).seat.status_since == first.status_since
    await asyncio.to_thread(set_status, tool, "1026", "break", "rest")
    again = live(tool).seat.status_since
    assert again is not None
    assert again > first.status_since
