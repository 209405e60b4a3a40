"""[io] The live floor for all pages of one process: a single reader of Redis feeds any number of views, within a bound."""

from __future__ import annotations

import threading
import time
from contextlib import closing
from dataclasses import dataclass

import structlog
from redis.exceptions import RedisError

from console.board import Board, board
from followup.events import STREAM
from routing.floor import snapshot
from storage.redis import StorageError, connect_sync

_LOOK_EVERY_MS = 1000
"""Any event is a reason to look again at once; without one the floor is looked at each second."""

_REST_S = 0.2
_RETRY_S = 1.0

log = structlog.get_logger()


class TooManyViews(Exception):
    """All places for live pages are taken."""


@dataclass(frozen=True, slots=True)
class Frame:
    """What a page shows: the last board seen (None before the first), and whether Redis is away. `version` counts changes."""

    version: int = 0
    board: Board | None = None
    away: bool = False


class FloorFeed:
    """Reads the floor while somebody watches. The reader thread starts with the first view: create the feed after any fork."""

    def __init__(self, redis_url: str, max_views: int) -> None:
        self._redis_url = redis_url
        self._max_views = max_views
        self._changed = threading.Condition()
        self._frame = Frame()
        self._views = 0
        self._thread: threading.Thread | None = None
        self.closing = False
        """Set it (a signal handler may) to have the reader and all views end within about a second."""

    @property
    def views(self) -> int:
        """Live views at this moment."""
        return self._views

    def enter(self) -> None:
        """Take one of the places for live pages; leave() gives it back. Raises TooManyViews."""
        with self._changed:
            if self._views >= self._max_views:
                raise TooManyViews
            self._views += 1

    def leave(self) -> None:
        """Give the place back."""
        with self._changed:
            self._views -= 1

    def wait(self, after: int, timeout_s: float) -> Frame:
        """The frame that follows version `after`; the present one when `timeout_s` passes without a change, or at closing."""
        with self._changed:
            if not self.closing and (self._thread is None or not self._thread.is_alive()):
                self._thread = threading.Thread(target=self._run, name="floor", daemon=True)
                self._thread.start()
            self._changed.wait_for(lambda: self.closing or self._frame.version > after, timeout_s)
            return self._frame

    def close(self) -> None:
        """End the reader and wait for it."""
        self.closing = True
        thread = self._thread
        if thread is not None:
            thread.join()

    def _run(self) -> None:
        while not self.closing:
            try:
                with closing(connect_sync(self._redis_url)) as client:
                    while not self.closing:
                        self._publish(board(snapshot(client)), away=False)
                        time.sleep(_REST_S)
                        client.xread({STREAM: "$"}, count=1, block=_LOOK_EVERY_MS)
            except (StorageError, RedisError, OSError) as error:
                if not self._frame.away:
                    log.warning("console.floor_away", why=str(error))
                self._publish(self._frame.board, away=True)
                time.sleep(_RETRY_S)
        with self._changed:
            self._changed.notify_all()

    def _publish(self, seen: Board | None, *, away: bool) -> None:
        with self._changed:
            if self._frame.version == 0 or seen != self._frame.board or away != self._frame.away:
                self._frame = Frame(self._frame.version + 1, seen, away)
                self._changed.notify_all()
