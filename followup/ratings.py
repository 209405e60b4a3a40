"""[io] How callers rated their talks (满意度评价): one a call, and the shares that are satisfied and that rated at all."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, TypeAlias
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine, select
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from followup.events import StreamEvent
from followup.tables import call_log, rating
from storage.sql import reading

EVENT = "rated"

SATISFIED = frozenset({"满意", "非常满意", "很满意", "satisfied", "very satisfied"})
"""Meanings of keys that count as satisfied; all others don't."""

By: TypeAlias = Literal["all", "seat", "queue", "day"]


@dataclass(frozen=True, slots=True)
class CallRating:
    """key: what was pressed; meaning: what the menu said that it means. seat and queue: whose talk was rated."""

    call_id: str
    seat: str
    queue: str
    key: str
    meaning: str
    at: float


@dataclass(frozen=True, slots=True)
class Satisfaction:
    """Of the calls of one seat, queue or day (`of`; "" for all): those that could have been rated, because the caller came in,
    was talked to, and has hung up; those that were rated; those that were rated as satisfied."""

    of: str
    could: int
    rated: int
    satisfied: int

    @property
    def rated_share(self) -> float | None:
        """参评率: rated ÷ could have been rated; None where none could."""
        return self.rated / self.could if self.could else None

    @property
    def satisfied_share(self) -> float | None:
        """满意率: satisfied ÷ rated; None where none was."""
        return self.satisfied / self.rated if self.rated else None


_COLUMNS = ("call_id", "seat", "queue", "key", "meaning", "at")


def save(connection: Connection, events: Sequence[StreamEvent]) -> None:
    """Book these ratings; of several of one call the last one counts."""
    if not events:
        return
    insert: Any = {"sqlite": sqlite_insert, "postgresql": postgresql_insert}[connection.dialect.name]
    last = {event.subject: event for event in events}
    rows = [
        {
            "call_id": call_id,
            "seat": event.text("seat"),
            "queue": event.text("queue"),
            "key": event.text("key")[:1],
            "meaning": event.text("meaning"),
            "at": event.at,
        }
        for call_id, event in last.items()
    ]
    add = insert(rating)
    newer = {name: add.excluded[name] for name in _COLUMNS[1:]}
    connection.execute(add.on_conflict_do_update(index_elements=[rating.c.call_id], set_=newer), rows)


def of_call(connection: Connection, call_id: str) -> CallRating | None:
    """The call's rating, None where it was not rated."""
    row = connection.execute(select(*(rating.c[name] for name in _COLUMNS)).where(rating.c.call_id == call_id)).first()
    return None if row is None else CallRating(*row)


def satisfaction(engine: Engine, since: float, until: float, *, by: By = "all", zone: ZoneInfo) -> list[Satisfaction]:
    """The figures of calls that came in in [since, until), by the seat that talked last, its queue, or the day in `zone`."""
    names: Mapping[By, Callable[[Any], str]] = {
        "all": lambda row: "",
        "seat": lambda row: row.rated_seat or row.seat,
        "queue": lambda row: row.rated_queue or row.queue,
        "day": lambda row: datetime.fromtimestamp(row.arrived_at, zone).date().isoformat(),
    }
    query = (
        select(
            call_log.c.seat,
            call_log.c.queue,
            call_log.c.arrived_at,
            rating.c.seat.label("rated_seat"),
            rating.c.queue.label("rated_queue"),
            rating.c.meaning,
        )
        .select_from(call_log.outerjoin(rating, rating.c.call_id == call_log.c.call_id))
        .where(call_log.c.arrived_at >= since, call_log.c.arrived_at < until)
        .where(call_log.c.kind == "inbound", call_log.c.talking_at.is_not(None), call_log.c.ended_at.is_not(None))
    )
    counts: dict[str, list[int]] = {}
    with reading(engine) as connection:
        for row in connection.execute(query):
            count = counts.setdefault(names[by](row), [0, 0, 0])
            count[0] += 1
            count[1] += row.meaning is not None
            count[2] += row.meaning in SATISFIED
    return [Satisfaction(name, *counts[name]) for name in sorted(counts)]
