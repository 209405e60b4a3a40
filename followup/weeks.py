"""[io] The editable weeks of calendars, with the hours of make-up workdays; who changed them, and when."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, insert, select, update

from followup.tables import calendar_week
from storage.hours import WEEKDAYS, Spans, Week, parse_spans, parse_week, write_spans

MAX_SPANS = 12
"""Of one day: more are no hours that anybody keeps."""


class Changed(Exception):
    """Somebody else was faster: what is changed is not what was read. author: "" where nobody has set it now."""

    def __init__(self, author: str, at: float) -> None:
        super().__init__(f"changed by {author or 'nobody'} meanwhile")
        self.author = author
        self.at = at


@dataclass(frozen=True, slots=True)
class EditedWeek:
    """The week as people have it; None: as the settings say. revision: 0 where nobody ever changed it; at: epoch seconds."""

    week: Week | None = None
    makeup: Spans | None = None
    revision: int = 0
    author: str = ""
    at: float = 0.0


def week(connection: Connection, calendar: str) -> EditedWeek:
    """What is set of a calendar's week."""
    row = connection.execute(select(calendar_week).where(calendar_week.c.calendar == calendar)).first()
    return EditedWeek() if row is None else _edited(row)


def weeks(connection: Connection) -> dict[str, EditedWeek]:
    """week() of every calendar that people have changed."""
    return {row.calendar: _edited(row) for row in connection.execute(select(calendar_week))}


def set_week(
    connection: Connection, calendar: str, hours: Week | None, makeup: Spans | None, author: str, based_on: int
) -> EditedWeek:
    """Change the week, None: to what the settings say. based_on: the revision that was read. Returns what was there before.
    Raises Changed, and ValueError for more spans than MAX_SPANS a day."""
    if any(len(spans) > MAX_SPANS for spans in (*(hours or ()), makeup or ())):
        raise ValueError(f"a day has at most {MAX_SPANS} spans")
    before = week(connection, calendar)
    if before.revision != based_on:
        raise Changed(before.author, before.at)
    values = {
        "week": json.dumps(_as_texts(hours)) if hours is not None else "",
        "makeup": ",".join(write_spans(makeup or ())),
        "revision": before.revision + 1,
        "author": author,
        "at": time.time(),
    }
    if before.revision:
        connection.execute(update(calendar_week).where(calendar_week.c.calendar == calendar).values(**values))
    else:
        connection.execute(insert(calendar_week).values(calendar=calendar, **values))
    return before


def _as_texts(hours: Week) -> dict[str, list[str]]:
    return {day: list(write_spans(spans)) for day, spans in zip(WEEKDAYS, hours, strict=True) if spans}


def _edited(row: Any) -> EditedWeek:
    if not row.week:
        return EditedWeek(None, None, row.revision, row.author, row.at)
    makeup = parse_spans(row.makeup.split(",")) if row.makeup else ()
    return EditedWeek(parse_week(json.loads(row.week)), makeup, row.revision, row.author, row.at)
