"""How late a live page tells what has happened: `python bench/live.py [PAGES] [CALLS] [SECONDS]`.

The whole site (bench/site.py, 60 seats) with its real console process; PAGES open floors, each an SSE connection of its own, of
ten supervisors who logged in; CALLS of the load client are queued, joined and recorded meanwhile, as in `make bench`. Twice a
second an engine of this program's own takes one step of a call, by the same commit as any engine. Told is the time from
before that commit until each page has the whole message that shows the step; missed is what a page hadn't within 30 s. What a
page only saw together with a later step (the floor shows the present, not each step) is counted as well, from its own commit.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import resource
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, cast

sys.path.insert(0, str(Path(__file__).parent.parent))

from bench.load import CLIENT, SETTLE_S, Client, Level
from bench.procs import spent, tree
from bench.running import site
from console.roles import Role
from routing.commit import Commit
from routing.events import Event
from routing.store import Store
from storage.embedded import EmbeddedRedis
from storage.journal import Journal
from storage.redis import connect
from tests.console.wire import Wire, employ

SEATS = 60
SUPERVISORS = 10
HOLD_S = 12.0
EVERY_S = 0.5
PATIENCE_S = 30.0
AFTER_S = 10.0
"""The calls go on for so long after the last step."""
MARK = re.compile(rb"139 0000 (\d{4})")
"""The caller of the call whose steps are timed, as pages write it: the number of the step."""
COLUMNS = "pages | calls | steps | ms p50 | p95 | p99 (to reach 300) | worst | missed | console CPU ms/s | kB/s a page | others"


@dataclass(frozen=True, slots=True)
class Measured:
    """Times in ms. due: how often a page had to show a step; console_ms: CPU a second; kb_s: what one page is sent a second;
    others: cores that this run did not use."""

    pages: int
    calls: int
    steps: int
    due: int
    times_ms: list[float]
    missed: int
    console_ms: float
    kb_s: float
    others: float


@dataclass
class Watch:
    """When each step was told, and how late each page had it."""

    sent: list[float] = field(default_factory=list)
    late_s: list[float] = field(default_factory=list)
    bytes: int = 0

    def seen(self, before: int, step: int) -> None:
        """A page that knew `before` steps shows `step` now (counted from 1)."""
        now = time.monotonic()
        self.late_s += [now - self.sent[each] for each in range(before, min(step, len(self.sent)))]


class Page(asyncio.Protocol):
    """One open floor: asks for the events and reads them whole."""

    def __init__(self, watch: Watch, host: str, cookie: str) -> None:
        self._watch = watch
        self._ask = f"GET /floor/events HTTP/1.1\r\nHost: {host}\r\nCookie: {cookie}\r\nAccept-Language: zh-CN\r\n\r\n"
        self._buffer = bytearray()
        self.steps = 0
        self.open = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast(asyncio.Transport, transport).write(self._ask.encode())  # uvloop's is none by its class

    def data_received(self, data: bytes) -> None:
        self._watch.bytes += len(data)
        self._buffer += data
        whole, end, rest = self._buffer.rpartition(b"\n\n")
        if not end:
            return
        if not self.open.done() and b"event: board" in whole:
            self.open.set_result(None)
        self._buffer = bytearray(rest)
        found = MARK.findall(bytes(whole))
        if found and (step := max(map(int, found))) > self.steps:
            self._watch.seen(self.steps, step)
            self.steps = step

    def connection_lost(self, error: Exception | None) -> None:
        if not self.open.done():
            self.open.set_exception(ConnectionError(f"refused: {bytes(self._buffer[:80])!r}"))


async def measure(pages: int, calls: int, seconds: int) -> Measured:
    """Start the site, open the pages, have the calls made, and look for `seconds`."""
    async with whole_site(SEATS) as (directory, client, http):
        return await _measure(directory, client, http, pages, calls, seconds)


@contextlib.asynccontextmanager
async def whole_site(seats: int) -> AsyncIterator[tuple[Path, Client, int]]:
    """bench/site.py with so many seats: its directory, the client that calls it, its console's port."""
    with tempfile.TemporaryDirectory(prefix="live-", dir="/tmp") as name:
        directory = Path(name)
        rtpbox = directory / "rtpbox"
        compiled = await asyncio.create_subprocess_exec("cc", "-O2", "-o", str(rtpbox), str(CLIENT / "rtpbox.c"))
        if await compiled.wait():
            raise SystemExit("rtpbox.c could not be compiled")
        with site({"BENCH_DIR": str(directory), "BENCH_SEATS": str(seats)}) as (target, pid):
            yield directory, Client(target, pid, rtpbox=rtpbox), int(target.rpartition(":")[2]) + 3000


async def _measure(directory: Path, client: Client, http: int, pages: int, calls: int, seconds: int) -> Measured:
    watch = Watch()
    cookies = await asyncio.to_thread(_log_in, directory, http)
    loop = asyncio.get_running_loop()
    opened: list[Page] = []
    for index in range(pages):
        cookie = cookies[index % len(cookies)]
        made = partial(Page, watch, f"127.0.0.1:{http}", cookie)
        _, page = await loop.create_connection(made, "127.0.0.1", http)
        opened.append(page)
    await asyncio.gather(*(page.open for page in opened))
    window = seconds + AFTER_S
    load = Level(calls, [f"q{index}" for index in range(SEATS)], HOLD_S, window_s=window, agents=True)
    making = asyncio.create_task(asyncio.to_thread(client.level, load)) if calls else None
    await asyncio.sleep(HOLD_S + SETTLE_S if calls else 1.0)
    before, began, sent = tree(client.pid), time.monotonic(), watch.bytes
    async with engine_of_our_own(directory) as store:
        while time.monotonic() - began < seconds:
            watch.sent.append(time.monotonic())
            await store.commit(_step(len(watch.sent)))
            await asyncio.sleep(EVERY_S)
        took_s, kb = time.monotonic() - began, (watch.bytes - sent) / 1024
        cpu = spent(before, tree(client.pid))
        await told(lambda: all(page.steps == len(watch.sent) for page in opened))
    others = (await making).others_cores if making else 0.0
    missed = sum(len(watch.sent) - page.steps for page in opened)
    times = sorted(1000 * late for late in watch.late_s)
    console_ms = 1000 * cpu.get("console", 0.0) / took_s
    steps = len(watch.sent)
    return Measured(pages, calls, steps, pages * steps, times, missed, console_ms, kb / took_s / pages, others)


async def told(has_all: Callable[[], bool]) -> None:
    """Wait until every page has what was sent, PATIENCE_S at most."""
    end = time.monotonic() + PATIENCE_S
    while not has_all() and time.monotonic() < end:  # noqa: ASYNC110 - pages tell their protocol alone
        await asyncio.sleep(EVERY_S)


def _step(number: int) -> Commit:
    summary: dict[str, str | float] = {"phase": "MENU", "hotline": "ivr", "caller": f"1390000{number:04}", "since": time.time()}
    return Commit("bench-live", number, {"step": number}, summary, (Event("menu", {"node": f"step{number}"}),), ())


@contextlib.asynccontextmanager
async def engine_of_our_own(directory: Path) -> AsyncIterator[Store]:
    """A node, alive as long as this lasts; its calls end with it."""
    redis = connect(EmbeddedRedis(directory / "var").foreign_url)
    store = Store(redis, node="bench-live", journal=Journal(directory / "journal-live"))

    async def beat() -> None:
        while True:
            await store.beat()
            await asyncio.sleep(2.0)

    await store.start()
    beating = asyncio.create_task(beat())
    try:
        yield store
    finally:
        beating.cancel()
        await redis.aclose()


def _log_in(directory: Path, http: int) -> list[str]:
    """The cookies of so many supervisors."""
    sql, cookies = f"sqlite:///{directory}/var/hotline.db", []
    for index in range(SUPERVISORS):
        employ(sql, f"watcher{index}", Role.SUPERVISOR)
        wire = Wire(http)
        wire.log_in(f"watcher{index}")
        cookies.append(wire.cookie)
    return cookies


def row(seen: Measured) -> str:
    """A row of COLUMNS."""
    if len(seen.times_ms) < 2:
        return f"{seen.pages} | {seen.calls} | {seen.steps} | nothing came | | | | {seen.missed} | | |"
    cuts = statistics.quantiles(seen.times_ms, n=100)
    p50, p95, p99 = cuts[49], cuts[94], cuts[98]
    return (
        f"{seen.pages} | {seen.calls} | {seen.steps} | {p50:.0f} | {p95:.0f} | {p99:.0f} | {seen.times_ms[-1]:.0f} "
        f"| {seen.missed} of {seen.due} | {seen.console_ms:.0f} | {seen.kb_s:.1f} | {seen.others:.1f}"
    )


def run(measure: Callable[[int, int, int], Coroutine[Any, Any, Measured]]) -> None:
    """The command: [PAGES] [CALLS] [SECONDS]."""
    if shutil.which("sipp") is None:
        raise SystemExit("this needs sipp. On Debian: apt-get install sip-tester")
    given = [*map(int, sys.argv[1:]), *(200, 50, 30)[len(sys.argv) - 1 :]]
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 20000), hard))
    print(f"| {COLUMNS} |\n|" + " --- |" * (COLUMNS.count("|") + 1), flush=True)
    print(f"| {row(asyncio.run(measure(given[0], given[1], given[2])))} |", flush=True)


if __name__ == "__main__":
    run(measure)
