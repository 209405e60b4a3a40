"""When customers may be called."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from followup.calendar import Calendar, Day, Overlay, open_spans
from followup.windows import Window, next_try, rest
from storage.hours import parse_spans

ZONE = ZoneInfo("Asia/Shanghai")
WINDOW = Window()
"""Monday to Friday, 9 to 18; rest 12 to 14 and 21 to 8."""


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZONE).timestamp()


def said(moment: float) -> str:
    return datetime.fromtimestamp(moment, ZONE).strftime("%m-%d %H:%M")


@pytest.mark.parametrize(
    ("now", "tries", "again"),
    [
        ("2026-11-18 09:10", 1, "11-18 09:40"),
        ("2026-11-18 09:10", 2, "11-18 11:10"),
        ("2026-11-18 09:10", 3, "11-18 14:00"),  # 13:10 is their nap
        ("2026-11-18 11:45", 1, "11-18 14:00"),
        ("2026-11-18 09:10", 9, "11-18 14:00"),  # the last of the pauses holds for all that follow
        ("2026-11-18 17:45", 1, "11-19 09:00"),
        ("2026-11-20 17:45", 1, "11-23 09:00"),  # a weekend
        ("2026-09-30 17:45", 1, "10-08 09:00"),  # the National Day's holidays
    ],
)
def test_the_next_try(now: str, tries: int, again: str) -> None:
    assert said(next_try(WINDOW, at(now), tries)) == again


def test_the_next_try_heeds_days_that_people_have_set() -> None:
    party = Overlay({date(2026, 11, 19): Day((), "公司年会")})
    assert said(next_try(WINDOW, at("2026-11-18 17:45"), 1, party)) == "11-20 09:00"


def test_never_open_and_always_resting() -> None:
    closed = Window(Calendar(week=((), (), (), (), (), (), ()), makeup=(), country=""))
    assert said(next_try(closed, at("2026-11-18 09:10"), 1)) == "11-18 09:40"
    assert said(next_try(closed, at("2026-11-18 11:40"), 1)) == "11-18 14:00"
    restless = Window(quiet=parse_spans(["00:00-24:00"]))
    assert said(next_try(restless, at("2026-11-18 09:10"), 1)) == "11-18 09:40"
    assert said(next_try(Window(quiet=()), at("2026-11-18 11:45"), 1)) == "11-18 12:15"


@pytest.mark.parametrize(
    ("now", "span"),
    [
        ("2026-11-18 11:29", None),
        ("2026-11-18 11:31", ("11-18 12:00", "11-18 14:00", False)),
        ("2026-11-18 12:00", ("11-18 12:00", "11-18 14:00", True)),
        ("2026-11-18 13:59", ("11-18 12:00", "11-18 14:00", True)),
        ("2026-11-18 14:00", None),
        ("2026-11-18 20:45", ("11-18 21:00", "11-19 08:00", False)),
        ("2026-11-19 00:10", ("11-18 21:00", "11-19 08:00", True)),
        ("2026-11-19 08:00", None),
    ],
)
def test_the_time_of_rest_and_its_warning(now: str, span: tuple[str, str, bool] | None) -> None:
    found = rest(WINDOW, at(now))
    assert (None if found is None else (said(found.begins), said(found.ends), found.now)) == span


def test_nobody_rests() -> None:
    assert rest(Window(quiet=()), at("2026-11-18 12:00")) is None


@given(st.floats(at("2026-01-01 00:00"), at("2027-12-01 00:00")), st.integers(1, 12))
def test_the_next_try_is_later_in_working_hours_and_disturbs_nobody(now: float, tries: int) -> None:
    again = next_try(WINDOW, now, tries)
    assert again >= now + 1800.0
    assert any(begins <= again < ends for begins, ends in open_spans(WINDOW.calendar, again - 1.0, again + 1.0))
    found = rest(WINDOW, again)
    assert found is None or not found.now
