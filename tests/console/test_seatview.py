"""The seat page's one value: what is live and what is known, whichever source is away; and a return call by a click."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import redis as redis_py
from sqlalchemy import Engine

from console import reasons, seatwork
from console.reasons import Reason
from console.seatview import LAST_CALLS, Clock, NoSuchSeat, SeatPage, Terms, seat_view
from followup import wrapups
from followup.callbacks import AlreadyClaimed, AlreadyDone, settle
from followup.returncalls import NotFound, list_open
from followup.windows import Window
from followup.wrapups import Draft
from routing.requests import Occupied, set_status
from storage.sql import open_database

Tell = Callable[..., None]
P = "{hotline}:"
CALLER = "13912345678"
NOW = 1794970000.0
SUMMARY: dict[str, Any] = {"kind": "inbound", "phase": "TALKING", "caller": CALLER, "hotline": "sample", "since": NOW}


@pytest.fixture
def seated(redis_sync: redis_py.Redis) -> redis_py.Redis:
    """1026 is a seat, ready, its telephone registered."""
    redis_sync.sadd(P + "seats", "1026")
    redis_sync.hset(
        P + "seat:1026", mapping={"name": "小王", "queues": "[]", "state": "idle", "status": "off", "idle_since": "0"}
    )
    redis_sync.zadd(P + "registered", {"1026": 9e9})
    set_status(redis_sync, "1026", "ready")
    return redis_sync


def has(redis: redis_py.Redis, call_id: str, state: str = "talking", **more: Any) -> None:
    """The seat has this call now."""
    redis.hset(P + "seat:1026", mapping={"state": state, "call": call_id, "since": str(NOW)})
    redis.hset(P + f"call:{call_id}", mapping={"summary": json.dumps(SUMMARY | more)})


def view(engine: Engine, redis: redis_py.Redis | None, number: str = "1026") -> SeatPage:
    return seat_view(engine, redis, number, "wang", Terms(), NOW)


def test_nothing_happens(engine: Engine, seated: redis_py.Redis) -> None:
    page = view(engine, seated)
    assert (page.show, page.call_id, page.nth, page.clock) == ("idle", "", None, None)
    assert page.facts is not None
    assert (page.facts.earlier, page.facts.due, page.facts.drafts, page.facts.free) == ((), (), (), 0)
    with pytest.raises(NoSuchSeat):
        view(engine, seated, "9999")


@pytest.mark.parametrize(
    ("fields", "show"),
    [
        ({"status": "break"}, "break"),
        ({"status": "off"}, "off"),
        ({"state": "ringing", "status": "break"}, "ringing"),
        ({"aside_until": "9000000000"}, "set_aside"),
    ],
)
def test_in_one_word(engine: Engine, seated: redis_py.Redis, fields: dict[str, str], show: str) -> None:
    seated.hset(P + "seat:1026", mapping=fields)  # type: ignore[arg-type]
    assert view(engine, seated).show == show


def test_a_telephone_that_is_away(engine: Engine, seated: redis_py.Redis) -> None:
    seated.zrem(P + "registered", "1026")
    assert view(engine, seated).show == "not_registered"


def test_who_calls_for_the_how_many_th_time(engine: Engine, seated: redis_py.Redis, tell: Tell, owed: int) -> None:
    tell("other", ("arrived", NOW - 50, {}), caller="13800000000")
    wrapups.save(engine, "c1", "1026", "wang", Draft(notes="上次问保修"), 0, NOW - 10)
    wrapups.save(engine, "now", "1026", "wang", Draft(notes="这次"), 0, NOW - 1)
    wrapups.save(engine, "theirs", "1027", "li", Draft(notes="别人的"), 0, NOW - 1)
    seated.hset(P + f"caller:{CALLER}", mapping={"calls": "1", "name": "王先生"})
    has(seated, "now")
    page = view(engine, seated)
    assert (page.show, page.call_id, page.nth) == ("talking", "now", 2)
    assert page.live is not None
    assert page.live.call is not None
    assert page.live.call.known.name == "王先生"
    facts = page.facts
    assert facts is not None
    assert [(one.call.row.call_id, one.wrap_up and one.wrap_up.draft.notes) for one in facts.earlier] == [("c1", "上次问保修")]
    assert [one.id for one in facts.owed] == [owed]
    assert (facts.due, facts.free) == ((), 1)
    assert facts.wrap_up is not None
    assert facts.wrap_up.draft.notes == "这次"
    assert [one.call_id for one in facts.drafts] == ["c1"]
    has(seated, "now", kind="outbound")
    assert view(engine, seated).nth is None
    has(seated, "now", caller="")
    hidden = view(engine, seated)
    assert (hidden.nth, hidden.facts and hidden.facts.earlier) == (None, ())


def test_the_wrap_ups_clock(engine: Engine, seated: redis_py.Redis) -> None:
    fields = {"state": "wrap-up", "wraps": "now", "since": str(NOW), "until": str(NOW + 15)}
    seated.hset(P + "seat:1026", mapping=fields)  # type: ignore[arg-type]
    seated.set(P + "past:now", json.dumps(SUMMARY))
    seated.hset(P + f"caller:{CALLER}", "calls", "3")
    page = view(engine, seated)
    assert (page.clock, page.call_id, page.nth) == (Clock(NOW + 15, NOW + 300), "now", 1), "the log knows of no other"
    seated.hset(P + "seat:1026", "until", str(NOW + 400))
    assert view(engine, seated).clock == Clock(NOW + 400, NOW + 400)


def test_which_call_it_is_is_what_the_list_of_earlier_ones_says(engine: Engine, seated: redis_py.Redis, tell: Tell) -> None:
    """Redis hears of a call's end a moment later or earlier than the list."""
    seated.hset(P + f"caller:{CALLER}", "calls", "9")
    has(seated, "now")
    for n in range(LAST_CALLS):
        assert view(engine, seated).nth == n + 1
        tell(f"old{n}", ("arrived", 1000.0 + n, {}), ("ended", 1005.0 + n, {"by": "caller"}), caller=CALLER)
    tell("later", ("arrived", NOW + 900, {}), caller=CALLER)
    page = view(engine, seated)
    assert page.facts is not None
    assert (len(page.facts.earlier), page.nth) == (LAST_CALLS, 10), "of more than the list has, Redis knows the count"


def test_either_may_be_away(engine: Engine, seated: redis_py.Redis, tmp_path: Any) -> None:
    has(seated, "now")
    nowhere = open_database(f"sqlite:///{tmp_path}")  # a directory is no database
    page = view(nowhere, seated)
    nowhere.dispose()
    assert (page.facts, page.show, page.call_id) == (None, "talking", "now")
    with redis_py.Redis(unix_socket_path=f"{tmp_path}/nobody.sock") as away:
        for unreachable in (away, None):
            page = view(engine, unreachable)
            assert (page.live, page.show, page.call_id, page.at) == (None, "", "", NOW)
            assert page.facts is not None


def test_a_return_call_by_a_click(engine: Engine, seated: redis_py.Redis, owed: int, tell: Tell) -> None:
    call_id = seatwork.dial_return_call(engine, seated, owed, "wang", "1026", NOW)
    dialling = view(engine, seated).live.dialling  # type: ignore[union-attr]
    assert dialling is not None
    assert (dialling.call_id, dialling.number, dialling.callback_id, dialling.by) == (call_id, CALLER, str(owed), "wang")
    [row] = list_open(engine, NOW)
    assert (row.owner, row.state) == ("wang", "claimed")
    with pytest.raises(Occupied):
        seatwork.dial_return_call(engine, seated, owed, "wang", "1026", NOW)
    with pytest.raises(AlreadyClaimed):
        seatwork.dial_return_call(engine, seated, owed, "li", "1027", NOW)
    with pytest.raises(NotFound):
        seatwork.dial_return_call(engine, seated, 99, "wang", "1026", NOW)
    settle(engine, owed, "wang", "reached", "", NOW, Window())
    with pytest.raises(AlreadyDone):
        seatwork.dial_return_call(engine, seated, owed, "wang", "1026", NOW)
    tell(
        "hidden",
        ("arrived", NOW, {}),
        ("voicemail", NOW + 5, {"path": "m.wav", "seconds": 4.0}),
        ("ended", NOW + 9, {"by": "caller", "reason": "hung_up_in_menu", "phase": "MENU"}),
        caller="",
    )
    [unknown] = list_open(engine, NOW + 10)
    with pytest.raises(seatwork.NothingToDial):
        seatwork.dial_return_call(engine, seated, unknown.id, "wang", "1026", NOW)


def test_whose_it_is_to_write(engine: Engine, seated: redis_py.Redis, tell: Tell) -> None:
    def may(seat: str, call_id: str) -> bool:
        return seatwork.may_write(engine, seated, seat, call_id)

    assert not may("1026", "now")
    has(seated, "now", "ringing")
    assert may("1026", "now")
    assert not may("1027", "now")
    tell("past", ("arrived", NOW, {}), ("talking", NOW + 5, {"seat": "1027"}), ("ended", NOW + 9, {"by": "seat"}))
    assert may("1027", "past")
    assert not may("1026", "past")
    wrapups.save(engine, "begun", "1026", "wang", Draft(notes="x"), 0, NOW)
    assert may("1026", "begun")
    assert not may("1027", "begun")


def test_reasons_in_two_languages() -> None:
    listed = (Reason("meal", "用餐", "Meal"), Reason("rest", "休息"))
    assert [reasons.title(listed, code, "zh") for code in ("meal", "rest", "gone")] == ["用餐", "休息", "gone"]
    assert [reasons.title(listed, code, "en") for code in ("meal", "rest", "gone")] == ["Meal", "休息", "gone"]
