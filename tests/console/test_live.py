"""The live floor: the board, its feed, health for machines, and gunicorn on an inherited socket."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
import redis as redis_py
import redis.asyncio
from flask import Flask
from flask.testing import FlaskClient

from console.board import board
from console.feed import FloorFeed, TooManyViews
from console.options import ConsoleOptions
from followup.scribe import ALIVE
from routing.commit import Commit, Enqueue
from routing.events import Event
from routing.floor import Floor
from routing.seats import SeatProfile
from routing.store import Store
from storage.embedded import EmbeddedRedis
from storage.journal import Journal
from storage.sql import migrate


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
    page = client.get("/").get_data(as_text=True)
    for said in ("139 1234 5678", "客户服务", "示例服务热线", "小王", "空闲", "签出", 'data-events="/floor/events"'):
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


async def test_changes_are_pushed_and_places_are_bounded(store: Store, app: Flask) -> None:
    one = app.test_client().get("/floor/events", buffered=False)
    two = app.test_client().get("/floor/events", buffered=False)
    assert one.mimetype == "text/event-stream"
    refused = app.test_client().get("/floor/events")
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "10")
    pushed = (chunk.decode() for chunk in one.iter_encoded())
    first = next(pushed)
    assert first.startswith("event: board\ndata: ")
    assert first.endswith("\n\n")
    assert "139 1234 5678" not in first
    await queue_a_call(store)
    assert "139 1234 5678" in next(pushed)
    two.close()
    again = app.test_client().get("/floor/events", buffered=False)
    assert again.status_code == 200
    again.close()
    one.close()
    assert app.extensions["ground"].feed.views == 0


def test_a_feed_outlives_redis(tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path / "redis") as server:
        feed = FloorFeed(server.url, max_views=1)
        try:
            frame = feed.wait(0, 30.0)
            assert (frame.version, frame.away, frame.board is not None) == (1, False, True)
            os.kill(server.pid, signal.SIGKILL)
            frame = feed.wait(frame.version, 30.0)
            assert (frame.away, frame.board is not None) == (True, True)  # the last that was seen
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
    from console.app import create_app

    app = create_app(ConsoleOptions("redis://127.0.0.1:1/0", options.sql_url, tmp_path))
    try:
        client = app.test_client()
        assert "实时数据(Redis)暂时连不上" in client.get("/").get_data(as_text=True)
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
    await store.beat({"carrier": True})
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


@pytest.fixture
def sql_url(tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path}/served.db"
    migrate(url)
    return url


async def test_gunicorn_on_an_inherited_socket(store: Store, redis_url: str, sql_url: str, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        server = start(listener, redis_url, sql_url, str(tmp_path))
        try:
            # The socket listens already: a browser that comes before the server waits, and is answered.
            with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as plain:
                plain.request("GET", "/healthz")
                assert plain.getresponse().read() == b"ok\n"
            with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as live:
                live.request("GET", "/floor/events")
                pushed = live.getresponse()
                assert pushed.getheader("Content-Type") == "text/event-stream; charset=utf-8"
                assert until(pushed, "小王")
                await queue_a_call(store)
                assert until(pushed, "139 1234 5678")
                server.send_signal(signal.SIGTERM)  # an open live page does not hold it up
                assert server.wait(timeout=30) == 0
                pushed.close()
        finally:
            server.kill()
            server.wait()


async def test_the_worker_ends_when_gunicorn_is_killed(store: Store, redis_url: str, sql_url: str, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = start(listener, redis_url, sql_url, str(tmp_path))
        try:
            with closing(http.client.HTTPConnection("127.0.0.1", listener.getsockname()[1], timeout=30)) as live:
                live.request("GET", "/floor/events")
                pushed = live.getresponse()
                assert until(pushed, "小王")
                server.kill()
                server.wait()
                assert not until(pushed, "never said")  # the stream ends
                pushed.close()
        finally:
            server.kill()


def start(listener: socket.socket, *arguments: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", SERVE, f"fd://{listener.fileno()}", *arguments]
    return subprocess.Popen(command, pass_fds=[listener.fileno()])


def until(stream: http.client.HTTPResponse, wanted: str) -> bool:
    return any(wanted in line.decode() for line in iter(stream.readline, b""))
