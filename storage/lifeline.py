"""[io] Processes that end with the one that started them, even when that one is killed with SIGKILL.

Linux tells a process of its parent's death by itself (prctl PR_SET_PDEATHSIG). Elsewhere our own processes look at their parent
once a second, and foreign programs get a small watcher that reads a pipe whose other end closes with us.

This file is also a program, run as `python -I -S lifeline.py MODE PARENT FD LISTEN COMMAND…`: it ties itself to its parent,
puts the descriptors LISTEN in their places, then becomes COMMAND. It imports the standard library only.
"""

from __future__ import annotations

import ctypes
import fcntl
import functools
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

_PR_SET_PDEATHSIG = 1
_LOOK_EVERY_S = 1.0
_WATCHED_FDS = 512
_FIRST_LISTEN_FD = 3


def die_with_parent(signum: signal.Signals = signal.SIGTERM, *, parent: int | None = None) -> None:
    """Have `signum` sent to this process when the thread that started it ends, with its process or alone.

    Pass the parent's process id, as it was known before the fork, to close the gap of a parent that is dead already: then the
    signal comes now.
    """
    if sys.platform == "linux":
        if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, int(signum)) != 0:
            raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
    else:
        threading.Thread(target=_look_at_parent, args=(os.getppid(), signum), name="lifeline", daemon=True).start()
    if parent is not None and os.getppid() != parent:
        os.kill(os.getpid(), signum)


def last_line(output: Path) -> str:
    """What a program said last, of the file that took its output."""
    lines = output.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return lines[-1] if lines else f"no word in {output.name}"


def spawn(
    command: Sequence[str],
    *,
    output: IO[bytes],
    env: Mapping[str, str] | None = None,
    pass_fds: Sequence[int] = (),
    listen_fds: Sequence[int] = (),
    by_pipe: bool = sys.platform != "linux",
) -> subprocess.Popen[bytes]:
    """Start a program, ours or not, that gets SIGTERM when this process ends. `output` takes its stdout and stderr.

    It inherits `pass_fds` under their numbers, and `listen_fds` as 3, 4 and so on (sd_listen_fds(3)).
    On Linux call it from a thread that lives as long as the program shall (the main thread): its end counts as the parent's.
    """
    fds = [*pass_fds, *listen_fds]
    lifeline = -1
    if by_pipe:
        lifeline = _read_end()
        fds.append(lifeline)
    mode = "pipe" if by_pipe else "signal"
    listen = ",".join(str(fd) for fd in listen_fds)
    wrapper = [sys.executable, "-I", "-S", str(Path(__file__)), mode, str(os.getpid()), str(lifeline), listen]
    return subprocess.Popen(
        [*wrapper, *command],
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        pass_fds=fds,
        start_new_session=True,
    )


def put_listening(fds: Sequence[int]) -> None:
    """Move these descriptors to 3, 4 and so on (sd_listen_fds(3)), where a program that is run looks for them."""
    # First out of the way, then each to its place: none overwrites another. No higher than that: some may have few.
    copies = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, _FIRST_LISTEN_FD + len(fds)) for fd in fds]
    for fd in fds:
        os.close(fd)
    for place, copy in enumerate(copies, start=_FIRST_LISTEN_FD):
        os.dup2(copy, place)
        os.close(copy)


@functools.cache
def _read_end() -> int:
    """The pipe all watchers of this process read; its write end is never written, only held open."""
    return os.pipe()[0]


def _look_at_parent(parent: int, signum: signal.Signals) -> None:
    while os.getppid() == parent:
        time.sleep(_LOOK_EVERY_S)
    os.kill(os.getpid(), signum)


def _watch(lifeline: int) -> None:
    """Fork a watcher that ends us when the pipe closes, or leaves when we are gone first."""
    watched = os.getpid()
    if os.fork() != 0:
        os.close(lifeline)
        return
    # The watcher must hold nothing of what its program inherited: a lock on a data directory, say.
    for fd in range(3, _WATCHED_FDS):
        if fd != lifeline:
            try:
                os.close(fd)
            except OSError:
                continue
    while os.getppid() == watched:
        readable, _, _ = select.select([lifeline], [], [], _LOOK_EVERY_S)
        if readable and os.getppid() == watched:
            os.kill(watched, signal.SIGTERM)
            break
    os._exit(0)


def _main(arguments: Sequence[str]) -> None:
    mode, parent, lifeline, listen, *command = arguments
    if mode == "pipe":
        _watch(int(lifeline))
    else:
        die_with_parent(parent=int(parent))
    put_listening([int(fd) for fd in listen.split(",") if fd])
    os.execv(command[0], command)


if __name__ == "__main__":
    _main(sys.argv[1:])
