"""[io] `hotline serve`: one machine's supervisor. It owns the listening sockets and an embedded Redis, starts every process
of the node and starts again whichever dies; a talk outlives all of them but media. When serve itself is killed, its children
end with it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import IO

from ivr.config import Settings
from ivr.listen import bind, bind_listener, socket_name
from ivr.sip.uri import host_port
from storage.embedded import EmbeddedRedis
from storage.lifeline import spawn
from storage.redis import StorageError

POLL_S = 0.05
START_S = 40.0
STOP_S = 8.0
SETTLED_S = 10.0
"""A child that lived so long starts again at once; one that keeps dying waits longer each time."""
MAX_BACK_OFF_S = 5.0
GIVES_WAY = 10


class StartFailed(RuntimeError):
    """A process did not come up; the text names it and where its words are."""


@dataclass(slots=True)
class Child:
    """One process of the node."""

    name: str
    arguments: tuple[str, ...]
    sockets: Mapping[str, socket.socket] = field(default_factory=dict)
    nice: int = 0
    """Added to the process's niceness: who has no caller on the line gives way to who has."""
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    back_off_s: float = 0.0
    start_at: float = 0.0


class Supervisor:
    """Starts, watches and ends the processes of one node. `say` gets a line for each step."""

    def __init__(self, settings: Settings, *, say: Callable[[str], None]) -> None:
        self.settings = settings
        self._say = say
        self._stopping = False
        self._ready = False
        self._redis: EmbeddedRedis | None = None
        self._lock: IO[bytes] | None = None
        self._sockets: list[socket.socket] = []
        self._notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._notify.setblocking(False)
        self.children: dict[str, Child] = {}

    @property
    def redis_url(self) -> str:
        """Of the Redis that the processes use."""
        return self._redis.url if self._redis else self.settings.redis_url

    @property
    def log_path(self) -> Path:
        return self.settings.data_dir / "log"

    def start(self) -> None:
        """Bind, start Redis, start the children. Raises PortTaken, StorageError or StartFailed."""
        settings = self.settings
        settings.make_directories()
        self.log_path.mkdir(exist_ok=True)
        sip = {socket_name(one): self._keep(bind_listener(one)) for one in settings.all_listeners}
        console = settings.console
        setting = "HOTLINE_CONSOLE_PORT (make run CONSOLE_PORT=…)"
        http = self._keep(bind(socket.SOCK_STREAM, console.host, console.port, setting))
        self._lock = self._take(settings.run_dir / "serve.lock")
        self._notify_path.unlink(missing_ok=True)
        self._notify.bind(str(self._notify_path))
        for one in settings.all_listeners:
            self._say(f"sip      {one.transport.upper()} {host_port(one.host, one.port)}")
        if not settings.redis_url:
            self._redis = EmbeddedRedis(settings.data_dir)
            self._start_redis()
        self._say(f"sql      {'given by sql_url' if settings.sql_url else settings.database_url}")
        for index in range(settings.media.processes):
            self._add(Child(f"media-{index}", ("media", "--index", str(index))))
        self._add(Child("scribe", ("scribe",), nice=GIVES_WAY))
        self._add(Child("engine", ("engine",), sip))
        self._add(Child("console", ("console",), {"http": http}, nice=GIVES_WAY))
        self._say(f"console  http://{settings.console.host}:{settings.console.port}/")

    def wait_ready(self) -> None:
        """Until calls can come: the engine says so, and the console finds Redis, SQL and the scribe. Raises StartFailed."""
        end = time.monotonic() + START_S
        why = "the engine has not said that it is ready"
        while time.monotonic() < end and not self._stopping:
            self.watch_once()
            if self._engine_ready():
                why = self._console_says()
                if not why:
                    return
            time.sleep(POLL_S)
        raise StartFailed(f"not ready after {START_S:.0f} s: {why} (the processes' words: {self.log_path})")

    def _engine_ready(self) -> bool:
        with contextlib.suppress(BlockingIOError):
            while self._notify.recv(64):
                self._ready = True
        return self._ready

    def _console_says(self) -> str:
        """What the console still misses, "" when nothing."""
        console = self.settings.console
        try:
            with urllib.request.urlopen(f"http://{console.host}:{console.port}/readyz", timeout=1.0):
                return ""
        except urllib.error.HTTPError as error:
            with error:
                return error.read(500).decode(errors="replace")
        except OSError as error:
            return f"console: {error}"

    @property
    def _notify_path(self) -> Path:
        return self.settings.run_dir / "notify.sock"

    @property
    def ready_line(self) -> str:
        """What to dial and where to look."""
        settings = self.settings
        numbers = ", ".join(number for trunk in settings.trunks for number in trunk.numbers)
        at = f"{settings.sip.host}:{settings.sip.port}"
        return f"ready: dial {numbers} at {at}, console at http://{settings.console.host}:{settings.console.port}/"

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

    def _start_redis(self) -> None:
        assert self._redis is not None
        self._redis.start()
        self._say(f"redis    started, pid {self._redis.pid}, {self._redis.url}")

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
            "NOTIFY_SOCKET": str(self._notify_path) if child.name == "engine" else "",
            "PYTHONUNBUFFERED": "1",
        }
        if child.sockets:
            environment |= {"LISTEN_FDS": str(len(child.sockets)), "LISTEN_FDNAMES": ":".join(child.sockets)}
        return environment

    def _spawn(self, child: Child) -> None:
        if child.name == "engine":
            self._engine_ready()  # what the one before has said is of no more worth
            self._ready = False
        with (self.log_path / f"{child.name}.log").open("ab") as log:
            child.process = spawn(
                [sys.executable, "-m", "ivr.cli", *child.arguments],
                output=log,
                env=self._environment(child),
                listen_fds=[sock.fileno() for sock in child.sockets.values()],
            )
        if child.nice:
            os.setpriority(os.PRIO_PROCESS, child.process.pid, os.getpriority(os.PRIO_PROCESS, 0) + child.nice)
        child.started_at = time.monotonic()
        self._say(f"{child.name:8} started, pid {child.process.pid}")

    def watch_once(self) -> None:
        """Start again what died."""
        if self._redis is not None and self._redis.poll() is not None:
            self._say("redis    died, starting it again")
            try:
                self._start_redis()
            except StorageError as error:
                self._say(f"redis    does not start: {error}")  # tried again at once: calls go on from the engine's memory
        now = time.monotonic()
        for child in self.children.values():
            if child.process is None:
                if now >= child.start_at:
                    self._spawn(child)
                continue
            status = child.process.poll()
            if status is None:
                continue
            settled = now - child.started_at > SETTLED_S
            child.back_off_s = 0.0 if settled else min(MAX_BACK_OFF_S, child.back_off_s * 2 or 0.1)
            # The first death is answered at once: a caller may be on the line.
            child.start_at = now + (0.0 if settled or child.back_off_s <= 0.1 else child.back_off_s)
            child.process = None
            self._say(f"{child.name:8} ended with {status}, starting it again (its words: {self.log_path / child.name}.log)")
            if child.start_at <= now:
                self._spawn(child)

    def run(self) -> None:
        """Watch until SIGINT or SIGTERM."""
        signal.signal(signal.SIGTERM, self._on_signal)
        signal.signal(signal.SIGINT, self._on_signal)
        while not self._stopping:
            self.watch_once()
            time.sleep(POLL_S)

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._stopping = True

    def stop(self) -> None:
        """End everything that was started: calls first, their records next, Redis last."""
        media = [name for name in self.children if name.startswith("media")]
        self._signal("console", signal.SIGTERM)  # its pages take their time; nobody waits for them
        self._let_engine_start()
        for name in ("engine", *media, "scribe", "console"):
            # The engine's SIGINT hangs its calls up; SIGTERM would leave them to a next engine.
            self._signal(name, signal.SIGINT if name == "engine" else signal.SIGTERM)
            self._wait(name)
        if self._redis is not None:
            self._redis.stop()
        for sock in (*self._sockets, self._notify):
            sock.close()
        if self._lock is not None:
            self._notify_path.unlink(missing_ok=True)
            self._lock.close()

    def _let_engine_start(self) -> None:
        """An engine that is just starting again has calls to hang up, once it is ready."""
        engine, end = self.children.get("engine"), time.monotonic() + STOP_S
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
