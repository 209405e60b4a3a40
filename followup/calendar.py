"""Working time: plain week, statutory holidays with their make-up workdays (调休), and the company's own overlay of days."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import holidays

HORIZON_DAYS = 400


@dataclass(frozen=True, slots=True)
class WorkingHours:
    """When the department works. `workdays` are ISO weekdays (1 is Monday); `country` is an ISO 3166 code, "" for no holidays.

    `days_off` and `extra_workdays` win over week and country. Raises ValueError naming the field that is wrong.
    """

    time_zone: str = "Asia/Shanghai"
    open: time = time(9, 0)
    close: time = time(18, 0)
    workdays: tuple[int, ...] = (1, 2, 3, 4, 5)
    country: str = "CN"
    days_off: tuple[date, ...] = ()
    extra_workdays: tuple[date, ...] = ()

    def __post_init__(self) -> None:
        if self.open >= self.close:
            raise ValueError(f"hours.open {self.open} must be before hours.close {self.close}")
        both = sorted(set(self.days_off) & set(self.extra_workdays))
        if both:
            raise ValueError(f"hours: {both[0]} stands in days_off and in extra_workdays")
        try:
            ZoneInfo(self.time_zone)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError(f"hours.time_zone: there is no time zone {self.time_zone!r}") from error
        if self.country:
            _statutory(self.country)


def is_workday(day: date, hours: WorkingHours) -> bool:
    """Whether people work on `day`: the overlay first, then make-up workdays, holidays, and the plain week."""
    if day in hours.extra_workdays:
        return True
    if day in hours.days_off:
        return False
    if hours.country:
        statutory = _statutory(hours.country)
        if day in statutory:  # asking fills in the year's make-up workdays too
            return False
        if day in statutory.weekend_workdays:
            return True
    return day.isoweekday() in hours.workdays


def due_at(opened_at: float, hours: WorkingHours, working_s: float) -> float:
    """The moment, in seconds since the epoch, when `working_s` seconds of working time have passed since `opened_at`.

    A debt always has a deadline: with no working time within 400 days, the clock's own seconds count.
    """
    zone = ZoneInfo(hours.time_zone)
    first = datetime.fromtimestamp(opened_at, zone).date()
    left_s = working_s
    for offset in range(HORIZON_DAYS):
        day = first + timedelta(days=offset)
        if not is_workday(day, hours):
            continue
        begin = max(opened_at, datetime.combine(day, hours.open, zone).timestamp())
        end = datetime.combine(day, hours.close, zone).timestamp()
        if begin < end:
            if left_s <= end - begin:
                return begin + left_s
            left_s -= end - begin
    return opened_at + working_s


@lru_cache(maxsize=8)
def _statutory(country: str) -> holidays.HolidayBase:
    try:
        return holidays.country_holidays(country)
    except NotImplementedError as error:
        raise ValueError(f"hours.country: no holidays are known for {country!r}") from error
