"""[io] How often the loop of a busy engine looks whether something has come: it rests a little between two looks, so that what
comes meanwhile shares one waking, and one message to Redis and to media."""

from __future__ import annotations

import asyncio
import time

LOOK_S = 0.25
BUSY = 0.1
"""Who had so much of a processor since the last look is busy."""
REST_S = 0.0025
"""Being woken, with cold caches, costs as much as a small step of a call. What has come waits so long at most, and an answer so
long once more for each message, of media's or Redis's, that it waits for."""
TURNS = 4
"""In so many turns of the loop all that has come is passed on: a task is woken, its step made, its lines written. Then the loop
rests."""


class Pace:
    """Of the running loop, from start() on."""

    def __init__(self) -> None:
        self.rests = 0
        """How often it has rested."""
        self.busy = False
        self._loop = asyncio.get_running_loop()
        self._looked_at = self._loop.time()
        self._spent_s = time.process_time()

    def start(self) -> None:
        """Look now, and every LOOK_S for ever."""
        now, spent_s = self._loop.time(), time.process_time()
        rested, self.busy = self.busy, spent_s - self._spent_s > BUSY * (now - self._looked_at)
        self._looked_at, self._spent_s = now, spent_s
        self._loop.call_later(LOOK_S, self.start)
        if self.busy and not rested:
            self._turn(0)

    def _turn(self, turns: int) -> None:
        if not self.busy:
            return
        if turns == TURNS:
            time.sleep(REST_S)
            self.rests, turns = self.rests + 1, 0
        self._loop.call_soon(self._turn, turns + 1)
