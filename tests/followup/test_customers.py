"""What menus may know of a caller: in SQL, and in Redis as the scribe keeps it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from redis import Redis
from sqlalchemy import Engine

from followup.customers import CALLER, CALLER_KEPT_S, Customer, CustomerError, change, show, tell
from followup.events import StreamEvent
from tests.books import all_booked
from tests.followup.test_scribe import at_work, send, wait_until

Story = Callable[..., list[StreamEvent]]
Write = Callable[..., int]

NUMBER = "13912345678"


def facts(redis: Redis, number: str = NUMBER) -> dict[str, str]:
    found: Any = redis.hgetall(CALLER + number)
    return dict(found)


def test_what_is_set_is_kept_and_what_is_not_given_stays(engine: Engine) -> None:
    assert show(engine, NUMBER) == Customer(NUMBER)
    change(engine, NUMBER, 1.0, name=" 王先生 ", class_="vip", tags=["old", "old", "repair"])
    assert change(engine, NUMBER, 2.0, name="王女士") == Customer(NUMBER, "王女士", "vip", ("old", "repair"))
    assert change(engine, NUMBER, 3.0, class_="", tags=[""]) == show(engine, NUMBER) == Customer(NUMBER, "王女士")


@pytest.mark.parametrize(
    ("number", "given", "what"),
    [
        ("", {}, "number"),
        ("1" * 65, {}, "number"),
        (NUMBER, {"name": "x" * 65}, "name"),
        (NUMBER, {"class_": "a\nb"}, "class"),
        (NUMBER, {"tags": ["a,b"]}, "comma"),
        (NUMBER, {"tags": [f"{n:060}" for n in range(9)]}, "tags"),
    ],
)
def test_what_cannot_be_kept_is_refused(engine: Engine, number: str, given: dict[str, Any], what: str) -> None:
    with pytest.raises(CustomerError, match=what):
        change(engine, number, 1.0, **given)


def test_calls_are_counted_when_they_have_ended(redis_sync: Redis, engine: Engine, write: Write, gave_up: Story) -> None:
    now = time.time()
    tell(redis_sync, engine, [NUMBER, ""], now)
    assert not redis_sync.exists(CALLER + NUMBER), "the first call"
    write(gave_up("c1", now), gave_up("c2", now), gave_up("c3", now)[:2])
    change(engine, NUMBER, now, name="王先生", class_="vip", tags=["a", "b"])
    for _ in range(2):
        tell(redis_sync, engine, [NUMBER], now)
        assert facts(redis_sync) == {"calls": "2", "name": "王先生", "class": "vip", "tags": "a,b"}
    change(engine, NUMBER, now, name="", class_="", tags=[])
    tell(redis_sync, engine, [NUMBER], now)
    assert facts(redis_sync) == {"calls": "2"}


def test_who_has_not_called_for_long_is_forgotten(redis_sync: Redis, engine: Engine, write: Write, gave_up: Story) -> None:
    now = time.time()
    write(gave_up("c1", now - 100 * 86400), gave_up("c2", now - CALLER_KEPT_S - 100, caller="04714613311"))
    change(engine, "10086", now, class_="operator")
    tell(redis_sync, engine, [NUMBER, "04714613311", "10086"], now)
    assert 299 < redis_sync.ttl(CALLER + NUMBER) / 86400 <= 300.1
    assert not redis_sync.exists(CALLER + "04714613311")
    assert 399 < redis_sync.ttl(CALLER + "10086") / 86400 <= 400


def test_the_scribe_tells_them_after_booking_and_again_after_a_crash(
    redis_sync: Redis, redis_url: str, sql_url: str, engine: Engine, write: Write, gave_up: Story, story: Story
) -> None:
    now = time.time()
    lost = gave_up("c1", now)
    write(lost)  # booked by a scribe that died before it told Redis, and acknowledged nothing
    out = story("o1", ("outbound_started", now, {"kind": "outbound", "caller": NUMBER, "seat": "1026"}), ("ended", now, {}))
    send(redis_sync, lost + out + gave_up("c2", now, caller="") + gave_up("c3", now, caller="04714613311"))
    with at_work(redis_url, sql_url):
        wait_until(lambda: redis_sync.exists(CALLER + "04714613311"))
        assert facts(redis_sync) == {"calls": "1"}
        send(redis_sync, gave_up("c4", now))
        wait_until(lambda: facts(redis_sync) == {"calls": "2"})
        wait_until(lambda: all_booked(redis_sync))
    assert {str(key) for key in redis_sync.keys(CALLER + "*")} == {CALLER + NUMBER, CALLER + "04714613311"}
