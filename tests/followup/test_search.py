"""Lists of calls: filters, orders, pages by key."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine, insert

from followup.callbacks import settle, waive
from followup.returncalls import list_open
from followup.search import SORTS, Key, Search, count, page, tail_of, walk
from followup.tables import wrap_up
from followup.windows import Window
from storage.sql import writing
from tests.followup.conftest import Story

Write = Callable[..., int]


def ids(engine: Engine, sort: Any = "newest", **wanted: Any) -> list[str]:
    found = page(engine, Search(**wanted), sort).calls
    assert count(engine, Search(**wanted), sort) == len(found)
    return [call.row.call_id for call in found]


@pytest.fixture
def logged(write: Write, story: Story, talked: Story, gave_up: Story) -> None:
    """Five calls: a short talk, a lost one that is owed, a recorded long talk with another seat, one out, a message."""
    write(
        talked("short", 1000.0),
        gave_up("lost", 2000.0, waited_s=40.0, caller="04714613311"),
        story(
            "long",
            ("arrived", 3000.0, {"hotline": "repairs"}),
            ("queued", 3001.0, {"queue": "repair"}),
            ("talking", 3010.0, {"seat": "1027", "wait_s": 9.0}),
            ("recording", 3010.0, {"path": "long.wav"}),
            ("ended", 3900.0, {"by": "seat", "reason": "completed", "talk_s": 890.0}),
            caller="18600001234",
        ),
        story(
            "out",
            ("outbound_started", 4000.0, {"kind": "outbound", "caller": "02158880000", "seat": "1026"}),
            ("ended", 4020.0, {"by": "system", "reason": "no_answer"}),
        ),
        story(
            "message",
            ("arrived", 5000.0, {}),
            ("voicemail", 5030.0, {"path": "m.wav", "seconds": 12.0}),
            ("ended", 5031.0, {"by": "caller", "reason": "voicemail"}),
            caller="",
        ),
    )


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({}, ["message", "out", "long", "lost", "short"]),
        ({"number": "13912345678"}, ["short"]),
        ({"number": "5678"}, ["short"]),
        ({"number": "3311"}, ["lost"]),
        ({"number": "1391"}, []),  # the first digits find nobody
        ({"number": "0000"}, ["out"]),
        ({"hotline": "repairs"}, ["long"]),
        ({"queue": "service"}, ["lost", "short"]),
        ({"seat": "1026"}, ["out", "short"]),
        ({"outcome": "talked"}, ["long", "short"]),
        ({"outcome": "missed"}, ["lost"]),
        ({"outcome": "menu"}, ["message"]),
        ({"outcome": "unreached"}, ["out"]),
        ({"kind": "outbound"}, ["out"]),
        ({"kind": "inbound", "seat": "1026"}, ["short"]),
        ({"recorded": True}, ["long"]),
        ({"message": True}, ["message"]),
        ({"min_talk_s": 60.0}, ["long", "short"]),
        ({"min_talk_s": 61.0}, ["long"]),
        ({"owed": "any"}, ["message", "lost"]),
        ({"since": 2000.0, "until": 4000.0}, ["long", "lost"]),
        ({"since": 2000.0, "outcome": "talked", "recorded": True, "hotline": "repairs", "min_talk_s": 1.0}, ["long"]),
    ],
)
def test_filters(engine: Engine, logged: None, wanted: dict[str, Any], found: list[str]) -> None:
    assert ids(engine, **wanted) == found


def test_a_live_call_is_found_as_one(engine: Engine, write: Write, story: Story) -> None:
    write(story("c1", ("arrived", 1.0, {}), ("queued", 2.0, {"queue": "service"})))
    assert ids(engine, outcome="live") == ["c1"]
    write(story("c1", ("arrived", 1.0, {}), ("queued", 2.0, {}), ("talking", 3.0, {"seat": "1026"}), ("ended", 9.0, {})))
    assert (ids(engine, outcome="live"), ids(engine, outcome="talked")) == ([], ["c1"])


def test_debts_and_what_people_wrote_of_them(engine: Engine, logged: None) -> None:
    owed = {row.reason: row.id for row in list_open(engine, 6000.0)}
    assert ids(engine, owed="open") == ["message", "lost"]
    settle(engine, owed["abandoned"], "wang", "reached", "要求退款,已转财务 100%", 6000.0, Window())
    waive(engine, owed["voicemail"], "zhao", "Duplicate", 6000.0, others=True)
    assert ids(engine, owed="open") == []
    assert ids(engine, owed="done") == ids(engine, owed="any") == ["message", "lost"]
    assert ids(engine, note="退款") == ["lost"]
    assert ids(engine, note="100%") == ["lost"]
    assert ids(engine, note="duplicate") == ["message"]
    assert ids(engine, note="%") == ["lost"]
    assert ids(engine, note="short") == [], "calls' ids in the ledger are nobody's words"
    assert ids(engine, note="退款", owed="open") == []


def test_the_four_orders(engine: Engine, logged: None) -> None:
    assert ids(engine, "oldest") == ["short", "lost", "long", "out", "message"]
    assert ids(engine, "talk") == ["long", "short"]
    assert ids(engine, "wait") == ["lost", "long", "short"]


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_pages_by_key_there_and_back_hold_every_call_once(
    engine: Engine, write: Write, talked: Story, sort: Any, size: int
) -> None:
    write(*(talked(f"c{n:02}", 1000.0 + n // 3) for n in range(10)))  # some came at the same moment; all talked as long
    everything = [call.row.call_id for call in page(engine, Search(), sort).calls]
    assert sorted(everything) == [f"c{n:02}" for n in range(10)]
    there: list[list[str]] = []
    shown = page(engine, Search(), sort, limit=size)
    assert shown.before is None
    while True:
        there.append([call.row.call_id for call in shown.calls])
        if shown.after is None:
            break
        write(talked(f"new{len(there)}", 1000.0 + 50 * len(there)))  # what comes meanwhile shifts nothing
        key = Key.read(str(shown.after))
        shown = page(engine, Search(until=1040.0), sort, after=key, limit=size)
    assert [each for one in there for each in one] == everything
    for expected in reversed(there[:-1]):
        assert shown.before is not None
        shown = page(engine, Search(until=1040.0), sort, before=Key.read(str(shown.before)), limit=size)
        assert [call.row.call_id for call in shown.calls] == expected
    assert shown.before is None


def test_counting_and_walking_end_where_they_must(engine: Engine, write: Write, talked: Story) -> None:
    write(*(talked(f"c{n}", 1000.0 + n) for n in range(7)))
    assert (count(engine, Search(), most=6), count(engine, Search(), most=7)) == (7, 7)
    assert [call.row.call_id for call in walk(engine, Search(), "newest", 3)] == ["c6", "c5", "c4"]
    assert len(list(walk(engine, Search(), "oldest", 100))) == 7


def test_a_long_walk_goes_on_by_key(engine: Engine, write: Write, talked: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    write(*(talked(f"c{n}", 1000.0 + n) for n in range(7)))
    monkeypatch.setattr("followup.search._WALKED", 2)
    assert [call.row.call_id for call in walk(engine, Search(), "oldest", 5)] == [f"c{n}" for n in range(5)]


@pytest.mark.parametrize("rubbish", ["", "x", "~", "1.0~", "abc~c1", "1.0~" + "x" * 100])
def test_a_key_that_is_none(rubbish: str) -> None:
    assert Key.read(rubbish) is None


@pytest.mark.parametrize(
    ("typed", "number"),
    [
        ("139 1234 5678", "13912345678"),
        ("+86 139 1234 5678", "13912345678"),
        ("0086-471-4613311", "04714613311"),
        ("013912345678", "13912345678"),
        ("0471-4613311", "04714613311"),
        ("5678", "5678"),
        ("+86", ""),
        ("王先生", ""),
    ],
)
def test_numbers_as_people_type_them(typed: str, number: str) -> None:
    assert tail_of(typed) == number


def test_what_a_seat_wrote_of_its_talk_is_found_too(engine: Engine, logged: None) -> None:
    row = {
        "call_id": "long",
        "seat": "1027",
        "by": "li",
        "reason": "",
        "notes": "压缩机异响",
        "wanted_number": "",
        "revision": 1,
    }
    with writing(engine) as connection:
        connection.execute(insert(wrap_up).values(**row, saved_at=3950.0))
    assert ids(engine, note="压缩机") == ["long"]
    assert ids(engine, note="风扇") == []
