"""Engines on the session's Redis, each with its own connections and journal."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, Protocol, cast

import pytest
from redis.asyncio import Redis

from routing.events import STREAM
from routing.seats import SeatProfile
from routing.store import Store
from storage.journal import Journal
from storage.redis import connect


class OpenStore(Protocol):
    async def __call__(self, node: str = "one", *, journal: str = "", start: bool = True, lease_s: float = 10.0) -> Store: ...


Told = Callable[..., Awaitable[list[tuple[str, dict[str, Any]]]]]


@pytest.fixture
async def open_store(redis_url: str, redis: Redis, tmp_path: Path) -> AsyncIterator[OpenStore]:
    """Opens engines; one journal a node unless told otherwise."""
    clients: list[Redis] = []
    journals: list[Journal] = []

    async def open_store(node: str = "one", *, journal: str = "", start: bool = True, lease_s: float = 10.0) -> Store:
        clients.append(connect(redis_url))
        journals.append(Journal(tmp_path / f"{journal or node}.jsonl"))
        store = Store(clients[-1], node=node, journal=journals[-1], lease_s=lease_s)
        if start:
            await store.start()
        return store

    yield open_store
    for client in clients:
        await client.aclose()
    for one in journals:
        one.close()


@pytest.fixture
async def store(open_store: OpenStore) -> Store:
    """A started engine of node "one"."""
    return await open_store()


@pytest.fixture
def told(redis: Redis) -> Told:
    """Events of a subject so far: [(type, data)], checked for rising numbers."""

    async def told(subject: str) -> list[tuple[str, dict[str, Any]]]:
        of_subject = [fields for fields in await entries(redis) if fields["subject"] == subject]
        numbers = [int(fields["seq"]) for fields in of_subject]
        assert numbers == sorted(set(numbers))
        return [(fields["type"], json.loads(fields["data"])) for fields in of_subject]

    return told


async def entries(redis: Redis) -> list[dict[str, str]]:
    """All entries of the stream, as their fields."""
    return [cast(dict[str, str], fields) for _, fields in await redis.xrange(STREAM) or []]


async def sign_on(store: Store, *numbers: str, queue: str = "service") -> None:
    """Configure the seats, register their telephones and make them ready, in this order."""
    await store.set_seats([SeatProfile(number, f"agent {number}", (queue,)) for number in numbers])
    for number in numbers:
        await store.bind(number, {f"sip:{number}@192.0.2.1:5060": {"expires_s": 3600}})
        await store.set_status(number, "ready")


async def place(store: Store, queue: str, call_id: str) -> int | None:
    """The caller's place in line, from 1; None when it does not wait there, or while Redis is away."""
    line = await store.line(queue, call_id)
    return None if line is None else line.position
