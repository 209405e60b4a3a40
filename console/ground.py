"""[io] What every view stands on: options, database, live feed; hung up in the app once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from flask import current_app

from console.options import ConsoleOptions

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from console.feed import FloorFeed


@dataclass(frozen=True, slots=True)
class Ground:
    """One per application."""

    options: ConsoleOptions
    engine: Engine
    feed: FloorFeed
    zone: ZoneInfo
    drawn: dict[str, tuple[int, float, str]] = field(default_factory=dict)
    """The live board as last drawn, by language: version, when (monotonic seconds), text."""

    def close(self) -> None:
        """End the feed and the database connections."""
        self.feed.close()
        self.engine.dispose()


def ground() -> Ground:
    """The ground of the application that answers the present request."""
    found: Ground = current_app.extensions["ground"]
    return found
