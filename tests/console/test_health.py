"""How the system is, for people."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from flask.testing import FlaskClient
from redis import Redis
from sqlalchemy import Engine

from console.app import create_app
from console.options import ConsoleOptions
from console.processes import EFFECTS, TITLES, arranged
from followup.book import Rules, book
from followup.events import StreamEvent
from followup.scribe import ALIVE
from routing.processes import Node
from storage import signs
from storage.signs import Process
from storage.sql import writing
from tests.console.browser import Browser
from tests.console.conftest import Browse


def tell(redis: Redis, node: str, processes: Sequence[Process], *, ago_s: float = 0.0) -> None:
    """As an engine, or a scribe, tells of its node."""
    pipeline = redis.pipeline()
    signs.tell(pipeline, node, signs.report(processes))
    pipeline.execute()
    if ago_s:
        redis.pexpire(f"{signs.NODES}:{node}", int((signs.KEPT_S - ago_s) * 1000))


def test_trunks_now_and_their_last_changes(client: FlaskClient, redis_sync: Redis, engine: Engine) -> None:
    page = client.get("/health").text
    assert "没有在检测的线路" in page
    redis_sync.set(ALIVE, "x")
    redis_sync.sadd("{hotline}:nodes", "n1")
    redis_sync.hset("{hotline}:engine:n1", mapping={"alive_until": "9e9", "trunks": json.dumps({"carrier": False})})
    redis_sync.hset("{hotline}:engine:n1", "speech", json.dumps({"speech-0": "", "speech-1": "slow"}))
    tell(redis_sync, "n1", [Process("speech-0", 7, 1.0, True), Process("speech-1", 8, 1.0, True, silent_s=4.0)])
    data = {"node": "n1", "trunk": "carrier", "up": False, "reason": "no_answer"}
    with writing(engine) as connection:
        book(connection, [StreamEvent("trunk:carrier", 1, "trunk", 1794967200.0, data, json.dumps(data))], Rules())
    page = client.get("/health?lang=en").text
    for text in ("<title>Health", "Trunks now", "carrier", "No answer", "n1", "Down"):
        assert text in page, text
    assert "speech-1 does not answer: what callers say is not heard" in page
    assert page.count(">Down<") == 2, "the trunk and its change"
    assert page.count(">Up<") == 4, "one speech process, Redis, SQL and the scribe"
    assert 'hotline_speech_up{node="n1",process="speech-1"} 0.0' in client.get("/metrics").text


def test_without_redis_the_changes_are_there_all_the_same(options: ConsoleOptions) -> None:
    app = create_app(replace(options, redis_url="unix:///nowhere/redis.sock"))
    app.test_client_class = Browser
    try:
        zhao = app.test_client()
        assert isinstance(zhao, Browser)
        zhao.log_in("zhao")
        page = zhao.get("/health?lang=en")
        assert page.status_code == 200
        assert page.text.count(">Down<") == 2, "Redis and, as far as can be seen, the scribe"
    finally:
        app.extensions["ground"].close()


HOUSE = [
    Process("engine", 11, 1794967200.0, True, memory=80_000_000, cpu=0.031),
    Process("media-0", 12, 1794967200.0, True, 2, 1794967190.0, -9, 40_000_000, 0.12, in_full=True),
    Process("media-1", 13, 1794960000.0, False, 0, 1794967199.0, 2),
    Process("scribe", 14, 1794960000.0, True, 1, 1794967190.0, -9, hung_s=30.0),
]


def test_every_process_of_every_node_what_is_missing_first(client: Browser, redis_sync: Redis) -> None:
    redis_sync.set(ALIVE, "x")
    tell(redis_sync, "n1", HOUSE)
    tell(redis_sync, "n2", [Process("engine", 21, 1.0, True), Process("media-0", 22, 1.0, True)], ago_s=300)
    page = client.get("/health").text
    for said in (
        "media-1 未运行：由它传送声音的通话现在没有声音",
        "退出码 2",
        "信号 9（SIGKILL）",
        "停止工作 30 秒，被强制结束",
        "进程号 12",
        "76 MB",
        '38 MB <span class="faint">含共享</span>',
        "12.0 %",
        "n2 这台机器已经 5:00 没有消息",
    ):
        assert said in page, said
    table = page[page.index('<table class="processes">') :]
    rows = re.findall(r"<td>([a-z0-9-]+) <span", table)
    assert rows == ["media-1", "engine", "media-0", "engine", "media-0", "scribe"], "dead, then unheard, then well"
    told = client.get("/api/v1/health/processes").get_json()
    assert told["unheard"].keys() == {"n2"}
    by = {(one["node"], one["name"]): one for one in told["processes"]}
    assert {key: one["state"] for key, one in by.items()} == {
        ("n1", "engine"): "up",
        ("n1", "media-0"): "up",
        ("n1", "media-1"): "dead",
        ("n1", "scribe"): "up",
        ("n2", "engine"): "unheard",
        ("n2", "media-0"): "unheard",
    }
    again = by["n1", "media-0"]
    assert (again["memory_in_full"], by["n1", "engine"]["memory_in_full"]) == (True, False)
    assert (again["restarts"], again["status"], again["ended_at"]) == (2, -9, 1794967190.0)
    assert by["n1", "media-1"]["seen_at"] == 1794967199.0
    assert by["n1", "media-1"]["trouble"].startswith("media-1 未运行")
    figures = client.get("/metrics").text
    for line in (
        'hotline_process_up{name="media-1",node="n1"} 0.0',
        'hotline_process_up{name="engine",node="n1"} 1.0',
        'hotline_process_restarts_total{name="media-0",node="n1"} 2.0',
        'hotline_process_memory_bytes{name="media-0",node="n1"} 4e+07',
    ):
        assert line in figures, line


def test_seats_don_t_see_processes(browse: Browse) -> None:
    assert browse("wang").get("/api/v1/health/processes").status_code == 403


def test_an_engine_without_its_lease_and_a_scribe_that_does_not_lead(client: Browser, redis_sync: Redis) -> None:
    tell(redis_sync, "n1", HOUSE)
    redis_sync.hset("{hotline}:engine:n1", "alive_until", "1000")
    page = client.get("/health").text
    assert "engine 没有应答：这台机器上新来电没有人应答" in page
    assert "scribe 没有应答：来电照常" in page


def test_what_the_node_does_not_tell_is_seen_here(options: ConsoleOptions, tmp_path: Path, redis_sync: Redis) -> None:
    """Its engine is dead, or Redis is: this machine's processes are there to be looked at."""
    app = create_app(replace(options, node="n1", run_dir=tmp_path))
    app.test_client_class = Browser
    signs.note_end(tmp_path, "engine", -11, 1794967199.0)
    with signs.leave(tmp_path, "console"):
        try:
            zhao = app.test_client()
            assert isinstance(zhao, Browser)
            zhao.log_in("zhao")
            page = zhao.get("/health").text
            assert "engine 未运行" in page
            assert "信号 11（SIGSEGV）" in page
            tell(redis_sync, "n1", HOUSE)
            assert "engine 未运行" not in zhao.get("/health").text
        finally:
            app.extensions["ground"].close()


def test_every_kind_of_process_has_its_words() -> None:
    assert TITLES.keys() == EFFECTS.keys()
    assert arranged([Node("n", 0.0, (Process("later", 1, 1.0, True),))], 10.0).rows[0].state == "up"
