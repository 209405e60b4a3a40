"""The queues and seats an engine works by, as people have changed them. A real Redis."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from redis import Redis
from redis.asyncio import Redis as AsyncRedis

from ivr.config import Settings
from ivr.edits import KIND, Edits
from routing.commit import Commit, Enqueue
from routing.events import Event
from routing.store import Store
from storage import documents
from storage.journal import Journal


async def eventually(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - what is waited for comes through Redis
            await asyncio.sleep(0.01)


@pytest.fixture
async def store(redis: AsyncRedis, tmp_path: Path) -> Store:
    store = Store(redis, node="one", journal=Journal(tmp_path / "journal"))
    await store.start()
    return store


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.model_validate(
        {
            "data_dir": tmp_path,
            "queues": [{"name": "service", "wrap_up_s": 10}, {"name": "repair"}],
            "seats": [
                {"number": "1026", "name": "小王", "password": "x", "queues": ["service"], "contact": "sip:1@127.0.0.1"},
                {"number": "1027", "name": "小李", "password": "x", "queues": ["service"], "contact": "sip:2@127.0.0.1"},
            ],
        }
    )


async def test_changes_are_laid_over_the_settings_and_outlive_redis(
    settings: Settings, store: Store, redis_sync: Redis
) -> None:
    edits = Edits(settings, store)
    queues, seats = edits.queues, edits.seats
    await edits.start()
    following = asyncio.create_task(edits.follow())
    try:
        assert (queues["service"].wrap_up_s, seats["1026"].queues) == (10, ("service",))
        documents.publish(redis_sync, KIND, "queue:service", json.dumps({"wrap_up_s": 45, "time_limit_s": 90}))
        documents.publish(redis_sync, KIND, "seat:1026", json.dumps({"name": "王师傅", "queues": {"repair": 1, "service": 2}}))
        await eventually(lambda: queues["service"].wrap_up_s == 45 and seats["1026"].name == "王师傅")
        assert (queues["service"].time_limit_s, queues["service"].ring_timeout_s) == (90, 20)
        assert (seats["1026"].queues, edits.first_queues["1026"]) == (("repair", "service"), "repair")

        async def known() -> tuple[str, tuple[str, ...]]:
            seen = await store.seat("1026")
            assert seen is not None
            return seen.name, seen.queues

        async with asyncio.timeout(30):
            while await known() != ("王师傅", ("repair", "service")):  # noqa: ASYNC110 - likewise
                await asyncio.sleep(0.01)
        documents.publish(redis_sync, KIND, "queue:service", "{}")
        await eventually(lambda: queues["service"].wrap_up_s == 10)
        documents.publish(redis_sync, KIND, "queue:service", json.dumps({"wrap_up_s": -1}))
        documents.publish(redis_sync, KIND, "queue:repair", json.dumps({"wrap_up_s": 7}))
        await eventually(lambda: queues["repair"].wrap_up_s == 7)
        assert queues["service"].wrap_up_s == 10, "what can't be read changes nothing"
        kept_in = settings.data_dir / "last-good-edits.json"
        await eventually(lambda: json.loads(kept_in.read_text()).get("queue:repair") == '{"wrap_up_s": 7}')
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
    redis_sync.flushall()
    await store.start()
    kept = Edits(settings, store)
    kept._texts = kept._kept()
    kept._apply()
    assert (kept.queues["repair"].wrap_up_s, kept.seats["1026"].name) == (7, "王师傅")


async def test_the_best_skill_is_asked_first_and_a_disabled_seat_never(
    settings: Settings, store: Store, redis_sync: Redis
) -> None:
    documents.publish(redis_sync, KIND, "seat:1026", json.dumps({"queues": {"service": 2}}))
    edits = Edits(settings, store)
    await edits.start()
    for number in ("1026", "1027"):  # 1026 is idle for longer
        await store.set_status(number, "ready")

    async def claimed(call: str) -> str:
        await store.commit(Commit(call, 1, {"x": 1}, {}, (Event("queued", {}),), (Enqueue("service"),)))
        claim = await store.claim("service")
        return "" if claim is None else claim.seat

    assert await claimed("c1") == "1027"
    assert await claimed("c2") == "1026"
    documents.publish(redis_sync, KIND, "seat:1026", json.dumps({"enabled": False}))
    await edits.start()
    seen = await store.seat("1026")
    assert seen is not None
    assert seen.queues == ()
