"""[io] The editable days of calendars: closed, or with hours of their own; who changed what, and when. They win over all
else."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection, Engine, delete, insert, select
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from followup.calendar import NOTHING, Day, Overlay
from followup.tables import calendar_change, calendar_day
from followup.weeks import MAX_SPANS, Changed, EditedWeek, week, weeks
from storage.hours import Spans, parse_spans, write_spans
from storage.sql import reading

MAX_NAME = 64


@dataclass(frozen=True, slots=True)
class EditedDay:
    """A day of the overlay, with who set it and when (epoch seconds)."""

    date: date
    day: Day
    author: str
    at: float


@dataclass(frozen=True, slots=True)
class Change:
    """One line of the audit: what is "set" or "unset"; day: as it was set, or as it was before."""

    date: date
    what: str
    day: Day
    author: str
    at: float


def set_day(
    connection: Connection, calendar: str, day: date, spans: Spans, name: str, author: str, *, based_on: float | None = None
) -> EditedDay | None:
    """Make this day closed (no spans) or open at these hours, whatever week and holidays say; returns how it was set before.
    based_on: when what was read had been set, 0 for a day that nobody had set, None: whatever is there. Raises ValueError,
    Changed."""
    for key, text in (("name", name), ("author", author)):
        if len(text) > MAX_NAME or not text.isprintable():
            raise ValueError(f"{key}: {text!r} is longer than {MAX_NAME} letters, or not printable")
    if not author:
        raise ValueError("author: who changes it?")
    if len(spans) > MAX_SPANS:
        raise ValueError(f"a day has at most {MAX_SPANS} spans")
    before = _unchanged(connection, calendar, day, based_on)
    values = {"spans": ",".join(write_spans(spans)), "name": name, "author": author, "at": time.time()}
    add: Any = {"sqlite": sqlite_insert, "postgresql": postgresql_insert}[connection.dialect.name]
    upsert = add(calendar_day).values(calendar=calendar, date=day, **values)
    connection.execute(upsert.on_conflict_do_update(index_elements=["calendar", "date"], set_=values))
    connection.execute(insert(calendar_change).values(calendar=calendar, date=day, what="set", **values))
    return before


def unset_day(
    connection: Connection, calendar: str, day: date, author: str, *, based_on: float | None = None
) -> EditedDay | None:
    """Let week and holidays say again; returns how it was set, None when it was not. Raises Changed."""
    before = _unchanged(connection, calendar, day, based_on)
    if before is not None:
        connection.execute(delete(calendar_day).where(calendar_day.c.calendar == calendar, calendar_day.c.date == day))
        spans = ",".join(write_spans(before.day.spans))
        values = {"spans": spans, "name": before.day.name, "author": author, "at": time.time()}
        connection.execute(insert(calendar_change).values(calendar=calendar, date=day, what="unset", **values))
    return before


def _unchanged(connection: Connection, calendar: str, day: date, based_on: float | None) -> EditedDay | None:
    """The day as it is set now. Raises Changed when that is not what was read."""
    row = connection.execute(
        select(calendar_day).where(calendar_day.c.calendar == calendar, calendar_day.c.date == day)
    ).first()
    there = None if row is None else EditedDay(row.date, _day(row), row.author, row.at)
    at = 0.0 if there is None else there.at
    if based_on is not None and based_on != at:
        raise Changed("" if there is None else there.author, at)
    return there


def days(engine: Engine, calendar: str) -> list[EditedDay]:
    """The days that are set, in order."""
    mine = select(calendar_day).where(calendar_day.c.calendar == calendar).order_by(calendar_day.c.date)
    with reading(engine) as connection:
        return [EditedDay(row.date, _day(row), row.author, row.at) for row in connection.execute(mine)]


def changes(engine: Engine, calendar: str, limit: int = 100) -> list[Change]:
    """The audit, the latest change first."""
    mine = select(calendar_change).where(calendar_change.c.calendar == calendar)
    with reading(engine) as connection:
        found = connection.execute(mine.order_by(calendar_change.c.id.desc()).limit(limit))
        return [Change(row.date, row.what, _day(row), row.author, row.at) for row in found]


def overlay(connection: Connection, calendar: str) -> Overlay:
    """What people have changed of a calendar, its week too."""
    found = connection.execute(select(calendar_day).where(calendar_day.c.calendar == calendar))
    return _overlay({row.date: _day(row) for row in found}, week(connection, calendar))


def overlays(connection: Connection) -> Mapping[str, Overlay]:
    """overlay() of every calendar that has one."""
    found: dict[str, dict[date, Day]] = {}
    for row in connection.execute(select(calendar_day)):
        found.setdefault(row.calendar, {})[row.date] = _day(row)
    edited = weeks(connection)
    return {name: _overlay(found.get(name, {}), edited.get(name, EditedWeek())) for name in found | edited}


def _overlay(days: Mapping[date, Day], edited: EditedWeek) -> Overlay:
    return Overlay(days, edited.week, edited.makeup) if days or edited.week is not None else NOTHING


def _day(row: Any) -> Day:
    return Day(parse_spans(row.spans.split(",")) if row.spans else (), row.name)
