"""[io] The scribe: takes events from the stream into SQL, then tells Redis what menus may know of the callers whose calls have
ended, and the engines the opening hours that stand there. An entry is acknowledged after its commit, never before, and after
what its calls' ends tell Redis.

Killed at any moment it begins again with what it had not acknowledged; (subject, seq) is unique, so nothing is booked twice.
"""

from __future__ import annotations

import os
import secrets
import signal
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog
from redis import Redis
from redis.exceptions import RedisError, ResponseError
from sqlalchemy import Engine, select
from sqlalchemy.exc import DBAPIError

from followup import customers, edits
from followup.book import Rules, book
from followup.calendar import Calendar
from followup.events import STREAM, StreamEvent, read, unreadable
from followup.openings import Openings
from followup.tables import call_log
from storage import signs
from storage.notify import Heart, notify_ready
from storage.redis import StorageError, connect, connect_sync
from storage.sql import migrate, open_database, reading, writing

GROUP = "scribe"
CONSUMER = "scribe"
ALIVE = "{hotline}:alive:scribe"
"""Held by the one scribe at work, for as long as it lives; others stand by."""

_LEAD = """
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
"""
_LEAVE = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"

_SLICE_S = 0.1
_FIRST_BACK_OFF_S = 0.1
_LAST_BACK_OFF_S = 2.0
_LAST_BATCHES = 20
"""At a stop: more waits for the next scribe."""

_Entry = tuple[str, Mapping[str, str]]

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class ScribeOptions:
    """How the scribe works: at most `batch` entries a transaction; events gather for `gather_s` after each, which makes few
    large transactions of many small ones; `lease_s` until a dead scribe's place may be taken. The opening hours of
    `calendars`, and what people changed of queues and seats, are looked at every `calendars_every_s`. Where there is a
    `run_dir`, the processes of `node` are told when nobody has for `tells_after_s`: its engine does, while there is one."""

    rules: Rules = field(default_factory=Rules)
    batch: int = 500
    gather_s: float = 0.5
    block_s: float = 1.0
    lease_s: float = 5.0
    trim_every_s: float = 10.0
    calendars: tuple[Calendar, ...] = ()
    calendars_every_s: float = 2.0
    node: str = ""
    run_dir: Path | None = None
    tells_after_s: float = 5.0


def run(redis_url: str, sql_url: str, options: ScribeOptions | None = None) -> None:
    """Book events until SIGTERM or SIGINT; the batch in hand is finished. Main thread only.

    While Redis or SQL is away it tries again, at least every two seconds. Raises StorageError for a URL that can't be used.
    """
    scribe = Scribe(redis_url, sql_url, options or ScribeOptions())
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: scribe.stop())
    try:
        scribe.run()
    finally:
        scribe.close()


class Scribe:
    """The loop of run(), for whoever brings signals or a thread of their own."""

    def __init__(self, redis_url: str, sql_url: str, options: ScribeOptions) -> None:
        connect(redis_url)  # refuses a URL that can't be used; opens nothing
        self._redis_url = redis_url
        self._sql_url = sql_url
        self._options = options
        self._engine: Engine = open_database(sql_url)
        self._migrated = False
        self._token = f"{os.getpid()}-{secrets.token_hex(8)}"
        self._stopping = False
        self._away = ""
        self._back_off_s = _FIRST_BACK_OFF_S
        self._trim_at = 0.0
        self._openings = Openings(options.calendars)
        self._openings_at = 0.0
        self._watch = None if options.run_dir is None else signs.Watch(options.run_dir)
        self._looked_at = 0.0
        self._heart = Heart()
        self._leads_until = 0.0

    def stop(self) -> None:
        """Have run() return soon. May be called from a signal handler or another thread."""
        self._stopping = True

    def close(self) -> None:
        """Close the database; run() must have returned."""
        self._engine.dispose()

    def run(self) -> None:
        """Book until stop()."""
        notify_ready()
        while not self._stopping:
            self._heart.turn(time.monotonic())
            try:
                with closing(connect_sync(self._redis_url)) as client:
                    self._attend(client)
            except (StorageError, RedisError, OSError) as error:
                self._wait_for("redis", error)

    def _attend(self, client: Redis) -> None:
        _make_group(client)
        self._leads_until = 0.0  # another Redis, perhaps
        cursor = "0"  # what was delivered to us before and never acknowledged; then ">", the new entries
        while not self._stopping:
            self._heart.turn(time.monotonic())
            self._tell_processes(client)
            if not self._leads(client):
                cursor = "0"
                self._pause(self._options.lease_s / 5)
                continue
            try:
                cursor = self._turn(client, cursor)
            except DBAPIError as error:
                cursor = "0"
                self._wait_for("sql", error)
        if self._leads(client):
            self._finish(client)
        client.eval(_LEAVE, 1, ALIVE, self._token)

    def _tell_processes(self, client: Redis) -> None:
        """The node's, where its engine doesn't."""
        options = self._options
        if self._watch is None or time.monotonic() < self._looked_at + options.tells_after_s / 2:
            return
        self._looked_at = time.monotonic()
        left_ms: int = client.pttl(f"{signs.NODES}:{options.node}")
        if left_ms < (signs.KEPT_S - options.tells_after_s) * 1000:
            pipeline = client.pipeline(transaction=False)
            signs.tell(pipeline, options.node, signs.report(self._watch.look()))
            pipeline.execute()

    def _turn(self, client: Redis, cursor: str) -> str:
        """Book one batch; returns the cursor of the next."""
        if not self._migrated:
            self._migrate()
        options = self._options
        entries = _entries(client, cursor, options.batch, block_ms=int(options.block_s * 1000) if cursor == ">" else None)
        self._book(client, entries)
        if self._away:
            log.info("scribe.back", what=self._away)
            self._away, self._back_off_s = "", _FIRST_BACK_OFF_S
        if time.monotonic() >= self._trim_at:
            trim(client)
            self._trim_at = time.monotonic() + options.trim_every_s
        if time.monotonic() >= self._openings_at:
            self._openings.publish(client, self._engine, time.time())
            edits.publish(client, self._engine)
            self._openings_at = time.monotonic() + options.calendars_every_s
        if 0 < len(entries) < options.batch:
            self._pause(options.gather_s)
        return cursor if entries else ">"

    def _migrate(self) -> None:
        """Of a large database it may take minutes, in which we don't hang."""
        with ThreadPoolExecutor(1) as beside:
            migrating = beside.submit(migrate, self._sql_url)
            while not migrating.done():
                wait([migrating], timeout=_SLICE_S)
                self._heart.turn(time.monotonic())
        migrating.result()
        self._migrated = True

    def _book(self, client: Redis, entries: list[_Entry]) -> None:
        if entries:
            events = [_event(entry_id, fields) for entry_id, fields in entries]
            with writing(self._engine) as connection:
                book(connection, events, self._options.rules)
            customers.tell(client, self._engine, self._callers(events), time.time())
            client.xack(STREAM, GROUP, *(entry_id for entry_id, _ in entries))

    def _callers(self, events: list[StreamEvent]) -> set[str]:
        """Whose calls have ended; also by events that were booked before, of which Redis may not have been told."""
        ended = {event.subject for event in events if event.is_call and event.type == "ended"}
        if not ended:
            return set()
        of_calls = select(call_log.c.caller).where(call_log.c.call_id.in_(ended), call_log.c.dialable)
        with reading(self._engine) as connection:
            return set(connection.execute(of_calls.where(call_log.c.kind == "inbound")).scalars())

    def _finish(self, client: Redis) -> None:
        """Book what came before the stop: `serve` ends its engine first, and the last calls' ends should be in the log."""
        try:
            for _ in range(_LAST_BATCHES):
                self._heart.turn(time.monotonic())
                entries = _entries(client, ">", self._options.batch, block_ms=None)
                self._book(client, entries)
                if not entries:
                    break
        except DBAPIError as error:  # they wait in the stream
            log.warning("scribe.away", what="sql", why=str(error).partition("\n")[0])

    def _leads(self, client: Redis) -> bool:
        """Whether we are the one at work. Who is renews that five times per lease, and not with each batch."""
        now = time.monotonic()
        if now >= self._leads_until:
            leads = client.eval(_LEAD, 1, ALIVE, self._token, int(self._options.lease_s * 1000))
            self._leads_until = now + self._options.lease_s / 5 if leads else now
        return now < self._leads_until

    def _wait_for(self, what: str, error: Exception) -> None:
        if self._away != what:
            self._away = what
            log.warning("scribe.away", what=what, why=str(error).partition("\n")[0])
        self._pause(self._back_off_s)
        self._back_off_s = min(self._back_off_s * 2, _LAST_BACK_OFF_S)

    def _pause(self, seconds: float) -> None:
        # In slices: a signal does not end a sleep.
        until = time.monotonic() + seconds
        while not self._stopping and (left := until - time.monotonic()) > 0:
            time.sleep(min(left, _SLICE_S))
            self._heart.turn(time.monotonic())


def trim(client: Redis) -> int:
    """Drop entries that every group has acknowledged; returns how many. A group that lags, or is dead, keeps its entries."""
    needed = []
    for group in client.xinfo_groups(STREAM):
        oldest = client.xpending(STREAM, group["name"])["min"] if group["pending"] else None
        needed.append(oldest or group["last-delivered-id"])
    if not needed:
        return 0
    oldest_needed = min(needed, key=_order)
    return int(client.xtrim(STREAM, minid=oldest_needed, approximate=False))


def _order(entry_id: str) -> tuple[int, int]:
    milliseconds, _, sequence = entry_id.partition("-")
    return int(milliseconds), int(sequence or 0)


def _make_group(client: Redis) -> None:
    try:
        client.xgroup_create(STREAM, GROUP, id="0", mkstream=True)
    except ResponseError as error:
        if not str(error).startswith("BUSYGROUP"):
            raise


def _entries(client: Redis, cursor: str, count: int, *, block_ms: int | None) -> list[_Entry]:
    answer: Any = client.xreadgroup(GROUP, CONSUMER, {STREAM: cursor}, count=count, block=block_ms)
    streams = answer.values() if isinstance(answer, dict) else [entries for _, entries in answer or []]
    return [(entry_id, fields or {}) for entries in streams for entry_id, fields in entries]


def _event(entry_id: str, fields: Mapping[str, str]) -> StreamEvent:
    try:
        return read(fields)
    except ValueError as error:
        log.error("scribe.unreadable", entry=entry_id, why=str(error))
        return unreadable(entry_id, fields, _order(entry_id)[0] / 1000)
