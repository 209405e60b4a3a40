"""The call log's row, folded from literal events; and what it makes owed."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any

import pytest

from followup.calllog import CallRow, project
from followup.events import StreamEvent, read, unreadable
from followup.owed import owed

Story = Callable[..., list[StreamEvent]]


def fold(events: list[StreamEvent]) -> CallRow:
    row = reduce(project, events, None)
    assert row is not None
    return row


def test_a_call_that_is_answered(story: Story) -> None:
    row = fold(
        story(
            "c1",
            ("arrived", 100.0, {"province": "内蒙古自治区", "city": "呼和浩特市"}),
            ("answered", 101.0, {}),
            ("menu", 101.0, {"node": "welcome"}),
            ("key", 109.0, {"node": "main", "digit": "1"}),
            ("queued", 110.0, {"queue": "service", "position": 2}),
            ("offered", 115.0, {"seat": "1026", "skipped": [["1027", "break"]]}),
            ("no_answer", 135.0, {"seat": "1026"}),
            ("requeued", 135.0, {"queue": "service", "why": "no_answer"}),
            ("offered", 136.0, {"seat": "1027", "skipped": []}),
            ("talking", 140.0, {"seat": "1027", "wait_s": 30.0}),
            ("recording", 140.0, {"path": "2026/11/c1.wav"}),
            ("ended", 200.0, {"by": "seat", "reason": "completed", "phase": "TALKING", "queue": "service", "seat": "1027"}),
        )
    )
    assert row == CallRow(
        call_id="c1",
        arrived_at=100.0,
        last_seq=12,
        phase="TALKING",
        node="n1",
        trunk="local",
        hotline="sample",
        called="4001",
        caller="13912345678",
        dialable=True,
        province="内蒙古自治区",
        city="呼和浩特市",
        answered_at=101.0,
        menu_path="welcome",
        queue="service",
        queued_at=110.0,
        offers=2,
        seat="1027",
        talking_at=140.0,
        ended_at=200.0,
        ended_by="seat",
        reason="completed",
        wait_s=30.0,
        talk_s=60.0,
        recording="2026/11/c1.wav",
    )
    assert owed(row, 5.0) is None


def test_phases_follow_the_events(story: Story) -> None:
    events = story(
        "c1",
        ("arrived", 1.0, {}),
        ("menu", 2.0, {"node": "main"}),
        ("queued", 3.0, {"queue": "q"}),
        ("offered", 4.0, {"seat": "1026"}),
        ("requeued", 5.0, {"queue": "q", "why": "refused"}),
        ("offered", 6.0, {"seat": "1026"}),
        ("talking", 7.0, {"seat": "1026"}),
    )
    row: CallRow | None = None
    phases = []
    for event in events:
        row = project(row, event)
        phases.append(row.phase)
    assert phases == ["ARRIVED", "MENU", "QUEUED", "OFFERED", "QUEUED", "OFFERED", "TALKING"]
    assert row is not None
    assert row.wait_s == 4.0  # counted from the first queueing where the event brings none


def test_the_first_end_stands_and_only_a_recording_may_follow(story: Story) -> None:
    row = fold(
        story(
            "c1",
            ("arrived", 1.0, {}),
            ("ended", 5.0, {"by": "caller", "reason": "hung_up_in_menu", "phase": "MENU"}),
            ("recording", 6.0, {"path": "a.wav"}),
            ("talking", 7.0, {"seat": "1026"}),
            ("ended", 8.0, {"by": "system", "reason": "engine_lost"}),
        )
    )
    assert (row.ended_at, row.reason, row.phase, row.talking_at, row.recording) == (
        5.0,
        "hung_up_in_menu",
        "MENU",
        None,
        "a.wav",
    )
    assert row.last_seq == 5


def test_a_reaped_call_whose_beginning_is_lost_gets_what_its_summary_says(story: Story) -> None:
    row = fold(
        story("c1", ("ended", 9.0, {"by": "system", "reason": "engine_lost", "hotline": "sample", "caller": "04714613311"}))
    )
    assert (row.arrived_at, row.hotline, row.caller, row.dialable) == (9.0, "sample", "04714613311", True)


def test_rubbish_in_events_stays_harmless(story: Story) -> None:
    row = fold(
        story(
            "c1",
            ("arrived", 1.0, {"caller": "1\x00\ud800" + "9" * 200, "hotline": ["x"], "trunk": None}),
            ("talking", 2.0, {"wait_s": "long"}),
            ("recording", 3.0, {"path": 7}),
            ("ended", 4.0, {"by": "s" * 99, "reason": None, "phase": "p" * 99, "talk_s": float("nan"), "wait_s": True}),
        )
    )
    assert row.caller == "1?" + "9" * 62
    assert (row.hotline, row.trunk, row.reason, row.talk_s, row.wait_s, row.recording) == ("", "", "unknown", 2.0, None, "")
    assert len(row.ended_by) == len(row.phase) == 16


@pytest.mark.parametrize(
    ("steps", "reason"),
    [
        ([("queued", 10.0, {}), ("ended", 15.0, {"by": "caller", "reason": "abandoned"})], "abandoned"),
        ([("queued", 10.0, {}), ("ended", 14.9, {"by": "caller", "reason": "abandoned"})], None),
        ([("queued", 10.0, {}), ("ended", 11.0, {"by": "caller", "reason": "abandoned", "wait_s": 5.0})], "abandoned"),
        ([("queued", 10.0, {}), ("offered", 11.0, {}), ("ended", 30.0, {"by": "caller", "reason": "abandoned"})], "abandoned"),
        ([("queued", 10.0, {}), ("ended", 11.0, {"by": "system", "reason": "engine_lost"})], "engine_lost"),
        ([("queued", 10.0, {}), ("ended", 11.0, {"by": "system", "reason": "menu_ended"})], "menu_ended"),
        ([("queued", 10.0, {}), ("ended", 11.0, {"by": "caller", "reason": "rtp_timeout"})], "rtp_timeout"),
        (
            [("queued", 10.0, {}), ("time_limit", 12.0, {}), ("ended", 13.0, {"by": "caller", "reason": "hung_up_in_menu"})],
            "time_limit",
        ),
        ([("owed", 12.0, {"reason": "closed"}), ("ended", 13.0, {"by": "caller", "reason": "hung_up_in_menu"})], "closed"),
        ([("time_limit", 12.0, {}), ("talking", 13.0, {}), ("ended", 14.0, {"by": "system", "reason": "media_lost"})], None),
        ([("queued", 10.0, {}), ("talking", 13.0, {}), ("ended", 14.0, {"by": "system", "reason": "engine_lost"})], None),
        ([("ended", 60.0, {"by": "caller", "reason": "hung_up_in_menu"})], None),
        ([("ended", 60.0, {"by": "system", "reason": "busy"})], None),
        ([("queued", 10.0, {})], None),
    ],
)
def test_who_is_owed(story: Story, steps: list[tuple[str, float, dict[str, object]]], reason: str | None) -> None:
    debt = owed(fold(story("c1", ("arrived", 1.0, {}), *steps)), gave_up_after_s=5.0)
    assert (debt.reason if debt else None) == reason
    if debt:
        assert (debt.kind, debt.waive_reason) == ("return", "")


@pytest.mark.parametrize(("caller", "dialable"), [("", False), ("1001", False)])
def test_a_hidden_number_is_waived_at_once(story: Story, caller: str, dialable: bool) -> None:
    events = story("c1", ("arrived", 1.0, {"dialable": dialable}), ("queued", 2.0, {}), caller=caller)
    events += [StreamEvent("c1", 9, "ended", 60.0, {"by": "caller", "reason": "abandoned"})]
    debt = owed(fold(events), 5.0)
    assert debt is not None
    assert debt.waive_reason == "no_number"


GOOD = {"subject": "c1", "seq": "3", "type": "menu", "at": "12.5", "data": '{"node": "main"}'}


def test_read() -> None:
    assert read(GOOD) == StreamEvent("c1", 3, "menu", 12.5, {"node": "main"}, '{"node": "main"}')


@pytest.mark.parametrize(
    "change",
    [
        {"seq": "x"},
        {"seq": "-1"},
        {"seq": str(2**63)},
        {"at": "nan"},
        {"at": "soon"},
        {"data": "{"},
        {"data": "[]"},
        {"subject": ""},
        {"subject": "c" * 65},
        {"type": ""},
    ],
)
def test_what_is_no_event_is_refused_and_can_be_kept(change: dict[str, str]) -> None:
    fields = GOOD | change
    with pytest.raises(ValueError, match="not an event"):
        read(fields)
    kept = unreadable("5-1", fields, 9.0)
    assert (kept.subject, kept.type, kept.is_call) == ("stream:5-1", "unreadable", False)
    assert change.keys() <= {"subject", "seq", "type", "at", "data"}


def test_a_call_that_a_seat_makes(story: Story) -> None:
    started = {"kind": "outbound", "caller": "13912345678", "called": "4000000000", "seat": "1026", "queue": "service"}
    row = fold(
        story(
            "c1",
            ("outbound_started", 1.0, started),
            ("ringing", 2.0, {"seat": "1026"}),
            ("seat_answered", 3.0, {"seat": "1026"}),
            ("ringing", 4.0, {"to": "13912345678"}),
            ("ended", 30.0, {"by": "system", "reason": "no_answer", "phase": "DIALLING", "result": "no_answer"}),
        )
    )
    assert (row.kind, row.phase, row.seat, row.caller, row.reason) == (
        "outbound",
        "DIALLING",
        "1026",
        "13912345678",
        "no_answer",
    )
    assert owed(row, 5.0) is None, "whom we could not reach is not owed a second call"


def test_a_transfer_to_a_colleague_is_a_talk_with_that_one(story: Story) -> None:
    row = fold(
        story(
            "c1",
            ("arrived", 1.0, {}),
            ("queued", 2.0, {"queue": "q"}),
            ("talking", 3.0, {"seat": "1026", "wait_s": 1.0}),
            ("transferred", 9.0, {"from": "1026", "to": "1027", "kind": "blind", "seat": "1027"}),
            ("transferred", 12.0, {"from": "1027", "to": "10086", "kind": "attended", "seat": ""}),
            ("ended", 20.0, {"by": "caller", "reason": "completed", "phase": "TALKING", "talk_s": 17.0}),
        )
    )
    assert (row.seat, row.talking_at, row.talk_s) == ("1027", 3.0, 17.0)


def test_who_is_transferred_to_a_queue_and_gives_up_there_is_owed_a_call(story: Story) -> None:
    waited: tuple[tuple[str, float, dict[str, Any]], ...] = (
        ("arrived", 1.0, {}),
        ("queued", 2.0, {"queue": "q"}),
        ("talking", 3.0, {"seat": "1026", "wait_s": 1.0}),
        ("transferred", 50.0, {"from": "1026", "to": "sales", "kind": "queue"}),
        ("queued", 50.0, {"queue": "sales"}),
    )
    end = {"by": "caller", "reason": "abandoned", "phase": "QUEUED", "wait_s": 40.0, "talk_s": 47.0}
    row = fold(story("c1", *waited, ("ended", 90.0, end)))
    assert (row.queue, row.queued_at, row.wait_s, row.talk_s, row.talking_at) == ("sales", 50.0, 40.0, 47.0, None)
    debt = owed(row, 5.0)
    assert debt is not None
    assert debt.reason == "abandoned"
    served = fold(story("c1", *waited, ("talking", 60.0, {"seat": "1027", "wait_s": 10.0})))
    assert (served.talking_at, served.wait_s, served.seat) == (60.0, 10.0, "1027")
