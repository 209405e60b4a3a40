"""Redis goes away, by kill -9, and comes back: nothing that was committed is lost, doubled or out of order."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from redis.asyncio import Redis

from routing.menus import Draft
from routing.store import Commit, Enqueue, Event, Fenced, RedisAway, Store
from storage.embedded import EmbeddedRedis
from storage.journal import Journal
from storage.redis import connect
from tests.routing.conftest import entries, place

BOUND_S = 30.0


class House:
    """A Redis of its own to be killed, and one engine."""

    def __init__(self, directory: Path) -> None:
        self.server = EmbeddedRedis(directory)
        self.server.start()
        self.redis: Redis = connect(self.server.url)
        self.engines_redis: Redis = connect(self.server.url)
        self.journal = Journal(directory / "journal.jsonl")
        self.store = Store(self.engines_redis, node="one", journal=self.journal)
        self.running: asyncio.Task[None] | None = None

    async def die(self) -> None:
        """The engine's end: its run() brings nothing home any more."""
        if self.running is not None:
            self.running.cancel()
            await asyncio.gather(self.running, return_exceptions=True)

    async def kill_redis(self) -> None:
        os.kill(self.server.pid, signal.SIGKILL)
        await eventually(lambda: self.server.poll() is not None)

    async def start_redis(self) -> None:
        self.server.start()
        await self.redis.connection_pool.disconnect()  # of this test's client; the engine has to help itself

    async def events(self) -> dict[str, list[int]]:
        """The n of each event, by call, in stream order."""
        told: dict[str, list[int]] = {}
        for fields in await entries(self.redis):
            told.setdefault(fields["subject"], []).append(json.loads(fields["data"])["n"])
        return told


async def eventually(what: Callable[[], bool]) -> None:
    async with asyncio.timeout(BOUND_S):
        while not what():  # noqa: ASYNC110 what is waited for may be a process
            await asyncio.sleep(0.01)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    house = House(tmp_path)
    await house.store.start()
    house.running = asyncio.create_task(house.store.run())
    yield house
    await house.die()
    await house.redis.aclose()
    await house.engines_redis.aclose()
    house.journal.close()
    house.server.stop()


def step(call: str, n: int) -> Commit:
    return Commit(call, n, {"n": n}, {}, (Event("step", {"n": n}),))


async def test_commits_go_on_through_a_kill_of_redis_and_each_counts_once_in_order(house: House) -> None:
    stop = asyncio.Event()
    done: dict[str, int] = {}

    async def call(name: str) -> None:
        n = 0
        while not stop.is_set():
            n += 1
            await house.store.commit(step(name, n))
            done[name] = n
            await asyncio.sleep(0.005)  # a busy call, not a flood

    calls = [asyncio.create_task(call(f"call{n:02}")) for n in range(20)]
    for _ in range(2):
        before = sum(done.values())
        await eventually(lambda before=before: sum(done.values()) >= before + 1000)  # type: ignore[misc]
        await house.kill_redis()
        await eventually(lambda: house.store.away)
        before = sum(done.values())
        await eventually(lambda before=before: sum(done.values()) >= before + 200)  # type: ignore[misc]
        await house.start_redis()
        await eventually(lambda: not house.store.away)
    stop.set()
    await asyncio.gather(*calls)
    assert await house.events() == {name: list(range(1, n + 1)) for name, n in done.items()}
    assert {live.call_id: live.version for live in await house.store.live_calls()} == done
    assert not house.journal


async def test_2000_acknowledged_commits_survive_a_kill_9(house: House) -> None:
    async def call(name: str) -> None:
        for n in range(1, 41):
            await house.store.commit(step(name, n))

    await asyncio.gather(*(call(f"call{n:02}") for n in range(50)))
    await house.kill_redis()
    assert not house.journal
    await house.start_redis()
    assert await house.events() == {f"call{n:02}": list(range(1, 41)) for n in range(50)}


async def test_a_journaled_step_has_the_time_at_which_it_was_taken(house: House) -> None:
    await house.store.commit(Commit("before", 1, {}, ops=(Enqueue("service"),)))
    await house.kill_redis()
    earliest = time.time()
    await house.store.commit(Commit("away", 1, {}, {}, (Event("step", {"n": 1}),), (Enqueue("service"),)))
    latest = time.time()
    await house.start_redis()
    await eventually(lambda: not house.store.away)
    await house.store.commit(Commit("after", 1, {}, ops=(Enqueue("service"),)))
    [fields] = await entries(house.redis)
    assert earliest - 0.001 <= float(fields["at"]) <= latest + 0.001
    assert [await place(house.store, "service", call) for call in ("before", "away", "after")] == [1, 2, 3]


async def test_while_away_questions_have_quiet_answers_and_changes_are_refused(house: House) -> None:
    await house.kill_redis()
    for _ in range(2):
        await house.store.beat()
        assert await house.store.claim("service") is None
        assert await place(house.store, "service", "a") is None
        assert await house.store.due() is None
        assert await house.store.reap() == []
        assert house.store.away
    for refused in (
        house.store.set_status("1026", "ready"),
        house.store.seats(),
        house.store.bind("1026", {}),
        house.store.live_calls(),
        house.store.documents("menu"),
        house.store.new_menus({}),
        house.store.publish_menu(Draft("a", "{}", "", "file", "", 0)),
    ):
        with pytest.raises(RedisAway, match="redis_url"):
            await refused


async def test_the_line_alone_notices_that_redis_is_away(house: House) -> None:
    await house.kill_redis()
    assert await place(house.store, "service", "a") is None
    assert house.store.away


async def test_a_redis_that_takes_no_writes_counts_as_away(house: House) -> None:
    await house.redis.config_set("maxmemory", 1)
    await house.store.commit(step("a", 1))
    assert house.store.away
    assert house.journal
    await house.redis.config_set("maxmemory", 0)
    await eventually(lambda: not house.store.away)
    assert await house.events() == {"a": [1]}


async def test_an_engine_that_died_while_redis_was_away_leaves_its_steps_to_the_next(house: House) -> None:
    await house.store.commit(step("a", 1))
    await house.kill_redis()
    await house.store.commit(step("a", 2))
    await house.store.commit(step("a", 3))
    await house.die()
    await house.start_redis()
    journal = Journal(house.journal.path)
    newer = Store(house.redis, node="one", journal=journal)
    await newer.start()
    assert [(live.version, live.state) for live in await newer.live_calls()] == [(3, {"n": 3})]
    assert await house.events() == {"a": [1, 2, 3]}
    assert not journal
    journal.close()


async def test_an_engine_replaced_while_redis_was_away_learns_it_on_return(house: House) -> None:
    await house.die()
    await house.kill_redis()
    await house.store.commit(step("a", 1))
    await house.start_redis()
    await house.redis.hset("{hotline}:engine:one", "epoch", str(house.store.epoch + 1))
    with pytest.raises(Fenced):
        async with asyncio.timeout(BOUND_S):
            await house.store.run()


async def test_a_record_that_redis_refuses_does_not_keep_the_rest(house: House) -> None:
    await house.redis.set("{hotline}:call:broken", "not a hash")
    await house.kill_redis()
    await house.store.commit(step("broken", 1))
    await house.store.commit(step("a", 1))
    await house.start_redis()
    await eventually(lambda: not house.store.away)
    assert await house.events() == {"a": [1]}


async def test_wakes_come_again_after_redis_was_away(house: House) -> None:
    await house.store.commit(Commit("a", 1, {}, ops=(Enqueue("service"),)))
    wakes = house.store.wakes()
    async with asyncio.timeout(BOUND_S):
        assert await anext(wakes) == "service"
        await house.kill_redis()
        await house.start_redis()
        # What was published meanwhile is lost; so the queues are told again.
        assert await anext(wakes) == "service"
    await wakes.aclose()  # type: ignore[attr-defined]


async def test_start_without_redis_says_so(house: House) -> None:
    await house.kill_redis()
    with pytest.raises(RedisAway, match="redis_url"):
        await Store(house.redis, node="two", journal=house.journal).start()
