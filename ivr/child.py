"""[io] One process of a node, as the one who started it sees it."""

from __future__ import annotations

import contextlib
import socket
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field

from ivr.nursery import Adopted
from ivr.watchdog import SILENT_S, Watchdog
from storage.notify import BEAT, READY, STOPPING

NOTICE = 256
"""Bytes of what a process says of itself."""


@dataclass(slots=True)
class Child:
    """One process of the node."""

    name: str
    arguments: tuple[str, ...]
    sockets: Mapping[str, socket.socket] = field(default_factory=dict)
    nice: int = 0
    """Added to the process's niceness: who has no caller on the line gives way to who has."""
    notices: socket.socket | None = None
    """By which it says that it is ready, and goes on (storage/notify.py). Speech has none: the engine watches it."""
    silent_s: float = SILENT_S
    """Whoever says nothing for so long is killed."""
    watchdog: Watchdog = field(default_factory=Watchdog)
    hung: bool = False
    """It was killed for that."""
    ready: bool = False
    process: subprocess.Popen[bytes] | Adopted | None = None
    ended: int | None = None
    """How the one before ended."""
    started_at: float = 0.0
    back_off_s: float = 0.0
    start_at: float = 0.0

    def hear(self) -> None:
        """Take what it has said of itself."""
        if self.notices is None:
            return
        with contextlib.suppress(BlockingIOError):
            while notice := self.notices.recv(NOTICE):
                said = notice.splitlines()
                self.ready = self.ready or READY in said
                if BEAT in said or READY in said:  # who is ready is to go on from then on
                    self.watchdog.beat()
                if STOPPING in said:
                    self.watchdog.stop()
