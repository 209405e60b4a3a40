"""[io] `hotline demo`: one real call from outside to a seat and into the log, shown step by step as it happens.

A caller (pyVoIP, in its own process, µ-law) and a seat's telephone (ivr.phones.scripted, A-law) share no code with the
hotline: what they hear is what any telephone would hear. Each step that does not come true ends the demo with the step's name.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import socket
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import Engine as Database
from sqlalchemy import select

from followup.tables import call_log
from ivr import tasks
from ivr.config import Settings
from ivr.gatewaysettings import LOOPBACK
from ivr.listen import free_port
from ivr.phones import audio
from ivr.phones.probe import ProbeReport, probe
from ivr.phones.scripted import Answer, PhoneError, ScriptedPhone
from ivr.speech.installed import BadChoice, Models
from prompts import PATH as PROMPTS
from routing.events import STREAM
from storage.lifeline import die_with_parent
from storage.redis import connect
from storage.sql import open_database

CALLER_HZ, SEAT_HZ = 440, 620
TALK_S = 14.0
"""How long the caller stays after pressing the key."""
START_S = 60.0
STEP_S = 30.0
CLEAN = 0.6
"""The share of a side's recorded sound that its own tone must have while both talk."""


CALLER_WORDS = {
    "dialling": "dials {uri} (pyVoIP, PCMU)",
    "answered": "is answered after {after_s} s",
    "heard": "heard the welcome with the recording notice (likeness {similarity})",
    "pressed": "presses {keys}",
    "tone": "hears the seat's tone, {hz} Hz",
    "hung up": "hangs up",
}
"""The probe's events in words."""
HOTLINE_WORDS = {
    "arrived": "a call from {caller} ({province} {city}) on trunk {trunk} for hotline {hotline}",
    "answered": "answered",
    "menu": "menu: {node}",
    "key": "key {digit} in {node}",
    "said": "heard “{text}” in {node}, confidence {confidence}",
    "misheard": "understood nothing in {node}: {why}",
    "not_hearing": "goes on with keys in {node}: speech is {why}",
    "queued": "waits in queue {queue}",
    "offered": "offered to seat {seat}",
    "ringing": "seat {seat} rings",
    "talking": "talking to seat {seat} after {wait_s} s of waiting; both hear the agent number first",
    "recording": "recording",
    "ended": "ended by the {by}: {reason}",
}
"""The hotline's own events in words; one that is not here is shown by its name."""


class DemoFailed(Exception):
    """A step did not come true; the text names it."""


class Demo:
    """One hotline, one seat, one call. `say` gets the lines."""

    way_s = STEP_S * 2
    """How long the caller may take to reach the seat."""

    def __init__(self, settings: Settings, say: Callable[[str], None]) -> None:
        self._settings = settings
        self._say = say
        self._began = time.monotonic()
        self._serve: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None
        self._ready = asyncio.Event()
        self._redis_url = settings.redis_url
        self._events: list[tuple[str, dict[str, Any]]] = []
        """What the hotline told of the call so far: type and data of each event,"""
        self._told_at = self._began
        """and when it told the last."""
        self._link = ""
        self._rang = False

    def line(self, who: str, what: str) -> None:
        """Say what somebody does."""
        self._say(f"{time.monotonic() - self._began:7.2f} s  {who:9} {what}")

    @contextlib.asynccontextmanager
    async def hotline(self) -> AsyncIterator[None]:
        """`hotline serve`, running while the block does. Raises DemoFailed when it does not come up."""
        settings = self._settings
        environment = os.environ | {
            "HOTLINE_DATA_DIR": str(settings.data_dir),
            "HOTLINE_SIP_PORT": str(settings.sip.port),
            "HOTLINE_CONSOLE_PORT": str(settings.console.port),
            "HOTLINE_GATEWAY_PORT": str(settings.gateway.port),
            "HOTLINE_GATEWAY_ENGINE_PORT": str(settings.gateway.engine_port),
            "HOTLINE_GATEWAY_SIP_PORT": str(settings.gateway.sip_port),
            **self.more_environment(),
        }
        self._serve = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-u", "-m", "ivr.cli", "serve"),
            env=environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            preexec_fn=die_with_parent,
            start_new_session=True,
        )
        self._reading = asyncio.create_task(self._read(self._serve))
        try:
            ready = asyncio.create_task(self._ready.wait())
            await asyncio.wait([ready, self._reading], timeout=START_S, return_when=asyncio.FIRST_COMPLETED)
            ready.cancel()
            if not self._ready.is_set():
                raise DemoFailed("start: `hotline serve` did not come up (its lines are above)")
            yield
        finally:
            if self._serve.returncode is None:
                self._serve.send_signal(signal.SIGTERM)
            await self._serve.wait()
            await self._reading

    def more_environment(self) -> Mapping[str, str]:
        """What this demo sets beside places and ports: callers are heard by the built-in model, unless it is said otherwise."""
        settings = self._settings
        try:
            named = settings.speech.model or settings.speech.models or Models(settings.data_dir).chosen()
        except BadChoice as error:
            raise DemoFailed(f"start: {error}") from error
        return {"HOTLINE_SPEECH_ENABLED": "on"} if settings.speech.enabled == "auto" and not named else {}

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        async for raw in process.stdout:
            line = raw.decode(errors="replace").rstrip()
            if line.startswith("redis ") and "unix://" in line:
                self._redis_url = line[line.index("unix://") :]
            if line.startswith("log in: "):
                self._link = line.split()[2]
            if line.startswith("ready:"):
                self._ready.set()
            else:
                self.line("serve", line)

    async def call(self) -> None:
        """The call itself. Raises DemoFailed with the step."""
        settings = self._settings
        seat = settings.seats[0]
        server = (settings.sip.host, settings.sip.port)
        password = seat.password.get_secret_value()
        async with ScriptedPhone(server=server, user=seat.number, password=password, codecs=("PCMA",)) as phone:
            async with self._step("the seat's telephone registers"):
                await phone.register()
                self.line("seat", f"{seat.number} registered with digest, PCMA")
            async with self._step("the seat signs on"):
                sign_on = await phone.dial(settings.codes.sign_on)
                await sign_on.wait_answered()
                await sign_on.wait_ended(STEP_S)
                self.line("seat", f"{seat.number} dialled {settings.codes.sign_on}: signed on")
            phone.on_invite = Answer(after_s=1.0)
            redis = connect(self._redis_url)
            latest = await redis.xrevrange(STREAM, count=1)
            events = asyncio.create_task(self._tell_events(redis, str(latest[0][0]) if latest else "0"))
            try:
                await self.talk(phone, asyncio.create_task(self.be_caller()))
            finally:
                await tasks.end([events])
                await redis.aclose()
            await self._show_record()

    @property
    def uri(self) -> str:
        """What the caller dials."""
        sip = self._settings.sip
        return f"sip:{next(iter(self._settings.trunks[0].numbers))}@{sip.host}:{sip.port}"

    async def be_caller(self) -> None:
        """The caller's side of the call, from dialling to hanging up. Raises DemoFailed when it doesn't hear what it should."""
        loop = asyncio.get_running_loop()

        def tell(event: dict[str, Any]) -> None:
            loop.call_soon_threadsafe(self._tell_caller, event)

        with tempfile.TemporaryDirectory() as directory:
            voice = Path(directory) / "caller.wav"
            voice.write_bytes(audio.write_wav(audio.tone(CALLER_HZ, 60.0)))
            report: ProbeReport = await asyncio.to_thread(
                probe,
                self.uri,
                keys="1",
                play=voice,
                seconds=TALK_S,
                expect=[PROMPTS / "zh" / "welcome.wav"],
                tone=[SEAT_HZ],
                on_event=tell,
            )
        if not report.ok:
            why = report.error or (f"not heard: {', '.join(report.missing)}" if report.missing else report.ended_by)
            raise DemoFailed(f"the caller hears welcome and seat: {why}")

    def _tell_caller(self, event: Mapping[str, Any]) -> None:
        words = CALLER_WORDS.get(event["event"])
        if words is not None:
            self.line("caller", words.format_map(event))

    async def talk(self, phone: ScriptedPhone, caller: asyncio.Task[None]) -> None:
        """Both sides of the call, each to its end: the caller may be through before the seat has heard of it. Raises DemoFailed
        with the first step that does not come true."""
        talk = asyncio.create_task(self._answer(phone))
        try:
            await asyncio.wait([talk, caller], return_when=asyncio.FIRST_COMPLETED)
            if not talk.done():
                await caller
                if not self._rang:
                    raise DemoFailed("the call reaches the seat: the caller was through before")
            await talk
            await caller
        finally:
            for task in (talk, caller):
                task.cancel()
            await asyncio.gather(talk, caller, return_exceptions=True)

    async def _answer(self, phone: ScriptedPhone) -> None:
        async with self._step("the seat's telephone rings"):
            call = await phone.incoming(self.way_s)
            self._rang = True
            self.line("seat", "rings")
        async with self._step("the seat answers"):
            await call.wait_answered(STEP_S)
            call.send_tone(SEAT_HZ)
            self.line("seat", "answers")
        async with self._step("the seat hears the caller"):
            await call.wait_tone(CALLER_HZ, STEP_S)
            self.line("seat", f"hears the caller's tone, {CALLER_HZ} Hz")
        async with self._step("the caller hangs up"):
            await call.wait_ended(STEP_S)

    async def _tell_events(self, redis: Any, last: str) -> None:
        """The hotline's own events after `last`, as its call log gets them."""
        while True:
            for _, entries in await redis.xread({STREAM: last}, block=500) or []:
                for entry, fields in entries:
                    last = entry
                    if not fields["subject"].startswith("seat:"):
                        data = json.loads(fields["data"])
                        words = HOTLINE_WORDS.get(fields["type"], fields["type"]).format_map(data)
                        others = ", ".join(f"{text} {confidence}" for text, confidence in data.get("alternatives", ()))
                        self.line("hotline", words + (f"; else {others}" if others else ""))
                        self._events.append((fields["type"], data))
                        self._told_at = time.monotonic()

    async def _show_record(self) -> None:
        settings = self._settings
        database = open_database(settings.database_url)
        try:
            async with self._step("the call is on record"):
                row = await self._row(database)
                where = " ".join(part for part in (row["province"], row["city"]) if part)
                self.line(
                    "log", f"{row['call_id']}: {row['caller']} {where} → {row['hotline']} → {row['menu_path']} → {row['queue']}"
                )
                self.line("log", f"seat {row['seat']}, waited {row['wait_s']} s, talked {row['talk_s']} s, {row['reason']}")
            async with self._step("both sides are on the recording"):
                path = settings.recordings / str(row["recording"])
                await self._until(path.exists, f"{path} is there")
                wave = audio.read_wav(path.read_bytes())
                for side, hz, channel in zip(("left, caller", "right, seat"), (CALLER_HZ, SEAT_HZ), wave.channels, strict=True):
                    best = max(audio.tone_share(channel[at : at + audio.RATE], hz) for at in range(0, len(channel), audio.RATE))
                    if best < CLEAN:
                        raise DemoFailed(f"{side}: {hz} Hz is not there (at best {best:.2f} of a second's sound)")
                self.line("recording", f"{path}: stereo, {wave.seconds:.1f} s, caller left, seat right")
        finally:
            database.dispose()

    async def _row(self, database: Database) -> Mapping[str, Any]:
        found: list[dict[str, Any]] = []

        def look() -> bool:
            with database.connect() as connection:
                query = select(call_log).where(call_log.c.ended_at.is_not(None)).order_by(call_log.c.arrived_at.desc())
                row = connection.execute(query).mappings().first()
            if row is not None:
                found.append(dict(row))
            return row is not None

        await self._until(look, "a row in the call log")
        return found[-1]

    async def _until(self, condition: Callable[[], bool], what: str) -> None:
        end = time.monotonic() + STEP_S
        while not condition():
            if time.monotonic() > end:
                raise DemoFailed(f"{what}: not within {STEP_S:.0f} s")
            await asyncio.sleep(0.1)

    @contextlib.asynccontextmanager
    async def _step(self, name: str) -> AsyncIterator[None]:
        try:
            yield
        except PhoneError as error:
            raise DemoFailed(f"{name}: {error}") from error

    async def stay(self) -> None:
        """Until the hotline ends or the process gets SIGINT or SIGTERM."""
        settings = self._settings
        number = next(iter(settings.trunks[0].numbers))
        self._say(
            f"ready: dial {number} at {settings.sip.host}:{settings.sip.port}, "
            f"console at {settings.console.url} (Ctrl-C ends everything)"
        )
        if self._link:
            self._say(f"log in:  {self._link}  creates the administrator; once, within 24 hours")
        assert self._reading is not None
        stop = asyncio.Event()
        for number_ in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number_, stop.set)
        waiting = asyncio.create_task(stop.wait())
        await asyncio.wait([waiting, self._reading], return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()


def throwaway(settings: Settings) -> Settings:
    """The same hotline with a data directory of its own, on free ports."""
    sip, console = settings.sip, settings.console
    gateway = {
        "port": free_port(socket.SOCK_STREAM, settings.gateway.host),
        "engine_port": free_port(socket.SOCK_DGRAM, LOOPBACK),
        "sip_port": free_port(socket.SOCK_DGRAM, LOOPBACK),
    }
    return settings.model_copy(
        update={
            "data_dir": Path(tempfile.mkdtemp(prefix="hotline-demo-")),
            "sip": sip.model_copy(update={"port": free_port(socket.SOCK_DGRAM, sip.host)}),
            "console": console.model_copy(update={"port": free_port(socket.SOCK_STREAM, console.host)}),
            "gateway": settings.gateway.model_copy(update=gateway),
        }
    )


async def run(settings: Settings, say: Callable[[str], None], *, stay: bool, demo: type[Demo] = Demo) -> None:
    """Start a hotline, make the call of this demo, and stay, or end it all and leave nothing behind. Raises DemoFailed.

    Without `stay` the hotline of `settings` gets a directory and ports of its own; after a failure the directory is kept, for
    the logs in it.
    """
    if not stay:
        settings = throwaway(settings)
    show = demo(settings, say)
    async with show.hotline():
        await show.call()
        if stay:
            await show.stay()
    if not stay:
        shutil.rmtree(settings.data_dir)
