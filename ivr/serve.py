"""[io] `hotline serve`: one machine's supervisor. It owns the listening sockets and an embedded Redis, starts every process
of the node and starts again whichever dies; a talk outlives all of them but media. When serve itself is killed, its children
end with it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from types import FrameType
from typing import IO

from ivr.child import Child
from ivr.config import Settings
from ivr.gatewaysettings import LOOPBACK, Twilio
from ivr.listen import bind, bind_listener, socket_name
from ivr.nursery import Adopted, Nursery, reap_strangers
from ivr.ownredis import OwnRedis
from ivr.sip.uri import host_port
from ivr.speech.inuse import models_in_use
from ivr.watchdog import PATIENT_S, Watchdog
from storage import signs
from storage.lifeline import last_line, spawn

POLL_S = 0.05
WATCH_S = 0.5
START_S = 40.0
"""What isn't ready by then is told, and waited for."""
LATE_LOOK_S = 5.0
"""So often it is looked at then."""
STOP_S = 8.0
SETTLED_S = 10.0
"""A child that lived so long starts again at once; one that keeps dying waits longer each time."""
MAX_BACK_OFF_S = 5.0
FOR_ITS_SETTINGS = 2
"""How a process ends that can't work with its settings."""
WISHED = frozenset({0, -signal.SIGTERM, -signal.SIGINT})
"""How a process ends that somebody ended on purpose."""
GIVES_WAY, GIVES_WAY_TO_MEDIA = 10, 5
NURSERY = "nursery"
"""By what name its sign is known."""


class StartFailed(RuntimeError):
    """What was asked for can't be started, as it is set up; the text says why."""


@dataclass(slots=True)
class Opening:
    """The time until all works that was started; monotonic seconds. look_at: not before; told_at: what was missing then."""

    began_at: float
    look_at: float = 0.0
    told_at: float = 0.0
    engine_came: bool = False


class Supervisor:
    """Starts, watches and ends the processes of one node. `say` gets a line for each step; the `nursery`, where there is one,
    bears the processes."""

    def __init__(self, settings: Settings, *, say: Callable[[str], None], nursery: Nursery | None = None) -> None:
        self.settings = settings
        self._say = say
        self._nursery = nursery
        self._stopping = False
        self._redis: OwnRedis | None = None
        self._nursery_sign: signs.Sign | None = None
        self._lock: IO[bytes] | None = None
        self._sockets: list[socket.socket] = []
        self.children: dict[str, Child] = {}

    @property
    def redis_url(self) -> str:
        """Of the Redis that the processes use."""
        return self._redis.url if self._redis else self.settings.redis_url

    @property
    def log_path(self) -> Path:
        return self.settings.data_dir / "log"

    def _start(self) -> None:
        """Bind, start Redis, start the children."""
        settings = self.settings
        settings.make_directories()
        self.log_path.mkdir(exist_ok=True)
        sip = {socket_name(one): self._keep(bind_listener(one)) for one in settings.all_listeners}
        console = settings.console
        setting = "HOTLINE_CONSOLE_PORT (make run CONSOLE_PORT=…)"
        http = self._keep(bind(socket.SOCK_STREAM, console.host, console.port, setting))
        self._lock = self._take(settings.run_dir / "serve.lock")
        signs.forget(settings.run_dir)
        if self._nursery is not None and self._nursery.pid:
            self._nursery_sign = signs.leave(settings.run_dir, NURSERY, self._nursery.pid)
        for one in settings.all_listeners:
            self._say(f"sip      {one.transport.upper()} {host_port(one.host, one.port)}")
        if not settings.redis_url:
            self._redis = OwnRedis(settings, say=self._say, note_end=self._note_end)
            self._redis.start()
        self._say(f"sql      {'given by sql_url' if settings.sql_url else settings.database_url}")
        for index in range(settings.media.processes):
            name = f"media-{index}"
            self._add(Child(name, ("media", "--index", str(index)), notices=self._notices(name)))
        for index in range(settings.speech.processes if models_in_use(settings.speech, settings.data_dir) else 0):
            self._add(Child(f"speech-{index}", ("speech", "--index", str(index)), nice=GIVES_WAY_TO_MEDIA))
        self._add(Child("scribe", ("scribe",), nice=GIVES_WAY, notices=self._notices("scribe"), silent_s=PATIENT_S))
        self._add(Child("engine", ("engine",), sip, notices=self._notices("engine")))
        words, told = ("console", "--no-link"), self._notices("console")
        self._add(Child("console", words, {"http": http}, nice=GIVES_WAY, notices=told, silent_s=PATIENT_S))
        if settings.twilio is not None:
            sockets = self._gateway_sockets(settings.twilio)
            self._add(Child("gateway", ("gateway",), sockets, notices=self._notices("gateway")))
        self._say(f"console  {settings.console.url}")
        if not console.loopback and console.plain_http:
            self._say("console  WITHOUT TLS beyond this machine (console.plain_http): passwords can be read on that network")

    def _gateway_sockets(self, twilio: Twilio) -> dict[str, socket.socket]:
        """Callers' webhooks wait while a gateway is replaced. Raises StartFailed, PortTaken."""
        try:
            twilio.token()
        except (ValueError, OSError) as error:
            raise StartFailed(str(error)) from error
        gateway = self.settings.gateway
        self._say(f"gateway  {twilio.public_url} → {host_port(gateway.host, gateway.port)}")
        return {
            "gateway-http": self._keep(bind(socket.SOCK_STREAM, gateway.host, gateway.port, "HOTLINE_GATEWAY_PORT")),
            "gateway-sip": self._keep(bind(socket.SOCK_DGRAM, LOOPBACK, gateway.sip_port, "HOTLINE_GATEWAY_SIP_PORT")),
        }

    def _is_open(self, opening: Opening, now: float) -> bool:
        """Whether calls can come, and the console finds Redis, SQL and the scribe. Where that takes long it is told what is
        missing; what works goes on working. Raises StartFailed where the settings are not the engine's."""
        engine = self.children["engine"]
        opening.engine_came = opening.engine_came or self._engine_ready()
        if not opening.engine_came and engine.ended == FOR_ITS_SETTINGS:
            raise StartFailed(f"the engine does not start: {last_line(self.log_path / 'engine.log')}")
        if now < opening.look_at:
            return False
        missing = self._console_says() if opening.engine_came else "the engine has not said that it is ready"
        if missing and now - max(opening.began_at, opening.told_at) >= START_S:
            how = "calls come, the rest is not ready" if opening.engine_came else "not ready"
            self._say(f"{how} after {now - opening.began_at:.0f} s: {missing} (the processes' words: {self.log_path})")
            opening.told_at = now
        if now - opening.began_at >= START_S:
            opening.look_at = now + LATE_LOOK_S
        return not missing

    def _engine_ready(self) -> bool:
        engine = self.children["engine"]
        engine.hear()
        return engine.ready

    def _notices(self, name: str) -> socket.socket:
        path = self._notices_path(name)
        path.unlink(missing_ok=True)
        sock = self._keep(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
        sock.setblocking(False)
        sock.bind(str(path))
        return sock

    def _notices_path(self, name: str) -> Path:
        return self.settings.run_dir / f"{name}.notify"

    def _console_says(self) -> str:
        """What the console still misses, "" when nothing."""
        console = self.settings.console
        try:
            with urllib.request.urlopen(f"http://{console.own_host}:{console.port}/readyz", timeout=1.0):
                return ""
        except urllib.error.HTTPError as error:
            with error, contextlib.suppress(OSError, HTTPException):  # it may fall silent, or end, in the middle of it
                if words := error.read(500).decode(errors="replace").strip():
                    return words
            return f"console: {error}"
        except (OSError, HTTPException) as error:
            return f"console: {error}"

    @property
    def ready_line(self) -> str:
        """What to dial and where to look."""
        settings = self.settings
        numbers = ", ".join(number for trunk in settings.trunks for number in trunk.numbers)
        at = f"{settings.sip.host}:{settings.sip.port}"
        return f"ready: dial {numbers} at {at}, console at {settings.console.url}"

    @property
    def first_link(self) -> str:
        """The link that creates the first administrator, as the console has left it; "" where there is one."""
        try:
            return self.settings.link_file.read_text(encoding="utf-8")
        except FileNotFoundError:
            return ""

    def _take(self, path: Path) -> IO[bytes]:
        """The right to be this data directory's only `serve`, held until we end."""
        lock = path.open("ab")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            raise StartFailed(
                f"another `hotline serve` runs on {self.settings.data_dir}; choose another data_dir (HOTLINE_DATA_DIR)"
            ) from None
        return lock

    def _keep(self, sock: socket.socket) -> socket.socket:
        self._sockets.append(sock)
        return sock

    def _add(self, child: Child) -> None:
        self.children[child.name] = child
        self._spawn(child)

    def _environment(self, child: Child) -> dict[str, str]:
        settings = self.settings
        environment = {k: v for k, v in os.environ.items() if not k.startswith("LISTEN_")}
        environment |= {
            "HOTLINE_REDIS_URL": self.redis_url,
            "HOTLINE_DATA_DIR": str(settings.data_dir),
            "HOTLINE_SIP_PORT": str(settings.sip.port),
            "HOTLINE_CONSOLE_PORT": str(settings.console.port),
            "NOTIFY_SOCKET": str(self._notices_path(child.name)) if child.notices is not None else "",
            "WATCHDOG_USEC": f"{child.silent_s * 1e6:.0f}" if child.notices is not None else "",
            "PYTHONUNBUFFERED": "1",
            signs.SUPERVISED: "1",
        }
        if child.sockets:
            environment |= {"LISTEN_FDS": str(len(child.sockets)), "LISTEN_FDNAMES": ":".join(child.sockets)}
        return environment

    def _spawn(self, child: Child) -> None:
        child.hear()  # what the one before has said is of no more worth
        child.ready, child.hung, child.watchdog = False, False, Watchdog(child.silent_s)
        with (self.log_path / f"{child.name}.log").open("ab") as log:
            child.process = self._born(child, log)
        if child.nice:
            os.setpriority(os.PRIO_PROCESS, child.process.pid, os.getpriority(os.PRIO_PROCESS, 0) + child.nice)
        child.started_at = time.monotonic()
        self._say(f"{child.name:8} started, pid {child.process.pid}")

    def _born(self, child: Child, log: IO[bytes]) -> subprocess.Popen[bytes] | Adopted:
        env, fds = self._environment(child), [sock.fileno() for sock in child.sockets.values()]
        if self._nursery is not None:
            process = self._nursery.spawn(child.arguments, output=log, env=env, listen_fds=fds)
            if process is not None:
                return process
            self._dismiss_nursery()
        return spawn([sys.executable, "-m", "ivr.cli", *child.arguments], output=log, env=env, listen_fds=fds)

    def _dismiss_nursery(self) -> None:
        """From now on each process loads itself what it needs."""
        if self._nursery is not None:
            self._close_nursery(self._nursery)
            self._nursery = None
            self._say("nursery  dismissed")

    def _close_nursery(self, nursery: Nursery) -> None:
        nursery.close()
        if self._nursery_sign is not None:
            self._nursery_sign.remove()
            self._nursery_sign = None

    def _watch_once(self) -> None:
        """Start again what died."""
        now = time.monotonic()
        if self._redis is not None:
            self._redis.watch(now)
        if self._nursery is not None and self._nursery.gone:
            self._dismiss_nursery()
        for child in self.children.values():
            if child.process is None:
                if now >= child.start_at:
                    self._spawn(child)
                continue
            status = child.process.poll()
            if status is None:
                child.hear()
                if child.watchdog.look(now):
                    self._say(f"{child.name:8} has stood still for {child.silent_s:.0f} s, killing it")
                    child.process.kill()
                    child.watchdog.stop()
                    child.hung = True
                continue
            if status in WISHED:  # for a new version, perhaps, and the nursery has the old one
                self._dismiss_nursery()
            settled = now - child.started_at > SETTLED_S
            child.back_off_s = 0.0 if settled else min(MAX_BACK_OFF_S, child.back_off_s * 2 or 0.1)
            # The first death is answered at once: a caller may be on the line.
            child.start_at = now + (0.0 if settled or child.back_off_s <= 0.1 else child.back_off_s)
            child.process, child.ended = None, status
            self._note_end(child.name, status, child.silent_s if child.hung else None)
            self._say(f"{child.name:8} ended with {status}, starting it again (its words: {self.log_path / child.name}.log)")
            if child.start_at <= now:
                self._spawn(child)
        own = [one.process.pid for one in self.children.values() if one.process is not None]
        reap_strangers(own + (self._redis.pids if self._redis is not None else []))

    def _note_end(self, name: str, status: int, hung_s: float | None = None) -> None:
        """For the health page: how it ended, and whether it had hung. Nothing waits for it, and a full disk keeps nobody from
        being started again."""
        try:
            signs.note_end(self.settings.run_dir, name, status, time.time(), hung_s)
        except OSError as error:
            self._say(f"{name:8} its end can't be noted: {error}")

    def run(self, on_ready: Callable[[], None]) -> None:
        """Start everything and watch it until SIGINT or SIGTERM; call stop() after it, however it ends.

        `on_ready` is called once: when calls can come and all else works. Raises PortTaken, StorageError or StartFailed.
        """
        woken, wakes = socket.socketpair()
        with woken, wakes:
            woken.setblocking(False)
            wakes.setblocking(False)
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD):
                signal.signal(number, self._on_signal)
            before = signal.set_wakeup_fd(wakes.fileno(), warn_on_full_buffer=False)
            try:
                self._start()
                self._watch(woken, on_ready)
            finally:
                signal.set_wakeup_fd(before)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)

    def _watch(self, woken: socket.socket, on_ready: Callable[[], None]) -> None:
        opening: Opening | None = Opening(time.monotonic())
        while not self._stopping:
            self._watch_once()
            if opening is not None and self._is_open(opening, time.monotonic()):
                opening = None
                on_ready()
            select.select([woken], [], [], WATCH_S if opening is None else POLL_S)  # a child's death ends the wait
            with contextlib.suppress(BlockingIOError):
                woken.recv(4096)

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        self._stopping = self._stopping or number != signal.SIGCHLD

    def stop(self) -> None:
        """End everything that was started: calls first, their records next, Redis last."""
        media = [name for name in self.children if name.startswith(("media", "speech"))]
        self._signal("console", signal.SIGTERM)  # its pages take their time; nobody waits for them
        self._let_engine_start()
        for name in ("engine", "gateway", *media, "scribe", "console"):
            # The engine's SIGINT hangs its calls up; SIGTERM would leave them to a next engine.
            self._signal(name, signal.SIGINT if name in ("engine", "gateway") else signal.SIGTERM)
            self._wait(name)
        if self._redis is not None:
            self._redis.stop()
        if self._nursery is not None:
            self._close_nursery(self._nursery)
        for sock in self._sockets:
            sock.close()
        if self._lock is not None:
            for child in self.children.values():
                self._notices_path(child.name).unlink(missing_ok=True)
            self._lock.close()

    def _let_engine_start(self) -> None:
        """An engine that is just starting again has calls to hang up, once it is ready: on a busy machine that takes long."""
        engine, end = self.children.get("engine"), time.monotonic() + START_S
        while engine is not None and engine.process is not None and engine.process.poll() is None:
            if self._engine_ready() or time.monotonic() > end:
                return
            time.sleep(POLL_S)

    def _signal(self, name: str, number: signal.Signals) -> None:
        child = self.children.get(name)
        if child is not None and child.process is not None:
            child.process.send_signal(number)

    def _wait(self, name: str) -> None:
        child = self.children.get(name)
        if child is None or child.process is None:
            return
        try:
            child.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            child.process.kill()
            child.process.wait()
