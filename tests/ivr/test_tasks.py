"""Tasks are ended for good."""

from __future__ import annotations

import asyncio
import contextlib

from ivr.tasks import end


async def test_a_task_that_swallows_its_cancellation_is_ended_all_the_same() -> None:
    swallowed = []

    async def stubborn() -> None:
        for _ in range(2):  # as wait_for() does when it is cancelled just as it has its result
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.Event().wait()
            swallowed.append(True)
        await asyncio.Event().wait()

    async def quick() -> None:
        return

    tasks = [asyncio.create_task(work) for work in (stubborn(), quick())]
    await asyncio.sleep(0)
    async with asyncio.timeout(30):
        await end(tasks)
    assert swallowed == [True, True]
    assert tasks[0].cancelled()
    assert tasks[1].done()
    await end([])
