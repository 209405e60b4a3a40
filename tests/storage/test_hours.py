"""Hours as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.hours import parse_spans, parse_week, write_spans


def test_spans_and_back() -> None:
    texts = ("00:00-06:30", "09:00-12:00", "22:00-02:00")
    assert parse_spans(texts) == ((0, 390), (540, 720), (1320, 1560))
    assert write_spans(parse_spans(reversed(texts))) == texts  # type: ignore[arg-type]
    assert parse_spans(["00:00-24:00"]) == ((0, 1440),)
    assert parse_spans([]) == ()


@given(st.integers(0, 1439), st.integers(1, 1440))
def test_any_span_is_read_as_it_is_written(begin: int, length: int) -> None:
    if begin and length == 1440:
        length -= 1
    [text] = write_spans(((begin, begin + length),))
    assert parse_spans([text]) == ((begin, begin + length),)


@pytest.mark.parametrize(
    "texts",
    [["9-18"], ["09:00"], ["09:00-25:00"], ["24:00-25:00"], ["09:60-10:00"], ["09:00-09:00"], ["09:00-24:30"], ["٠٩:00-10:00"]],
)
def test_what_is_no_span_is_shown(texts: list[str]) -> None:
    with pytest.raises(ValueError, match="is no span of hours"):
        parse_spans(texts)


def test_spans_that_overlap_are_refused() -> None:
    with pytest.raises(ValueError, match="'11:00-13:00' overlaps"):
        parse_spans(["09:00-12:00", "11:00-13:00"])


def test_a_week() -> None:
    week = parse_week({"mon-thu": ["09:00-18:00"], "fri": ["09:00-12:00"], "sun": []})
    assert week == (((540, 1080),),) * 4 + (((540, 720),), (), ())


@pytest.mark.parametrize(
    ("week", "message"),
    [
        ({"monday": []}, "is no day of the week"),
        ({"mon-": []}, "is no day of the week"),
        ({"fri-mon": []}, "the week begins on Monday"),
        ({"mon-fri": [], "wed": []}, "'wed' is named twice"),
    ],
)
def test_a_week_that_is_none(week: dict[str, list[str]], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_week(week)
