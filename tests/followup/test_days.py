"""The editable days of calendars, and how the engines learn of them: real SQL, real Redis."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest
from redis import Redis
from sqlalchemy import Engine, select

from followup import days as edited
from followup.book import Rules, book
from followup.calendar import NOTHING, Calendar, Day
from followup.days import changes, days
from followup.events import StreamEvent
from followup.openings import Openings
from followup.tables import return_call
from followup.weeks import Changed, EditedWeek, set_week, week
from ivr.flow.opening import Opening
from storage import documents
from storage.hours import Spans, parse_spans, parse_week
from storage.sql import reading, writing
from tests.followup.test_scribe import QUICK, at_work, wait_until

NOON = datetime(2026, 11, 18, 12, tzinfo=ZoneInfo("Asia/Shanghai")).timestamp()
PARTY, SATURDAY = date(2026, 11, 19), date(2026, 11, 21)
HALF_DAY = parse_spans(["09:00-12:00"])


def set_day(engine: Engine, calendar: str, day: date, spans: Spans, name: str, author: str, **based: float) -> None:
    with writing(engine) as connection:
        edited.set_day(connection, calendar, day, spans, name, author, **based)


def unset_day(engine: Engine, calendar: str, day: date, author: str) -> bool:
    with writing(engine) as connection:
        return edited.unset_day(connection, calendar, day, author) is not None


def test_days_are_set_changed_and_unset_and_the_audit_says_by_whom(engine: Engine) -> None:
    set_day(engine, "default", SATURDAY, HALF_DAY, "", "小王")
    set_day(engine, "default", PARTY, (), "公司年会", "小王")
    set_day(engine, "default", PARTY, HALF_DAY, "半天", "小李")
    set_day(engine, "shop", PARTY, (), "", "小王")
    assert [(one.date, one.day, one.author) for one in days(engine, "default")] == [
        (PARTY, Day(HALF_DAY, "半天"), "小李"),
        (SATURDAY, Day(HALF_DAY), "小王"),
    ]
    assert unset_day(engine, "default", PARTY, "小张")
    assert not unset_day(engine, "default", PARTY, "小张")
    assert [one.date for one in days(engine, "default")] == [SATURDAY]
    assert [(one.date, one.what, one.day.name, one.author) for one in changes(engine, "default")] == [
        (PARTY, "unset", "半天", "小张"),
        (PARTY, "set", "半天", "小李"),
        (PARTY, "set", "公司年会", "小王"),
        (SATURDAY, "set", "", "小王"),
    ]


@pytest.mark.parametrize(("name", "author"), [("x" * 65, "a"), ("a\nb", "a"), ("", ""), ("", "x" * 65)])
def test_names_that_cannot_be_kept_are_refused(engine: Engine, name: str, author: str) -> None:
    with pytest.raises(ValueError, match=r"name|author"):
        set_day(engine, "default", PARTY, (), name, author)
    assert days(engine, "default") == []


def test_return_calls_are_due_by_the_edited_days(engine: Engine, gave_up: Callable[..., list[StreamEvent]]) -> None:
    set_day(engine, "default", date(2026, 11, 18), parse_spans(["09:00-12:30"]), "", "小王")
    set_day(engine, "shop", PARTY, (), "", "小王")
    with writing(engine) as connection:
        book(connection, gave_up("c1", NOON, waited_s=0.0 + 6), Rules())
    with reading(engine) as connection:
        due = connection.execute(select(return_call.c.due_at)).scalar_one()
    assert due == datetime(2026, 11, 19, 10, 30, 6, tzinfo=ZoneInfo("Asia/Shanghai")).timestamp()


def test_documents_are_published_when_they_change_and_only_then(redis_sync: Redis, engine: Engine) -> None:
    shop = Calendar("shop", week=parse_week({"mon-sun": ["08:00-22:00"]}), country="")
    openings = Openings([Calendar(), shop])
    documents.publish(redis_sync, "calendar", "gone", "{}")
    with redis_sync.pubsub() as pubsub:  # type: ignore[no-untyped-call]
        pubsub.subscribe("{hotline}:published")

        def told() -> list[str]:
            found = []
            while (message := pubsub.get_message(timeout=0.2)) is not None:
                found += [message["data"]] if message["type"] == "message" else []
            return found

        openings.publish(redis_sync, engine, NOON)
        assert told() == ["calendar:default", "calendar:shop"]
        openings.publish(redis_sync, engine, NOON + 3600)
        Openings([Calendar(), shop]).publish(redis_sync, engine, NOON + 7200)  # another scribe
        assert told() == []
        set_day(engine, "default", PARTY, (), "公司年会", "小王")
        openings.publish(redis_sync, engine, NOON)
        assert told() == ["calendar:default"]
        openings.publish(redis_sync, engine, NOON + 86400)
        assert told() == ["calendar:default", "calendar:shop"], "a day later"
        redis_sync.delete("{hotline}:documents:calendar")
        openings.publish(redis_sync, engine, NOON + 86400)
        assert told() == ["calendar:default", "calendar:shop"], "Redis had lost them"
    there = documents.published(redis_sync, "calendar")
    assert set(there) == {"default", "shop"}
    assert set(json.loads(there["default"])) == {"time_zone", "from", "until", "open", "special"}
    assert Opening.from_json(there["default"]).special(NOON + 86400) == "公司年会"
    assert Opening.from_json(there["shop"]).is_open(NOON + 86400)


def test_the_scribe_publishes_at_its_start_and_after_each_change(
    redis_sync: Redis, redis_url: str, sql_url: str, engine: Engine
) -> None:
    options = replace(QUICK, calendars=(Calendar(),), calendars_every_s=0.0)
    tomorrow = date.fromordinal(datetime.now(ZoneInfo("Asia/Shanghai")).date().toordinal() + 1)

    def closed() -> list[str]:
        text = documents.published(redis_sync, "calendar").get("default")
        return [name for *_, name in json.loads(text)["special"]] if text else []

    with at_work(redis_url, sql_url, options):
        wait_until(lambda: documents.published(redis_sync, "calendar"))
        assert "公司年会" not in closed()
        set_day(engine, "default", tomorrow, (), "公司年会", "小王")
        wait_until(lambda: "公司年会" in closed())
        unset_day(engine, "default", tomorrow, "小王")
        wait_until(lambda: "公司年会" not in closed())


def test_two_editors_of_a_day_cannot_overwrite_each_other(engine: Engine) -> None:
    set_day(engine, "default", PARTY, (), "公司年会", "小王", based_on=0.0)
    [seen] = days(engine, "default")
    with pytest.raises(Changed) as told:
        set_day(engine, "default", PARTY, HALF_DAY, "", "小李", based_on=0.0)
    assert (told.value.author, told.value.at) == ("小王", seen.at)
    set_day(engine, "default", PARTY, HALF_DAY, "半天", "小李", based_on=seen.at)
    with writing(engine) as connection, pytest.raises(Changed):
        edited.unset_day(connection, "default", PARTY, "小王", based_on=seen.at)
    assert [one.author for one in days(engine, "default")] == ["小李"]


def test_a_week_is_changed_by_who_has_read_it_and_given_back(engine: Engine) -> None:
    short, makeup = (
        parse_week({"mon-thu": ["09:00-12:00", "13:30-18:00"], "sun": ["22:00-02:00"]}),
        parse_spans(["10:00-16:00"]),
    )
    with writing(engine) as connection:
        assert set_week(connection, "default", short, makeup, "小王", 0) == EditedWeek()
    with reading(engine) as connection:
        found = week(connection, "default")
        assert (found.week, found.makeup, found.revision, found.author) == (short, makeup, 1, "小王")
        assert edited.overlays(connection) == {"default": edited.overlay(connection, "default")}
        assert edited.overlay(connection, "default").week == short
    with writing(engine) as connection, pytest.raises(Changed) as told:
        set_week(connection, "default", parse_week({}), (), "小李", 0)
    assert told.value.author == "小王"
    with writing(engine) as connection, pytest.raises(ValueError, match="at most"):
        set_week(connection, "default", short, parse_spans([f"{h:02}:00-{h:02}:30" for h in range(13)]), "小李", 1)
    with writing(engine) as connection:
        assert set_week(connection, "default", None, None, "小李", 1).week == short
    with reading(engine) as connection:
        assert (week(connection, "default").week, week(connection, "default").revision) == (None, 2)
        assert edited.overlay(connection, "default") == NOTHING


def test_an_edited_week_is_published(redis_sync: Redis, engine: Engine) -> None:
    openings = Openings([Calendar()])
    openings.publish(redis_sync, engine, NOON)
    with writing(engine) as connection:
        set_week(connection, "default", parse_week({"sat": ["09:00-12:00"]}), (), "小王", 0)
    openings.publish(redis_sync, engine, NOON)
    hours = Opening.from_json(documents.published(redis_sync, "calendar")["default"])
    assert not hours.is_open(NOON)
    assert hours.is_open(datetime(2026, 11, 21, 10, tzinfo=ZoneInfo("Asia/Shanghai")).timestamp())
