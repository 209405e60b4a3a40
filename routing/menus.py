"""[io] The versions of menus in Redis: what callers hear now, and the newest 100 that were published before.

Publishing is one script, which compares and sets: who began with another version than the one that is published now is told
whose it is. The history of all versions is made from the event "menu_published", as all else is.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import redis as blocking
from redis.asyncio import Redis

from routing import link, scripts
from routing.scripts import PREFIX

_PUBLISH = scripts.load("publish")

FILE = "file"
"""Author of a version that an engine published from the file its settings name; nobody else may bear it."""

MAX_BYTES = 256 * 1024
"""A menu larger than this is not published: it travels through the event stream."""


@dataclass(frozen=True, slots=True)
class Published:
    """One version of a hotline's menu. at: seconds since the epoch; based_on: the version its author began with, 0 for none;
    source: the YAML as it was written."""

    hotline: str
    version: int
    author: str
    note: str
    at: float
    based_on: int
    source: str


@dataclass(frozen=True, slots=True)
class Draft:
    """What is to be published: `text` is the canonical JSON for engines, the rest as in Published. above: the new number is
    higher than this: the highest that is known beside Redis, which may have lost its data."""

    hotline: str
    text: str
    source: str
    author: str
    note: str
    based_on: int
    above: int = 0


class Conflict(Exception):
    """Somebody was faster. `version` is the one that is published now, 0 for none; `current` is what is known of it."""

    def __init__(self, hotline: str, version: int, current: Published | None) -> None:
        self.hotline = hotline
        self.version = version
        self.current = current
        by = f", published by {current.author} at {moment(current.at)}" if current is not None else ""
        super().__init__(f"{hotline}: the published version is {version}{by}; it is not the one this was made from")


def moment(at: float) -> str:
    """Epoch seconds as people read them, in UTC."""
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S} UTC"


class TooLarge(ValueError):
    """The menu has more than MAX_BYTES."""


def publish(redis: blocking.Redis, draft: Draft) -> int:
    """Publish; returns the new version's number. Raises Conflict, TooLarge, redis.exceptions.RedisError."""
    return _outcome(draft, link.run_blocking(redis, _PUBLISH, *_arguments(draft)))


async def publish_seed(redis: Redis, draft: Draft) -> int:
    """publish(), for an engine. Raises Conflict, TooLarge, RedisAway."""
    return _outcome(draft, await link.run(redis, _PUBLISH, *_arguments(draft)))


def current_version(redis: blocking.Redis, hotline: str) -> int:
    """The number of the version that callers hear, 0 for none. Raises redis.exceptions.RedisError."""
    return int(redis.hget(f"{PREFIX}versions:menu", hotline) or 0)


def published(redis: blocking.Redis, hotline: str) -> Published | None:
    """The version that callers hear, None where there is none. Raises redis.exceptions.RedisError."""
    version = current_version(redis, hotline)
    about = redis.hget(f"{PREFIX}about:menu:{hotline}", str(version)) if version else None
    return _published(str(about)) if about else None


def kept(redis: blocking.Redis, hotline: str) -> list[Published]:
    """The versions that Redis still holds, the newest first. Raises redis.exceptions.RedisError."""
    found = redis.hvals(f"{PREFIX}about:menu:{hotline}")
    return sorted((_published(str(text)) for text in found), key=lambda one: one.version, reverse=True)


async def current(redis: Redis, hotline: str) -> Published | None:
    """The version that callers hear, None where there is none. Raises RedisAway."""
    version = await link.command(redis.hget(f"{PREFIX}versions:menu", hotline))
    about = version and await link.command(redis.hget(f"{PREFIX}about:menu:{hotline}", version))
    return _published(about) if about else None


def _arguments(draft: Draft) -> tuple[str, ...]:
    size = max(len(draft.text.encode()), len(draft.source.encode()))
    if size > MAX_BYTES:
        raise TooLarge(f"{draft.hotline}: the menu has {size} bytes, {MAX_BYTES} are the most")
    return draft.hotline, str(draft.based_on), draft.text, draft.source, draft.author, draft.note, str(draft.above)


def _outcome(draft: Draft, answer: list[Any]) -> int:
    done, version, *about = answer
    if done != "1":
        raise Conflict(draft.hotline, int(version), _published(about[0]) if about[0] != "{}" else None)
    return int(version)


def _published(text: str) -> Published:
    known = json.loads(text)
    return Published(
        known["hotline"],
        int(known["version"]),
        known["author"],
        known["note"],
        float(known["at"]),
        int(known["based_on"]),
        known["source"],
    )
