"""[io] What a process says of itself to whoever supervises it: `hotline serve`, or systemd.

The words are sd_notify(3)'s. A process that can do its work says READY=1 to the socket NOTIFY_SOCKET. Where WATCHDOG_USEC is
set (sd_watchdog_enabled(3)), it says WATCHDOG=1 from then on, more often than that, from the loop in which it works: one that
hangs falls silent. STOPPING=1 says that it ends, and is not to be waited for any more.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import socket
import time
from collections.abc import Mapping

READY, BEAT, STOPPING = b"READY=1", b"WATCHDOG=1", b"STOPPING=1"
BEAT_S = 1.0


def notify_ready(environ: Mapping[str, str] = os.environ) -> None:
    """Tell the supervisor, if there is one, that this process can do its work now."""
    _notify(READY, environ)


def notify_stopping(environ: Mapping[str, str] = os.environ) -> None:
    """Tell it that this process ends: what it still has to write may take its time."""
    _notify(STOPPING, environ)


class Heart:
    """Of a loop that is not asyncio's."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        self._environ = environ
        self._every_s = _every_s(environ)
        self._due = -math.inf if self._every_s else math.inf

    def turn(self, now: float) -> None:
        """The loop has come round, at `now` by the monotonic clock: each second the supervisor is told."""
        if now >= self._due:
            self._due = now + self._every_s
            _notify(BEAT, self._environ)


async def keep_beating(environ: Mapping[str, str] = os.environ) -> None:
    """For ever: tell the supervisor that this loop turns; where it doesn't want to know, return."""
    every_s = _every_s(environ)
    heart = Heart(environ)
    while every_s:
        heart.turn(time.monotonic())
        await asyncio.sleep(every_s)


def _every_s(environ: Mapping[str, str]) -> float:
    return min(BEAT_S, int(environ.get("WATCHDOG_USEC") or 0) / 4e6)


def _notify(state: bytes, environ: Mapping[str, str]) -> None:
    """It is advice only: a supervisor that is gone, or doesn't read, holds nobody up."""
    path = environ.get("NOTIFY_SOCKET", "")
    if path:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock, contextlib.suppress(OSError):
            sock.setblocking(False)
            sock.sendto(state, "\0" + path[1:] if path.startswith("@") else path)
