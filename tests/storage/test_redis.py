from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

import pytest
from redis import Redis

from storage.embedded import EmbeddedRedis
from storage.redis import StorageError, connect, connect_sync, reach


def test_blocking_client_speaks_str(redis_sync: Redis) -> None:
    redis_sync.set("key", "四零零")
    assert redis_sync.get("key") == "四零零"


@pytest.mark.parametrize("url", ["", "http://127.0.0.1", "nonsense"])
def test_an_unusable_url_is_refused_by_the_name_of_its_setting(url: str) -> None:
    with pytest.raises(StorageError, match="redis_url"):
        connect(url)
    with pytest.raises(StorageError, match="redis_url"):
        connect_sync(url)


def test_an_empty_url_says_what_to_do() -> None:
    with pytest.raises(StorageError, match=r"redis_url is empty.*hotline serve"):
        connect("")


async def test_unreachable_is_told_with_the_url_but_not_its_password() -> None:
    url = "redis://someone:secret@127.0.0.1:1/0"
    with pytest.raises(StorageError, match=r"redis_url redis://127\.0\.0\.1:1/0: Redis cannot be reached") as blocking:
        connect_sync(url)
    client = connect(url)
    with pytest.raises(StorageError, match="redis_url") as asynchronous:
        await reach(client, url)
    await client.aclose()
    assert "secret" not in str(blocking.value) + str(asynchronous.value)


async def test_reach_accepts_a_redis_that_answers(redis_url: str) -> None:
    client = connect(redis_url)
    await reach(client, redis_url)
    await client.aclose()


async def test_idle_connections_survive_a_restart_of_redis() -> None:
    with tempfile.TemporaryDirectory() as short, EmbeddedRedis(Path(short)) as server:  # in a long one it moves with its socket
        client = connect(server.url)
        await client.set("key", "1")
        await asyncio.to_thread(server.stop)  # the event loop sees the connection end, as it would in life
        server.start()
        assert await client.get("key") == "1"
        await client.aclose()
