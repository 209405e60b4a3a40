"""A whole hotline for a test: `hotline serve` in its own directory on free ports, with the telephones, the books and a way
to kill its parts."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from redis import Redis
from sqlalchemy import Engine as Database
from sqlalchemy import select

from followup.book import PENDING_STATES
from followup.callbacks import waive
from followup.tables import call_event, call_log, return_call
from ivr.config import load
from ivr.nursery import Adopted
from ivr.phones import audio
from ivr.phones.scripted import ScriptedPhone
from prompts import PATH
from routing.requests import set_status
from storage.redis import connect_sync
from storage.sql import migrate, open_database
from tests.books import all_booked
from tests.nursery import nursery
from tests.ports import free_port, sound_ports

Result = TypeVar("Result")
PATIENCE_S = 30.0
"""A bound for what must happen; a test never expects to wait so long."""
ENDS_S = 120.0
"""One for the end of it all: `serve` gives an engine that is just starting 40 s, and each of its processes 8 s."""

TOML = """
data_dir = "{data_dir}"
[sip]
port = {sip_port}
{sip}
[console]
port = {console_port}
[media]
port_min = {rtp_port}
port_max = {rtp_port_max}
processes = {media_processes}
[[trunks]]
name = "local"
networks = ["{networks}"]
home_area_code = "0471"
numbers = {{ {numbers} }}
{trunk}
[[hotlines]]
name = "sample"
menu = "{menu}"
[[queues]]
name = "service"
ring_timeout_s = {ring_timeout_s}
time_limit_s = {time_limit_s}
wrap_up_s = {wrap_up_s}
set_aside_s = {set_aside_s}
"""

MENU = """
start: welcome
nodes:
  welcome: {kind: say, prompt: for_english, notice: true, then: main}
  main: {kind: menu, prompt: no_input, timeout_s: 20, keys: {"1": service, "2": bye, "3": main}}
  service: {kind: queue, queue: service}
  bye: {kind: hangup, prompt: goodbye}
"""
"""Short prompts, so that a test's call is through the notice in two seconds."""
NOTICE, MAIN_MENU, MUSIC = (PATH / "zh" / "for_english.wav", PATH / "zh" / "no_input.wav", PATH / "common" / "music.wav")


@functools.cache
def _new_database() -> bytes:
    """An empty, migrated SQLite file: a site's processes need not make one. The demo's do."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "hotline.db"
        migrate(f"sqlite:///{path}")
        return path.read_bytes()


@dataclass
class Site:
    """See start()."""

    directory: Path
    seats: tuple[str, ...] = ("1026", "1027")
    ring_timeout_s: float = 20
    time_limit_s: float = 600
    wrap_up_s: float = 1
    set_aside_s: float = 60
    media_processes: int = 1
    networks: str = "127.0.0.0/8"
    """Where the trunk's calls come from."""
    numbers: dict[str, str] = field(default_factory=dict)
    """More landing numbers and their hotlines, beside 4001."""
    sip: str = ""
    trunk: str = ""
    """More lines of [sip], and of the trunk's settings."""
    environ: dict[str, str] = field(default_factory=dict)
    extra: str = ""
    """More of hotline.toml, after the tables above."""
    prefix: tuple[str, ...] = ()
    """What its command begins with (ip netns exec …)."""
    sip_port: int = field(default_factory=lambda: free_port(socket.SOCK_DGRAM))
    console_port: int = field(default_factory=lambda: free_port(socket.SOCK_STREAM))
    process: subprocess.Popen[bytes] | Adopted | None = None
    database: Database | None = None
    phones: list[ScriptedPhone] = field(default_factory=list)
    registered: list[ScriptedPhone] = field(default_factory=list)
    past: set[str] = field(default_factory=set)
    """Ids of calls that belong to earlier tests, and of the return calls that they left: see cleared()."""

    @property
    def data_dir(self) -> Path:
        return self.directory / "var"

    @property
    def run_dir(self) -> Path:
        """Where its processes' sockets and signs are: elsewhere than in data_dir where a socket's path would be too long."""
        return load(self.directory / "hotline.toml", self.environ).run_dir

    @property
    def server(self) -> tuple[str, int]:
        return ("127.0.0.1", self.sip_port)

    @property
    def recordings(self) -> Path:
        return self.data_dir / "recordings"

    def environment(self) -> dict[str, str]:
        return os.environ | {"HOTLINE_CONFIG": str(self.directory / "hotline.toml")} | self.environ

    async def start(self) -> None:
        """Write its settings and menu, start `hotline serve`, wait until it is ready."""
        self.launch()
        await self.opened()

    def launch(self) -> None:
        """Write its settings and menu, start `hotline serve`."""
        self.furnish()
        with (self.directory / "serve.log").open("wb") as output:
            if not self.prefix:
                self.process = nursery().spawn(["serve"], output=output, env=self.environment())
            if self.process is None:
                self.process = subprocess.Popen(
                    [*self.prefix, sys.executable, "-u", "-m", "ivr.cli", "serve"],
                    env=self.environment(), stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                )  # fmt: skip

    def furnish(self) -> None:
        """Write its settings, its menu and an empty database."""
        (self.directory / "menu.yaml").write_text(MENU, encoding="utf-8")
        rtp_port, rtp_port_max = sound_ports()
        text = TOML.format(
            networks=self.networks,
            numbers=", ".join(f'"{number}" = "{name}"' for number, name in {"4001": "sample", **self.numbers}.items()),
            sip=self.sip, trunk=self.trunk,
            data_dir=self.data_dir, menu=self.directory / "menu.yaml", rtp_port=rtp_port, rtp_port_max=rtp_port_max,
            sip_port=self.sip_port, console_port=self.console_port, media_processes=self.media_processes,
            ring_timeout_s=self.ring_timeout_s, time_limit_s=self.time_limit_s, wrap_up_s=self.wrap_up_s,
            set_aside_s=self.set_aside_s,
        )  # fmt: skip
        for seat in self.seats:
            text += f'[[seats]]\nnumber = "{seat}"\npassword = "pw-{seat}"\nqueues = ["service"]\n'
        (self.directory / "hotline.toml").write_text(text + self.extra, encoding="utf-8")
        if not self.data_dir.exists():
            self.data_dir.mkdir()
            (self.data_dir / "hotline.db").write_bytes(_new_database())

    async def opened(self) -> None:
        """Until it is ready."""
        await self.until(lambda: "ready:" in self.said, "the hotline is ready", 60.0)
        self.open_books()

    def open_books(self) -> None:
        self.database = open_database(f"sqlite:///{self.data_dir / 'hotline.db'}")

    @property
    def said(self) -> str:
        return (self.directory / "serve.log").read_text(encoding="utf-8")

    async def close(self) -> None:
        for phone in self.phones:
            with contextlib.suppress(OSError):
                await phone.close(hang_up=False)
        if self.database is not None:
            self.database.dispose()
        if self.process is not None:
            self.process.terminate()
            try:
                await asyncio.to_thread(self.process.wait, ENDS_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise

    # Its parts

    def pid(self, name: str) -> int:
        """Process id of a part, the one that runs now."""
        return self.pids(name)[-1]

    def pids(self, name: str) -> list[int]:
        """Of all that ran as this part, in order."""
        return [int(pid) for pid in re.findall(rf"^{name} +started, pid (\d+)", self.said, re.MULTILINE)]

    async def kill(self, name: str, by: str = "KILL") -> None:
        """kill -9 (or another signal), and wait until `serve` has started another one."""
        count = len(self.pids(name))
        os.kill(self.pid(name), signal.Signals[f"SIG{by}"])
        await self.until(lambda: len(self.pids(name)) > count, f"{name} was started again")

    # Its telephones

    async def phone(
        self, user: str = "04714613311", *, password: str | None = None, server: tuple[str, int] | None = None, **options: Any
    ) -> ScriptedPhone:
        """A telephone; with a password one of a seat. server: another listener than the first."""
        phone = ScriptedPhone(server=server or self.server, user=user, password=password, **options)
        await phone.start()
        self.phones.append(phone)
        return phone

    async def seat(self, number: str = "1026", *, sign_on: bool = True, **options: Any) -> ScriptedPhone:
        """A seat's registered telephone, signed on."""
        phone = await self.phone(number, password=f"pw-{number}", **options)
        await phone.register()
        self.registered.append(phone)
        if sign_on:
            await self.code(phone, "*81")
        return phone

    async def code(self, phone: ScriptedPhone, code: str) -> None:
        """The seat dials a code and hears it confirmed."""
        call = await phone.dial(code)
        await call.wait_answered(PATIENCE_S)
        assert await call.wait_ended(PATIENCE_S) == "remote"

    async def cleared(self) -> None:
        """As a new site is, for the next test: no call lives, no telephone is registered, no seat serves, nothing is owed; the
        books begin anew."""
        for phone in self.registered:
            await phone.unregister()
        for phone in self.phones:
            await phone.close()
        self.registered, self.phones = [], []
        with self.redis() as redis:
            for seat in self.seats:
                set_status(redis, seat, "off")
        await self.until(lambda: not self.live_calls(), "no call lives")
        with self.redis() as redis:
            await self.until(lambda: all_booked(redis), "the scribe has read all that was told")
        await self.until(lambda: all(row["ended_at"] is not None for row in self.calls()), "all that was is in the books")
        await self.until(lambda: not list(self.recordings.rglob("*.part")), "the recordings are finished")
        for row in self.return_calls():
            if row["state"] in PENDING_STATES:
                assert self.database is not None
                waive(self.database, row["id"], "test", "the next test", time.time(), others=True)
        for path in self.recordings.rglob("*.wav"):
            path.unlink()
        self.past |= {row["call_id"] for row in self.calls()} | {str(row["id"]) for row in self.return_calls()}

    # Its books

    def calls(self) -> list[dict[str, Any]]:
        """The call log, oldest first."""
        rows = self._rows(select(call_log).order_by(call_log.c.arrived_at))
        return [row for row in rows if row["call_id"] not in self.past]

    def events(self, call_id: str) -> list[str]:
        """Types of a call's events, in order."""
        return [
            row["type"]
            for row in self._rows(select(call_event).where(call_event.c.subject == call_id).order_by(call_event.c.seq))
        ]

    def event_data(self, call_id: str, kind: str) -> dict[str, Any]:
        rows = self._rows(select(call_event).where(call_event.c.subject == call_id, call_event.c.type == kind))
        return dict(json.loads(rows[-1]["data"]))

    def return_calls(self) -> list[dict[str, Any]]:
        rows = self._rows(select(return_call).order_by(return_call.c.id))
        return [row for row in rows if str(row["id"]) not in self.past]

    def _rows(self, query: Any) -> list[dict[str, Any]]:
        assert self.database is not None
        with self.database.connect() as connection:
            return [dict(row) for row in connection.execute(query).mappings()]

    async def ended(self, count: int = 1) -> list[dict[str, Any]]:
        """Until so many calls are complete in the log; of none of those is anything left in Redis."""
        rows = await self.ended_in_the_books(count)
        ids = {row["call_id"] for row in rows}
        await self.until(lambda: not ids & self.live_calls(), "nothing left of them in Redis")
        return rows

    async def ended_in_the_books(self, count: int = 1) -> list[dict[str, Any]]:
        """Until so many calls are complete in the log."""
        return await self.until_some(
            lambda: [row for row in self.calls() if row["ended_at"] is not None], count, "ended calls in the log"
        )

    def live_calls(self) -> set[str]:
        """Ids of the calls that Redis holds."""
        with self.redis() as redis:
            return {str(key).rpartition(":")[2] for key in redis.scan_iter("{hotline}:call:*")}

    def redis(self) -> contextlib.closing[Redis]:
        """The hotline's own."""
        return contextlib.closing(
            connect_sync(self.environ.get("HOTLINE_REDIS_URL") or re.findall(r"unix://\S+", self.said)[-1])
        )

    async def recording(self, row: dict[str, Any]) -> tuple[audio.Samples, ...]:
        """Both sides of a call's recording, once it is finished."""
        path = self.recordings / row["recording"]
        await self.until(path.exists, "the recording is finished")
        return audio.read_wav(path.read_bytes()).channels

    async def until_some(self, find: Callable[[], list[Result]], count: int, what: str) -> list[Result]:
        await self.until(lambda: len(find()) >= count, f"{count} {what}")
        found = find()
        assert len(found) == count, found
        return found

    async def until(self, condition: Callable[[], bool], what: str, timeout_s: float = PATIENCE_S) -> None:
        """Until it is so; AssertionError with what `serve` said when it never is."""
        end = time.monotonic() + timeout_s
        while not condition():
            assert "ended with" not in self.said or "ready:" in self.said, f"it does not start\n{self.said}\n{self.logs()}"
            if self.process is not None and self.process.poll() is not None:
                raise AssertionError(f"serve ended with {self.process.returncode}\n{self.said}")
            assert time.monotonic() < end, f"not within {timeout_s} s: {what}\n{self.said}\n{self.logs()}"
            await asyncio.sleep(0.05)

    def logs(self) -> str:
        """The last words of every part."""
        parts = []
        for path in sorted((self.data_dir / "log").glob("*.log")):
            parts.append(f"== {path.name}\n" + "\n".join(path.read_text(encoding="utf-8").splitlines()[-25:]))
        return "\n".join(parts)

    async def command(self, *arguments: str) -> tuple[int, str]:
        """Run `hotline …` beside it; returns status and output."""
        with tempfile.TemporaryFile() as output:
            process = nursery().spawn(arguments, output=output, env=self.environment())
            assert process is not None, "the nursery is gone"
            status = await asyncio.to_thread(process.wait, 120)
            output.seek(0)
            return status, output.read().decode()


@contextlib.asynccontextmanager
async def running(directory: Path, **options: Any) -> AsyncIterator[Site]:
    """A site that is ended with the block; its parts' last words are shown with a failure."""
    site = Site(directory, **options)
    try:
        await site.start()
        yield site
    finally:
        print(site.said, site.logs(), sep="\n")  # noqa: T201 - pytest shows it with a failure
        await site.close()


async def all_of(*work: Awaitable[Result]) -> list[Result]:
    """Several things at once."""
    return list(await asyncio.gather(*work))
