"""A month of working hours as a page shows it: weeks of seven days, Monday first."""

from __future__ import annotations

import calendar as dates
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from followup.calendar import Calendar, Overlay, Source
from followup.days import EditedDay
from storage.hours import Spans


@dataclass(frozen=True, slots=True)
class Cell:
    """A day: what says how it is, its hours and name; author and at (epoch seconds, 0 for nobody): who set it, and when."""

    date: date
    within: bool
    source: Source
    spans: Spans
    name: str
    author: str = ""
    at: float = 0.0


def cell(calendar: Calendar, overlay: Overlay, edited: Mapping[date, EditedDay], day: date, month: int) -> Cell:
    """One day, seen from this month."""
    source, hours = calendar.told(day, overlay)
    by = edited.get(day)
    who = ("", 0.0) if by is None else (by.author, by.at)
    return Cell(day, day.month == month, source, hours.spans, hours.name, *who)


def month(calendar: Calendar, overlay: Overlay, edited: Mapping[date, EditedDay], year: int, number: int) -> list[list[Cell]]:
    """The weeks of a month, with the days of its neighbours that fill them."""
    weeks = dates.Calendar().monthdatescalendar(year, number)
    return [[cell(calendar, overlay, edited, day, number) for day in week] for week in weeks]


def neighbour(year: int, number: int, step: int) -> tuple[int, int]:
    """The month so many months on."""
    months = year * 12 + number - 1 + step
    return months // 12, months % 12 + 1
