"""Messages, promises and callers who were sent away: what they make owed, and to which number."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any

import pytest
from sqlalchemy import Engine, delete, update

from followup.audit import audit
from followup.callbacks import settle
from followup.calllog import CallRow, project
from followup.events import StreamEvent
from followup.history import details
from followup.owed import owed
from followup.returncalls import history, list_done, list_open
from followup.search import Search, page
from followup.tables import call_log, rating, return_call, return_call_call
from followup.windows import Window
from tests.followup.test_callbacks import spoil

Story = Callable[..., list[StreamEvent]]
Write = Callable[..., int]
Step = tuple[str, float, dict[str, Any]]

MESSAGE: Step = ("voicemail", 10.0, {"path": "2026/m.wav", "seconds": 12.5})
PROMISE: Step = ("promised", 11.0, {"reason": "return_call", "number": "13800000000"})
QUEUED: Step = ("queued", 2.0, {"queue": "service"})
TALK: Step = ("talking", 5.0, {"seat": "1026"})
END: Step = ("ended", 20.0, {"by": "caller", "reason": "hung_up_in_menu"})


def fold(events: list[StreamEvent]) -> CallRow:
    row = reduce(project, events, None)
    assert row is not None
    return row


@pytest.mark.parametrize(
    ("steps", "reason"),
    [
        ([MESSAGE, END], "voicemail"),
        ([("voicemail", 10.0, {"path": "m.wav", "seconds": 0.9}), END], None),
        ([("voicemail", 10.0, {"path": "m.wav", "seconds": 0.9}), MESSAGE, END], "voicemail"),
        ([("voicemail", 10.0, {"path": 7, "seconds": "long"}), END], None),
        ([END, MESSAGE], "voicemail"),
        ([PROMISE, END], "return_call"),
        ([PROMISE, MESSAGE, END], "return_call"),
        ([MESSAGE, PROMISE, END], "return_call"),
        ([QUEUED, ("time_limit", 9.0, {}), END], "time_limit"),
        ([QUEUED, ("time_limit", 9.0, {}), MESSAGE, END], "voicemail"),
        ([("overflow", 9.0, {"queue": "service"}), END], "overflow"),
        ([("overflow", 9.0, {"queue": "service"}), MESSAGE, END], "voicemail"),
        ([("closed", 9.0, {"queue": "service"}), END], "closed"),
        ([("menu", 3.0, {"node": "closed"}), END], None),
        ([QUEUED, TALK, END], None),
        ([QUEUED, ("time_limit", 3.0, {}), TALK, END], None),
        ([PROMISE, QUEUED, ("talking", 12.0, {"seat": "1026"}), END], None),
        ([QUEUED, TALK, MESSAGE, END], "voicemail"),
        ([QUEUED, TALK, PROMISE, END], "return_call"),
        ([QUEUED, TALK, END, MESSAGE], "voicemail"),
        ([PROMISE], None),
    ],
)
def test_who_is_owed(story: Story, engine: Engine, write: Write, steps: list[Step], reason: str | None) -> None:
    events = story("c1", ("arrived", 1.0, {}), *steps)
    debt = owed(fold(events), gave_up_after_s=5.0)
    assert (debt.reason if debt else None) == reason
    number = "13800000000" if PROMISE in steps else "13912345678"
    assert debt is None or (debt.number, debt.waive_reason) == (number, "")
    # In one batch, or event by event, and again: the books say the same.
    write(*[[event] for event in events])
    assert [(row.reason, row.number) for row in list_open(engine, 30.0)] == ([(reason, number)] if reason else [])
    assert audit(engine).ok
    again = [StreamEvent("c2", e.seq, e.type, e.at, {**e.data, "hotline": "other"}, e.raw) for e in events]
    write(again, again)
    assert len(list_open(engine, 30.0)) == 2 * (reason is not None)
    assert audit(engine).ok


def test_the_longest_message_is_the_call_s_and_all_are_kept(engine: Engine, write: Write, story: Story) -> None:
    takes = [(1.5, "a.wav"), (9.0, "b.wav"), (2.0, "c.wav")]
    steps = [("voicemail", 2.0 + n, {"path": path, "seconds": s}) for n, (s, path) in enumerate(takes)]
    write(story("c1", ("arrived", 1.0, {}), *steps, END))
    found = details(engine, "c1")
    assert found is not None
    assert (found.call.row.message_path, found.call.row.message_s) == ("b.wav", 9.0)
    assert found.messages == ("a.wav", "b.wav", "c.wav")
    [row] = list_open(engine, 30.0)
    assert row.message_call == "c1"
    [call] = history(engine, row.id, 30.0).calls
    assert (call.caller, call.message_s) == ("13912345678", 9.0)
    write(story("c2", ("arrived", 2.0, {}), END))
    assert [call.row.call_id for call in page(engine, Search(message=True)).calls] == ["c1"]


def test_each_message_of_a_hidden_number_waits_to_be_heard(engine: Engine, write: Write, story: Story) -> None:
    for call_id in ("c1", "c2"):
        write(story(call_id, ("arrived", 1.0, {}), MESSAGE, END, caller=""))
    assert [(row.number, row.state, row.message_call) for row in list_open(engine, 30.0)] == [
        ("", "open", "c1"),
        ("", "open", "c2"),
    ]
    settle(engine, list_open(engine, 30.0)[0].id, "1026", "reached", "号码在留言里", 40.0, Window())
    assert [row.message_call for row in list_open(engine, 50.0)] == ["c2"]
    assert audit(engine).ok


def test_a_promise_is_kept_to_the_number_that_was_given(
    engine: Engine, write: Write, story: Story, talked: Story, gave_up: Story
) -> None:
    write(story("c1", ("arrived", 1.0, {}), PROMISE, END, caller=""))
    [row] = list_open(engine, 30.0)
    assert (row.number, row.reason, row.province) == ("13800000000", "return_call", "")
    write(gave_up("c2", 40.0, caller="13800000000"))
    [row] = list_open(engine, 90.0)
    assert row.calls == 2
    write(talked("c3", 100.0, caller="13800000000"))
    assert [done.result for done in list_done(engine, 200.0)] == ["served"]
    assert audit(engine).ok


def test_a_transfer_into_a_queue_that_was_in_vain_in_one_batch(engine: Engine, write: Write, story: Story) -> None:
    write(
        story(
            "c1",
            ("arrived", 1.0, {}),
            QUEUED,
            TALK,
            ("queued", 30.0, {"queue": "repair"}),
            ("ended", 60.0, {"by": "caller", "reason": "abandoned"}),
        )
    )
    assert [row.reason for row in list_open(engine, 90.0)] == ["abandoned"]
    assert audit(engine).ok


@pytest.fixture
def all_kinds(story: Story) -> list[StreamEvent]:
    """A talk that was rated, a message, a promise to another number, and a caller whom a full queue sent away."""
    rated: Step = ("rated", 18.0, {"key": "1", "meaning": "满意", "seat": "1026", "queue": "service"})
    return [
        *story("t1", ("arrived", 1.0, {}), QUEUED, TALK, rated, END),
        *story("m1", ("arrived", 1.0, {}), MESSAGE, END, caller="04714613311"),
        *story("p1", ("arrived", 1.0, {}), PROMISE, END, caller="04714613312"),
        *story("o1", ("arrived", 1.0, {}), ("overflow", 9.0, {"queue": "service"}), END, caller="04714613313"),
    ]


def of(call_id: str) -> Any:
    return update(call_log).where(call_log.c.call_id == call_id)


BREAKAGES: list[tuple[str, Callable[[], Any]]] = [
    ("unattached", lambda: delete(return_call_call).where(return_call_call.c.call_id == "m1")),
    ("unattached", lambda: delete(return_call_call).where(return_call_call.c.call_id == "p1")),
    ("unattached", lambda: delete(return_call_call).where(return_call_call.c.call_id == "o1")),
    ("unattached", lambda: of("t1").values(talking_at=None, queued_at=None, message_s=3.0)),
    ("unattached", lambda: of("t1").values(promised="voicemail", promised_at=10.0)),
    ("unkept", lambda: of("m1").values(message_path="", message_s=None)),
    ("unkept", lambda: of("p1").values(promised="")),
    ("unkept", lambda: of("o1").values(promised="")),
    ("unkept", lambda: delete(rating)),
    ("misdirected", lambda: update(return_call).where(return_call.c.number == "13800000000").values(number="13800000001")),
    ("misdirected", lambda: of("p1").values(promised_number="13800000001")),
]


@pytest.mark.parametrize(("fault", "breakage"), BREAKAGES)
def test_the_audit_finds_each_that_is_missing(
    engine: Engine, write: Write, all_kinds: list[StreamEvent], fault: str, breakage: Callable[[], Any]
) -> None:
    write(all_kinds)
    sound = audit(engine)
    assert (sound.ok, sound.opened) == (True, 3)
    spoil(engine, breakage())
    found = audit(engine)
    assert not found.ok
    assert getattr(found, fault) == 1
    assert "NOT IN ORDER" in str(found)
