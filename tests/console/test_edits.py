"""The pages of queues and seats: what is saved is told to the engines at once, and two editors don't overwrite each other."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from redis import Redis
from sqlalchemy import Engine

from console import changes
from console.app import create_app
from console.floor import todays_figures
from console.levels import goals
from console.options import ConsoleOptions, QueueSetting, SeatSetting
from followup.edits import KIND
from storage import documents
from tests.console.browser import Browser
from tests.console.conftest import Tell

TERMS = {
    "ring_timeout_s": 20.0,
    "time_limit_s": 600.0,
    "wrap_up_s": 15.0,
    "set_aside_s": 60.0,
    "in_time_s": 20.0,
    "music": "music",
}
TYPED = {"ring_timeout_s": "20", "time_limit_s": "600", "wrap_up_s": "15", "set_aside_s": "60", "in_time_s": "20"}
FORM = TYPED | {"music": "music", "action": "save"}
QUEUES, SEATS = "/settings/queues/", "/settings/seats/"


@pytest.fixture
def house(options: ConsoleOptions) -> Iterator[Flask]:
    """A console of two queues and two seats."""
    queues = (QueueSetting("service", TERMS), QueueSetting("repair", TERMS))
    seats = (SeatSetting("1026", "小王", ("service",)), SeatSetting("1027", "小李", ("service", "repair")))
    noon = f"Etc/GMT{time.gmtime().tm_hour - 12:+d}"  # so that a minute ago was today; POSIX: west of Greenwich is +
    app = create_app(replace(options, queues=queues, seat_settings=seats, music=("music", "waltz"), time_zone=noon))
    app.test_client_class = Browser
    yield app
    app.extensions["ground"].close()


def enter(app: Flask, login: str, page: str) -> Browser:
    browser = app.test_client()
    assert isinstance(browser, Browser)
    browser.log_in(login)
    browser.get(page)
    return browser


def told(redis: Redis) -> dict[str, Any]:
    """What the engines are told now."""
    return {name: json.loads(text) for name, text in documents.published(redis, KIND).items()}


def test_a_queue_is_changed_counts_at_once_and_is_given_back(house: Flask, redis_sync: Redis, engine: Engine) -> None:
    zhao = enter(house, "zhao", QUEUES)
    saved = zhao.send(f"{QUEUES}service", based_on="0", **(FORM | {"wrap_up_s": "45", "music": "waltz"}))
    assert saved.status_code == 303
    assert told(redis_sync) == {"queue:service": {"wrap_up_s": 45.0, "music": "waltz"}}, "what differs from the settings"
    page = zhao.get(saved.headers["Location"]).text
    assert "已保存，从下一通来电起生效。" in page
    assert 'name="wrap_up_s" value="45"' in page
    assert "赵主管 改于" in page
    [line], _ = changes.latest(engine, who="zhao", limit=1)
    assert (line.what, line.subject) == ("queue_changed", "queue:service")
    assert (line.before, line.after) == ({"wrap_up_s": 15.0, "music": "music"}, {"wrap_up_s": 45.0, "music": "waltz"})
    assert "修改队列" in enter(house, "root", "/audit/").get("/audit/").text
    assert zhao.send(f"{QUEUES}service", based_on="1", action="reset").status_code == 303
    assert told(redis_sync) == {"queue:service": {}}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"wrap_up_s": "-1"}, "话后整理（秒）应在 0 到 3600 之间"),
        ({"wrap_up_s": "nan"}, "话后整理（秒）应在"),
        ({"time_limit_s": "viel"}, "最长等待（秒）应在 10 到 7200 之间"),
        ({"music": "noise"}, "没有这段等待音乐"),
    ],
)
def test_terms_that_cannot_be_are_refused_and_kept(house: Flask, redis_sync: Redis, change: dict[str, str], said: str) -> None:
    zhao = enter(house, "zhao", QUEUES)
    answer = zhao.send(f"{QUEUES}service", based_on="0", **(FORM | {"ring_timeout_s": "33"} | change))
    assert (answer.status_code, said in answer.text, 'value="33"' in answer.text) == (409, True, True), answer.text
    assert told(redis_sync) == {}


def test_two_editors_of_a_queue_do_not_overwrite_each_other(house: Flask, redis_sync: Redis) -> None:
    zhao, root = enter(house, "zhao", QUEUES), enter(house, "root", QUEUES)
    assert zhao.send(f"{QUEUES}service", based_on="0", **(FORM | {"wrap_up_s": "45"})).status_code == 303
    late = root.send(f"{QUEUES}service", based_on="0", **(FORM | {"wrap_up_s": "60"}))
    assert (late.status_code, "没有保存：赵主管 在" in late.text, 'value="60"' in late.text) == (409, True, True)
    assert told(redis_sync)["queue:service"] == {"wrap_up_s": 45.0}
    assert root.send(f"{QUEUES}service", based_on="1", **(FORM | {"wrap_up_s": "60"})).status_code == 303


def test_a_seat_s_name_skills_and_whether_it_gets_calls(house: Flask, redis_sync: Redis, engine: Engine) -> None:
    zhao = enter(house, "zhao", f"{SEATS}?seat=1026")
    form = {"based_on": "0", "action": "save", "name": "王师傅", "level:service": "2", "level:repair": "1"}
    saved = zhao.send(f"{SEATS}1026", **form)
    assert saved.status_code == 303
    assert told(redis_sync) == {"seat:1026": {"name": "王师傅", "queues": {"service": 2, "repair": 1}, "enabled": False}}
    page = zhao.get(saved.headers["Location"]).text
    for said in ("王师傅", "2 级", "已停用", "赵主管 改于"):
        assert said in page, said
    [line], _ = changes.latest(engine, who="zhao", limit=1)
    assert (line.what, line.before["queues"], line.after["queues"]) == ("seat_changed", "service 1", "repair 1, service 2")
    back = {"based_on": "1", "name": "小王", "level:service": "1", "level:repair": "", "enabled": "on"}
    again = zhao.send(f"{SEATS}1026", **(form | back))
    assert again.status_code == 303
    assert told(redis_sync) == {"seat:1026": {}}, "as the settings say"


def test_seats_that_cannot_be(house: Flask, redis_sync: Redis) -> None:
    zhao = enter(house, "zhao", SEATS)
    for change in ({"level:nowhere": "1"}, {"level:service": "9"}, {"level:service": "x"}, {"name": "x" * 65}):
        answer = zhao.send(f"{SEATS}1026", **({"based_on": "0", "action": "save", "name": "小王"} | change))
        assert (answer.status_code, "没有保存：" in answer.text) == (409, True)
    assert zhao.send(f"{SEATS}9999", based_on="0", name="").status_code == 404
    assert zhao.send(f"{SEATS}1026", name="x").status_code == 400
    assert zhao.send(f"{SEATS}1026", based_on="0", action="reset").status_code == 404
    assert zhao.get(f"{SEATS}?seat=9999").status_code == 404
    assert zhao.send(f"{QUEUES}nowhere", based_on="0", **FORM).status_code == 404
    assert told(redis_sync) == {}


def test_queues_and_seats_by_the_api(house: Flask, redis_sync: Redis) -> None:
    zhao = enter(house, "zhao", SEATS)
    headers = {"X-CSRFToken": zhao.token, "Origin": "http://localhost"}
    [service, _] = zhao.get("/api/v1/settings/queues").get_json()["queues"]
    assert (service["name"], service["wrap_up_s"], service["revision"]) == ("service", 15.0, 0)
    at, body = "/api/v1/settings/queues/service", {**TERMS, "wrap_up_s": 45, "based_on": 0}
    assert zhao.put(at, json=body, headers=headers).get_json() == {"in_force": True}
    assert zhao.put(at, json=body, headers=headers).status_code == 409
    assert zhao.put(at, json=body | {"wrap_up_s": -1, "based_on": 1}, headers=headers).status_code == 422
    assert zhao.delete(f"{at}?based_on=1", headers=headers).status_code == 200
    seat = {"name": "小王", "queues": {"repair": 3}, "enabled": True, "based_on": 0}
    assert zhao.put("/api/v1/settings/seats/1026", json=seat, headers=headers).status_code == 200
    [one, _] = zhao.get("/api/v1/settings/seats").get_json()["seats"]
    assert (one["queues"], one["author"]) == ({"repair": 3}, "zhao")
    assert told(redis_sync)["seat:1026"] == {"queues": {"repair": 3}}
    assert zhao.delete("/api/v1/settings/seats/1026?based_on=1", headers=headers).status_code == 200


def test_each_queue_has_its_own_service_level(house: Flask, redis_sync: Redis, engine: Engine, tell: Tell) -> None:
    now = time.time()
    for call, wait_s in (("c1", 25.0), ("c2", 8.0)):
        queued = ("queued", now - 60, {"queue": "service", "position": 1})
        tell(call, ("arrived", now - 60, {}), queued, ("talking", now - 30, {"seat": "1026", "wait_s": wait_s}))
    options = house.extensions["ground"].options
    zhao = enter(house, "zhao", QUEUES)
    assert "20 秒内接通 1 ÷ 转人工 2" in zhao.get("/calls/").text
    assert zhao.send(f"{QUEUES}service", based_on="0", **(FORM | {"in_time_s": "30"})).status_code == 303
    assert told(redis_sync)["queue:service"] == {"in_time_s": 30.0}
    assert goals(engine, options) == {"service": 30.0, "repair": 20.0}
    page = zhao.get("/calls/").text
    assert "按各队列目标接通 2 ÷ 转人工 2" in page
    assert "100.0<i>%</i></b><span>服务水平</span>" in page
    answered = zhao.get("/api/v1/figures").get_json()
    assert (answered["in_time"], answered["in_time_s"], answered["service_level"], answered["queued"]) == (2, None, 1.0, 2)
    assert zhao.get(f"/api/v1/figures?until={now - 600}").get_json()["service_level"] is None
    seen = todays_figures(engine, options)
    assert seen is not None
    assert (seen.in_time, seen.service_level) == (2, 1.0)
    assert zhao.send(f"{QUEUES}service", based_on="1", action="reset").status_code == 303
    assert goals(engine, options) == {"service": 20.0, "repair": 20.0}
