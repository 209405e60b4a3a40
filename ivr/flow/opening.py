"""When a calendar is open, as the engine knows it: values that the scribe has worked out (followup.calendar.opening).

What is not known counts as open: a caller is never turned away over a fault of ours.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from dataclasses import dataclass
from typing import Self


class OpeningError(ValueError):
    """A text is no opening hours."""


@dataclass(frozen=True, slots=True)
class Opening:
    """All times are epoch seconds. Known from `since` to `until`: the open spans and the closed days of holidays and overlay
    with their names, both in order and disjoint."""

    time_zone: str
    since: float
    until: float
    open: tuple[tuple[float, float], ...]
    closed: tuple[tuple[float, float, str], ...]

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read {time_zone, from, until, open: [[begin, end]], special: [[begin, end, name]]}. Raises OpeningError."""
        try:
            values = json.loads(text)
            return cls(
                str(values["time_zone"]),
                float(values["from"]),
                float(values["until"]),
                tuple(sorted((float(begin), float(end)) for begin, end in values["open"])),
                tuple(sorted((float(begin), float(end), str(name)) for begin, end, name in values["special"])),
            )
        except (ValueError, KeyError, TypeError) as error:
            raise OpeningError(f"not opening hours: {error!r}") from error

    def knows(self, at: float) -> bool:
        """Whether `at` lies in the time that was worked out."""
        return self.since <= at < self.until

    def is_open(self, at: float) -> bool:
        """Whether people work then; True where that is not known."""
        return not self.knows(at) or self._span(at) is not None

    def special(self, at: float) -> str | None:
        """The name of the holiday or overlay that closes this day ("" for one without), None on other days."""
        index = bisect_right(self.closed, at, key=lambda day: day[0]) - 1
        return self.closed[index][2] if index >= 0 and at < self.closed[index][1] else None

    def _span(self, at: float) -> tuple[float, float] | None:
        index = bisect_right(self.open, at, key=lambda span: span[0]) - 1
        return self.open[index] if index >= 0 and at < self.open[index][1] else None
