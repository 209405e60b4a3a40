"""A page that goes on shows what a page shows that is loaded anew, however little of it was drawn again."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis as redis_py
from flask import Flask
from sqlalchemy import Engine

from console import accounts
from console.options import ConsoleOptions
from console.reasons import Reason
from console.seatdraw import work_on
from console.seatregions import Region, Regions
from console.seatview import SeatPage, Terms, seat_view
from followup import callbacks, wrapups
from followup.windows import Window
from followup.wrapups import Draft
from routing.requests import originate, set_status
from tests.console.conftest import Tell

P = "{hotline}:"
CALLER = "13912345678"
NOW = 1794970000.0
SUMMARY: dict[str, Any] = {"kind": "inbound", "phase": "TALKING", "caller": CALLER, "hotline": "sample", "since": NOW}
CLOCKS = re.compile(r'(data-(?:since|until)="[^"]*">)[^<]*')
"""What the page's script writes."""

See = Callable[..., SeatPage]


@pytest.fixture
def options(options: ConsoleOptions) -> ConsoleOptions:
    """With what seats choose from."""
    return dataclasses.replace(options, break_reasons=(Reason("meal", "用餐"),), wrap_up_reasons=(Reason("repair", "报修"),))


@pytest.fixture
def see(app: Flask, engine: Engine, redis_sync: redis_py.Redis) -> Iterator[See]:
    """see(): the page of 1026, who has just signed off; within a request."""
    seat = {"name": "小王", "queues": '["service"]', "state": "idle", "status": "off", "idle_since": "0"}
    redis_sync.sadd(P + "seats", "1026")
    redis_sync.hset(P + "seat:1026", mapping=seat)  # type: ignore[arg-type]
    redis_sync.zadd(P + "registered", {"1026": 9e9})
    with app.test_request_context("/seat/events"):
        yield lambda: seat_view(engine, redis_sync, "1026", "wang", Terms(), NOW)


def shown(regions: dict[str, Region]) -> dict[str, tuple[str, str, str]]:
    return {name: (one.class_, one.key, CLOCKS.sub(r"\1", one.html)) for name, one in regions.items()}


def test_a_day_of_a_page(see: See, engine: Engine, redis_sync: redis_py.Redis, tell: Tell, owed: int) -> None:
    wang = accounts.find(engine, "wang")
    window, kept, said = Window(), Regions(wang, "zh"), list[str]()

    def look(now: float = NOW, change: Callable[[SeatPage], SeatPage] = lambda page: page) -> dict[str, Region]:
        page = change(see())
        drawn = kept.draw(page, work_on(page), window, now)
        assert shown(drawn) == shown(Regions(wang, "zh").draw(page, work_on(page), window, now))
        said.append("".join(one.html for one in drawn.values()))
        return drawn

    def seat(**fields: str) -> None:
        redis_sync.hset(P + "seat:1026", mapping=fields)  # type: ignore[arg-type]

    off = look()
    set_status(redis_sync, "1026", "ready")
    idle = look()
    assert idle["latest"] is off["latest"], "nothing of it is another"
    assert idle["now"].key != off["now"].key
    redis_sync.sadd(P + "queues", "service")
    redis_sync.sadd(P + "members:service", "1026")
    redis_sync.hset(P + "call:c7", mapping={"summary": "{}", "queued_at": str(NOW - 20)})
    redis_sync.zadd(P + "queue:service", {"c7": 1.0})
    look()
    assert "等待 1" in said[-1]
    redis_sync.hset(P + "call:now", mapping={"summary": json.dumps(SUMMARY)})
    seat(state="ringing", call="now", since=str(NOW))
    rings = look()
    seat(state="talking")
    talks = look()
    assert [name for name in talks if talks[name] is not rings[name]] == ["now", "call"]
    assert talks["work"].key == "now@0@TrueTrue"
    wrapups.save(engine, "now", "1026", "wang", Draft(notes="要换主板"), 0, NOW)
    assert look()["work"].key == "now@1@TrueTrue"
    assert "要换主板" in said[-1]
    callbacks.claim(engine, owed, "wang", NOW)
    assert look(NOW + 60.0)["due"] is not talks["due"]
    look(NOW + 3600.0)
    look(change=lambda page: dataclasses.replace(page, live=None, show=""))
    assert look(change=lambda page: dataclasses.replace(page, facts=None))["work"].key == "?"
    redis_sync.delete(P + "call:now")
    redis_sync.set(P + "past:now", json.dumps(SUMMARY))
    seat(state="wrap-up", call="", wraps="now", until=str(NOW + 60))
    look()
    tell("now", ("arrived", NOW, {}), ("talking", NOW, {"seat": "1026"}), ("ended", NOW + 5, {"talk_s": 45.0}))
    assert look()["latest"] is not talks["latest"]
    seat(state="idle", wraps="", until="")
    set_status(redis_sync, "1026", "break", "meal")
    look()
    assert "用餐" in said[-1]
    call_id = originate(redis_sync, "1026", CALLER, callback_id=str(owed), by="wang")
    look()
    redis_sync.hset(P + f"dialling:{call_id}", mapping={"step": "over", "outcome": "no_answer"})
    look()
    assert "对方无人接听" in said[-1]
    assert len(set(said)) >= 13, "each of them showed something else"
