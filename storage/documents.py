"""[io] Texts that one process publishes and others follow: the current ones in Redis, by kind and name."""

from __future__ import annotations

from redis import Redis

_PREFIX = "{hotline}:"


def publish(client: Redis, kind: str, name: str, text: str) -> bool:
    """Make `text` the current one of its name and tell who follows; False when it is that already.

    Raises redis.exceptions.RedisError.
    """
    key = f"{_PREFIX}documents:{kind}"
    if client.hget(key, name) == text:
        return False
    with client.pipeline(transaction=True) as pipe:
        pipe.hset(key, name, text)
        pipe.publish(f"{_PREFIX}published", f"{kind}:{name}")
        pipe.execute()
    return True


def withdraw(client: Redis, kind: str, names: set[str]) -> None:
    """Forget documents of a kind that are no more. Raises redis.exceptions.RedisError."""
    if names:
        client.hdel(f"{_PREFIX}documents:{kind}", *sorted(names))


def published(client: Redis, kind: str) -> dict[str, str]:
    """The current texts of a kind, by name. Raises redis.exceptions.RedisError."""
    return {str(name): str(text) for name, text in client.hgetall(f"{_PREFIX}documents:{kind}").items()}
