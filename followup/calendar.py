"""Working time: plain week, statutory holidays with their make-up workdays (调休), and the company's own overlay of days."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Any, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import holidays

from storage.hours import DAY_MIN, Spans, Week, parse_spans, parse_week

HORIZON_DAYS = 400
OPENING_DAYS = 90
"""For so long ahead the engines are told when a calendar is open."""

DEFAULT = "default"
"""The calendar that return calls are due by."""


@dataclass(frozen=True, slots=True)
class Day:
    """One day that is not as the week says: closed, or open at hours of its own. name: why (公司年会)."""

    spans: Spans = ()
    name: str = ""


Source = Literal["edited", "settings", "holiday", "makeup", "week"]
"""What says how a day is: people, single days of the settings, the state's holidays and make-up workdays, the plain week."""


@dataclass(frozen=True, slots=True)
class Overlay:
    """What people have changed of a calendar (followup/days.py, followup/weeks.py): single days, and the week with the hours of
    make-up workdays, None: as the settings say."""

    days: Mapping[date, Day] = field(default_factory=dict)
    week: Week | None = None
    makeup: Spans | None = None


NOTHING = Overlay()


@dataclass(frozen=True, slots=True)
class Calendar:
    """When a department works. makeup: the hours of a make-up workday; country: an ISO 3166 code whose statutory holidays and
    make-up workdays count, "" for none; days: single days, which win over all of these. Raises ValueError naming what is wrong.
    """

    name: str = DEFAULT
    time_zone: str = "Asia/Shanghai"
    week: Week = field(default_factory=lambda: parse_week({"mon-fri": ["09:00-18:00"]}))
    makeup: Spans = ((9 * 60, 18 * 60),)
    country: str = "CN"
    days: Mapping[date, Day] = field(default_factory=dict)

    def __post_init__(self) -> None:
        try:
            ZoneInfo(self.time_zone)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError(f"calendars.{self.name}.time_zone: there is no time zone {self.time_zone!r}") from error
        if self.country:
            try:
                _statutory(self.country)
            except NotImplementedError as error:
                raise ValueError(f"calendars.{self.name}.country: no holidays are known for {self.country!r}") from error

    @classmethod
    def read(cls, settings: Mapping[str, Any]) -> Self:
        """A calendar of the settings, {name, time_zone, week, makeup, country, days: [{date, open, name}]}. makeup None: the
        hours of the first day of the week that has any."""
        week = parse_week(settings["week"])
        makeup = settings["makeup"]
        return cls(
            settings["name"],
            settings["time_zone"],
            week,
            parse_spans(makeup) if makeup is not None else next((spans for spans in week if spans), ()),
            settings["country"],
            {day["date"]: Day(parse_spans(day["open"]), day["name"]) for day in settings["days"]},
        )

    def day(self, day: date, overlay: Overlay = NOTHING) -> Day:
        """The hours of a day, and its name where it is not as the week says."""
        return self.told(day, overlay)[1]

    def told(self, day: date, overlay: Overlay = NOTHING) -> tuple[Source, Day]:
        """What says how a day is, and how: the first of days that people set, the settings' days, holidays, make-up workdays,
        and the plain week."""
        if day in overlay.days:
            return "edited", overlay.days[day]
        if day in self.days:
            return "settings", self.days[day]
        if self.country:
            statutory = _statutory(self.country)
            if day in statutory:  # asking fills in the year's make-up workdays too
                return "holiday", Day((), statutory[day])
            if day in statutory.weekend_workdays:
                return "makeup", Day(self.makeup if overlay.makeup is None else overlay.makeup)
        week = self.week if overlay.week is None else overlay.week
        return "week", Day(week[day.weekday()])

    def makeup_days_known(self, year: int) -> bool:
        """Whether the make-up workdays of a year are known: they are published some weeks before it begins."""
        if self.country != "CN":
            return True
        statutory = _statutory(self.country)
        statutory.get(date(year, 1, 1))
        return any(day.year == year for day in statutory.weekend_workdays)


def open_spans(calendar: Calendar, since: float, until: float, overlay: Overlay = NOTHING) -> Iterator[tuple[float, float]]:
    """When it is open between two moments (epoch seconds), in order; what touches is one span."""
    zone = ZoneInfo(calendar.time_zone)
    day = datetime.fromtimestamp(since, zone).date() - timedelta(days=1)  # its hours may go on after midnight
    pending: tuple[float, float] | None = None
    while _moment(day, 0, zone) < until:
        for opens, closes in _of_day(day, calendar.day(day, overlay).spans, zone):
            begin, end = max(opens, since), min(closes, until)
            if begin >= end:
                continue
            if pending is not None and begin <= pending[1]:
                pending = (pending[0], max(end, pending[1]))
                continue
            if pending is not None:
                yield pending
            pending = (begin, end)
        day += timedelta(days=1)
    if pending is not None:
        yield pending


def closed_days(calendar: Calendar, since: float, until: float, overlay: Overlay = NOTHING) -> list[tuple[float, float, str]]:
    """The days between two moments that a holiday or an overlay closes, each with its name."""
    zone = ZoneInfo(calendar.time_zone)
    day, found = datetime.fromtimestamp(since, zone).date(), []
    while (begin := _moment(day, 0, zone)) < until:
        source, hours = calendar.told(day, overlay)
        if not hours.spans and (hours.name or source in ("edited", "settings")):
            found.append((begin, _moment(day, DAY_MIN, zone), hours.name))
        day += timedelta(days=1)
    return found


def due_at(opened_at: float, calendar: Calendar, working_s: float, overlay: Overlay = NOTHING) -> float:
    """The moment, in seconds since the epoch, when `working_s` seconds of working time have passed since `opened_at`.

    A debt always has a deadline: with no working time within 400 days, the clock's own seconds count.
    """
    left_s = working_s
    for begin, end in open_spans(calendar, opened_at, opened_at + HORIZON_DAYS * 86400, overlay):
        if left_s <= end - begin:
            return begin + left_s
        left_s -= end - begin
    return opened_at + working_s


def opening(calendar: Calendar, now: float, overlay: Overlay = NOTHING) -> str:
    """What engines are told of a calendar, as JSON: from today's midnight on for 90 days; the same text all day long. Epoch
    seconds: {time_zone, from, until, open: [[begin, end]], special: [[begin, end, name]]}."""
    zone = ZoneInfo(calendar.time_zone)
    today = datetime.fromtimestamp(now, zone).date()
    since, until = _moment(today, 0, zone), _moment(today + timedelta(days=OPENING_DAYS), 0, zone)
    values = {
        "time_zone": calendar.time_zone,
        "from": since,
        "until": until,
        "open": list(open_spans(calendar, since, until, overlay)),
        "special": closed_days(calendar, since, until, overlay),
    }
    return json.dumps(values, ensure_ascii=False, separators=(",", ":"))


def today(calendar: Calendar, now: float) -> date:
    """The day it is there."""
    return datetime.fromtimestamp(now, ZoneInfo(calendar.time_zone)).date()


def _of_day(day: date, spans: Spans, zone: ZoneInfo) -> Sequence[tuple[float, float]]:
    # Sorted anew: an hour that the clock skips is taken as the one after it.
    return sorted((_moment(day, begin, zone), _moment(day, end, zone)) for begin, end in spans)


def _moment(day: date, minute: int, zone: ZoneInfo) -> float:
    days, minute = divmod(minute, DAY_MIN)
    return datetime.combine(day + timedelta(days=days), time(minute // 60, minute % 60), zone).timestamp()


@lru_cache(maxsize=8)
def _statutory(country: str) -> holidays.HolidayBase:
    """Raises NotImplementedError where none are known."""
    language = holidays.country_holidays(country).default_language
    return holidays.country_holidays(country, language=language)
