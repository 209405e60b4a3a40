"""The live floor: the board, its feed, health for machines, and gunicorn on an inherited socket."""

from __future__ import annotations

import asyncio
import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
import redis as redis_py
import redis.asyncio
from flask import Flask
from flask.testing import FlaskClient

from console import feed as feed_module
from console.app import create_app
from console.board import board
from console.feed import FloorFeed, Frame, TooManyViews
from console.options import ConsoleOptions
from followup.scribe import ALIVE
from routing.commit import Commit, Enqueue
from routing.events import Event
from routing.floor import Floor
from routing.seats import SeatProfile, Status
from routing.store import Store
from storage.embedded import EmbeddedRedis
from storage.journal import Journal
from storage.redis import connect_sync
from tests.console.browser import Browser
from tests.console.conftest import Browse
from tests.console.wire import BOUND_S, Wire


def wait_until(condition: Callable[[], object], bound_s: float = 30.0) -> None:
    end = time.monotonic() + bound_s
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


@pytest.fixture
async def store(redis_sync: redis_py.Redis, redis: redis.asyncio.Redis, tmp_path: Path) -> Store:
    """A node's store with two seats, one of them ready and registered."""
    store = Store(redis, node="n1", journal=Journal(tmp_path / "journal"))
    await store.start()
    await store.set_seats([SeatProfile("1026", "小王", ("service",)), SeatProfile("1027", "小李", ("service",))])
    await store.bind("1026", {"sip:1026@127.0.0.1": {"expires_s": 600}})
    await store.set_status("1026", "ready")
    return store


async def queue_a_call(store: Store) -> None:
    summary: dict[str, str | float] = {"phase": "QUEUED", "hotline": "sample", "caller": "13912345678", "queue": "service"}
    await store.commit(
        Commit(
            "c1", 1, {"x": 1}, summary | {"since": time.time()}, (Event("queued", {"queue": "service"}),), (Enqueue("service"),)
        )
    )


async def test_the_floor_as_a_page(store: Store, client: FlaskClient) -> None:
    await queue_a_call(store)
    page = client.get("/floor/").text
    for said in (
        "139 1234 5678",
        "客户服务",
        "示例服务热线",
        "小王",
        "空闲",
        "签出",
        'data-events="/floor/events"',
        "今日服务水平",
    ):
        assert said in page, said


SEAT = {
    "number": "1026",
    "name": "",
    "queues": [],
    "status": "ready",
    "reason": "",
    "state": "idle",
    "call_id": "",
    "since": 5.04,
}


@pytest.mark.parametrize(
    ("change", "show"),
    [
        ({"registered": True}, "idle"),
        ({"registered": False}, "not_registered"),
        ({"registered": True, "aside_until": 9.0}, "set_aside"),
        ({"status": "break", "registered": False}, "break"),
        ({"status": "off", "state": "talking"}, "talking"),
        ({"state": "wrap-up"}, "wrap-up"),
    ],
)
def test_what_a_seat_shows(change: dict[str, object], show: str) -> None:
    [seat] = board(Floor([], [SEAT | change], [], [], 10.0)).seats
    assert (seat.show, seat.since) == (show, 5.0)


@pytest.mark.parametrize(
    ("phase", "show"), [("SUMMONING", "dialling"), ("DIALLING", "dialling"), ("TALKING", "talking"), ("OFFERED", "talking")]
)
def test_a_seat_whose_customer_has_not_answered_dials(phase: str, show: str) -> None:
    call = {"call_id": "c1", "phase": phase, "caller": "139", "since": 4.0, "node": "n1", "alive": True}
    seat = SEAT | {"state": "talking", "call_id": "c1"}
    drawn = board(Floor([call], [seat, SEAT], [], [], 10.0))
    assert [(one.show, one.caller) for one in drawn.seats] == [(show, "139"), ("idle", "")]


def test_a_break_is_counted_from_its_own_begin() -> None:
    [seat] = board(Floor([], [SEAT | {"status": "break", "status_since": 7.0}], [], [], 10.0)).seats
    assert (seat.show, seat.since) == ("break", 7.0)


def test_a_board_changes_only_when_something_happens() -> None:
    def seen(at: float) -> Floor:
        waiting = [{"call_id": "c1", "position": 1, "waited_s": at - 3.0}]
        call = {"call_id": "c1", "phase": "QUEUED", "caller": "139", "since": "oddly", "node": "n1", "alive": True}
        return Floor([call], [], [{"name": "q", "seats": 1, "ready": 0, "waiting": waiting}], [], at)

    drawn = board(seen(10.0))
    assert drawn == board(seen(11.25))
    assert (drawn.waiting, drawn.waiting_since, drawn.in_phase("QUEUED", "MENU"), drawn.showing("idle")) == (1, 3.0, 1, 0)
    assert (drawn.queues[0].waiting[0].caller, drawn.calls[0].since) == ("139", None)
    assert board(Floor([], [], [], [], 1.0)).waiting_since is None


async def test_changes_are_pushed_and_places_are_bounded(store: Store, app: Flask, browse: Browse) -> None:
    zhao, root = browse("zhao"), browse("root")
    one = zhao.get("/floor/events", buffered=False)
    two = root.get("/floor/events", buffered=False)
    assert one.mimetype == "text/event-stream"
    refused = zhao.get("/floor/events")
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "10")
    pushed = (chunk.decode() for chunk in one.iter_encoded())
    first = next(pushed)
    assert first.startswith("event: board\ndata: ")
    assert first.endswith("\n\n")
    assert "139 1234 5678" not in first
    await queue_a_call(store)
    assert "139 1234 5678" in next(pushed)
    two.close()
    again = root.get("/floor/events", buffered=False)
    assert again.status_code == 200
    again.close()
    one.close()
    assert app.extensions["ground"].feed.views == 0


async def test_news_wake_whom_they_concern(store: Store, redis_url: str) -> None:
    feed, woken = FloorFeed(redis_url, max_views=1), []

    def wait(number: str) -> None:
        woken.append((number, feed.wait_for([f"seat:{number}", f"seat:{number}"], 1, 30.0)))

    try:
        assert feed.wait_for(["seat:1026"], 0, 30.0)  # what was before it began may have been about anybody
        seats = [threading.Thread(target=wait, args=[number]) for number in ("1026", "1027")]
        for seat in seats:
            seat.start()
        await store.set_status("1026", "break")
        await asyncio.to_thread(seats[0].join)
        assert woken == [("1026", True)]
        await store.bind("1027", {"sip:1027@127.0.0.1": {"expires_s": 600}})  # no event: the floor is looked at
        await asyncio.to_thread(seats[1].join)
        assert woken == [("1026", True), ("1027", True)]
        assert not feed.wait_for(["seat:1028"], feed.events, 0.01)
    finally:
        feed.close()
    assert feed.wait_for(["seat:1028"], feed.events, 30.0)  # closed: nobody is kept waiting


async def test_the_floor_is_looked_at_for_who_watches_it(store: Store, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_module, "_LOOK_EVERY_S", 60.0)
    monkeypatch.setattr(feed_module, "_PACE_S", 0.0)
    monkeypatch.setattr(feed_module, "connect_sync", partial(connect_sync, timeout_s=120.0))  # it listens for so long
    feed = FloorFeed(redis_url, max_views=1)

    def shown(frame: Frame) -> str:
        assert frame.board is not None
        return next(seat.show for seat in frame.board.seats if seat.number == "1026")

    async def happens(status: Status) -> None:
        before = feed.events
        await store.set_status("1026", status)
        assert await asyncio.to_thread(feed.wait_for, ["seat:1026"], before, 30.0)

    try:
        assert feed.wait_for(["seat:1026"], 0, 30.0)
        await happens("break")
        await happens("ready")  # had the floor been looked at after the first, this would be known by now
        assert (await asyncio.to_thread(feed.wait, 0, 30.0)).version == 1
        await happens("off")
        frame = await asyncio.to_thread(feed.wait, 1, 30.0)
        if shown(frame) != "off":  # it has looked between, too: it was about to listen when the first frame was asked for
            frame = await asyncio.to_thread(feed.wait, frame.version, 30.0)
        assert shown(frame) == "off"
    finally:
        feed.closing = True
        await store.set_status("1026", "ready")  # it listens no longer
        feed.close()


def test_a_feed_outlives_redis(tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path / "redis") as server:
        feed = FloorFeed(server.url, max_views=1)
        try:
            frame = feed.wait(0, 30.0)
            assert (frame.version, frame.away, frame.board is not None) == (1, False, True)
            os.kill(server.pid, signal.SIGKILL)
            frame = feed.wait(frame.version, 30.0)
            assert (frame.away, frame.board is not None) == (True, True)  # the last that was seen
            wait_until(lambda: server.poll() is not None)  # its connections end before it has
            server.start()
            assert not feed.wait(frame.version, 30.0).away
            assert feed.wait(99, 0.01).version == 3
            feed.enter()
            with pytest.raises(TooManyViews):
                feed.enter()
        finally:
            feed.close()
        assert feed.wait(99, 30.0).version == 3  # closed: nobody is kept waiting


def test_without_redis_the_floor_says_so(tmp_path: Path, options: ConsoleOptions) -> None:
    app = create_app(ConsoleOptions("redis://127.0.0.1:1/0", options.sql_url, tmp_path))
    app.test_client_class = Browser
    try:
        client = app.test_client()
        assert isinstance(client, Browser)
        client.log_in("zhao")
        assert "实时数据（Redis）暂时连不上" in client.get("/floor/").text
        assert client.get("/readyz").get_json() == {"redis": False, "scribe": False, "sql": True}
        assert 'hotline_up{part="redis"} 0.0' in client.get("/metrics").get_data(as_text=True)
    finally:
        app.extensions["ground"].close()


async def test_health_for_machines(store: Store, client: FlaskClient, redis_sync: redis_py.Redis, owed: int) -> None:
    assert client.get("/healthz").data == b"ok\n"
    assert (client.get("/readyz").status_code, client.get("/readyz").get_json()["scribe"]) == (503, False)
    redis_sync.set(ALIVE, "x")
    assert client.get("/readyz").status_code == 200
    await queue_a_call(store)
    redis_sync.xgroup_create("{hotline}:events", "scribe", id="0")
    await store.beat({"carrier": ""})
    figures = client.get("/metrics").get_data(as_text=True)
    assert 'hotline_trunk_up{node="n1",trunk="carrier"} 1.0' in figures
    for line in (
        'hotline_up{part="sql"} 1.0',
        'hotline_calls{phase="QUEUED"} 1.0',
        'hotline_seats{state="idle",status="ready"} 1.0',
        'hotline_queue_waiting{queue="service"} 1.0',
        "hotline_return_calls_open 1.0",
        "hotline_return_calls_overdue 1.0",
        "hotline_events_behind ",
    ):
        assert line in figures, line
    assert "13912345678" not in figures


SERVE = """
import sys
from pathlib import Path
from console.options import ConsoleOptions
from console.serve import serve
serve(sys.argv[1], ConsoleOptions(sys.argv[2], sys.argv[3], Path(sys.argv[4])))
"""


async def test_gunicorn_on_an_inherited_socket(store: Store, redis_url: str, sql_url: str, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        server = start(listener, redis_url, sql_url, str(tmp_path))
        try:
            # The socket listens already: a browser that comes before the server waits, and is answered.
            with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=BOUND_S)) as plain:
                plain.request("GET", "/healthz")
                assert plain.getresponse().read() == b"ok\n"
            zhao = Wire(port)
            zhao.log_in("zhao")
            with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=BOUND_S)) as live:
                live.request("GET", "/floor/events", headers={"Cookie": zhao.cookie})
                pushed = live.getresponse()
                assert pushed.getheader("Content-Type") == "text/event-stream; charset=utf-8"
                assert until(pushed, "小王")
                await queue_a_call(store)
                assert until(pushed, "139 1234 5678")
                server.send_signal(signal.SIGTERM)  # an open live page does not hold it up
                assert server.wait(timeout=BOUND_S) == 0
                pushed.close()
        finally:
            server.kill()
            server.wait()


async def test_the_worker_ends_when_gunicorn_is_killed(store: Store, redis_url: str, sql_url: str, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = start(listener, redis_url, sql_url, str(tmp_path))
        try:
            port = listener.getsockname()[1]
            zhao = Wire(port)
            zhao.log_in("zhao")
            with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=BOUND_S)) as live:
                live.request("GET", "/floor/events", headers={"Cookie": zhao.cookie})
                pushed = live.getresponse()
                assert until(pushed, "小王")
                server.kill()
                server.wait()
                assert not until(pushed, "never said")  # the stream ends
                pushed.close()
        finally:
            server.kill()
            server.wait()


def start(listener: socket.socket, *arguments: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", SERVE, f"fd://{listener.fileno()}", *arguments]
    return subprocess.Popen(command, pass_fds=[listener.fileno()])


def until(stream: http.client.HTTPResponse, wanted: str) -> bool:
    return any(wanted in line.decode() for line in iter(stream.readline, b""))
