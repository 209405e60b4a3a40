"""[io] Processes that are born ready (Linux): one that has loaded what all others need forks each of them when it is asked to.
What died is there again without the second or two that Python takes to load it, and what is loaded stands in memory once.

It bears no children of its own: a process between the two ends at once, and Linux gives the newborn to the next ancestor that
takes such (PR_SET_CHILD_SUBREAPER), the one that asked. The nursery may die at any time, and nobody dies with it.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import functools
import gc
import importlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import IO, NoReturn

from setproctitle import setproctitle

from storage.lifeline import die_with_parent, put_listening

LOADS = {
    "media": ("ivr.media.worker",),
    "engine": ("ivr.engine", "phonenumbers.geocoder"),
    "scribe": ("followup.scribe",),
    "speech": ("ivr.speech.worker",),
    "gateway": ("ivr.gateway.process",),
    "console": ("console.serve",),
}
"""What a command loads, beside the command line itself; loaded when it is first asked for."""
PATIENCE_S = 20.0
"""Who hasn't got a process by then starts it another way."""
_PR_SET_CHILD_SUBREAPER = 36
_MOST_BYTES, _MOST_FDS = 1 << 17, 64


class Adopted:
    """A child of this process that another one bore; like subprocess.Popen in what a supervisor needs of that."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Its exit status (-9: killed by signal 9), None while it lives."""
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self.returncode = os.waitstatus_to_exitcode(status) if pid else None
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Until it has ended. Raises subprocess.TimeoutExpired."""
        end = None if timeout is None else time.monotonic() + timeout
        while (status := self.poll()) is None:
            if end is not None and time.monotonic() > end:
                raise subprocess.TimeoutExpired(str(self.pid), timeout or 0.0)
            time.sleep(0.02)
        return status

    def send_signal(self, number: signal.Signals) -> None:
        """Unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class Nursery:
    """The way to one: whoever holds this adopts what it bears, and must reap other orphans of its house too."""

    def __init__(self, way: socket.socket, patience_s: float = PATIENCE_S, pid: int = 0) -> None:
        """way: SOCK_SEQPACKET to a process that runs be_one(); pid: its process id, where that is ours to know."""
        self._way = way
        self.pid = pid
        way.settimeout(patience_s)
        adopt_orphans()

    @classmethod
    def fork(cls) -> Nursery | None:
        """One that ends with this process; None where there can be none. Call it before there are threads."""
        if sys.platform != "linux":
            return None
        parent = os.getpid()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if pid == 0:
            ours.close()
            os.setsid()
            die_with_parent(parent=parent)
            be_one(theirs, parent)
        theirs.close()
        return cls(ours, pid=pid)

    @property
    def gone(self) -> bool:
        """It has died: the way to it is closed from the other end."""
        said, _, _ = select.select([self._way], [], [], 0)  # it speaks only when it is asked
        return bool(said)

    def spawn(
        self, arguments: Sequence[str], *, output: IO[bytes], env: Mapping[str, str], listen_fds: Sequence[int] = ()
    ) -> Adopted | None:
        """Run `hotline` with these arguments, as storage.lifeline.spawn would. None when the nursery is gone or doesn't answer;
        from then on it is closed, and what was asked for will not run."""
        wish = json.dumps({"arguments": [*arguments], "env": {**env}}).encode()
        try:
            socket.send_fds(self._way, [wish], [output.fileno(), *listen_fds])
            answer = self._way.recv(64)
        except TimeoutError:
            answer = self._last_word()
        except OSError:
            answer = b""
        if not answer:
            self.close()
            return None
        return Adopted(int(answer))

    def _last_word(self) -> bytes:
        """What it said before it was ended, b"" if nothing: it says nothing after that."""
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
        self._way.settimeout(0.0)
        with contextlib.suppress(OSError):
            return self._way.recv(64)
        return b""

    def close(self) -> None:
        """It ends; those that it bore go on."""
        self._way.close()


def adopt_orphans() -> None:
    """Whoever loses its parent below this process becomes its child."""
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER) failed")


def reap_strangers(own: Sequence[int]) -> None:
    """Orphans of the house that have ended: none stays a zombie. Not those of `own`, whose statuses are asked for elsewhere."""
    while True:
        try:
            ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return
        if ended is None or ended.si_pid in own:
            return
        os.waitpid(ended.si_pid, os.WNOHANG)


def be_one(way: socket.socket, parent: int) -> NoReturn:
    """Bear for `parent` whatever is asked for, until the way closes; each newborn becomes `hotline`."""
    setproctitle("hotline nursery")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # numpy's threads wouldn't live in the newborn
    arguments = _tend(way, parent)
    try:
        if arguments:
            command_line()(arguments)
    except SystemExit as end:
        leave(end.code)
    leave()


def leave(status: int | str | None = None) -> NoReturn:
    """End this process as sys.exit() does, but for taking down what is loaded: each page of it would be copied for that first,
    which costs several times what a newborn's start does. multiprocessing ends what it forks in the same way."""
    if isinstance(status, str):
        sys.exit(status)
    threading._shutdown()  # type: ignore[attr-defined]  # waits for those that are no daemons, and for executors
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status or 0)


def load(command: str) -> None:
    """What a process of this kind needs."""
    command_line()
    for module in LOADS.get(command, ()):
        importlib.import_module(module)


@functools.cache
def command_line() -> Callable[[Sequence[str]], object]:
    """`hotline` with all its commands, which Typer takes a while to look through."""
    from typer.main import get_command

    from ivr.cli import app

    return get_command(app)


def _tend(way: socket.socket, parent: int) -> list[str]:
    """In the nursery [] when the way is closed; in each newborn its arguments."""
    while True:
        try:
            wish, fds, _flags, _from = socket.recv_fds(way, _MOST_BYTES, _MOST_FDS)
        except ConnectionError:
            return []
        if not wish:
            return []
        asked = json.loads(wish)
        load(asked["arguments"][0])
        gc.collect()
        gc.freeze()  # what is loaded is no garbage, and stays where it is shared
        pid, go = _bear(parent)
        if pid == 0:
            way.close()
            _settle(fds, asked["env"], asked["arguments"])
            return list(asked["arguments"])
        for fd in fds:
            os.close(fd)
        try:
            way.send(str(pid).encode())
        except ConnectionError:  # whoever asked has given up, and may have started another: this one ends with us
            return []
        os.write(go, b"!")
        os.close(go)


def _bear(parent: int) -> tuple[int, int]:
    """In a new child of the `parent`'s (0, -1), once it is told to live. Here its process id, and where to tell it: it ends if
    that is closed without a word."""
    reads, writes = os.pipe()
    waits, go = os.pipe()
    between = os.fork()
    if between == 0:
        between = os.getpid()
        pid = os.fork()
        if pid:
            os.write(writes, str(pid).encode())
            os._exit(0)
        os.close(reads)
        os.close(writes)
        os.close(go)
        while os.getppid() == between:
            time.sleep(0.001)
        die_with_parent(parent=parent)
        if not os.read(waits, 1):
            os._exit(0)
        os.close(waits)
        return 0, -1
    os.close(waits)
    os.waitpid(between, 0)
    os.close(writes)
    pid = int(os.read(reads, 32))
    os.close(reads)
    return pid, go


def _settle(fds: Sequence[int], env: Mapping[str, str], arguments: Sequence[str]) -> None:
    """A session, descriptors, environment and name of its own, as after an exec."""
    os.setsid()
    output, *listen = fds
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.close(output)
    put_listening(listen)
    os.environ.clear()
    os.environ.update(env)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    sys.argv = ["hotline", *arguments]
    setproctitle(" ".join([sys.executable, "-m", "ivr.cli", *arguments]))
