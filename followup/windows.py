"""When customers may be called: in working hours, and never in their time of rest (免打扰, whose beginning is warned of)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from followup.calendar import HORIZON_DAYS, NOTHING, Calendar, Overlay, open_spans
from storage.hours import Spans, parse_spans

QUIET = ("12:00-14:00", "21:00-08:00")
"""Every day; lunch and nap, and the night."""


@dataclass(frozen=True, slots=True)
class Window:
    """calendar: when people work; quiet: when customers rest, every day, by the calendar's time zone; retry_s: how long after
    the first, second, … try without success the next one is, the last for all that follow; warn_s: so long before a time of
    rest it is warned of."""

    calendar: Calendar = field(default_factory=Calendar)
    quiet: Spans = field(default_factory=lambda: parse_spans(QUIET))
    retry_s: tuple[float, ...] = (1800.0, 7200.0, 14400.0)
    warn_s: float = 1800.0


@dataclass(frozen=True, slots=True)
class Rest:
    """A time of rest that goes on (`now`) or is about to begin. Epoch seconds."""

    begins: float
    ends: float
    now: bool


def rest(window: Window, at: float) -> Rest | None:
    """The time of rest in which `at` lies, or which begins within warn_s; None: customers may be called for a while yet."""
    for begins, ends in _quiet(window, at - 86400.0, at + window.warn_s):
        if ends > at:
            # What is cut off by the look-out's end goes on after it.
            _, whole = next(_quiet(window, begins, begins + 2 * 86400.0))
            return Rest(begins, whole, begins <= at)
    return None


def next_try(window: Window, at: float, tries: int, overlay: Overlay = NOTHING) -> float:
    """When to try again after `tries` (from 1 on) in vain, the last of them `at`: the first moment, retry_s later or after, in
    working hours and no time of rest. Where that never comes, working hours don't count, nor does rest where it never ends."""
    earliest = at + window.retry_s[min(tries, len(window.retry_s)) - 1]
    for begins, ends in open_spans(window.calendar, earliest, earliest + HORIZON_DAYS * 86400.0, overlay):
        moment = _awake(window, begins)
        if moment is not None and moment < ends:
            return moment
    return _awake(window, earliest) or earliest


def _awake(window: Window, at: float) -> float | None:
    """`at`, or the end of the time of rest in which it lies; None where that has no end within days."""
    for begins, ends in _quiet(window, at - 86400.0, at + 3 * 86400.0):
        if begins <= at < ends:
            return ends if ends < at + 2 * 86400.0 else None
    return at


def _quiet(window: Window, since: float, until: float) -> Iterator[tuple[float, float]]:
    daily = window.quiet
    if not daily:
        return iter(())
    nights = Calendar("quiet", window.calendar.time_zone, (daily, daily, daily, daily, daily, daily, daily), (), "")
    return open_spans(nights, since, until)
