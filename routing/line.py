"""A queue's line as it is now, and what is known of a caller's place in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

CALLERS = "caller:"
"""Prefix of the hashes that keep what is known of a number's customer: name, class, tags, and calls, how many there were."""


@dataclass(frozen=True, slots=True)
class Line:
    """See Store.line()."""

    waiting: int
    ready: int
    """Seats that could take a call now."""
    wait_s: float | None
    """How long this call, or the next one, will wait; None where nobody knows."""
    position: int | None = None
    """The call's place, from 1; None where it doesn't wait here."""
    turned_away: bool = False
    """The call found max_waiting callers before it."""


def read(answer: Sequence[object]) -> Line:
    """What line.lua has answered."""
    position, away, waiting, ready, wait_s = (str(value) for value in answer)
    return Line(int(waiting), int(ready), float(wait_s) if wait_s else None, int(position) or None, away == "1")
