"""[io] Texts that one process publishes and others follow: the current ones in Redis, by kind and name."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from redis import Redis
from redis.exceptions import WatchError

_PREFIX = "{hotline}:"
_TRIES = 20


def publish(client: Redis, kind: str, name: str, text: str) -> bool:
    """Make `text` the current one of its name and tell who follows; False when it is that already.

    Raises redis.exceptions.RedisError.
    """
    return bool(keep_published(client, kind, lambda: {name: text}))


def keep_published(client: Redis, kind: str, wanted: Callable[[], Mapping[str, str]]) -> list[str]:
    """Have the current texts be as wanted() says, which is asked after what is there was read, and again where somebody else
    was faster. Returns the names published. Raises redis.exceptions.RedisError, and what wanted() raises."""
    told = []
    for _ in range(_TRIES):
        there, missed = published(client, kind), False
        for name, text in wanted().items():
            if there.get(name) == text:
                continue
            if _replace(client, kind, name, text, there.get(name)):
                told.append(name)
            else:
                missed = True
        if not missed:
            break
    return told


def withdraw(client: Redis, kind: str, names: set[str]) -> None:
    """Forget documents of a kind that are no more. Raises redis.exceptions.RedisError."""
    if names:
        client.hdel(f"{_PREFIX}documents:{kind}", *sorted(names))


def published(client: Redis, kind: str) -> dict[str, str]:
    """The current texts of a kind, by name. Raises redis.exceptions.RedisError."""
    return {str(name): str(text) for name, text in client.hgetall(f"{_PREFIX}documents:{kind}").items()}


def _replace(client: Redis, kind: str, name: str, text: str, instead_of: str | None) -> bool:
    """False, and nothing done, where the current one is no longer `instead_of` (None: there was none): who decided by what is
    there, and was slow, must look again, or would undo what another has published meanwhile."""
    key = f"{_PREFIX}documents:{kind}"
    with client.pipeline(transaction=True) as pipe:
        try:
            pipe.watch(key)  # type: ignore[no-untyped-call]
            if pipe.hget(key, name) != instead_of:
                return False
            pipe.multi()
            pipe.hset(key, name, text)
            pipe.publish(f"{_PREFIX}published", f"{kind}:{name}")
            pipe.execute()
        except WatchError:
            return False
    return True
