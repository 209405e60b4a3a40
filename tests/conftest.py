"""Fixtures of all rooms: a real Redis for the session, emptied for each test that asks for a client."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
from redis import Redis
from redis.asyncio import Redis as AsyncRedis

from storage.embedded import EmbeddedRedis
from storage.redis import connect, connect_sync

REAL_TIME = ("kill", "system")
"""Rooms whose tests are calls that take their time: begun first, so that the others run beside them."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """pytest's: the order of the tests."""
    items.sort(key=lambda item: item.path.parent.name not in REAL_TIME)


@pytest.fixture(scope="session")
def embedded_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedRedis]:
    """The session's Redis process. Don't kill this one: start your own for that."""
    with EmbeddedRedis(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(scope="session")
def redis_url(embedded_redis: EmbeddedRedis) -> str:
    """URL of the session's Redis; ask for `redis` or `redis_sync` too where it must be empty."""
    return embedded_redis.url


@pytest.fixture
def emptied(redis_url: str) -> None:
    """Empties Redis once for a test, however many clients it asks for."""
    client = connect_sync(redis_url)
    client.flushall()
    client.close()


@pytest.fixture
async def redis(redis_url: str, emptied: None) -> AsyncIterator[AsyncRedis]:
    """An asyncio client of an empty Redis."""
    client = connect(redis_url)
    yield client
    await client.aclose()


@pytest.fixture
def redis_sync(redis_url: str, emptied: None) -> Iterator[Redis]:
    """A blocking client of an empty Redis."""
    client = connect_sync(redis_url)
    yield client
    client.close()
