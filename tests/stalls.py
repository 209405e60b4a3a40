"""How long the machine kept a working process waiting: a shared one does now and then, and the process is not to blame. And
tests that are done again where it was this process that had to wait."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import subprocess
import sys
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from types import TracebackType
from typing import Any, ParamSpec, Protocol, Self, runtime_checkable

Terms = ParamSpec("Terms")
LATE_S = 0.15
"""Telephones of this process make up for less: what they send so late is still in time for who hears it."""
TRIES, LOOK_S = 3, 0.02

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


class Waiting:
    """Counts for how long the threads of another process, all together, could not run that would."""

    def __init__(self, pid: int) -> None:
        self._threads = Path(f"/proc/{pid}/task")
        self._began_s = self._counted_s()

    @property
    def so_far_s(self) -> float:
        """Seconds, since this object was made; 0 where Linux counts nothing."""
        return max(0.0, self._counted_s() - self._began_s)

    def _counted_s(self) -> float:
        counted = 0
        for path in self._threads.glob("*/schedstat"):
            with contextlib.suppress(OSError):  # it has ended
                counted += int(path.read_text(encoding="ascii").split()[1])
        return counted / 1e9


@runtime_checkable
class Clearable(Protocol):
    """What a test works with, and can be made as if it were new."""

    async def cleared(self) -> None: ...


def again_where_late(test: Callable[Terms, Awaitable[None]]) -> Callable[Terms, Coroutine[Any, Any, None]]:
    """A test whose telephones must speak in time, which live in its own process. Where it fails, and its loop was kept waiting
    for longer than LATE_S meanwhile, its own sound was torn, and what others made of that says nothing of them: it is done
    again, TRIES times in all, with everything cleared before."""

    @functools.wraps(test)
    async def tries(*args: Terms.args, **kwargs: Terms.kwargs) -> None:
        for number in range(1, TRIES + 1):
            async with Lateness() as own:
                try:
                    await test(*args, **kwargs)
                except Exception:
                    if number == TRIES or own.worst_s <= LATE_S:
                        raise
                else:
                    return
            print(f"once more: this process itself was late by {own.worst_s:.2f} s")  # noqa: T201 - shown with a failure
            for each in kwargs.values():
                if isinstance(each, Clearable):
                    await each.cleared()

    return tries


class Lateness:
    """By how much this process's loop is late at worst while the block runs, seconds."""

    async def __aenter__(self) -> Self:
        self.worst_s = 0.0
        self._task = asyncio.get_running_loop().create_task(self._watch())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._task.cancel()

    async def _watch(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + LOOK_S
            await asyncio.sleep(LOOK_S)
            self.worst_s = max(self.worst_s, loop.time() - due)
