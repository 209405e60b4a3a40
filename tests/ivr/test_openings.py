"""The opening hours an engine knows. A real Redis."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import structlog
from redis import Redis
from redis.asyncio import Redis as AsyncRedis

from ivr.openings import Openings
from routing.store import Store
from storage import documents
from storage.journal import Journal


def text(until: float, *, open_: bool = True) -> str:
    now = time.time()
    spans = [[now - 100, now + 100]] if open_ else []
    return json.dumps({"time_zone": "Asia/Shanghai", "from": now - 200, "until": until, "open": spans, "special": []})


async def eventually(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - what is waited for comes through Redis
            await asyncio.sleep(0.01)


def is_open(openings: Openings, name: str) -> bool:
    found = openings.get(name)
    return found is None or found.is_open(time.time())


@pytest.fixture
async def store(redis: AsyncRedis, tmp_path: Path) -> Store:
    return Store(redis, node="one", journal=Journal(tmp_path / "journal.jsonl"))


async def test_what_is_published_is_followed_and_kept(store: Store, redis_sync: Redis, tmp_path: Path) -> None:
    later = time.time() + 86400
    documents.publish(redis_sync, "calendar", "default", text(later))
    openings = Openings(tmp_path, store)
    await openings.start()
    found = openings.get("default")
    assert found is not None
    assert found.is_open(time.time())
    async with asyncio.TaskGroup() as group:
        task = group.create_task(openings.follow())
        documents.publish(redis_sync, "calendar", "default", text(later, open_=False))
        await eventually(lambda: not is_open(openings, "default"))
        found = openings.get("default")
        documents.publish(redis_sync, "calendar", "default", "nonsense")
        documents.publish(redis_sync, "calendar", "shop", text(later))
        await eventually(lambda: "shop" in (tmp_path / "last-good-openings.json").read_text(encoding="utf-8"))
        assert openings.get("default") == found, "what can't be read leaves the last good ones"
        task.cancel()
    redis_sync.flushall()
    again = Openings(tmp_path, store)
    await again.start()
    assert again.get("default") == found, "from the last good file"
    assert again.get("shop") is not None


async def test_what_is_not_known_is_warned_of_once_and_counts_as_open(store: Store, redis_sync: Redis, tmp_path: Path) -> None:
    documents.publish(redis_sync, "calendar", "old", text(time.time() - 1, open_=False))
    (tmp_path / "last-good-openings.json").write_text("[", encoding="utf-8")
    openings = Openings(tmp_path, store)
    await openings.start()
    with structlog.testing.capture_logs() as said:
        for _ in range(2):
            assert openings.get("unknown") is None
            old = openings.get("old")
            assert old is not None
            assert old.is_open(time.time())
    assert [(line["calendar"], line["why"], line["log_level"]) for line in said] == [
        ("unknown", "not published", "warning"),
        ("old", "out of date", "warning"),
    ]
