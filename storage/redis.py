"""[io] Connections to the Redis that holds what is live."""

from __future__ import annotations

from typing import Any

import redis
import redis.asyncio
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, RedisError
from redis.retry import Retry

TIMEOUT_S = 2.0
"""How long one command, or one connecting, may take before Redis counts as away."""

POOL = 200
"""Connections one process may open; a command that finds none waits TIMEOUT_S for one."""


class StorageError(Exception):
    """A store cannot be used; the text names the setting that leads to it."""


def connect(url: str, *, timeout_s: float = TIMEOUT_S) -> redis.asyncio.Redis:
    """An asyncio client for redis://, rediss:// or unix://; it connects at its first command. Answers are str.

    Nothing is retried here: a command that was sent may have been done, and only its caller knows whether it may be said twice.
    Connections that Redis closed meanwhile are noticed and opened again before use. Raises StorageError for a wrong URL.
    """
    try:
        pool = redis.asyncio.BlockingConnectionPool.from_url(
            _checked(url), max_connections=POOL, timeout=timeout_s, retry=AsyncRetry(NoBackoff(), 0), **_terms(timeout_s)
        )
    except ValueError as error:
        raise StorageError(f"redis_url: {error}") from error
    return redis.asyncio.Redis.from_pool(pool)


def shared_sync(url: str, *, timeout_s: float = TIMEOUT_S) -> redis.Redis:
    """A blocking client for many threads, which keeps its connections; it connects at its first command. Answers are str.

    Connections that Redis closed meanwhile are noticed and opened again before use. Raises StorageError for a wrong URL.
    """
    try:
        pool = redis.BlockingConnectionPool.from_url(
            _checked(url), max_connections=POOL, timeout=timeout_s, retry=Retry(NoBackoff(), 0), **_terms(timeout_s)
        )
    except ValueError as error:
        raise StorageError(f"redis_url: {error}") from error
    return redis.Redis.from_pool(pool)


def connect_sync(url: str, *, timeout_s: float = TIMEOUT_S) -> redis.Redis:
    """A blocking client, checked with a PING. Answers are str.

    Raises StorageError, naming redis_url, when Redis cannot be reached.
    """
    try:
        client = redis.Redis.from_url(_checked(url), retry=Retry(NoBackoff(), 0), **_terms(timeout_s))
    except ValueError as error:
        raise StorageError(f"redis_url: {error}") from error
    try:
        client.ping()
    except (RedisError, OSError) as error:
        client.close()
        raise _unreachable(url, error) from error
    return client


def _terms(timeout_s: float) -> dict[str, Any]:
    """Of every client."""
    return {"decode_responses": True, "socket_timeout": timeout_s, "socket_connect_timeout": timeout_s}


async def reach(client: redis.asyncio.Redis, url: str) -> None:
    """PING through an asyncio client. Raises StorageError, naming redis_url, when Redis cannot be reached."""
    try:
        await client.ping()
    except (RedisError, OSError) as error:
        raise _unreachable(url, error) from error


def _checked(url: str) -> str:
    if not url:
        raise StorageError(
            "redis_url is empty: name a Redis (redis://host:6379/0), or start all with `hotline serve`, which brings its own"
        )
    return url


def _unreachable(url: str, error: Exception) -> StorageError:
    why = "the password or user is refused" if isinstance(error, AuthenticationError) else str(error) or type(error).__name__
    return StorageError(f"redis_url {_without_password(url)}: Redis cannot be reached: {why}")


def _without_password(url: str) -> str:
    scheme, mark, rest = url.partition("://")
    return f"{scheme}{mark}{rest.rpartition('@')[2]}"
