"""How long the machine kept a working process waiting: a shared one does now and then, and the process is not to blame."""

from __future__ import annotations

import subprocess
import sys
from types import TracebackType
from typing import Self

_WATCH = """
import contextlib, sys, threading, time
worst, waited = 0.0, {}
done = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), done.set()), daemon=True).start()
print("watching", flush=True)
while not done.is_set():
    before, used = time.monotonic(), time.thread_time()
    while time.thread_time() - used < 0.002:
        pass
    time.sleep(0.008)
    worst = max(worst, time.monotonic() - before - 0.01)
    for pid in sys.argv[1:]:
        with contextlib.suppress(OSError):  # it has ended, or this kernel counts nothing
            with open(f"/proc/{pid}/schedstat") as counts:
                now = int(counts.read().split()[1]) / 1e9
            worst = max(worst, now - waited.get(pid, now))
            waited[pid] = now
print(worst)
"""


class Stalls:
    """Watches while the block runs: a process that works 2 ms in 10, as media does, and is late by what it was kept waiting.
    Where Linux counts for how long a process could not run that would, so are `pids`, by their time between two looks."""

    def __init__(self, *pids: int) -> None:
        self._pids = [str(pid) for pid in pids]

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _WATCH, *self._pids], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "watching\n"
        self.worst_s = 0.0
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        said, _ = self._process.communicate("", timeout=30)
        self.worst_s = float(said)
