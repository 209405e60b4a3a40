"""Hours of a day and a week as people write them: in the settings, on the command line, and in SQL."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise

DAY_MIN = 24 * 60
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

Spans = tuple[tuple[int, int], ...]
"""Open from minute to minute after the day's midnight, in order; an end after 1440 lies in the next day. () is closed."""
Week = tuple[Spans, Spans, Spans, Spans, Spans, Spans, Spans]
"""Monday first."""

_SPAN = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)", re.ASCII)


def parse_spans(texts: Sequence[str]) -> Spans:
    """The spans of ("09:00-12:00", "13:30-18:00"). "22:00-02:00" goes on after midnight, "00:00-24:00" is the whole day.

    Raises ValueError, which shows the span that is wrong.
    """
    spans = sorted(_parse(text) for text in texts)
    for (_, end), (begin, until) in pairwise(spans):
        if begin < end:
            raise ValueError(f"{_write((begin, until))!r} overlaps the span before it")
    return tuple(spans)


def write_spans(spans: Spans) -> tuple[str, ...]:
    """What parse_spans() reads."""
    return tuple(_write(span) for span in spans)


def parse_week(week: Mapping[str, Sequence[str]]) -> Week:
    """A week of {"mon-fri": ["09:00-18:00"], "sat": [...]}; days that are not named are closed. Raises ValueError."""
    found: dict[int, Spans] = {}
    for key, texts in week.items():
        first, _, last = key.partition("-") if "-" in key else (key, "", key)
        if first not in WEEKDAYS or last not in WEEKDAYS:
            raise ValueError(f"{key!r} is no day of the week: take {', '.join(WEEKDAYS)}, or two of them as in 'mon-fri'")
        begin, end = WEEKDAYS.index(first), WEEKDAYS.index(last)
        if end < begin:
            raise ValueError(f"{key!r}: the week begins on Monday")
        for day in range(begin, end + 1):
            if day in found:
                raise ValueError(f"{WEEKDAYS[day]!r} is named twice")
            found[day] = parse_spans(texts)
    monday, tuesday, wednesday, thursday, friday, saturday, sunday = (found.get(day, ()) for day in range(7))
    return monday, tuesday, wednesday, thursday, friday, saturday, sunday


def _parse(text: str) -> tuple[int, int]:
    read = _SPAN.fullmatch(text)
    if read is None:
        raise ValueError(f"{text!r} is no span of hours, as '09:00-18:00'")
    begin, end = int(read[1]) * 60 + int(read[2]), int(read[3]) * 60 + int(read[4])
    if begin == end or end > DAY_MIN:
        raise ValueError(f"{text!r} is no span of hours; the whole day is '00:00-24:00'")
    return begin, end if end > begin else end + DAY_MIN


def _write(span: tuple[int, int]) -> str:
    begin, end = span
    end = end - DAY_MIN if end > DAY_MIN else end
    return f"{begin // 60:02}:{begin % 60:02}-{end // 60:02}:{end % 60:02}"
