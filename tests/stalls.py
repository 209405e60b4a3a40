"""How long the whole machine stood still: a shared one does now and then, and no process on it can be blamed for that."""

from __future__ import annotations

import subprocess
import sys
from types import TracebackType
from typing import Self

_WATCH = """
import sys, threading, time
worst = 0.0
done = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), done.set()), daemon=True).start()
print("watching", flush=True)
while not done.is_set():
    before = time.monotonic()
    time.sleep(0.01)
    worst = max(worst, time.monotonic() - before - 0.01)
print(worst)
"""


class Stalls:
    """Watches while the block runs: a process that only sleeps is late by as much as the machine stood still."""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _WATCH], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "watching\n"
        self.worst_s = 0.0
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        said, _ = self._process.communicate("", timeout=30)
        self.worst_s = float(said)
