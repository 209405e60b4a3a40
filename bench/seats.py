"""How late a seat's page tells what happened to its seat: `python bench/seats.py [SEATS] [CALLS] [SECONDS]`.

The whole site (bench/site.py, SEATS seats) with its real console process, and each seat's page open: an SSE connection and a
login of its own. CALLS of the load client ring the first seats meanwhile, are answered and recorded; the last TIMED seats get
their calls from an engine of this program's own. Ten times a second one of these is led a step further: its caller waits and is
claimed, the seat rings, talks, is free again. Told is the time from before that step's commit until this very seat's page has
the whole message that shows it; missed is what it hadn't within 30 s, and each page that at the end shows another state than
Redis has.
"""

from __future__ import annotations

import asyncio
import re
import sys
import time
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import cast

from flask import Flask
from flask.sessions import SecureCookieSessionInterface
from sqlalchemy import select

sys.path.insert(0, str(Path(__file__).parent.parent))

from bench.live import AFTER_S, HOLD_S, PATIENCE_S, Measured, engine_of_our_own, run, told, whole_site
from bench.load import SETTLE_S, Client, Level
from bench.procs import spent, tree
from console import accounts, sessions
from console.changes import SYSTEM
from console.roles import Role
from console.sessionlimits import Limits
from console.tables import console_secret
from routing.commit import Commit, Enqueue, FreeSeat, SeatState
from routing.events import Event
from routing.store import Store
from storage.sql import open_database, reading, writing
from tests.console.wire import Wire

TIMED = 40
EVERY_S = 0.1
STATE = re.compile(rb'class="card desk-bar ([a-z_-]+)"')
NUMBER = re.compile(rb'class="number">(?:<[^>]*>|data:|\s)*139 0000 (\d{4})')
"""The caller of the call in hand, of an engine of our own."""

Shown = tuple[str, str]
"""A seat's state, and the last digits of the caller in hand ("" none)."""


@dataclass
class Page(asyncio.Protocol):
    """One seat's open page. sent: when each step of its seat was told, and what the page shows then."""

    host: str
    cookie: str
    late_s: list[float]
    sent: list[tuple[float, Shown]] = field(default_factory=list)
    seen: int = 0
    state: str = ""
    received: int = 0
    buffer: bytearray = field(default_factory=bytearray)
    open: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        ask = f"GET /seat/events HTTP/1.1\r\nHost: {self.host}\r\nCookie: {self.cookie}\r\nAccept-Language: zh-CN\r\n\r\n"
        cast(asyncio.Transport, transport).write(ask.encode())  # uvloop's own does not derive from it

    def data_received(self, data: bytes) -> None:
        self.received += len(data)
        self.buffer += data
        whole, end, rest = self.buffer.rpartition(b"\n\n")
        if not end:
            return
        self.buffer = bytearray(rest)
        states = list(STATE.finditer(whole))
        if not states:
            return
        if not self.open.done():
            self.open.set_result(None)
        self.state = states[-1][1].decode()
        number = NUMBER.search(whole, states[-1].start())
        self._shows((self.state, number[1].decode() if number else ""))

    def _shows(self, shown: Shown) -> None:
        now = time.monotonic()
        steps = [step for _, step in self.sent]
        if shown in steps[self.seen :]:
            upto = steps.index(shown, self.seen) + 1
            self.late_s += [now - at for at, _ in self.sent[self.seen : upto]]
            self.seen = upto

    def connection_lost(self, error: Exception | None) -> None:
        if not self.open.done():
            self.open.set_exception(ConnectionError(f"refused: {bytes(self.buffer[:80])!r}"))


async def measure(seats: int, calls: int, seconds: int) -> Measured:
    """Start the site, open the pages, have the calls made, and look for `seconds`."""
    async with whole_site(seats) as (directory, client, http):
        return await _measure(directory, client, http, seats, calls, seconds)


async def _measure(directory: Path, client: Client, http: int, seats: int, calls: int, seconds: int) -> Measured:
    late_s: list[float] = []
    loop, pages = asyncio.get_running_loop(), list[Page]()
    for cookie in await asyncio.to_thread(_log_in, directory, http, seats):
        _, page = await loop.create_connection(partial(Page, f"127.0.0.1:{http}", cookie, late_s), "127.0.0.1", http)
        pages.append(page)
    await asyncio.gather(*(page.open for page in pages))
    window = seconds + AFTER_S
    load = Level(calls, [f"q{index}" for index in range(seats - TIMED)], HOLD_S, window_s=window, agents=True)
    making = asyncio.create_task(asyncio.to_thread(client.level, load)) if calls else None
    await asyncio.sleep(HOLD_S + SETTLE_S if calls else 1.0)
    before, began, had = tree(client.pid), time.monotonic(), sum(page.received for page in pages)
    async with engine_of_our_own(directory) as store:
        step = 0
        while time.monotonic() - began < seconds:
            seat = step % TIMED
            await _lead(store, pages[seats - TIMED + seat], seats - TIMED + seat, *divmod(step // TIMED, 4))
            step += 1
            await asyncio.sleep(EVERY_S)
        took_s, kb = time.monotonic() - began, (sum(page.received for page in pages) - had) / 1024
        cpu = spent(before, tree(client.pid))
        await told(lambda: all(page.seen == len(page.sent) for page in pages))
        others = (await making).others_cores if making else 0.0
        due = sum(len(page.sent) for page in pages)
        missed = due - sum(page.seen for page in pages)
        missed += await _untrue(store, pages)
    times = sorted(1000 * late for late in late_s)
    return Measured(
        seats, calls, step, due, times, missed, 1000 * cpu.get("console", 0.0) / took_s, kb / took_s / seats, others
    )


async def _lead(store: Store, page: Page, seat: int, call: int, step: int) -> None:
    """One step of a seat's call: 0 claimed, 1 rings, 2 talks, 3 over."""
    number, caller = str(1000 + seat), f"{call:02}{seat % 100:02}"
    call_id, summary = (
        f"bench-{seat}-{call}",
        {"phase": "QUEUED", "hotline": "q", "kind": "inbound", "caller": f"1390000{caller}"},
    )
    shown = ("reserved", "ringing", "talking", "idle")[step]
    page.sent.append((time.monotonic(), (shown, caller if step < 3 else "")))
    match step:
        case 0:
            arrived = Event("arrived", {"node": "bench", "trunk": "load", "called": "q", "dialable": True, **summary})
            queue = f"q{seat}"
            events = (arrived, Event("queued", {"queue": queue, "position": 1}))
            await store.commit(Commit(call_id, 1, {"step": step}, summary, events, (Enqueue(queue),)))
            claim = await store.claim(queue)
            assert claim is not None, f"nobody was claimed for {number}"
            assert (claim.call_id, claim.seat) == (call_id, number)
        case 1:
            rings = (Event("offered", {"seat": number, "skipped": []}),)
            await store.commit(Commit(call_id, 2, {"step": step}, summary, rings, (SeatState(number, "ringing"),)))
        case 2:
            talks = (Event("talking", {"seat": number, "wait_s": 1.0}),)
            await store.commit(Commit(call_id, 3, {"step": step}, summary, talks, (SeatState(number, "talking"),)))
        case _:
            over = (Event("ended", {"by": "caller", "reason": "completed", "phase": "TALKING", "talk_s": 10.0}),)
            await store.commit(Commit(call_id, 4, None, summary, over, (FreeSeat(number),)))


async def _untrue(store: Store, pages: list[Page]) -> int:
    """How many pages show another state than their seats have, and go on doing so."""
    end, wrong = time.monotonic() + PATIENCE_S, len(pages)
    while wrong and time.monotonic() < end:
        await asyncio.sleep(EVERY_S)
        states = {seat.number: seat.state for seat in await store.seats()}
        wrong = sum(page.state != states[str(1000 + index)] for index, page in enumerate(pages))
    return wrong


def _log_in(directory: Path, http: int, seats: int) -> list[str]:
    """A person for each seat, and the cookie of a session of theirs: passwords would take a second each."""
    Wire(http).get("/login")  # now there is what cookies are signed with
    engine = open_database(f"sqlite:///{directory}/var/hotline.db")
    with writing(engine) as connection:
        for index in range(seats):
            accounts.insert_person(
                connection, f"seat{index}", f"坐席{index}", Role.SEAT, str(1000 + index), SYSTEM, time.time()
            )
    with reading(engine) as connection:
        signing = Flask("cookies")
        signing.secret_key = connection.execute(select(console_secret.c.value)).scalar_one()
    signer = SecureCookieSessionInterface().get_signing_serializer(signing)
    assert signer is not None
    cookies = []
    for index in range(seats):
        person = accounts.find(engine, f"seat{index}")
        key = sessions.begin(engine, person, "127.0.0.1", "bench", Limits(), time.time())
        cookies.append(f"hotline={signer.dumps({'_user_id': key})}")
    engine.dispose()
    return cookies


if __name__ == "__main__":
    run(measure)
