"""[io] What every view stands on: options, database, live feed; hung up in the app once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from flask import abort, current_app
from redis.exceptions import RedisError

from console.options import ConsoleOptions
from followup.openings import Openings

if TYPE_CHECKING:
    from redis import Redis
    from sqlalchemy import Engine

    from console.drawing import Drawings
    from console.feed import FloorFeed


@dataclass(frozen=True, slots=True)
class Ground:
    """One per application."""

    options: ConsoleOptions
    engine: Engine
    redis: Redis
    """For all threads; while Redis is away each command says so."""
    feed: FloorFeed
    zone: ZoneInfo
    openings: Openings
    drawings: Mapping[str, Drawings]
    """The live board, by language."""

    def close(self) -> None:
        """End the feed and the connections."""
        self.feed.close()
        self.redis.close()
        self.engine.dispose()


def ground() -> Ground:
    """The ground of the application that answers the present request."""
    found: Ground = current_app.extensions["ground"]
    return found


@contextmanager
def live() -> Iterator[Redis]:
    """A client of the Redis that holds what is live; while it is away the request ends with 503."""
    try:
        yield ground().redis
    except (RedisError, OSError):
        abort(503)
