"""Booking events: once each, and what is owed with them in the same transaction."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine, func, select

from followup.audit import audit
from followup.book import Rules, book
from followup.events import StreamEvent
from followup.history import details
from followup.returncalls import History, history, list_done, list_open
from followup.search import Search, count
from followup.tables import call_event, call_log, ledger, return_call
from storage.sql import reading, writing

Story = Callable[..., list[StreamEvent]]
Write = Callable[..., int]


def rows(engine: Engine, table: Any) -> int:
    with reading(engine) as connection:
        return int(connection.execute(select(func.count()).select_from(table)).scalar_one())


def lines(found: History) -> list[tuple[str, str]]:
    return [(line.what, line.note) for line in found.ledger]


def test_a_caller_who_gave_up_is_owed_a_return_call(engine: Engine, write: Write, gave_up: Story) -> None:
    assert write(gave_up("c1", 1000.0)) == 3
    [owed] = list_open(engine, now=1031.0)
    assert (owed.hotline, owed.number, owed.reason, owed.state, owed.opened_at) == (
        "sample",
        "13912345678",
        "abandoned",
        "open",
        1030.0,
    )
    assert owed.due_at > owed.opened_at
    assert not owed.overdue
    assert list_open(engine, now=owed.due_at + 1)[0].overdue
    found = history(engine, owed.id, 1031.0)
    assert lines(found) == [("opened", "c1")]
    assert [(call.call_id, call.role) for call in found.calls] == [("c1", "owed")]
    assert audit(engine).ok


def test_booking_again_changes_nothing(engine: Engine, write: Write, gave_up: Story) -> None:
    events = gave_up("c1", 1000.0)
    assert write(events[:2], events, events, events[1:]) == 3
    assert (rows(engine, call_event), rows(engine, call_log), rows(engine, ledger)) == (3, 1, 1)
    assert write(events + events, []) == 0


def test_an_event_twice_in_one_batch_is_booked_once(engine: Engine, write: Write, gave_up: Story) -> None:
    events = gave_up("c1", 1000.0)
    assert write(events + events) == 3
    assert rows(engine, ledger) == 1


def test_a_batch_is_booked_whole_or_not_at_all(engine: Engine, gave_up: Story) -> None:
    with pytest.raises(ZeroDivisionError):
        book_then_fail(engine, gave_up("c1", 1000.0))
    assert (rows(engine, call_event), rows(engine, call_log), rows(engine, return_call)) == (0, 0, 0)


def book_then_fail(engine: Engine, events: list[StreamEvent]) -> None:
    with writing(engine) as connection:
        book(connection, events, Rules())
        raise ZeroDivisionError


def test_a_second_call_of_the_same_number_attaches(engine: Engine, write: Write, gave_up: Story) -> None:
    write(gave_up("c1", 1000.0), gave_up("c2", 2000.0), gave_up("c3", 2000.0, caller="04714613311"))
    first, other = list_open(engine, now=2100.0)
    assert (first.number, first.calls, first.opened_at) == ("13912345678", 2, 1030.0)  # the first promise's deadline stands
    assert (other.number, other.calls) == ("04714613311", 1)
    assert lines(history(engine, first.id, 2100.0)) == [("opened", "c1"), ("attached", "c2")]
    assert audit(engine).ok


def test_a_served_call_pays_what_was_owed_before(engine: Engine, write: Write, gave_up: Story, talked: Story) -> None:
    write(gave_up("c1", 1000.0), talked("c2", 2000.0))
    assert list_open(engine, now=3000.0) == []
    [done] = list_done(engine, now=3000.0)
    assert (done.state, done.result, done.closed_by, done.closed_at) == ("closed", "served", "system", 2005.0)
    found = history(engine, done.id, 3000.0)
    assert lines(found) == [("opened", "c1"), ("closed", "c2")]
    assert [(call.call_id, call.role) for call in found.calls] == [("c1", "owed"), ("c2", "served")]
    write(gave_up("c3", 4000.0))
    [again] = list_open(engine, now=5000.0)
    assert again.id != done.id
    assert audit(engine).ok


def test_a_served_call_pays_only_its_own_caller_and_nothing_later(
    engine: Engine, write: Write, gave_up: Story, talked: Story
) -> None:
    write(talked("c2", 2000.0), gave_up("c1", 2010.0), gave_up("c3", 1000.0, caller="04714613311"))
    assert [owed.number for owed in list_open(engine, now=3000.0)] == ["04714613311", "13912345678"]


def test_a_debt_told_late_is_paid_by_the_call_that_came_meanwhile(
    engine: Engine, write: Write, gave_up: Story, talked: Story
) -> None:
    # A cut-off node's journal comes after the other node's calls; one batch or two makes no difference.
    write(gave_up("c0", 900.0), talked("c2", 2000.0), gave_up("c1", 1000.0))
    write([*gave_up("d1", 1000.0, caller="04714613311"), *talked("d2", 2000.0, caller="04714613311")])
    assert list_open(engine, now=3000.0) == []
    assert [done.result for done in list_done(engine, now=3000.0)] == ["served"] * 3
    assert audit(engine).ok


def test_a_hidden_number_is_opened_and_waived_with_its_reason(engine: Engine, write: Write, gave_up: Story) -> None:
    write(gave_up("c1", 1000.0, caller=""), gave_up("c2", 1000.0, caller=""))
    assert list_open(engine, now=2000.0) == []
    one, two = list_done(engine, now=2000.0)
    assert (one.state, one.waive_reason, one.number) == ("waived", "no_number", "")
    assert lines(history(engine, two.id, 2000.0)) == [("opened", "c1"), ("waived", "no_number")]
    found = audit(engine)
    assert (found.opened, found.waived, found.ok) == (2, 2, True)


def test_events_of_seats_and_unreadable_ones_are_kept_and_make_no_calls(engine: Engine, write: Write) -> None:
    write(
        [
            StreamEvent("seat:1026", 1, "seat_status", 1.0, {"status": "ready"}, '{"status": "ready"}'),
            StreamEvent("stream:1-0", 0, "unreadable", 1.0, {}, "{}"),
        ]
    )
    assert (rows(engine, call_event), rows(engine, call_log)) == (2, 0)
    assert audit(engine).ok


def test_any_cutting_and_repeating_of_the_stream_gives_the_same_books(
    engine: Engine, write: Write, gave_up: Story, talked: Story
) -> None:
    chosen = random.Random(7)
    calls = [gave_up(f"c{n}", 1000.0 + 10 * n, caller=f"1391234567{n % 5}") for n in range(20)]
    calls += [talked(f"t{n}", 1100.0 + 10 * n, caller=f"1391234567{n % 4}") for n in range(6)]
    stream = sorted((event for call in calls for event in call), key=lambda event: event.at)
    at = 0
    while at < len(stream):  # as after crashes: batches of any size, each beginning again somewhere before the last one's end
        size = chosen.randint(1, 9)
        write(stream[max(0, at - chosen.randint(0, 9)) : at + size])
        at += size
    cut = books(engine)
    assert audit(engine).ok
    assert rows(engine, call_event) == len(stream)
    write(stream)
    assert books(engine) == cut
    assert count(engine, Search()) == 26


def books(engine: Engine) -> list[tuple[object, ...]]:
    columns = (return_call.c.number, return_call.c.state, return_call.c.opened_at, return_call.c.closed_at)
    with reading(engine) as connection:
        return [tuple(row) for row in connection.execute(select(*columns).order_by(*columns))]


def test_the_timeline_shows_every_event_and_the_number_s_other_calls(
    engine: Engine, write: Write, gave_up: Story, talked: Story
) -> None:
    write(gave_up("c1", 1000.0), talked("c2", 2000.0))
    found = details(engine, "c2")
    assert found is not None
    assert [(event.seq, event.type) for event in found.events] == [
        (1, "arrived"),
        (2, "queued"),
        (3, "offered"),
        (4, "talking"),
        (5, "ended"),
    ]
    assert found.call.outcome == "talked"
    assert [(other.row.call_id, other.return_call_state) for other in found.others] == [("c1", "closed")]
    assert details(engine, "nobody") is None
