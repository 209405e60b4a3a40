"""The history of published menus, from their events."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from redis import Redis
from sqlalchemy import Engine, select

from followup.book import Rules, book
from followup.events import StreamEvent, read
from followup.scribe import ALIVE
from followup.tables import call_event
from ivr.flow.drafts import history
from routing.events import STREAM
from routing.menus import Draft, publish
from storage.sql import open_database, reading, writing
from tests.books import all_booked
from tests.followup.test_scribe import QUICK, at_work, wait_until


def publish_many(redis: Redis, count: int) -> None:
    for n in range(count):
        publish(redis, Draft("sample", "{}", f"# 第{n + 1}版\n", "小王", f"第{n + 1}次", n))


def events_of(redis: Redis) -> list[StreamEvent]:
    return [read(cast(dict[str, str], fields)) for _, fields in redis.xrange(STREAM) or []]


def test_each_version_is_booked_once_however_often_it_is_told(redis_sync: Redis, engine: Engine) -> None:
    publish_many(redis_sync, 3)
    told = events_of(redis_sync)
    for batch in (told[:2], told, told[1:]):
        with writing(engine) as connection:
            book(connection, batch, Rules())
    found = history(engine, "sample")
    assert [(one.version, one.based_on, one.author, one.note, one.source) for one in found] == [
        (3, 2, "小王", "第3次", "# 第3版\n"),
        (2, 1, "小王", "第2次", "# 第2版\n"),
        (1, 0, "小王", "第1次", "# 第1版\n"),
    ]
    assert [one.at for one in found] == [event.at for event in reversed(told)]
    with reading(engine) as connection:
        assert len(connection.execute(select(call_event)).all()) == 3
    assert history(engine, "other") == []


def test_what_was_booked_first_stays(redis_sync: Redis, engine: Engine) -> None:
    publish_many(redis_sync, 1)
    [event] = events_of(redis_sync)
    again = replace(event, data={**event.data, "source": "another"}, at=event.at + 60)
    for one in (event, again):
        with writing(engine) as connection:
            book(connection, [one], Rules())
    assert [one.source for one in history(engine, "sample")] == ["# 第1版\n"]


def test_an_event_that_tells_no_version_books_none(engine: Engine) -> None:
    told: list[dict[str, Any]] = [{}, {"hotline": "sample"}, {"hotline": "sample", "source": 5}]
    events = [StreamEvent("menu:sample", seq, "menu_published", 1.0, data) for seq, data in enumerate(told, start=1)]
    with writing(engine) as connection:
        book(connection, events, Rules())
    assert history(engine, "sample") == []


def test_the_history_arrives_when_sql_is_back(redis_sync: Redis, redis_url: str, tmp_path: Path) -> None:
    """The database can't be used while menus are published; then the scribe books them all."""
    path = tmp_path / "hotline.db"
    path.mkdir()  # no file can be opened here
    url = f"sqlite:///{path}"
    with at_work(redis_url, url, QUICK):
        wait_until(lambda: redis_sync.exists(ALIVE))
        publish_many(redis_sync, 3)
        path.rmdir()
        wait_until(lambda: all_booked(redis_sync))
    engine = open_database(url)
    assert [one.version for one in history(engine, "sample")] == [3, 2, 1]
    engine.dispose()
