"""[io] The service level (服务水平), by the goal that each queue has."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Engine

from console.options import ConsoleOptions
from followup.edits import edits
from followup.history import Figures, figures
from storage.sql import reading


def figures_of(engine: Engine, options: ConsoleOptions, since: float, until: float) -> Figures:
    """The counts of calls that came in in [since, until). Raises sqlalchemy.exc.DBAPIError."""
    return figures(engine, since, until, options.in_time_s, goals(engine, options))


def today(options: ConsoleOptions) -> tuple[float, float]:
    """Since and until, epoch seconds."""
    begins = datetime.now(ZoneInfo(options.time_zone)).replace(hour=0, minute=0, second=0, microsecond=0)
    return begins.timestamp(), (begins + timedelta(days=1)).timestamp()


def goals(engine: Engine, options: ConsoleOptions) -> Mapping[str, float]:
    """By queue: answered within so many seconds is in time now, as people have changed it or the settings say."""
    with reading(engine) as connection:
        changed = edits(connection)
    found = {}
    for queue in options.queues:
        edit = changed.get(f"queue:{queue.name}")
        found[queue.name] = float((edit.values if edit else {}).get("in_time_s", queue.terms["in_time_s"]))
    return found
