"""[io] What waits for one task, which takes all of it at once: cheaper than asyncio.Queue, whose get() wakes up for each."""

from __future__ import annotations

import asyncio
from typing import Generic, TypeVar

T = TypeVar("T")


class Inbox(Generic[T]):
    """Anybody in the loop puts, one task takes."""

    def __init__(self) -> None:
        self._waiting: list[T] = []
        self._wanted: asyncio.Future[None] | None = None

    def put(self, item: T) -> None:
        """It is taken after what came before."""
        self._waiting.append(item)
        if self._wanted is not None and not self._wanted.done():
            self._wanted.set_result(None)

    async def take(self, at_most: int) -> list[T]:
        """What has come, in order; waits until there is something."""
        if not self._waiting:
            self._wanted = asyncio.get_running_loop().create_future()
            await self._wanted
            self._wanted = None
        taken, self._waiting = self._waiting[:at_most], self._waiting[at_most:]
        return taken
