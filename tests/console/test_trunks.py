"""The page of trunks: what the settings say beside what living engines tell."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import redis.asyncio
from flask import Flask
from sqlalchemy import Engine

from console.app import create_app
from console.lines import lines
from console.options import ConsoleOptions, Trunk
from followup.book import Rules, book
from followup.events import StreamEvent
from followup.trunks import TrunkChange, changes, latest
from routing.commit import Commit
from routing.floor import Floor
from routing.store import Store
from storage.journal import Journal
from storage.sql import writing
from tests.console.browser import Browser

CARRIER = Trunk("carrier", "main", "sip.example.cn", True, 30.0, {"4001": "sample"}, ("203.0.113.0/24",), ("4001",), ("1",))
INWARD = Trunk("inward", "main")


@pytest.fixture
def root(options: ConsoleOptions) -> Iterator[Browser]:
    """The administrator, where there are two trunks."""
    app: Flask = create_app(replace(options, trunks=(CARRIER, INWARD)))
    app.test_client_class = Browser
    browser = app.test_client()
    assert isinstance(browser, Browser)
    browser.log_in("root")
    yield browser
    app.extensions["ground"].close()


async def test_a_trunk_that_is_down_says_since_when_and_why(
    root: Browser, engine: Engine, redis: redis.asyncio.Redis, tmp_path: Path
) -> None:
    store = Store(redis, node="n1", journal=Journal(tmp_path / "journal"))
    await store.start()
    told = {"carrier": {"registered": False, "refused": 403, "addresses": {"203.0.113.9:5060": True}}}
    await store.beat({"carrier": "not_registered"}, lines=told)
    await store.commit(Commit("c1", 1, {"x": 1}, {"phase": "MENU", "trunk": "carrier"}, (), ()))
    gone = {"node": "n1", "trunk": "carrier", "up": False, "reason": "not_registered"}
    with writing(engine) as connection:
        book(connection, [StreamEvent("trunk:carrier", 1, "trunk", 1794967200.0, gone, "{}")], Rules())
    page = root.get("/settings/trunks/").text
    for said in (
        "carrier",
        "中断",
        "注册失败",
        "未注册",
        "对端答复 403",
        "203.0.113.9:5060",
        "有应答",
        "11-18 10:00:00",
        "进行中 1 通",
    ):
        assert said in page, said
    for said in ("只呼入", "hotline.toml", "示例服务热线", "sip.example.cn"):
        assert said in page, said
    [carrier, inward] = root.get("/api/v1/trunks").get_json()["trunks"]
    assert (carrier["state"], carrier["calls"], inward["state"]) == ("down", 1, "silent")
    assert carrier["nodes"][0]["refused"] == 403
    assert latest(engine)[("n1", "carrier")].reason == "not_registered"


def test_without_redis_the_page_says_so(options: ConsoleOptions) -> None:
    app: Flask = create_app(replace(options, redis_url="redis://127.0.0.1:1", trunks=(CARRIER, INWARD)))
    app.test_client_class = Browser
    try:
        browser = app.test_client()
        assert isinstance(browser, Browser)
        browser.log_in("root")
        assert "看不到线路现状" in browser.get("/settings/trunks/").text
    finally:
        app.extensions["ground"].close()


def test_what_is_told_of_a_trunk() -> None:
    floor = Floor([], [], [], [{"node": "n1", "name": "carrier", "up": True}], 10.0)
    down = TrunkChange(5.0, "n1", "carrier", False, "no_answer")
    up = TrunkChange(6.0, "n1", "carrier", True, "")
    [line] = lines([CARRIER], floor, {("n1", "carrier"): up}, [up, down])
    assert (line.state, line.nodes[0].since, line.last_fault) == ("up", 6.0, down)
    assert lines([CARRIER], floor, {("n1", "carrier"): down}, [])[0].nodes[0].since is None, "not booked yet"
    assert [one.state for one in lines([CARRIER, INWARD], Floor([], [], [], [], 1.0), {}, [])] == ["unknown", "silent"]
    assert lines([CARRIER], None, {}, [])[0].state == "unknown"


def test_nobody_but_administrators_sees_trunks(root: Browser, engine: Engine) -> None:
    assert changes(engine) == []
    root.log_in("zhao")
    assert root.get("/settings/trunks/").status_code == 403
