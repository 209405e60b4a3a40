"""Whether a process hangs: by what it says, and by how long whoever listens was awake."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from pathlib import Path

import pytest

from ivr.watchdog import LOOK_S, PATIENT_S, SILENT_S, Watchdog
from storage.notify import BEAT, READY, STOPPING, Heart, keep_beating, notify_ready, notify_stopping


def looks(watchdog: Watchdog, begin: float, end: float, every_s: float = 0.5) -> list[float]:
    """When it was found to hang, looked at from `begin` on until `end`."""
    count = round((end - begin) / every_s)
    return [at for at in (begin + number * every_s for number in range(1, count + 1)) if watchdog.look(at)]


def heard(at: float) -> Watchdog:
    """Of a process that has just beaten."""
    watchdog = Watchdog()
    watchdog.look(at)
    watchdog.beat()
    return watchdog


def test_who_falls_silent_hangs_after_the_bound() -> None:
    assert looks(heard(100.0), 100.0, 120.0)[0] == 100.0 + SILENT_S


def test_each_beat_begins_anew() -> None:
    watchdog = heard(100.0)
    for second in range(100, 200):
        assert looks(watchdog, second, second + 1) == []
        watchdog.beat()
    assert looks(watchdog, 200.0, 220.0)[0] == 200.0 + SILENT_S


def test_who_has_never_beaten_is_not_waited_for() -> None:
    assert looks(Watchdog(), 100.0, 1000.0) == []


def test_who_may_wait_long_hangs_later() -> None:
    watchdog = Watchdog(PATIENT_S)
    watchdog.look(100.0)
    watchdog.beat()
    assert looks(watchdog, 100.0, 200.0)[0] == 100.0 + PATIENT_S


def test_who_ends_is_not_waited_for() -> None:
    """What a media process still writes then may take its time."""
    watchdog = heard(100.0)
    watchdog.stop()
    assert looks(watchdog, 100.0, 1000.0) == []


@pytest.mark.parametrize("slept_s", [5.0, 60.0, 86400.0])
def test_the_lateness_of_who_looks_counts_for_nothing(slept_s: float) -> None:
    """It was starved or stopped itself; what was said meanwhile it has not read yet."""
    watchdog = heard(100.0)
    assert not watchdog.look(100.0 + slept_s)
    silent_s = SILENT_S - LOOK_S
    assert looks(watchdog, 100.0 + slept_s, 120.0 + slept_s)[0] == 100.0 + slept_s + silent_s, "one look's worth"


@pytest.fixture
def supervisor(tmp_path: Path) -> tuple[socket.socket, dict[str, str]]:
    """Its end, and what it tells its child."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    path = tmp_path / "notify.sock"
    sock.bind(str(path))
    sock.settimeout(10)
    return sock, {"NOTIFY_SOCKET": str(path), "WATCHDOG_USEC": "40000"}


async def test_a_loop_that_turns_says_so(supervisor: tuple[socket.socket, dict[str, str]]) -> None:
    sock, environ = supervisor
    with sock:
        notify_ready(environ)
        beating = asyncio.create_task(keep_beating(environ))
        said = [await asyncio.to_thread(sock.recv, 64) for _ in range(4)]
        beating.cancel()
        assert said == [READY, BEAT, BEAT, BEAT]


def test_another_loop_says_so_each_second_at_most(supervisor: tuple[socket.socket, dict[str, str]]) -> None:
    sock, environ = supervisor
    with sock:
        heart = Heart(environ)  # wants it each 10 ms
        for now in (100.0, 100.005, 100.011, 100.012):
            heart.turn(now)
        notify_stopping(environ)
        assert [sock.recv(64) for _ in range(3)] == [BEAT, BEAT, STOPPING]


async def test_a_supervisor_that_does_not_read_holds_nobody_up(supervisor: tuple[socket.socket, dict[str, str]]) -> None:
    """The system keeps a few hundred of its datagrams, then a sender would have to wait."""
    sock, environ = supervisor
    with sock:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as full:
            full.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                while True:
                    full.sendto(BEAT, environ["NOTIFY_SOCKET"])
        async with asyncio.timeout(10):
            beating = asyncio.create_task(keep_beating(environ))
            await asyncio.sleep(0.1)
        assert not beating.done()
        beating.cancel()


@pytest.mark.parametrize("environ", [{}, {"WATCHDOG_USEC": ""}, {"NOTIFY_SOCKET": "/nowhere"}])
async def test_nobody_beats_where_nobody_wants_it(environ: dict[str, str]) -> None:
    Heart(environ).turn(100.0)
    await asyncio.wait_for(keep_beating(environ), 10)
