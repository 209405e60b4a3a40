"""Fixtures of all rooms: a real Redis for the session, emptied for each test that asks for a client."""

from __future__ import annotations

import fcntl
import gc
import os
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from redis import Redis
from redis.asyncio import Redis as AsyncRedis

from storage.embedded import EmbeddedRedis
from storage.redis import connect, connect_sync
from tests.postgresql import Server, server

# How long something took says nothing where others work too; and the same examples each time: who finds a new one finds it in
# `pytest --hypothesis-profile search`, not in a change of somebody else's.
settings.register_profile("same", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("search", settings.get_profile("same"), derandomize=False)
settings.load_profile("same")

REAL_TIME = ("kill", "system", "fuzz")
"""Rooms whose tests take their time: begun first, so that the others run beside them."""
LONGEST = (
    *("test_kill", "test_demo", "test_calls", "test_twilio", "test_kill_gateway", "test_kill_hung", "test_command"),
    *(f"test_{pages}_chromium" for pages in ("console", "seat", "settings", "menus", "calls")),
    "test_peers",
)  # fmt: skip
"""Of their files those that take the most, the longest first: one of these begun last would run alone."""

INTEROP = tuple(
    Path(__file__).parent / place for place in ("console", "followup", "interop", "storage", "ivr/sip/test_interop.py")
)
"""Where tests are that `make interop` runs. It need not load thousands of others in each of its processes to leave them out."""

LONGEST_TEMP = 20
"""Bytes. Unix sockets have short names, and those of tests are in directories with long ones."""
if len(os.fsencode(tempfile.gettempdir())) > LONGEST_TEMP:
    tempfile.tempdir = os.environ["TMPDIR"] = "/tmp"

gc.set_threshold(50_000, 20, 20)  # thousands of tests leave much that is no garbage: looked through less often


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """pytest's: what isn't looked at."""
    if config.option.markexpr != "interop":
        return None
    return not any(collection_path.is_relative_to(place) or place.is_relative_to(collection_path) for place in INTEROP) or None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """pytest's: the order of the tests."""
    marked = {item.path for item in items if item.get_closest_marker("interop") is not None}
    if unseen := [path for path in marked if not any(path.is_relative_to(place) for place in INTEROP)]:
        raise pytest.UsageError(f"`make interop` wouldn't run {unseen}: name them in INTEROP")

    def turn(item: pytest.Item) -> tuple[bool, bool, int]:
        name = item.path.stem
        place = LONGEST.index(name) if name in LONGEST else len(LONGEST)
        return not item.get_closest_marker("alone"), item.path.parent.name not in REAL_TIME, place

    items.sort(key=turn)


@pytest.fixture(autouse=True)
def room(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[None]:
    """Tests of real time go on beside each other, one that is marked alone beside none of them, in whichever process."""
    alone = request.node.get_closest_marker("alone") is not None
    if worker_id == "master" or (request.path.parent.name not in REAL_TIME and not alone):
        yield
        return
    place: Path = tmp_path_factory.getbasetemp().parent
    with (place / "door").open("ab") as door, (place / "room").open("ab") as inside:
        fcntl.flock(door, fcntl.LOCK_EX)  # who waits to be alone lets nobody in before
        fcntl.flock(inside, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        fcntl.flock(door, fcntl.LOCK_UN)
        yield


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


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Server]:
    """The session's PostgreSQL, for tests of `make interop`: `make test` needs no server."""
    with server() as running:
        yield running
