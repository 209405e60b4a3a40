"""The scribe against a real Redis and a real database, in a thread and as a process that is killed."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import reduce
from pathlib import Path

import pytest
from redis import Redis
from sqlalchemy import Engine, func, select

from followup.audit import audit
from followup.book import CALL_ROW, call_row
from followup.calllog import CallRow, project
from followup.events import STREAM, StreamEvent
from followup.scribe import ALIVE, GROUP, Scribe, ScribeOptions, trim
from followup.tables import call_event
from storage import signs
from storage.embedded import EmbeddedRedis
from storage.redis import StorageError, connect_sync
from storage.sql import migrate, open_database, reading, writing
from tests.books import all_booked

Story = Callable[..., list[StreamEvent]]

QUICK = ScribeOptions(batch=7, block_s=0.05, lease_s=0.5, trim_every_s=0.1)

PROCESS = """
import sys
from followup.scribe import ScribeOptions, run
run(sys.argv[1], sys.argv[2], ScribeOptions(batch=7, block_s=0.05, lease_s=0.5, trim_every_s=0.1))
"""


def send(redis: Redis, events: list[StreamEvent]) -> None:
    for event in events:
        redis.xadd(
            STREAM,
            {"subject": event.subject, "seq": event.seq, "type": event.type, "at": event.at, "data": json.dumps(event.data)},
        )


def wait_until(condition: Callable[[], object], bound_s: float = 30.0) -> None:
    end = time.monotonic() + bound_s
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


def entry_ids(redis: Redis) -> list[str]:
    return [str(entry[0]) for entry in redis.xrange(STREAM) or []]


def booked(engine: Engine) -> int:
    with reading(engine) as connection:
        return int(connection.execute(select(func.count()).select_from(call_event)).scalar_one())


@contextmanager
def at_work(redis_url: str, sql_url: str, options: ScribeOptions = QUICK) -> Iterator[Scribe]:
    scribe = Scribe(redis_url, sql_url, options)
    thread = threading.Thread(target=scribe.run)
    thread.start()
    try:
        yield scribe
    finally:
        scribe.stop()
        thread.join(timeout=30)
        assert not thread.is_alive()
        scribe.close()


def test_events_reach_the_call_log_and_are_trimmed(
    redis_sync: Redis, redis_url: str, sql_url: str, engine: Engine, gave_up: Story
) -> None:
    for n in range(10):
        send(redis_sync, gave_up(f"c{n}", 1000.0 + n, caller=f"1391234567{n}"))
    with at_work(redis_url, sql_url):
        wait_until(lambda: booked(engine) == 30)
        send(redis_sync, gave_up("c10", 3000.0, caller="04714613311"))
        wait_until(lambda: booked(engine) == 33)
        wait_until(lambda: redis_sync.xlen(STREAM) <= 1)
        wait_until(lambda: redis_sync.exists(ALIVE))  # a lease of half a second: a busy machine may be late with it
    assert not redis_sync.exists(ALIVE)
    found = audit(engine)
    assert (found.opened, found.open, found.ok) == (11, 11, True)


def test_what_came_before_the_stop_is_booked(
    redis_sync: Redis, redis_url: str, sql_url: str, engine: Engine, gave_up: Story
) -> None:
    scribe = Scribe(redis_url, sql_url, replace(QUICK, gather_s=60.0))
    thread = threading.Thread(target=scribe.run)
    thread.start()
    try:
        send(redis_sync, gave_up("c0", 1000.0))
        wait_until(lambda: booked(engine) > 0)  # from now on it lets events gather
        for n in range(1, 10):
            send(redis_sync, gave_up(f"c{n}", 1000.0 + n))
    finally:
        scribe.stop()
        thread.join(timeout=30)
        scribe.close()
    assert booked(engine) == 30
    assert all_booked(redis_sync)


def test_an_unreadable_entry_is_kept_and_stops_nobody(
    redis_sync: Redis, redis_url: str, sql_url: str, engine: Engine, gave_up: Story
) -> None:
    redis_sync.xadd(STREAM, {"subject": "c0", "seq": "first", "noise": "1"})
    send(redis_sync, gave_up("c1", 1000.0))
    with at_work(redis_url, sql_url):
        wait_until(lambda: booked(engine) == 4)
    with reading(engine) as connection:
        row = connection.execute(select(call_event).where(call_event.c.type == "unreadable")).one()
    assert json.loads(row.data)["fields"]["noise"] == "1"


def test_nothing_is_trimmed_that_another_group_still_needs(redis_sync: Redis, gave_up: Story) -> None:
    assert redis_sync.xgroup_create(STREAM, "webhooks", id="0", mkstream=True)
    assert redis_sync.xgroup_create(STREAM, GROUP, id="0")
    send(redis_sync, gave_up("c1", 1000.0))
    ids = entry_ids(redis_sync)
    redis_sync.xreadgroup(GROUP, "scribe", {STREAM: ">"})
    redis_sync.xack(STREAM, GROUP, *ids)
    assert trim(redis_sync) == 0  # webhooks has read nothing
    redis_sync.xreadgroup("webhooks", "w", {STREAM: ">"})
    redis_sync.xack(STREAM, "webhooks", ids[0], ids[2])
    assert trim(redis_sync) == 1  # webhooks has not acknowledged the second
    redis_sync.xack(STREAM, "webhooks", ids[1])
    assert trim(redis_sync) == 1
    assert entry_ids(redis_sync) == [ids[2]]


def test_a_second_scribe_stands_by_and_takes_over(
    redis_sync: Redis, redis_url: str, sql_url: str, engine: Engine, gave_up: Story
) -> None:
    redis_sync.set(ALIVE, "another", px=700)
    send(redis_sync, gave_up("c1", 1000.0))
    with at_work(redis_url, sql_url):
        wait_until(lambda: booked(engine) == 3)
        assert redis_sync.get(ALIVE) != "another"


def test_the_stream_lost_with_its_group_is_begun_anew(
    redis_sync: Redis, redis_url: str, sql_url: str, engine: Engine, gave_up: Story
) -> None:
    with at_work(redis_url, sql_url):
        send(redis_sync, gave_up("c1", 1000.0))
        wait_until(lambda: booked(engine) == 3)
        redis_sync.flushall()
        send(redis_sync, gave_up("c2", 2000.0))
        wait_until(lambda: booked(engine) == 6)


def test_redis_killed_under_the_scribe(tmp_path: Path, sql_url: str, engine: Engine, gave_up: Story) -> None:
    with EmbeddedRedis(tmp_path / "redis") as server, at_work(server.url, sql_url):
        with connect_sync(server.url) as redis:
            send(redis, gave_up("c1", 1000.0))
            wait_until(lambda: booked(engine) == 3)
        os.kill(server.pid, signal.SIGKILL)
        wait_until(lambda: server.poll() is not None)
        server.start()
        with connect_sync(server.url) as redis:
            send(redis, gave_up("c2", 2000.0))
            wait_until(lambda: booked(engine) == 6)


def test_the_database_away_for_a_while(redis_sync: Redis, redis_url: str, tmp_path: Path, gave_up: Story) -> None:
    place = tmp_path / "away"
    sql_url = f"sqlite:///{place}/hotline.db"
    send(redis_sync, gave_up("c1", 1000.0))
    scribe_may_start = Scribe(redis_url, sql_url, QUICK)
    place.rmdir()  # as a network disk that is not mounted yet
    place.write_text("")
    thread = threading.Thread(target=scribe_may_start.run)
    thread.start()
    try:
        wait_until(lambda: redis_sync.exists(ALIVE))
        assert redis_sync.xlen(STREAM) == 3
        place.unlink()
        place.mkdir()
        wait_until(lambda: redis_sync.xinfo_groups(STREAM)[0]["last-delivered-id"] != "0-0" and all_booked(redis_sync))
    finally:
        scribe_may_start.stop()
        thread.join()
        scribe_may_start.close()
    engine = open_database(sql_url)
    assert booked(engine) == 3
    engine.dispose()


def test_a_locked_database_holds_events_back_and_loses_none(
    redis_sync: Redis, redis_url: str, tmp_path: Path, gave_up: Story
) -> None:
    sql_url = f"sqlite:///{tmp_path}/hotline.db"
    migrate(sql_url)
    engine = open_database(sql_url)
    with at_work(redis_url, sql_url):
        send(redis_sync, gave_up("c1", 1000.0))
        wait_until(lambda: booked(engine) == 3)
        with writing(engine):
            send(redis_sync, gave_up("c2", 1000.0))
            wait_until(lambda: redis_sync.xinfo_groups(STREAM)[0]["pending"] > 0)
        wait_until(lambda: booked(engine) == 6)
    engine.dispose()


@pytest.mark.parametrize(
    ("redis_url", "sql_url", "key"), [("", "sqlite:///x.db", "redis_url"), ("redis://x", "rubbish", "sql_url")]
)
def test_urls_that_cannot_be_used_end_it_at_once(redis_url: str, sql_url: str, key: str) -> None:
    with pytest.raises(StorageError, match=key):
        Scribe(redis_url, sql_url, QUICK)


@contextmanager
def process(redis_url: str, sql_url: str) -> Iterator[subprocess.Popen[bytes]]:
    scribe = subprocess.Popen([sys.executable, "-c", PROCESS, redis_url, sql_url])
    try:
        yield scribe
    finally:
        scribe.kill()
        scribe.wait()


def test_sigterm_ends_it_cleanly(redis_sync: Redis, redis_url: str, sql_url: str, engine: Engine, gave_up: Story) -> None:
    send(redis_sync, gave_up("c1", 1000.0))
    with process(redis_url, sql_url) as scribe:
        wait_until(lambda: booked(engine) == 3)
        scribe.send_signal(signal.SIGTERM)
        assert scribe.wait(timeout=30) == 0
    assert not redis_sync.exists(ALIVE)


@pytest.fixture
def busy_day(gave_up: Story, talked: Story) -> list[list[StreamEvent]]:
    """150 calls of 30 callers, most of them in vain."""
    calls = [gave_up(f"c{n}", 1000.0 + n, caller=f"139123456{n % 20:02}") for n in range(120)]
    return calls + [talked(f"t{n}", 1010.0 + n * 4, caller=f"139123456{n % 30:02}") for n in range(30)]


def test_killed_again_and_again_it_misses_nothing_and_books_nothing_twice(
    redis_sync: Redis, sql_url: str, engine: Engine, redis_url: str, busy_day: list[list[StreamEvent]]
) -> None:
    chosen = random.Random()
    stream = sorted((event for call in busy_day for event in call), key=lambda event: event.at)
    done = threading.Event()

    def stream_on() -> None:
        with connect_sync(redis_url) as redis:
            for start in range(0, len(stream), 10):
                send(redis, stream[start : start + 10])
                done.wait(0.02)

    sender = threading.Thread(target=stream_on)
    sender.start()
    try:
        for part in range(1, 6):
            with process(redis_url, sql_url):
                target = min(len(stream) - 1, len(stream) * part // 6 + chosen.randint(-9, 9))
                wait_until(lambda target=target: booked(engine) >= target)  # type: ignore[misc]
                time.sleep(chosen.random() * 0.02)  # the kill falls anywhere in a batch: read, booked, committed, acknowledged
        with process(redis_url, sql_url):
            sender.join()
            wait_until(lambda: all_booked(redis_sync))
    finally:
        done.set()
        sender.join()
    assert booked(engine) == len(stream)
    with reading(engine) as connection:
        log = {row.call_id: call_row(row) for row in connection.execute(select(*CALL_ROW))}
    assert log.keys() == {call[0].subject for call in busy_day}
    for call in busy_day:
        expected = reduce(project, call, None)
        assert expected is not None
        assert without_rule(log[call[0].subject]) == without_rule(expected)
    assert audit(engine).ok


def without_rule(row: CallRow) -> dict[str, object]:
    return {name: getattr(row, name) for name in CallRow._fields if name != "gave_up_after_s"}


def looks(redis: Redis) -> int:
    """How often anybody has asked when a key ends."""
    return int(redis.info("commandstats")["cmdstat_pttl"]["calls"])


def test_the_node_s_processes_are_told_where_nobody_else_does(
    redis_sync: Redis, redis_url: str, sql_url: str, tmp_path: Path
) -> None:
    key = f"{signs.NODES}:n1"
    signs.note_end(tmp_path, "engine", -9, 1000.0)
    options = replace(QUICK, node="n1", run_dir=tmp_path, tells_after_s=0.4)
    with signs.leave(tmp_path, "scribe"), at_work(redis_url, sql_url, options):
        wait_until(lambda: redis_sync.exists(key))
        told = signs.read_report(str(redis_sync.get(key)))
        assert [(one.name, one.up, one.status) for one in told] == [("engine", False, -9), ("scribe", True, None)]
        redis_sync.set(key, "[]", ex=2 * signs.KEPT_S)  # as if somebody had told it just now
        before = looks(redis_sync)
        wait_until(lambda: looks(redis_sync) >= before + 2)
        assert redis_sync.get(key) == "[]"
        redis_sync.expire(key, signs.KEPT_S - 60)  # and a minute ago
        wait_until(lambda: redis_sync.get(key) != "[]")
