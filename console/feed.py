"""[io] The live floor for all pages of one process: a single reader of Redis feeds any number of views, within a bound, and
tells which seats, calls and people something happened to."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterable
from contextlib import closing
from dataclasses import dataclass, replace
from typing import cast

import structlog
from redis import Redis
from redis.exceptions import RedisError

from console.board import Board, SeatCard, board
from followup.events import STREAM
from followup.history import Figures
from routing.floor import snapshot
from storage.redis import StorageError, connect_sync

_LOOK_EVERY_S = 1.0
"""While somebody watches the floor any event is a reason to look again; else it is looked at each second."""
_WATCHED_S = 30.0
"""Who has asked for a frame so lately watches: live pages ask again and again."""

_AT_ONCE = 1000
"""Events read in one go; where there are more, the next look follows at once."""
_REMEMBERED = 20_000
"""Subjects whose latest event is known; of one that is forgotten everybody hears."""

_PACE_S = 0.1
"""It is looked at so often at most, however much happens."""
_RETRY_S = 1.0
_FIGURES_S = 5.0
"""The day's figures are asked for so often: they come from SQL."""
_BOOKS_S = 1.0
"""And so often, whose return calls have changed."""

Entries = list[tuple[str, dict[str, str]]]
"""Of a stream: ids and fields."""

log = structlog.get_logger()


class TooManyViews(Exception):
    """All places for live pages are taken."""


@dataclass(frozen=True, slots=True)
class Frame:
    """What a page shows: the last board seen (None before the first), whether Redis is away, and the day's figures. `version`
    counts changes."""

    version: int = 0
    board: Board | None = None
    away: bool = False
    figures: Figures | None = None
    """Of today; None before they were asked for, and where they can't be."""


class FloorFeed:
    """Reads the floor while somebody watches. The reader thread starts with the first view: create the feed after any fork."""

    def __init__(
        self,
        redis_url: str,
        max_views: int,
        figures: Callable[[], Figures | None] | None = None,
        books: Callable[[], Iterable[str]] | None = None,
    ) -> None:
        """figures: of the day; books: what has changed in SQL since it was last asked, as subjects ("person:wang")."""
        self._redis_url = redis_url
        self._ask_figures = figures
        self._ask_books = books
        self._books_at = float("-inf")
        self._asked_at = float("-inf")
        self._last = "$"
        self._events = 0
        self._latest: dict[str, int] = {}
        self._forgotten = 0
        self._waiting: dict[str, set[threading.Condition]] = {}
        """Who waits for news of a subject: nobody else is woken by them."""
        self._figures: Figures | None = None
        self._figures_at = float("-inf")
        self._max_views = max_views
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
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
        with self._lock:
            if self._views >= self._max_views:
                raise TooManyViews
            self._views += 1

    def leave(self) -> None:
        """Give the place back."""
        with self._lock:
            self._views -= 1

    def wait(self, after: int, timeout_s: float) -> Frame:
        """The frame that follows version `after`; the present one when `timeout_s` passes without a change, or at closing."""
        with self._changed:
            self._asked_at = time.monotonic()
            self._begin()
            self._changed.wait_for(lambda: self.closing or self._frame.version > after, timeout_s)
            return self._frame

    def wait_for(self, subjects: Collection[str], after: int, timeout_s: float) -> bool:
        """Whether, within `timeout_s`, something happened after event `after` to one of these: "seat:1026", a call's id,
        "person:wang". Also true when Redis went or came, and at closing."""
        subjects = set(subjects)
        with self._lock:
            self._begin()
            news = threading.Condition(self._lock)
            for subject in subjects:
                self._waiting.setdefault(subject, set()).add(news)
            try:
                return news.wait_for(lambda: self.closing or self._heard(subjects) > after, timeout_s)
            finally:
                for subject in subjects:
                    self._waiting[subject].discard(news)
                    if not self._waiting[subject]:
                        del self._waiting[subject]

    @property
    def events(self) -> int:
        """How many events there were until now: what is looked at after this was read has seen them."""
        return self._events

    def _begin(self) -> None:
        if not self.closing and (self._thread is None or not self._thread.is_alive()):
            self._thread = threading.Thread(target=self._run, name="floor", daemon=True)
            self._thread.start()

    def _heard(self, subjects: Collection[str]) -> int:
        return max(self._latest.get(subject, self._forgotten) for subject in subjects)

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
                    self._from_now_on(client)
                    while not self.closing:
                        self._look_at_figures()
                        self._look_at_books()
                        looked_at = time.monotonic()
                        self._publish(board(snapshot(client)), away=False)
                        happened = False  # seats hear at once, the floor is looked at when it is time
                        while (left_s := looked_at + self._next_look_s(happened) - time.monotonic()) > 0:
                            happened |= self._listen(client, left_s)
            except (StorageError, RedisError, OSError) as error:
                if not self._frame.away:
                    log.warning("console.floor_away", why=str(error))
                    self._tell_all()
                self._publish(self._frame.board, away=True)
                time.sleep(_RETRY_S)
        with self._lock:
            self._changed.notify_all()
            self._wake(self._waiting)

    def _next_look_s(self, happened: bool) -> float:
        """For the seats' pages alone it isn't looked at after each event: those are told to them as they come."""
        watched = time.monotonic() - self._asked_at < _WATCHED_S
        return _PACE_S if happened and watched else _LOOK_EVERY_S

    def _from_now_on(self, client: Redis) -> None:
        """Events are read from here on; what was missed before may have happened to anybody."""
        latest = cast(Entries, client.xrevrange(STREAM, count=1))
        self._last = latest[0][0] if latest else "0"
        self._tell_all()

    def _tell_all(self) -> None:
        with self._lock:
            self._events += 1
            self._latest.clear()
            self._forgotten = self._events
            self._wake(self._waiting)

    def _listen(self, client: Redis, timeout_s: float) -> bool:
        """Whether anything happened, of which all have heard then."""
        answer = client.xread({STREAM: self._last}, count=_AT_ONCE, block=max(1, round(1000 * timeout_s)))
        for _, entries in cast(list[tuple[str, Entries]], answer):
            self._last = entries[-1][0]
            self._tell(fields.get("subject", "") for _, fields in entries)
        return bool(answer)

    def _tell(self, subjects: Iterable[str]) -> None:
        with self._lock:
            told: Collection[str] = dict.fromkeys(subjects)
            for subject in told:
                self._events += 1
                self._latest.pop(subject, None)  # the latest ones stand at the end
                self._latest[subject] = self._events
            while len(self._latest) > _REMEMBERED:
                self._forgotten, told = self._latest.pop(next(iter(self._latest))), self._waiting
            self._wake(told)

    def _wake(self, subjects: Iterable[str]) -> None:
        for news in {each for subject in subjects for each in self._waiting.get(subject, ())}:
            news.notify_all()

    def _look_at_books(self) -> None:
        now = time.monotonic()
        if self._ask_books is not None and now - self._books_at >= _BOOKS_S:
            self._books_at = now
            self._tell(self._ask_books())

    def _look_at_figures(self) -> None:
        now = time.monotonic()
        if self._ask_figures is not None and now - self._figures_at >= _FIGURES_S:
            self._figures_at = now
            self._figures = self._ask_figures()

    def _publish(self, seen: Board | None, *, away: bool) -> None:
        if seen is not None and self._frame.board is not None:
            old = {seat.number: _untold(seat) for seat in self._frame.board.seats}
            self._tell(f"seat:{seat.number}" for seat in seen.seats if _untold(seat) != old.get(seat.number))
        with self._changed:
            fresh = Frame(self._frame.version, seen, away, self._figures)
            if self._frame.version == 0 or fresh != self._frame:
                self._frame = replace(fresh, version=fresh.version + 1)
                self._changed.notify_all()


def _untold(seat: SeatCard) -> tuple[object, ...]:
    """What of a seat changes without an event: its telephone comes or goes, a pause lapses, the settings are others."""
    return seat.registered, seat.show == "set_aside", seat.name, seat.queues
