"""How the sound of each leg was: booked once, read by call and summed up."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Engine

from followup import quality
from followup.audit import audit
from followup.book import Rules, book
from followup.events import StreamEvent
from followup.history import details
from followup.quality import LegQuality, histograms, of_call
from routing.events import QUALITY_SEQ
from storage.sql import reading, writing

GOOD = {
    "sent": 500, "received": 490, "lost": 10, "duplicates": 1, "reordered": 2, "jitter_ms": 3.5, "rtt_ms": 42.0,
    "remote_lost": 5, "remote_jitter_ms": 1.0,
}  # fmt: skip


def event(call_id: str, seq: int, kind: str, **data: Any) -> StreamEvent:
    return StreamEvent(call_id, seq, kind, 100.0 + seq % 100, data, json.dumps(data))


def call(call_id: str = "c1") -> list[StreamEvent]:
    return [
        event(call_id, 1, "arrived", caller="13912345678"),
        event(call_id, 2, "offered", seat="1026"),
        event(call_id, 3, "offered", seat="1027"),
        event(call_id, 4, "ended", by="seat", reason="completed"),
    ]


def book_all(engine: Engine, *events: StreamEvent) -> int:
    with writing(engine) as connection:
        return book(connection, events, Rules())


def test_the_numbers_of_the_events_are_those_of_the_engine() -> None:
    assert quality.FIRST_SEQ == QUALITY_SEQ


def test_booked_once_and_after_the_end(engine: Engine) -> None:
    events = [*call(), event("c1", QUALITY_SEQ, "quality", **GOOD), event("c1", QUALITY_SEQ + 2, "quality", sent=7, received=0)]
    assert book_all(engine, *events) == 6
    assert book_all(engine, *events) == 0
    with reading(engine) as connection:
        caller, second = of_call(connection, "c1")
    assert caller == LegQuality("c1", 0, 100.0 + QUALITY_SEQ % 100, 500, 490, 10, 1, 2, 3.5, 42.0, 5, 1.0)
    assert (caller.loss, caller.remote_loss) == (0.02, 0.01)
    assert (second.leg, second.received, second.rtt_ms, second.remote_lost) == (2, 0, None, None)
    assert (second.loss, second.remote_loss) == (0.0, None)
    found = details(engine, "c1")
    assert found is not None
    assert [found.seat(leg.leg) for leg in found.quality] == ["", "1027"]
    assert found.seat(3) == ""
    assert [step.type for step in found.events] == ["arrived", "offered", "offered", "ended"]
    assert found.call.row.last_seq == 4


def test_a_call_that_is_not_in_the_log_is_not_put_there(engine: Engine) -> None:
    assert book_all(engine, event("code", QUALITY_SEQ, "quality", **GOOD)) == 0
    assert details(engine, "code") is None
    assert audit(engine).ok


def test_nonsense_books_nothing_or_zeros(engine: Engine) -> None:
    nonsense = {"sent": "many", "received": 1e300, "lost": None, "jitter_ms": True}
    assert book_all(engine, *call(), event("c1", 5, "quality"), event("c1", QUALITY_SEQ + 1000, "quality")) == 4
    assert book_all(engine, event("c1", QUALITY_SEQ, "quality", **nonsense)) == 1
    with reading(engine) as connection:
        (leg,) = of_call(connection, "c1")
    assert (leg.sent, leg.received, leg.lost, leg.jitter_ms) == (0, 2**53, 0, 0.0)


def test_histograms(engine: Engine) -> None:
    assert [(one.buckets[-1], one.total) for one in histograms(engine)] == [(("+Inf", 0.0), 0.0)] * 3
    legs = [
        event("c1", QUALITY_SEQ, "quality", **GOOD),
        event("c1", QUALITY_SEQ + 1, "quality", **GOOD | {"lost": 0, "received": 100, "rtt_ms": None, "jitter_ms": 200.0}),
        event("c1", QUALITY_SEQ + 2, "quality", sent=5, received=0),
    ]
    book_all(engine, *call(), *legs)
    loss, jitter, trip = histograms(engine)
    assert dict(loss.buckets) == {
        "0.0": 1, "0.001": 1, "0.005": 1, "0.01": 1, "0.02": 2, "0.05": 2, "0.1": 2, "+Inf": 2
    }  # fmt: skip
    assert loss.total == 0.02
    assert (dict(jitter.buckets)["0.005"], dict(jitter.buckets)["0.16"], jitter.buckets[-1][1]) == (1, 1, 2)
    assert (dict(trip.buckets)["0.025"], dict(trip.buckets)["0.05"], trip.buckets[-1][1], trip.total) == (0, 1, 1, 0.042)
