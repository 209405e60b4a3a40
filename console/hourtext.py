"""Hours of a day as people type them: 9:00-12:00, 13:30-18:00, with the signs of either keyboard."""

from __future__ import annotations

import re

from followup.weeks import MAX_SPANS
from storage.hours import Spans, parse_spans, write_spans

_SIGNS = str.maketrans({"：": ":", "~": "-", "～": "-", "–": "-", "—": "-", "－": "-", "至": "-", "到": "-"})
_BETWEEN = re.compile(r"[\s,，、;；]+")
_AROUND = re.compile(r"\s*-\s*")
_ONE_DIGIT = re.compile(r"(?<!\d)(\d):")


class HoursError(ValueError):
    """code: "unreadable", "overlap", "too_many" or "missing"; span: what is wrong, as it was typed."""

    def __init__(self, code: str, span: str = "") -> None:
        super().__init__(f"{code}: {span}")
        self.code = code
        self.span = span


def read_hours(text: str) -> Spans:
    """The spans of a line, () for an empty one. Raises HoursError."""
    line = _ONE_DIGIT.sub(r"0\1:", _AROUND.sub("-", text.translate(_SIGNS).strip()))
    parts = [part for part in _BETWEEN.split(line) if part]
    if len(parts) > MAX_SPANS:
        raise HoursError("too_many")
    for part in parts:
        try:
            parse_spans([part])
        except ValueError:
            raise HoursError("unreadable", part) from None
    try:
        return parse_spans(parts)
    except ValueError:
        raise HoursError("overlap", text.strip()) from None


def write_hours(spans: Spans) -> str:
    """What read_hours() reads, "" for none."""
    return ", ".join(write_spans(spans))
