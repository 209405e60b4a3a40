"""What seats did while a caller waited, from their events."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine

from followup.events import StreamEvent
from followup.seatstates import during

Write = Callable[..., int]
T = 1_795_000_000.0


@pytest.fixture
def seat(write: Write) -> Callable[..., None]:
    """seat("1026", (seconds before T, {...}), ...): what a seat told, numbered as Redis numbers it."""

    def tell(number: str, *told: tuple[float, dict[str, Any]]) -> None:
        events, seq = [], 0
        for ago, data in told:
            seq = max(seq + 1, int(T - ago) - 1_700_000_000)
            kind = "seat_status" if "status" in data else "seat_state"
            events.append(StreamEvent(f"seat:{number}", seq, kind, T - ago, data, json.dumps(data)))
        write(events)

    return tell


READY = {"status": "ready", "reason": "", "queues": ["service"]}


def test_each_seat_of_the_queue_as_it_was(engine: Engine, seat: Callable[..., None]) -> None:
    seat("1026", (900, READY), (60, {"state": "talking", "call": "c9"}))
    seat("1027", (900, READY), (500, {"status": "break", "reason": "午餐", "queues": ["service"]}))
    seat("1028", (900, READY), (20, {"state": "idle", "call": "c8", "reason": "no_answer", "aside_s": 60.0}))
    seat("1029", (900, READY), (5, {"state": "wrap-up", "call": ""}), (-3, {"state": "idle"}))
    seat("1030", (900, {**READY, "queues": ["other"]}))
    seat("1031", (900, {**READY, "queues": {}}))  # an empty table of Lua's
    seat("1032", (9 * 86400, READY))  # a week ago and more
    numbers = [*map(str, range(1026, 1034))]
    wait = during(engine, numbers, "service", T, T + 60)
    assert [(one.number, one.why_not(T)) for one in wait.seats] == [
        ("1026", "talking"),
        ("1027", "break"),
        ("1028", "set_aside"),
        ("1029", "wrap-up"),
    ]
    assert [(change.at - T, change.seat.number, change.seat.why_not(change.at)) for change in wait.changes] == [
        (3.0, "1029", "idle")
    ]
    assert during(engine, numbers, "other", T, T + 60).seats[0].number == "1030"


def test_what_ends_a_set_aside(engine: Engine, seat: Callable[..., None]) -> None:
    aside = {"state": "idle", "call": "c8", "reason": "no_answer", "aside_s": 600.0}
    seat("1026", (900, READY), (20, aside), (-5, {"state": "idle", "reason": "set_aside_over"}))
    seat("1027", (900, READY), (20, aside), (-6, READY))
    seat("1028", (900, READY), (700, aside))  # over by itself
    wait = during(engine, ["1026", "1027", "1028"], "service", T, T + 60)
    assert [one.why_not(T) for one in wait.seats] == ["set_aside", "set_aside", "idle"]
    assert [(change.seat.number, change.seat.why_not(change.at)) for change in wait.changes] == [
        ("1026", "idle"),
        ("1027", "idle"),
    ]


def test_a_burst_runs_before_the_clock(engine: Engine, seat: Callable[..., None]) -> None:
    """A hundred changes in a second are numbered beyond it; the latest before the moment is the one that counts."""
    changes = [(10.0 - n / 100, {"state": "ringing" if n % 2 else "idle", "call": "c"}) for n in range(100)]
    seat("1026", (900, READY), *changes, (-1, {"state": "talking", "call": "c"}))
    wait = during(engine, ["1026"], "service", T, T + 2)
    assert wait.seats[0].state == "ringing"
    assert [change.seat.state for change in wait.changes] == ["talking"]
