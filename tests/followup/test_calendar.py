"""Working time: literal days of 2026, whose holidays and make-up workdays are published."""

from __future__ import annotations

from datetime import date, datetime, time
from zoneinfo import ZoneInfo

import pytest

from followup.calendar import WorkingHours, due_at, is_workday

HOURS = WorkingHours()
SHANGHAI = ZoneInfo("Asia/Shanghai")


def moment(text: str, zone: ZoneInfo = SHANGHAI) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=zone).timestamp()


@pytest.mark.parametrize(
    ("opened", "hours_of_work", "due"),
    [
        ("2026-11-18 10:00", 2, "2026-11-18 12:00"),  # a Wednesday
        ("2026-11-18 16:00", 2, "2026-11-18 18:00"),  # up to the last minute
        ("2026-11-18 17:30", 2, "2026-11-19 10:30"),
        ("2026-11-18 23:30", 2, "2026-11-19 11:00"),
        ("2026-11-18 03:00", 2, "2026-11-18 11:00"),
        ("2026-11-20 17:00", 2, "2026-11-23 10:00"),  # over the weekend
        ("2026-09-30 17:00", 2, "2026-10-08 10:00"),  # over National Day
        ("2026-10-09 17:00", 2, "2026-10-10 10:00"),  # Saturday 10 October makes up for it
        ("2026-11-18 10:00", 20, "2026-11-20 12:00"),
    ],
)
def test_due(opened: str, hours_of_work: float, due: str) -> None:
    assert due_at(moment(opened), HOURS, hours_of_work * 3600) == moment(due)


def test_overlay_wins_over_week_holidays_and_make_up_days() -> None:
    hours = WorkingHours(
        days_off=(date(2026, 11, 18), date(2026, 10, 10)), extra_workdays=(date(2026, 11, 21), date(2026, 10, 1))
    )
    assert not is_workday(date(2026, 11, 18), hours)
    assert not is_workday(date(2026, 10, 10), hours)
    assert is_workday(date(2026, 11, 21), hours)
    assert is_workday(date(2026, 10, 1), hours)


def test_without_a_country_only_the_week_counts() -> None:
    hours = WorkingHours(country="")
    assert is_workday(date(2026, 10, 1), hours)
    assert not is_workday(date(2026, 10, 10), hours)


def test_a_change_of_the_clock_shifts_no_working_second() -> None:
    zone = ZoneInfo("Europe/Berlin")
    hours = WorkingHours(time_zone="Europe/Berlin", open=time(0, 30), close=time(6, 0), workdays=(7,), country="")
    # 29 March 2026: 02:00 becomes 03:00, so two hours after 01:00 the clock shows 04:00.
    assert due_at(moment("2026-03-29 01:00", zone), hours, 7200) == moment("2026-03-29 04:00", zone)


def test_a_debt_has_a_deadline_even_where_nobody_ever_works() -> None:
    hours = WorkingHours(workdays=())
    assert due_at(1000.0, hours, 7200) == 8200.0


@pytest.mark.parametrize(
    ("wrong", "key"),
    [
        ({"open": time(18), "close": time(9)}, "hours.open"),
        ({"time_zone": "Asia/Nowhere"}, "hours.time_zone"),
        ({"time_zone": "../etc"}, "hours.time_zone"),
        ({"country": "XX"}, "hours.country"),
        ({"days_off": (date(2026, 1, 5),), "extra_workdays": (date(2026, 1, 5),)}, "days_off and in extra_workdays"),
    ],
)
def test_wrong_hours_are_named(wrong: dict[str, object], key: str) -> None:
    with pytest.raises(ValueError, match=key):
        WorkingHours(**wrong)  # type: ignore[arg-type]
