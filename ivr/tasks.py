"""[io] Ending tasks of asyncio for good."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

AGAIN_S = 0.5


async def end(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Cancel them, and return when they have ended.

    Once is not enough: up to Python 3.11 asyncio.wait_for(), which redis-py sends each command with, swallows a cancellation
    that comes just as what it waits for is done (cpython issue 86296), and the task goes on.
    """
    left = {task for task in tasks if not task.done()}
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=AGAIN_S)
