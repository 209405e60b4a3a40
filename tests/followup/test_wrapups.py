"""What seats write of their talks: nothing that was written is lost, and no call that was agreed on."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Engine, delete

from followup.audit import audit
from followup.callbacks import AlreadyClaimed, claim, settle
from followup.events import StreamEvent
from followup.history import SeatDay, of_number, seat_day
from followup.returncalls import history, list_done, list_open
from followup.tables import return_call_call
from followup.windows import Window
from followup.wrapups import (
    LATEST_S,
    MAX_NOTES,
    Changed,
    Done,
    Draft,
    Foreign,
    NumberMissing,
    ReasonMissing,
    ResolvedMissing,
    Talk,
    TooLong,
    WrapUpError,
    WrongTime,
    drafts,
    finish,
    of_call,
    of_calls,
    save,
    seat_of,
)
from storage.sql import writing

Story = Callable[..., list[StreamEvent]]
Write = Callable[..., int]

REASONS = ("repair", "order")
WHOLE = Draft("repair", True, "换了滤芯")
AT = 50000.0


def done(engine: Engine, draft: Draft, *, call_id: str = "c2", now: float = 300.0, **more: Any) -> int | None:
    kept = of_call(engine, call_id)
    revision = kept.revision if kept is not None else 0
    return finish(engine, call_id, "1026", "wang", draft, revision, now, reasons=REASONS, **more).return_call_id


@pytest.fixture
def called_back(write: Write, story: Story, engine: Engine) -> Callable[..., None]:
    """called_back(id): wang's seat has called the customer to pay a return call, and talked."""

    def run(return_call_id: int, call_id: str = "out", at: float = 2000.0) -> None:
        begun = {"kind": "outbound", "caller": "13912345678", "dialable": True, "seat": "1026", "queue": "service"}
        write(
            story(
                call_id,
                ("outbound_started", at, begun | {"callback_id": str(return_call_id)}),
                ("talking", at + 10, {"seat": "1026", "wait_s": 0.0}),
                (
                    "ended",
                    at + 40,
                    {"by": "seat", "reason": "completed", "phase": "TALKING", "talk_s": 30.0, "result": "reached"},
                ),
            )
        )

    return run


def test_a_draft_is_kept_as_it_is_written(engine: Engine) -> None:
    assert of_call(engine, "c2") is None
    first = save(engine, "c2", "1026", "wang", Draft(notes="客户说"), 0, 10.0)
    assert (first.revision, first.done_at) == (1, None)
    second = save(engine, "c2", "1026", "wang", Draft("repair", None, "客户说漏水"), 1, 11.0)
    assert of_call(engine, "c2") == second
    assert save(engine, "c2", "1026", "wang", second.draft, 1, 12.0) == second, "a save that is sent twice"
    assert [one.call_id for one in drafts(engine, "1026")] == ["c2"]
    assert drafts(engine, "1027") == []
    assert of_calls(engine, ["c2", "c3"]) == {"c2": second}
    assert of_calls(engine, []) == {}


def test_what_another_screen_has_written_is_not_overwritten(engine: Engine) -> None:
    save(engine, "c2", "1026", "wang", Draft(notes="一"), 0, 10.0)
    save(engine, "c2", "1026", "wang", Draft(notes="一二"), 1, 11.0)
    with pytest.raises(Changed) as caught:
        save(engine, "c2", "1026", "wang", Draft(notes="三"), 1, 12.0)
    assert caught.value.current.draft.notes == "一二"
    with pytest.raises(Changed):
        save(engine, "c2", "1026", "wang", Draft(notes="三"), 0, 12.0)
    with pytest.raises(Foreign):
        save(engine, "c2", "1027", "li", Draft(notes="三"), 2, 12.0)
    assert save(engine, "c2", "1026", "wang", Draft(notes="三"), 2, 13.0).revision == 3


@pytest.mark.parametrize(
    ("draft", "error"),
    [
        (replace(WHOLE, reason=""), ReasonMissing),
        (replace(WHOLE, reason="invented"), ReasonMissing),
        (replace(WHOLE, resolved=None), ResolvedMissing),
        (replace(WHOLE, wanted_at=300.0), WrongTime),
        (replace(WHOLE, wanted_at=301.0 + LATEST_S), WrongTime),
        (replace(WHOLE, notes="x" * (MAX_NOTES + 1)), TooLong),
        (replace(WHOLE, wanted_at=AT, wanted_number="12a"), TooLong),
        (replace(WHOLE, wanted_at=AT), NumberMissing),
    ],
)
def test_what_is_not_whole_is_not_done(engine: Engine, draft: Draft, error: type[WrapUpError]) -> None:
    save(engine, "c2", "1026", "wang", Draft(notes="先记着"), 0, 10.0)
    with pytest.raises(error):
        done(engine, draft)
    kept = of_call(engine, "c2")
    assert kept is not None
    assert (kept.draft.notes, kept.done_at) == ("先记着", None)
    assert list_open(engine, 300.0) == []


def test_done_is_done(engine: Engine, write: Write, talked: Story) -> None:
    write(talked("c2", 200.0))
    assert done(engine, WHOLE) is None
    kept = of_call(engine, "c2")
    assert kept is not None
    assert (kept.draft, kept.done_at, kept.seat, kept.by) == (WHOLE, 300.0, "1026", "wang")
    assert drafts(engine, "1026") == []
    for again in (lambda: done(engine, WHOLE), lambda: save(engine, "c2", "1026", "wang", Draft(), 1, 301.0)):
        with pytest.raises(Done):
            again()
    assert audit(engine).ok


def test_no_reason_is_asked_for_where_the_settings_have_none(engine: Engine) -> None:
    assert finish(engine, "c2", "1026", "wang", Draft(resolved=False), 0, 300.0, reasons=()).done_at == 300.0


def test_a_call_that_was_agreed_on_is_owed(engine: Engine, write: Write, talked: Story) -> None:
    write(talked("c2", 200.0))
    opened = done(engine, replace(WHOLE, wanted_at=AT))
    assert opened is not None
    [row] = list_open(engine, 400.0)
    assert (row.id, row.hotline, row.number, row.reason) == (opened, "sample", "13912345678", "agreed")
    assert (row.due_at, row.deadline, row.owner, row.state) == (AT, AT, "wang", "claimed")
    assert not row.overdue
    found = history(engine, opened, AT + 1)
    assert found.owed.overdue
    assert [(line.what, line.by, line.note) for line in found.ledger] == [
        ("opened", "system", "c2"),
        ("agreed", "wang", "c2"),
        ("claimed", "wang", ""),
    ]
    assert [(call.call_id, call.role) for call in found.calls] == [("c2", "agreed")]
    assert audit(engine).ok
    # The customer rings before that, and is talked to: the agreed time stands all the same.
    write(talked("c3", 1000.0))
    assert [one.id for one in list_open(engine, 1100.0)] == [opened]
    settle(engine, opened, "wang", "reached", "", AT + 10, Window())
    assert list_open(engine, AT + 20) == []
    assert audit(engine).ok


def test_nobodys_and_another_number(engine: Engine) -> None:
    """Before the log has the call, as the page knows it."""
    wanted = replace(WHOLE, wanted_at=AT, wanted_number="13800000000")
    opened = done(engine, wanted, talk=Talk("13912345678", "sample"), mine=False)
    [row] = list_open(engine, 400.0)
    assert (row.id, row.number, row.owner, row.state, row.hotline) == (opened, "13800000000", "", "open", "sample")


def test_a_pending_one_waits_for_the_agreed_time(engine: Engine, write: Write, gave_up: Story, talked: Story) -> None:
    write(talked("c2", 200.0), gave_up("c9", 250.0))
    [before] = list_open(engine, 290.0)
    claim(engine, before.id, "li", 295.0)
    assert done(engine, replace(WHOLE, wanted_at=AT)) == before.id
    [row] = list_open(engine, 400.0)
    assert (row.id, row.owner, row.deadline, row.calls) == (before.id, "li", AT, 2)
    assert history(engine, row.id, 400.0).ledger[-1].what == "agreed"
    assert audit(engine).ok
    write(talked("c4", 500.0))
    assert done(engine, Draft("order", False, "", AT + 60), call_id="c4", now=600.0) == before.id
    assert [one.deadline for one in list_open(engine, 700.0)] == [AT + 60], "the last word counts"


def test_a_return_call_that_was_paid_and_the_next_that_was_agreed_on(
    engine: Engine, write: Write, gave_up: Story, called_back: Callable[..., None]
) -> None:
    write(gave_up("c1", 1000.0))
    [owed] = list_open(engine, 1100.0)
    claim(engine, owed.id, "wang", 1100.0)
    called_back(owed.id)
    told = history(engine, owed.id, 2100.0)
    assert [(call.call_id, call.role, call.seat, call.talk_s, call.result) for call in told.calls][1:] == [
        ("out", "dialled", "1026", 30.0, "reached")
    ]
    assert told.owed.state == "claimed", "a talk alone settles nothing"
    opened = done(engine, replace(WHOLE, wanted_at=AT), call_id="out", now=2200.0)
    [closed], [row] = list_done(engine, 2300.0), list_open(engine, 2300.0)
    assert (closed.id, closed.outcome, closed.closed_by, closed.attempts) == (owed.id, "reached", "wang", 1)
    assert (row.id, row.hotline, row.number, row.due_at) == (opened, "sample", "13912345678", AT)
    assert audit(engine).ok


def test_one_form_settles_the_return_call_too(
    engine: Engine, write: Write, gave_up: Story, called_back: Callable[..., None]
) -> None:
    write(gave_up("c1", 1000.0))
    [owed] = list_open(engine, 1100.0)
    claim(engine, owed.id, "li", 1100.0)
    called_back(owed.id)
    with pytest.raises(AlreadyClaimed):
        done(engine, WHOLE, call_id="out", now=2200.0, closing="reached")
    kept = of_call(engine, "out")
    assert kept is None, "all or nothing"
    # Another's: the agreed time is written to it, and it stays another's.
    assert done(engine, replace(WHOLE, wanted_at=AT), call_id="out", now=2200.0) == owed.id
    [row] = list_open(engine, 2300.0)
    assert (row.owner, row.deadline) == ("li", AT)
    called_back(owed.id, "out2", 3000.0)
    settle(engine, owed.id, "li", "reached", "", 3100.0, Window())
    assert done(engine, WHOLE, call_id="out2", now=3200.0) is None
    assert audit(engine).ok


def test_the_audit_finds_an_agreed_call_that_is_in_no_book(engine: Engine, write: Write, talked: Story) -> None:
    write(talked("c2", 200.0))
    done(engine, replace(WHOLE, wanted_at=AT))
    with writing(engine) as connection:
        connection.execute(delete(return_call_call))
    assert audit(engine).unattached == 1


def test_a_call_out_for_what_is_no_return_call(engine: Engine, called_back: Callable[..., None]) -> None:
    for number in ("r7", "99", "", "123456789012345"):
        called_back(number, f"out-{number}")
    assert [row.row.result for row in of_number(engine, "13912345678", 10)] == ["reached"] * 4
    assert audit(engine).ok


def test_what_a_seat_did_today(engine: Engine, write: Write, talked: Story, called_back: Callable[..., None]) -> None:
    write(talked("c2", 200.0), talked("c3", 1000.0))
    called_back(7)
    assert seat_day(engine, "1026", 0.0, 5000.0) == SeatDay(2, 1, 150.0)
    assert seat_day(engine, "1026", 900.0, 1500.0) == SeatDay(1, 0, 60.0)
    assert seat_day(engine, "1027", 0.0, 5000.0) == SeatDay(0, 0, 0.0)
    assert [row.row.call_id for row in of_number(engine, "13912345678", 2, but="out")] == ["c3", "c2"]
    assert (seat_of(engine, "c2"), seat_of(engine, "zzz")) == ("1026", "")


def test_two_screens_that_begin_at_once(engine: Engine) -> None:
    """One draft is kept, and the other screen sees it."""
    together, seen = threading.Barrier(2), []

    def write(text: str) -> None:
        together.wait()
        try:
            seen.append(save(engine, "c2", "1026", "wang", Draft(notes=text), 0, 10.0).draft.notes)
        except Changed as error:
            seen.append(error.current.draft.notes)

    screens = [threading.Thread(target=write, args=(text,)) for text in ("一", "二")]
    for screen in screens:
        screen.start()
    for screen in screens:
        screen.join()
    kept = of_call(engine, "c2")
    assert kept is not None
    assert seen == [kept.draft.notes] * 2
