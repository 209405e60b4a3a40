"""Working time: literal days of 2026 and 2027, whose holidays and make-up workdays are published (2026) or known by rule."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from followup.calendar import Calendar, Day, Overlay, closed_days, due_at, open_spans, opening
from ivr.flow.opening import Opening
from storage.hours import Spans, parse_spans, parse_week, write_spans

PLAIN = Calendar()
SHANGHAI = ZoneInfo("Asia/Shanghai")
BERLIN = ZoneInfo("Europe/Berlin")
LUNCH = Calendar(week=parse_week({"mon-fri": ["09:00-12:00", "13:30-18:00"]}), makeup=parse_spans(["10:00-16:00"]))


def moment(text: str, zone: ZoneInfo = SHANGHAI) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=zone).timestamp()


def of_day(calendar: Calendar, day: str) -> list[str]:
    return list(write_spans(calendar.day(date.fromisoformat(day)).spans))


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
    assert due_at(moment(opened), PLAIN, hours_of_work * 3600) == moment(due)


@pytest.mark.parametrize(
    ("opened", "due"),
    [
        ("2026-11-18 11:00", "2026-11-18 14:30"),  # an hour before lunch and one after
        ("2026-11-18 12:30", "2026-11-18 15:30"),
        ("2026-10-10 09:00", "2026-10-10 12:00"),  # the make-up workday has hours of its own
        ("2026-10-10 15:00", "2026-10-12 10:00"),
    ],
)
def test_due_with_a_lunch_break(opened: str, due: str) -> None:
    assert due_at(moment(opened), LUNCH, 7200) == moment(due)


@pytest.mark.parametrize(
    ("day", "name"),
    [
        ("2026-01-01", "元旦"),
        ("2026-02-17", "春节"),
        ("2026-02-20", "休息日（由 2026-02-14 调休）"),
        ("2026-04-05", "清明节"),
        ("2026-10-01", "国庆节"),
        ("2026-10-07", "休息日（由 2026-10-10 调休）"),
        ("2027-01-01", "元旦"),
        ("2027-02-06", "春节"),
        ("2027-06-09", "端午节"),
        ("2027-09-15", "中秋节"),
        ("2027-10-01", "国庆节"),
    ],
)
def test_statutory_holidays_are_closed_and_named(day: str, name: str) -> None:
    assert PLAIN.day(date.fromisoformat(day)) == Day((), name)


@pytest.mark.parametrize("day", ["2026-01-04", "2026-02-14", "2026-02-28", "2026-05-09", "2026-09-20", "2026-10-10"])
def test_make_up_workdays_are_open_at_their_own_hours(day: str) -> None:
    assert of_day(PLAIN, day) == ["09:00-18:00"]
    assert of_day(LUNCH, day) == ["10:00-16:00"]
    assert of_day(Calendar(country=""), day) == [], "a weekend"


def test_without_a_country_only_the_week_counts() -> None:
    assert of_day(Calendar(country=""), "2026-10-01") == ["09:00-18:00"]


def test_the_overlay_wins_over_settings_holidays_and_make_up_days() -> None:
    holiday, makeup, saturday, wednesday = (
        date.fromisoformat(d) for d in ("2026-10-01", "2026-10-10", "2026-11-21", "2026-11-18")
    )
    open_ = Day(parse_spans(["10:00-12:00"]))
    party = Day((), "公司年会")
    set_ = Calendar(days={holiday: open_, makeup: party, saturday: open_, wednesday: party})
    assert [set_.day(day) for day in (holiday, makeup, saturday, wednesday)] == [open_, party, open_, party]
    edited = Overlay({wednesday: open_, holiday: party})
    assert [set_.day(day, edited) for day in (holiday, makeup, saturday, wednesday)] == [party, party, open_, open_]
    assert due_at(moment("2026-11-18 11:00"), set_, 7200, edited) == moment("2026-11-19 10:00")


def test_an_edited_week_counts_where_nothing_else_says() -> None:
    edited = Overlay({}, parse_week({"sat": ["10:00-12:00"]}), parse_spans(["10:00-16:00"]))
    told = [PLAIN.told(date.fromisoformat(d), edited) for d in ("2026-11-18", "2026-11-21", "2026-10-10", "2026-10-01")]
    ten_to_twelve, ten_to_four = parse_spans(["10:00-12:00"]), parse_spans(["10:00-16:00"])
    assert told[:3] == [("week", Day()), ("week", Day(ten_to_twelve)), ("makeup", Day(ten_to_four))]
    assert told[3][0] == "holiday"
    assert due_at(moment("2026-11-18 11:00"), PLAIN, 7200, edited) == moment("2026-11-21 12:00")


def test_whether_the_make_up_days_of_a_year_are_known() -> None:
    assert PLAIN.makeup_days_known(2026)
    assert not PLAIN.makeup_days_known(2099)
    assert Calendar(country="DE").makeup_days_known(2099)


def test_closed_days_are_those_of_holidays_and_overlay() -> None:
    edited = Overlay({date(2026, 10, 9): Day((), "公司年会"), date(2026, 10, 12): Day(parse_spans(["10:00-12:00"]), "半天")})
    found = closed_days(PLAIN, moment("2026-10-06 00:00"), moment("2026-10-14 00:00"), edited)
    assert found == [
        (moment("2026-10-06 00:00"), moment("2026-10-07 00:00"), "休息日（由 2026-09-20 调休）"),
        (moment("2026-10-07 00:00"), moment("2026-10-08 00:00"), "休息日（由 2026-10-10 调休）"),
        (moment("2026-10-09 00:00"), moment("2026-10-10 00:00"), "公司年会"),
    ]


def test_a_change_of_the_clock_shifts_no_working_second() -> None:
    week = parse_week({"sun": ["00:30-06:00"]})
    calendar = Calendar(time_zone="Europe/Berlin", week=week, country="")
    # 29 March 2026: 02:00 becomes 03:00, so two hours after 01:00 the clock shows 04:00.
    assert due_at(moment("2026-03-29 01:00", BERLIN), calendar, 7200) == moment("2026-03-29 04:00", BERLIN)
    # 25 October 2026: 03:00 becomes 02:00, the day has 25 hours.
    whole = Calendar(time_zone="Europe/Berlin", week=parse_week({"sun": ["00:00-24:00"]}), country="")
    [(begin, end)] = open_spans(whole, moment("2026-10-24 12:00", BERLIN), moment("2026-10-26 12:00", BERLIN))
    assert end - begin == 25 * 3600


def test_hours_in_the_hour_that_the_clock_skips_stay_in_order() -> None:
    week = parse_week({"sun": ["01:30-02:15", "02:30-02:50", "03:00-04:00"]})
    calendar = Calendar(time_zone="Europe/Berlin", week=week, country="")
    [span] = open_spans(calendar, moment("2026-03-29 00:00", BERLIN), moment("2026-03-30 00:00", BERLIN))
    assert span == (moment("2026-03-29 01:30", BERLIN), moment("2026-03-29 04:00", BERLIN))


def test_hours_over_midnight_and_around_the_clock() -> None:
    night = Calendar(week=parse_week({"fri": ["22:00-02:00"], "sat": ["00:00-04:00", "08:00-24:00"], "sun": ["00:00-24:00"]}))
    found = list(open_spans(night, moment("2026-11-20 12:00"), moment("2026-11-23 12:00")))
    assert found == [
        (moment("2026-11-20 22:00"), moment("2026-11-21 04:00")),
        (moment("2026-11-21 08:00"), moment("2026-11-23 00:00")),
    ]
    [first, *_] = open_spans(night, moment("2026-11-21 01:00"), moment("2026-11-23 12:00"))
    assert first[0] == moment("2026-11-21 01:00"), "it is in the hours of the day before"


def test_a_debt_has_a_deadline_even_where_nobody_ever_works() -> None:
    assert due_at(1000.0, Calendar(week=parse_week({})), 7200) == 8200.0


def test_the_engines_are_told_the_same_all_day_long() -> None:
    text = opening(PLAIN, moment("2026-10-01 00:00"))
    assert opening(PLAIN, moment("2026-10-01 23:59")) == text
    assert opening(PLAIN, moment("2026-10-02 00:00")) != text
    told = Opening.from_json(text)
    assert (told.since, told.until) == (moment("2026-10-01 00:00"), moment("2026-12-30 00:00"))
    assert told.special(moment("2026-10-03 12:00")) == "国庆节"
    assert not told.is_open(moment("2026-10-01 10:00"))
    assert not told.is_open(moment("2026-10-08 08:59"))
    assert told.is_open(moment("2026-10-08 09:00"))


@pytest.mark.parametrize(
    ("wrong", "key"),
    [
        ({"time_zone": "Asia/Nowhere"}, "calendars.default.time_zone"),
        ({"time_zone": "../etc"}, "calendars.default.time_zone"),
        ({"country": "XX"}, "calendars.default.country"),
    ],
)
def test_wrong_calendars_are_named(wrong: dict[str, str], key: str) -> None:
    with pytest.raises(ValueError, match=key):
        Calendar(**wrong)  # type: ignore[arg-type]


@st.composite
def day_spans(draw: st.DrawFn) -> Spans:
    edges = draw(st.lists(st.integers(0, 1440), unique=True, max_size=8).map(sorted))
    spans = list(zip(edges[::2], edges[1::2], strict=False))
    if spans and spans[-1][0] > 1:
        begin, end = spans[-1]
        spans[-1] = begin, draw(st.just(end) | st.integers(1441, begin + 1439))  # over midnight
    return tuple(spans)


@given(
    week=st.tuples(*[day_spans()] * 7),
    zone=st.sampled_from(["Asia/Shanghai", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"]),
    edited=st.dictionaries(st.dates(date(2026, 3, 1), date(2026, 12, 1)), day_spans().map(Day), max_size=20),
    start=st.datetimes(datetime(2026, 3, 1), datetime(2026, 11, 1)),
    days=st.integers(1, 60),
)
def test_open_spans_are_in_order_and_disjoint(
    week: tuple[Spans, Spans, Spans, Spans, Spans, Spans, Spans],
    zone: str,
    edited: dict[date, Day],
    start: datetime,
    days: int,
) -> None:
    calendar = Calendar(time_zone=zone, week=week, country="")
    since = start.replace(tzinfo=ZoneInfo(zone)).timestamp()
    until = since + timedelta(days=days).total_seconds()
    found = list(open_spans(calendar, since, until, Overlay(edited)))
    assert all(since <= begin < end <= until for begin, end in found)
    assert all(end < begin for (_, end), (begin, _) in pairwise(found))
    told = Opening(zone, since, until, tuple(found), ())
    for begin, end in found:
        assert told.is_open(begin)
        assert told.is_open((begin + end) / 2)
        assert end == until or not told.is_open(end)
