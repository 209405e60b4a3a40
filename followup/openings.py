"""[io] Tells the engines when the calendars are open: one document each in Redis, which they follow."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import structlog
from redis import Redis
from sqlalchemy import Engine

from followup.calendar import NOTHING, Calendar, Overlay, opening, today
from followup.days import overlays
from storage import documents
from storage.sql import reading

KIND = "calendar"

log = structlog.get_logger(__name__)


class Openings:
    """publish() as often as you like: a document is only written where it would change. The scribe does, and whoever has just
    changed something."""

    def __init__(self, calendars: Sequence[Calendar]) -> None:
        self._calendars = calendars
        self._made: dict[str, tuple[date, Overlay, str]] = {}
        """What was worked out last, with what it was made of."""

    def publish(self, client: Redis, engine: Engine, now: float) -> None:
        """Bring Redis up to date: after a change, and once a day. Raises redis.exceptions.RedisError,
        sqlalchemy.exc.DBAPIError."""

        def wanted() -> dict[str, str]:
            with reading(engine) as connection:
                edited = overlays(connection)
            return {one.name: self._text(one, edited.get(one.name, NOTHING), now) for one in self._calendars}

        for name in documents.keep_published(client, KIND, wanted):
            log.info("calendar.published", calendar=name)
        there = documents.published(client, KIND)
        documents.withdraw(client, KIND, set(there) - {calendar.name for calendar in self._calendars})

    def _text(self, calendar: Calendar, overlay: Overlay, now: float) -> str:
        made, day = self._made.get(calendar.name), today(calendar, now)
        if made is None or made[:2] != (day, overlay):
            made = self._made[calendar.name] = day, overlay, opening(calendar, now, overlay)
        return made[2]
