"""Ratings: one a call, and the shares made of them."""

from __future__ import annotations

from collections.abc import Callable
from zoneinfo import ZoneInfo

from sqlalchemy import Engine

from followup.audit import audit
from followup.events import StreamEvent
from followup.history import details
from followup.ratings import CallRating, Satisfaction, satisfaction

Story = Callable[..., list[StreamEvent]]
Write = Callable[..., int]

ZONE = ZoneInfo("Asia/Shanghai")


def rated(call: list[StreamEvent], *keys: str, seat: str = "1026", queue: str = "service") -> list[StreamEvent]:
    """The call with ratings between the talk and the end."""
    *begin, end = call
    meanings = {"1": "满意", "2": "一般", "3": "不满意"}
    events = []
    for n, key in enumerate(keys):
        data = {"key": key, "meaning": meanings[key], "seat": seat, "queue": queue}
        events.append(StreamEvent(end.subject, end.seq + n, "rated", end.at + n, data))
    return [*begin, *events, StreamEvent(end.subject, end.seq + len(keys), end.type, end.at + len(keys), end.data, end.raw)]


def test_the_last_rating_of_a_call_counts_once(engine: Engine, write: Write, talked: Story) -> None:
    events = rated(talked("c1", 1000.0), "3", "1")
    write(events[:5], events, events)
    found = details(engine, "c1")
    assert found is not None
    assert found.rating == CallRating("c1", "1026", "service", "1", "满意", 1066.0)
    assert audit(engine).ok


def test_the_shares(engine: Engine, write: Write, talked: Story, gave_up: Story) -> None:
    day = 86400.0
    write(
        rated(talked("c1", 1000.0), "1"),
        rated(talked("c2", 2000.0, caller="1"), "3"),
        talked("c3", 3000.0, caller="2"),
        gave_up("c4", 4000.0, caller="3"),
        rated(talked("c5", 1000.0 + day, caller="4"), "1", seat="1027", queue="repair"),
        talked("c6", 1000.0, caller="5")[:4],
    )
    [all_] = satisfaction(engine, 0.0, 3 * day, zone=ZONE)
    assert all_ == Satisfaction("", could=4, rated=3, satisfied=2)
    assert (all_.rated_share, all_.satisfied_share) == (3 / 4, 2 / 3)
    assert satisfaction(engine, 0.0, 3 * day, by="seat", zone=ZONE) == [
        Satisfaction("1026", 3, 2, 1),
        Satisfaction("1027", 1, 1, 1),
    ]
    assert satisfaction(engine, 0.0, 3 * day, by="queue", zone=ZONE) == [
        Satisfaction("repair", 1, 1, 1),
        Satisfaction("service", 3, 2, 1),
    ]
    assert satisfaction(engine, 0.0, 3 * day, by="day", zone=ZONE) == [
        Satisfaction("1970-01-01", 3, 2, 1),
        Satisfaction("1970-01-02", 1, 1, 1),
    ]
    assert satisfaction(engine, 5 * day, 6 * day, zone=ZONE) == []
    assert Satisfaction("", 0, 0, 0).rated_share is None
    assert Satisfaction("", 1, 0, 0).satisfied_share is None
