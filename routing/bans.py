"""[io] Whom no node lets in: banned source addresses and blocked numbers, with their reasons and their ends by Redis TIME."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import redis as blocking
from redis.asyncio import Redis

from routing import link, scripts

_BAR = scripts.load("bar")
_BARS = scripts.load("bars")
_REFUSED = scripts.load("refused")

Kind = Literal["address", "number"]


@dataclass(frozen=True, slots=True)
class Bar:
    """entry: a number as callers' numbers are written ("13912345678"), or an address (IPv6: its /64 network). by: who wished
    it, a node or a person. left_s: seconds to its end, None for ever. at: seconds since the epoch."""

    entry: str
    reason: str
    by: str
    left_s: float | None
    at: float


class Bars:
    """One engine's view of one kind."""

    def __init__(self, redis: Redis, kind: Kind) -> None:
        self._redis = redis
        self._kind = kind
        self._seen = ""

    async def changed(self) -> list[Bar] | None:
        """All that are in force, when something changed since the last time (bars that ran out don't count); else None.

        Raises RedisAway.
        """
        count, *found = await link.run(self._redis, _BARS, self._kind, self._seen)
        self._seen = count
        return _read(found[0]) if found else None

    async def add(self, entry: str, *, reason: str, by: str, seconds: float) -> bool:
        """Bar it everywhere, from now on; False when the list is full. Raises RedisAway."""
        return bool(await link.run(self._redis, _BAR, *_arguments(self._kind, entry, seconds, reason, by)))


async def tell_refused(redis: Redis, number: str, data: Mapping[str, Any]) -> None:
    """Put the event "refused" of this number into the stream: a call that was turned away before the answer. Raises
    RedisAway."""
    await link.run(redis, _REFUSED, number, json.dumps(data))


def listed(redis: blocking.Redis, kind: Kind) -> list[Bar]:
    """All that are in force, the latest first. The client is a blocking one. Raises redis.exceptions.RedisError."""
    _, found = link.run_blocking(redis, _BARS, kind, "")
    return sorted(_read(found), key=lambda bar: bar.at, reverse=True)


def bar(redis: blocking.Redis, kind: Kind, entry: str, *, reason: str, by: str, seconds: float | None) -> None:
    """Bar it on all nodes for so many seconds, None for ever. Raises redis.exceptions.RedisError."""
    link.run_blocking(redis, _BAR, *_arguments(kind, entry, seconds, reason, by))


def lift(redis: blocking.Redis, kind: Kind, entry: str, *, by: str) -> bool:
    """Let it in again; False when it was not barred. Raises redis.exceptions.RedisError."""
    return bool(link.run_blocking(redis, _BAR, *_arguments(kind, entry, 0, "", by)))


def _arguments(kind: Kind, entry: str, seconds: float | None, reason: str, by: str) -> tuple[str, ...]:
    left = "" if seconds is None else "0" if seconds <= 0 else repr(float(seconds))
    return kind, entry, left, reason, by


def _read(rows: Sequence[tuple[str, str, str]]) -> list[Bar]:
    bars = []
    for entry, text, left in rows:
        kept = json.loads(text)
        bars.append(Bar(entry, kept["reason"], kept["by"], float(left) if left else None, float(kept["at"])))
    return bars
