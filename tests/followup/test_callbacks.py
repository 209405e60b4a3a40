"""What people do with return calls; and an audit that fails when a row goes astray."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine, delete, insert, text, update

from followup.audit import audit
from followup.callbacks import (
    AlreadyClaimed,
    AlreadyDone,
    CallbackError,
    NameNeeded,
    NotClaimed,
    NotYours,
    Outcome,
    ReasonNeeded,
    claim,
    hand_over,
    release,
    settle,
    waive,
)
from followup.events import StreamEvent
from followup.history import Figures, figures
from followup.returncalls import NotFound, Tally, Wanted, history, list_done, list_open, tally
from followup.search import Search, count, page
from followup.tables import call_event, call_log, return_call, return_call_call
from followup.windows import Window
from storage.sql import writing

Story = Callable[..., list[StreamEvent]]
Write = Callable[..., int]


WINDOW = Window()


@pytest.fixture
def owed(engine: Engine, write: Write, gave_up: Story) -> int:
    """The id of one open return call."""
    write(gave_up("c1", 1000.0))
    return list_open(engine, 1100.0)[0].id


def test_claimed_called_twice_and_closed(engine: Engine, owed: int) -> None:
    claim(engine, owed, " 1026 ", 1100.0)
    claim(engine, owed, "1026", 1101.0)
    assert settle(engine, owed, "1026", "no_answer", "响了很久", 1110.0, WINDOW) == 90000.0
    [row] = list_open(engine, 1120.0)
    assert (row.state, row.owner, row.attempts, row.result) == ("claimed", "1026", 1, "响了很久")
    assert settle(engine, owed, "1026", "reached", "已解决", 1200.0, WINDOW) is None
    [row] = list_done(engine, 1300.0)
    assert (row.state, row.closed_by, row.attempts, row.result, row.closed_at) == ("closed", "1026", 2, "已解决", 1200.0)
    assert [(line.what, line.by, line.note) for line in history(engine, owed, 1300.0).ledger] == [
        ("opened", "system", "c1"),
        ("claimed", "1026", ""),
        ("result", "1026", "no_answer: 响了很久"),
        ("closed", "1026", "reached: 已解决"),
    ]
    assert audit(engine).ok


def test_what_another_has_claimed_is_theirs_until_released(engine: Engine, owed: int) -> None:
    claim(engine, owed, "1026", 1100.0)
    attempts: list[Callable[[], object]] = [
        lambda: claim(engine, owed, "1027", 1101.0),
        lambda: settle(engine, owed, "1027", "no_answer", "", 1101.0, WINDOW),
        lambda: settle(engine, owed, "1027", "reached", "x", 1101.0, WINDOW),
        lambda: waive(engine, owed, "1027", "x", 1101.0),
        lambda: release(engine, owed, "1027", 1101.0),
        lambda: hand_over(engine, owed, "1027", "1028", 1101.0),
    ]
    for attempt in attempts:
        with pytest.raises((AlreadyClaimed, NotYours)) as caught:
            attempt()
        assert caught.value.owner == "1026"  # type: ignore[attr-defined]
    release(engine, owed, "1027", 1102.0, others=True)
    with pytest.raises(NotClaimed):
        release(engine, owed, "1027", 1103.0)
    claim(engine, owed, "1027", 1104.0)
    assert [(line.what, line.by, line.note) for line in history(engine, owed, 1300.0).ledger][2:] == [
        ("released", "1027", "1026"),
        ("claimed", "1027", ""),
    ]


def test_waived_with_a_reason_only(engine: Engine, owed: int) -> None:
    for reason in ("", "  ", "x" * 501, "\0"):
        with pytest.raises(ReasonNeeded):
            waive(engine, owed, "1026", reason, 1100.0)
    with pytest.raises(ReasonNeeded):
        settle(engine, owed, "1026", "done", "", 1100.0, WINDOW)
    waive(engine, owed, "1026", "客户要求不再联系", 1100.0)
    [row] = list_done(engine, 1200.0)
    assert (row.state, row.waive_reason) == ("waived", "客户要求不再联系")
    assert audit(engine).ok


def test_what_is_done_is_done_and_what_is_not_there_is_not_there(engine: Engine, owed: int) -> None:
    settle(engine, owed, "1026", "reached", "ok", 1100.0, WINDOW)
    actions: list[Callable[[int], object]] = [
        lambda key: claim(engine, key, "1026", 1101.0),
        lambda key: release(engine, key, "1026", 1101.0),
        lambda key: hand_over(engine, key, "1026", "1027", 1101.0, others=True),
        lambda key: settle(engine, key, "1026", "reached", "x", 1101.0, WINDOW),
        lambda key: waive(engine, key, "1026", "x", 1101.0),
    ]
    for action in actions:
        with pytest.raises(AlreadyDone):
            action(owed)
        with pytest.raises(NotFound):
            action(owed + 1)
    with pytest.raises(NotFound):
        history(engine, owed + 1, 1101.0)
    for name in ("", " ", "x" * 65):
        with pytest.raises(NameNeeded):
            claim(engine, owed, name, 1101.0)


def test_of_many_who_claim_at_once_one_gets_it(engine: Engine, owed: int) -> None:
    got: list[str] = []

    def grab(who: str) -> None:
        try:
            claim(engine, owed, who, 1100.0)
        except CallbackError:
            return
        got.append(who)

    threads = [threading.Thread(target=grab, args=(f"s{n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == [list_open(engine, 1100.0)[0].owner]


def test_a_claimed_return_call_is_paid_when_the_caller_rings_again(
    engine: Engine, owed: int, write: Write, talked: Story
) -> None:
    claim(engine, owed, "1026", 1100.0)
    write(talked("c2", 2000.0))
    with pytest.raises(AlreadyDone):
        settle(engine, owed, "1026", "reached", "ok", 2100.0, WINDOW)
    assert audit(engine).ok


@pytest.fixture
def owed_and_talked(gave_up: Story, talked: Story) -> list[StreamEvent]:
    """A talk, and afterwards a caller who gave up."""
    return [*talked("t1", 900.0), *gave_up("c1", 1000.0)]


def spoil(engine: Engine, breakage: Any) -> None:
    """As the database would never let itself be changed."""
    with engine.connect() as connection:
        off = "PRAGMA foreign_keys = OFF" if engine.dialect.name == "sqlite" else "SET session_replication_role = replica"
        if engine.dialect.name == "sqlite":  # the pragma is void inside a transaction
            connection.connection.execute(off)
        else:
            connection.execute(text(off))
        connection.execute(breakage)
        connection.commit()
        connection.invalidate()


BREAKAGES: list[tuple[str, Callable[[], Any]]] = [
    ("opened", lambda: delete(return_call)),
    ("unattached", lambda: delete(return_call_call)),
    ("contradicted", lambda: update(return_call).values(state="closed", result="x")),
    ("contradicted", lambda: update(return_call).values(state="waived", waive_reason="x")),
    ("unlogged", lambda: delete(call_log)),
    ("unattached", lambda: update(call_log).where(call_log.c.call_id == "t1").values(talking_at=None, promised="time_limit")),
    ("unattached", lambda: update(call_log).where(call_log.c.call_id == "t1").values(talking_at=None, wait_s=5.0)),
    ("unattached", lambda: update(call_log).where(call_log.c.call_id == "t1").values(talking_at=None, ended_by="system")),
    ("unattached", lambda: update(call_log).where(call_log.c.call_id == "t1").values(talking_at=None, reason="media_lost")),
]


@pytest.mark.parametrize(("fault", "breakage"), BREAKAGES)
def test_the_audit_fails_when_the_books_are_broken(
    engine: Engine, write: Write, owed_and_talked: list[StreamEvent], fault: str, breakage: Callable[[], Any]
) -> None:
    write(owed_and_talked)
    assert audit(engine).ok
    spoil(engine, breakage())
    found = audit(engine)
    assert not found.ok
    assert "NOT IN ORDER" in str(found)
    if fault == "opened":
        assert found.opened == found.open + found.closed + found.waived + 1
    else:
        assert getattr(found, fault) == 1 + (fault == "unlogged")


def test_the_audit_counts_each_kind(engine: Engine, write: Write, gave_up: Story) -> None:
    for n in range(6):
        write(gave_up(f"c{n}", 1000.0 + n, caller=f"1391234560{n}"))
    ids = [row.id for row in list_open(engine, 1100.0)]
    claim(engine, ids[0], "1026", 1100.0)
    settle(engine, ids[1], "1026", "reached", "ok", 1100.0, WINDOW)
    waive(engine, ids[2], "1026", "dup", 1100.0)
    found = audit(engine)
    assert (found.opened, found.open, found.closed, found.waived, found.ok) == (6, 4, 1, 1, True)
    assert str(found) == "opened 6 = closed 1 + open 4 + waived 1: ok"


def test_search_and_figures(engine: Engine, write: Write, gave_up: Story, talked: Story, story: Story) -> None:
    write(
        gave_up("c1", 1000.0),
        talked("c2", 2000.0, caller="04714613311"),
        story("c3", ("arrived", 3000.0, {}), ("ended", 3010.0, {"by": "caller", "reason": "hung_up_in_menu"})),
        story("c4", ("arrived", 4000.0, {}), ("queued", 4001.0, {"queue": "service"})),
    )

    def found(**wanted: Any) -> list[str]:
        calls = page(engine, Search(**wanted)).calls
        assert count(engine, Search(**wanted)) == len(calls)
        return [call.row.call_id for call in calls]

    assert found() == ["c4", "c3", "c2", "c1"]
    assert [found(outcome=outcome) for outcome in ("live", "menu", "talked", "missed")] == [["c4"], ["c3"], ["c2"], ["c1"]]
    assert found(number="3311") == ["c2"]
    assert found(number="%") == []
    assert found(since=2000.0, until=4000.0) == ["c3", "c2"]
    assert [call.outcome for call in page(engine, Search()).calls] == ["live", "menu", "talked", "missed"]
    assert figures(engine, 0.0, 5000.0) == Figures(arrived=4, queued=3, talked=1, missed=1, in_time=1)
    assert figures(engine, 0.0, 5000.0, 1.0).service_level == 0.0
    assert figures(engine, 0.0, 5000.0).service_level == 0.5
    assert figures(engine, 9000.0, 9001.0).service_level is None
    assert figures(engine, 0.0, 5000.0, 20.0, {"service": 20.0}).in_time_s == 20.0, "all alike"
    apart = figures(engine, 0.0, 5000.0, 20.0, {"service": 1.0, "sales": 30.0})
    assert (apart.service_level, apart.in_time_s) == (0.0, None), "this queue's own goal was missed"
    assert figures(engine, 0.0, 5000.0, 1.0, {"service": 30.0, "sales": 1.0}).service_level == 0.5
    assert figures(engine, 0.0, 5000.0, 1.0, {"sales": 30.0}).service_level == 0.0, "another's counts for nothing here"
    assert figures(engine, 0.0, 5000.0).answered_share == 0.5
    assert figures(engine, 9000.0, 9001.0).answered_share is None


def test_calls_that_seats_make_are_told_apart(engine: Engine, write: Write, story: Story) -> None:
    started: dict[str, Any] = {"kind": "outbound", "caller": "13912345678", "seat": "1026"}
    write(
        story("c1", ("outbound_started", 1.0, started), ("ended", 9.0, {"by": "system", "reason": "busy", "result": "busy"})),
        story("c2", ("outbound_started", 2.0, started), ("talking", 3.0, {"seat": "1026"}), ("ended", 9.0, {"by": "seat"})),
        story("c3", ("outbound_started", 3.0, {**started, "kind": "internal"})),
        story("c4", ("arrived", 4.0, {}), ("ended", 5.0, {"by": "caller", "reason": "hung_up_in_menu"})),
    )
    assert [call.outcome for call in page(engine, Search()).calls] == ["menu", "live", "talked", "unreached"]
    assert [call.row.call_id for call in page(engine, Search(outcome="unreached")).calls] == ["c1"]
    assert [call.row.call_id for call in page(engine, Search(outcome="menu")).calls] == ["c4"]
    assert figures(engine, 0.0, 10.0) == Figures(arrived=1, queued=0, talked=0, missed=0), "of calls that came in"
    assert audit(engine).ok


def test_events_without_their_call_are_found(engine: Engine) -> None:
    with writing(engine) as connection:
        connection.execute(insert(call_event).values(subject="c9", seq=1, type="arrived", at=1.0, data="{}"))
        connection.execute(insert(call_event).values(subject="seat:1026", seq=1, type="seat_state", at=1.0, data="{}"))
    assert audit(engine).unlogged == 1


@pytest.mark.parametrize("outcome", ["reached", "done", "wrong_number"])
def test_what_settles_it(engine: Engine, owed: int, outcome: Outcome) -> None:
    settle(engine, owed, "wang", "no_answer", "", 1100.0, WINDOW)
    settle(engine, owed, "wang", outcome, "说明", 30000.0, WINDOW)
    [row] = list_done(engine, 30001.0)
    assert (row.state, row.outcome, row.result, row.attempts, row.next_at) == ("closed", outcome, "说明", 2, None)
    assert audit(engine).ok


def test_handed_over_by_its_owner_or_a_supervisor(engine: Engine, owed: int) -> None:
    with pytest.raises(NotClaimed):
        hand_over(engine, owed, "wang", "li", 1100.0)
    assert hand_over(engine, owed, "zhao", "wang", 1101.0, others=True) == ""
    assert hand_over(engine, owed, "wang", "li", 1102.0) == "wang"
    assert hand_over(engine, owed, "li", "li", 1103.0) == "li"
    [row] = list_open(engine, 1104.0)
    assert (row.state, row.owner, row.claimed_at) == ("claimed", "li", 1102.0)
    assert [(line.what, line.by, line.note) for line in history(engine, owed, 1300.0).ledger][1:] == [
        ("handed_over", "zhao", "wang"),
        ("handed_over", "wang", "li"),
    ]
    waive(engine, owed, "zhao", "重复", 1105.0, others=True)
    assert audit(engine).ok


def test_the_list_by_deadline_and_filters(engine: Engine, write: Write, gave_up: Story) -> None:
    for n in range(3):
        write(gave_up(f"c{n}", 96400.0 + 60 * n, caller=f"1391234560{n}"))
    first, second, third = (row.id for row in list_open(engine, 97000.0))
    due = list_open(engine, 97000.0)[0].due_at
    claim(engine, first, "wang", 97000.0)
    again_at = settle(engine, first, "wang", "no_answer", "", due - 1.0, WINDOW)
    assert again_at is not None
    assert again_at > due + 120.0
    late = due + 90.0

    def listed(**wanted: Any) -> list[int]:
        return [row.id for row in list_open(engine, late, Wanted(**wanted))]

    assert listed() == [second, third, first], "what is to be tried again is not late before that"
    assert [row.overdue for row in list_open(engine, late)] == [True, False, False]
    assert (listed(which="late"), listed(which="free"), listed(which="again")) == ([second], [second, third], [first])
    assert (listed(owner="wang"), listed(owner="li"), listed(number="5602"), listed(hotline="x")) == ([first], [], [third], [])
    assert tally(engine, late) == Tally(pending=3, free=2, late=1, again=1)
    assert [row.overdue for row in list_open(engine, again_at + 1.0)] == [True, True, True]
    settle(engine, second, "li", "reached", "", late, WINDOW)
    assert [row.id for row in list_done(engine, late, Wanted(owner="li"))] == [second]
    assert tally(engine, late).pending == 2
