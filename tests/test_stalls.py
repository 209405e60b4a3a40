"""Tests that are done again: only where their own process was late, so often and no more, on cleared ground."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.stalls import LATE_S, TRIES, Waiting, again_where_late


class Ground:
    def __init__(self) -> None:
        self.done: list[str] = []

    async def cleared(self) -> None:
        self.done.append("cleared")


@again_where_late
async def late(ground: Ground, *, good_after: int) -> None:
    """This process stands still for a moment, as on a machine that others use."""
    ground.done.append("tried")
    await asyncio.sleep(0)
    time.sleep(2 * LATE_S)  # noqa: ASYNC251 - that is the point
    await asyncio.sleep(0.05)
    assert ground.done.count("tried") > good_after


@again_where_late
async def in_time(ground: Ground) -> None:
    ground.done.append("tried")
    raise AssertionError("it is so")


async def test_who_was_late_tries_again_on_cleared_ground() -> None:
    ground = Ground()
    await late(ground=ground, good_after=1)
    assert ground.done == ["tried", "cleared", "tried"]


async def test_who_is_always_late_fails_in_the_end() -> None:
    ground = Ground()
    with pytest.raises(AssertionError):
        await late(ground=ground, good_after=TRIES)
    assert ground.done == ["tried", *["cleared", "tried"] * (TRIES - 1)]


async def test_who_was_in_time_fails_at_once() -> None:
    ground = Ground()
    with pytest.raises(AssertionError, match="it is so"):
        await in_time(ground=ground)
    assert ground.done == ["tried"]


@pytest.mark.skipif(not Path("/proc/self/schedstat").exists(), reason="this kernel does not count how long a process waits")
def test_who_wants_to_work_and_may_not_is_seen_to_wait() -> None:
    """Two that would work for ever, and one processor for both."""
    processor = f"os.sched_setaffinity(0, {{{min(os.sched_getaffinity(0))}}})"
    both = [subprocess.Popen([sys.executable, "-c", f"import os\n{processor}\nwhile True: pass"]) for _ in range(2)]
    try:
        waiting = [Waiting(one.pid) for one in both]
        end = time.monotonic() + 60
        while not all(one.so_far_s > 0.1 for one in waiting):
            assert time.monotonic() < end
            time.sleep(0.05)
    finally:
        for one in both:
            one.kill()
            one.wait()
