"""[io] What people may do with working hours, for pages and API: change a calendar's week and single days. The change is told
to the engines at once, and stands in the change log."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import date
from typing import Any

import structlog
from flask import abort
from redis.exceptions import RedisError

from console import changes
from console.gate import actor
from console.ground import ground
from console.hourtext import write_hours
from followup import days
from followup.calendar import Calendar, Overlay
from followup.days import EditedDay, set_day, unset_day
from followup.weeks import EditedWeek, set_week, week
from storage.hours import WEEKDAYS, Spans, Week
from storage.redis import StorageError, connect_sync
from storage.sql import reading, writing

FIRST, LAST = date(2000, 1, 1), date(2099, 12, 31)
"""Days that may be looked at and set."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Hours:
    """A calendar with what people have changed of it."""

    calendar: Calendar
    overlay: Overlay
    week: EditedWeek
    days: dict[date, EditedDay]

    @property
    def present(self) -> Week:
        """The week that counts."""
        return self.calendar.week if self.week.week is None else self.week.week

    @property
    def makeup(self) -> Spans:
        """The hours of make-up workdays that count."""
        return self.calendar.makeup if self.week.week is None else self.week.makeup or ()


def hours(name: str) -> Hours:
    """A calendar as it is now; ends the request with 404 where there is none of this name."""
    here, calendar = ground(), find(name)
    with reading(here.engine) as connection:
        overlay, edited = days.overlay(connection, name), week(connection, name)
    return Hours(calendar, overlay, edited, {one.date: one for one in days.days(here.engine, name)})


def find(name: str) -> Calendar:
    """A calendar of the settings; ends the request with 404 where there is none of this name."""
    return next((one for one in ground().options.calendars if one.name == name), None) or abort(404)


def change_week(name: str, hours: Week, makeup: Spans, based_on: int) -> bool:
    """Have these hours each week; whether the engines know by now. Raises followup.weeks.Changed, ValueError."""
    return _week(name, hours, makeup, based_on)


def give_week_back(name: str, based_on: int) -> bool:
    """Have the settings say again; whether the engines know by now. Raises followup.weeks.Changed."""
    return _week(name, None, None, based_on)


def _week(name: str, hours: Week | None, makeup: Spans | None, based_on: int) -> bool:
    calendar = find(name)
    with writing(ground().engine) as connection:
        before = set_week(connection, name, hours, makeup, actor().login, based_on)
        _tell(connection, "week_changed", name, _told(calendar, before.week, before.makeup), _told(calendar, hours, makeup))
    return publish()


def change_day(name: str, day: date, spans: Spans, title: str, based_on: float) -> bool:
    """Close a day (no spans), or have it open at these hours; whether the engines know by now. Raises followup.weeks.Changed,
    ValueError."""
    find(name)
    with writing(ground().engine) as connection:
        before = set_day(connection, name, day, spans, title, actor().login, based_on=based_on)
        _tell(connection, "day_set", name, _as_set(before), {"date": str(day), "open": write_hours(spans), "name": title})
    return publish()


def give_day_back(name: str, day: date, based_on: float) -> bool:
    """Have week and holidays say again; whether the engines know by now. Raises followup.weeks.Changed. Ends the request with
    404 where the day was not set."""
    find(name)
    with writing(ground().engine) as connection:
        before = unset_day(connection, name, day, actor().login, based_on=based_on) or abort(404)
        _tell(connection, "day_unset", name, _as_set(before), {})
    return publish()


def publish() -> bool:
    """Tell the engines what stands in SQL; False while Redis is away: the scribe tells them when it is back."""
    here = ground()
    try:
        with connect_sync(here.options.redis_url) as client:
            here.openings.publish(client, here.engine, time.time())
    except (StorageError, RedisError, OSError) as error:
        log.warning("console.hours_untold", why=str(error))
        return False
    return True


def _tell(connection: Any, what: str, name: str, before: dict[str, str], after: dict[str, str]) -> None:
    changes.write(connection, actor(), what, f"{changes.CALENDAR}:{name}", time.time(), before=before, after=after)


def _told(calendar: Calendar, week: Week | None, makeup: Spans | None) -> dict[str, str]:
    present = calendar.week if week is None else week
    told = {day: write_hours(spans) for day, spans in zip(WEEKDAYS, present, strict=True)}
    return told | {"makeup": write_hours(calendar.makeup if week is None else makeup or ())}


def _as_set(day: EditedDay | None) -> dict[str, str]:
    if day is None:
        return {}
    return {"date": str(day.date), "open": write_hours(day.day.spans), "name": day.day.name}
