"""The page of working hours: weeks, days, two editors, and that engines know at once."""

from __future__ import annotations

import json
import re
from datetime import date

import pytest
from flask import Flask
from redis import Redis
from sqlalchemy import Engine

from console import changes
from console.app import create_app
from console.hourtext import HoursError, read_hours, write_hours
from console.options import ConsoleOptions
from followup.days import overlay
from storage import documents
from storage.hours import parse_spans
from storage.sql import reading
from tests.console.browser import Browser
from tests.console.conftest import Browse

PAGE = "/settings/hours/"
WEEK = dict.fromkeys(("mon", "tue", "wed", "thu", "fri"), "09:00-12:00, 13:30-18:00") | {
    "sat": "",
    "sun": "",
    "makeup": "9:00-18:00",
}


def open_s(redis: Redis) -> set[int]:
    """How long the spans are that the engines are told of now, without the first, which may be cut, and the last."""
    told = json.loads(documents.published(redis, "calendar")["default"])
    return {round(end - begin) for begin, end in told["open"][1:-1]}


def based_on(page: str, form: str) -> str:
    found = re.search(rf'action="[^"]*{form}".*?name="based_on" value="([^"]*)"', page, re.DOTALL)
    assert found, page
    return found[1]


@pytest.mark.parametrize(
    ("typed", "spans"),
    [
        ("", ()),
        ("  ", ()),
        ("09:00-12:00", ("09:00-12:00",)),
        ("9:00 - 12:00,13:30~18:00", ("09:00-12:00", "13:30-18:00")),
        ("13:30至18:00、9:00到12:00", ("09:00-12:00", "13:30-18:00")),
        ("22:00-02:00", ("22:00-02:00",)),
        ("00:00-24:00", ("00:00-24:00",)),
    ],
)
def test_hours_are_read_as_people_type_them(typed: str, spans: tuple[str, ...]) -> None:
    assert read_hours(typed) == parse_spans(spans)
    assert read_hours(write_hours(read_hours(typed))) == parse_spans(spans)


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("9-12", "unreadable"),
        ("25:00-26:00", "unreadable"),
        ("上午", "unreadable"),
        ("09:00-12:00,11:00-13:00", "overlap"),
        (",".join(f"{h:02}:00-{h:02}:30" for h in range(13)), "too_many"),
    ],
)
def test_what_are_no_hours_is_refused(typed: str, code: str) -> None:
    with pytest.raises(HoursError) as told:
        read_hours(typed)
    assert told.value.code == code


def test_the_month_shows_holidays_make_up_workdays_and_the_week(browse: Browse) -> None:
    page = browse("zhao").get(f"{PAGE}?month=2026-10&day=2026-10-10").text
    for said in ("2026 年 10 月", "国庆节", ">休<", ">班<", "调休上班日", "09:00-18:00", "2026 年 10 月 10 日"):
        assert said in page, said
    assert "还没有收录" in browse("zhao").get(f"{PAGE}?month=2098-10").text
    assert browse("zhao").get(f"{PAGE}?month=nonsense&day=31").status_code == 200
    assert browse("zhao").get(f"{PAGE}?calendar=shop").status_code == 404


def test_a_week_is_changed_counts_at_once_and_is_given_back(browse: Browse, redis_sync: Redis, engine: Engine) -> None:
    zhao = browse("zhao")
    page = zhao.get(PAGE).text
    answer = zhao.send(f"{PAGE}default/week", action="save", based_on=based_on(page, "/week"), **WEEK)
    assert answer.status_code == 303
    page = zhao.get(answer.headers["Location"]).text
    assert "已保存，从下一通来电起生效。" in page
    assert 'value="09:00-12:00, 13:30-18:00"' in page
    assert {3 * 3600, 16200} <= open_s(redis_sync) <= {3 * 3600, 16200, 9 * 3600}
    [line], _ = changes.latest(engine, who="zhao", limit=1)
    assert (line.what, line.subject) == ("week_changed", "calendar:default")
    assert (line.before["mon"], line.after["mon"]) == ("09:00-18:00", "09:00-12:00, 13:30-18:00")
    assert "修改每周工作时间" in browse("root").get("/audit/").text

    assert zhao.send(f"{PAGE}default/week", action="reset", based_on=based_on(page, "/week")).status_code == 303
    assert 'value="09:00-12:00, 13:30-18:00"' not in zhao.get(PAGE).text


def test_two_editors_of_a_week_do_not_overwrite_each_other(browse: Browse, engine: Engine) -> None:
    zhao, root = browse("zhao"), browse("root")
    mine, yours = zhao.get(PAGE).text, root.get(PAGE).text
    assert zhao.send(f"{PAGE}default/week", action="save", based_on=based_on(mine, "/week"), **WEEK).status_code == 303
    late = root.send(f"{PAGE}default/week", action="save", based_on=based_on(yours, "/week"), **(WEEK | {"sun": "10:00-11:00"}))
    assert late.status_code == 409
    assert "没有保存：赵主管 在" in late.text
    assert 'value="10:00-11:00"' in late.text, "what was typed is kept"
    with reading(engine) as connection:
        kept = overlay(connection, "default").week
    assert kept is not None
    assert kept[6] == ()
    again = root.send(
        f"{PAGE}default/week", action="save", based_on=based_on(late.text, "/week"), **(WEEK | {"sun": "10:00-11:00"})
    )
    assert again.status_code == 303


@pytest.mark.parametrize(("typed", "said"), [("9-12", "“9-12”不是时间段"), ("09:00-12:00,10:00-11:00", "时间段重叠了")])
def test_what_is_wrong_with_hours_is_said_in_chinese_and_kept(browse: Browse, typed: str, said: str) -> None:
    zhao = browse("zhao")
    page = zhao.get(PAGE).text
    answer = zhao.send(f"{PAGE}default/week", action="save", based_on=based_on(page, "/week"), **(WEEK | {"wed": typed}))
    assert answer.status_code == 409
    assert said in answer.text
    assert f'value="{typed}"' in answer.text


def test_a_day_is_closed_opened_and_given_back(browse: Browse, engine: Engine) -> None:
    zhao, day = browse("zhao"), "2026-12-09"
    at = f"{PAGE}default/days/{day}"

    def send(**form: str) -> int:
        page = zhao.get(f"{PAGE}?day={day}").text
        return zhao.send(at, **({"based_on": based_on(page, day), "open": "", "name": ""} | form)).status_code

    assert send(action="close", name="公司年会") == 303
    page = zhao.get(f"{PAGE}?day={day}").text
    assert "公司年会" in page
    assert "赵主管 设置于" in page
    with reading(engine) as connection:
        assert overlay(connection, "default").days[date(2026, 12, 9)].spans == ()
    assert send(action="open", open="10:00~16:00", name="盘点") == 303
    assert send(action="open") == 409, "no hours"
    assert send(action="unset") == 303
    assert send(action="unset") == 404
    lines, _ = changes.latest(engine, who="zhao", subject="calendar:default")
    assert [line.what for line in lines][:3] == ["day_unset", "day_set", "day_set"]
    assert lines[1].before == {"date": day, "open": "", "name": "公司年会"}
    assert "盘点" in zhao.get(PAGE).text, "the latest changes"


def test_two_editors_of_a_day_do_not_overwrite_each_other(browse: Browse) -> None:
    zhao, root, day = browse("zhao"), browse("root"), "2026-12-09"
    seen = root.get(f"{PAGE}?day={day}").text
    form = {"action": "close", "name": "", "open": "", "based_on": based_on(seen, day)}
    zhao.get(PAGE)
    assert zhao.send(f"{PAGE}default/days/{day}", **form).status_code == 303
    late = root.send(f"{PAGE}default/days/{day}", **(form | {"action": "open", "open": "10:00-12:00"}))
    assert (late.status_code, "没有保存：赵主管 在" in late.text, 'value="10:00-12:00"' in late.text) == (409, True, True)
    zhao.send(f"{PAGE}default/days/{day}", action="unset", based_on=based_on(late.text, day))
    gone = root.send(f"{PAGE}default/days/{day}", **(form | {"based_on": based_on(late.text, day)}))
    assert "别人刚刚把它恢复成了默认" in gone.text


def test_forms_that_are_none_of_ours(browse: Browse) -> None:
    zhao = browse("zhao")
    zhao.get(PAGE)
    assert zhao.send(f"{PAGE}default/week", action="save", **WEEK).status_code == 400
    assert zhao.send(f"{PAGE}default/week", action="save", based_on="0", mon="9" * 201).status_code == 400
    assert zhao.send(f"{PAGE}default/days/2026-12-09", action="burn", based_on="0").status_code == 400
    assert zhao.send(f"{PAGE}default/days/2026-12-09", action="close", based_on="0", name="x" * 65).status_code == 400
    assert zhao.send(f"{PAGE}default/days/2026-13-09", action="close", based_on="0").status_code == 404
    assert zhao.send(f"{PAGE}shop/days/2026-12-09", action="close", based_on="0").status_code == 404


def test_while_redis_is_away_a_change_is_kept_and_told_so(options: ConsoleOptions, engine: Engine) -> None:
    app: Flask = create_app(ConsoleOptions("redis://127.0.0.1:1", options.sql_url, options.recordings_dir))
    app.test_client_class = Browser
    try:
        zhao = app.test_client()
        assert isinstance(zhao, Browser)
        zhao.log_in("zhao")
        zhao.get(PAGE)
        answer = zhao.send(f"{PAGE}default/days/2026-12-09", action="close", based_on="0", name="", open="")
        assert answer.status_code == 303
        assert "已保存。实时数据暂时连不上" in zhao.get(answer.headers["Location"]).text
        with reading(engine) as connection:
            assert date(2026, 12, 9) in overlay(connection, "default").days
    finally:
        app.extensions["ground"].close()


def test_hours_by_the_api(browse: Browse, redis_sync: Redis) -> None:
    zhao = browse("zhao")
    zhao.get(PAGE)
    headers = {"X-CSRFToken": zhao.token, "Origin": "http://localhost"}
    assert zhao.get("/api/v1/calendars").get_json() == {"calendars": ["default"]}
    seen = zhao.get("/api/v1/calendars/default?since=2026-10-09&days=2").get_json()
    assert [(day["date"], day["source"]) for day in seen["days"]] == [("2026-10-09", "week"), ("2026-10-10", "makeup")]
    week = {"week": {"mon": ["09:00-12:00"]}, "makeup": [], "based_on": seen["week"]["revision"]}
    assert zhao.put("/api/v1/calendars/default/week", json=week, headers=headers).get_json() == {"in_force": True}
    late = zhao.put("/api/v1/calendars/default/week", json=week, headers=headers)
    assert (late.status_code, late.get_json()["type"]) == (409, "/api/v1/problems#Changed")
    wrong = zhao.put("/api/v1/calendars/default/week", json=week | {"week": {"mon": ["9-12"]}, "based_on": 1}, headers=headers)
    assert wrong.status_code == 422
    assert zhao.delete("/api/v1/calendars/default/week?based_on=1", headers=headers).status_code == 200
    day = "/api/v1/calendars/default/days/2026-12-09"
    assert zhao.put(day, json={"open": [], "name": "年会"}, headers=headers).status_code == 200
    [told] = zhao.get("/api/v1/calendars/default?since=2026-12-09&days=1").get_json()["days"]
    assert (told["source"], told["open"], told["name"], told["author"]) == ("edited", [], "年会", "zhao")
    assert zhao.delete(f"{day}?based_on=1.5", headers=headers).status_code == 409
    assert zhao.delete(f"{day}?based_on={told['at']!r}", headers=headers).status_code == 200
    assert browse("wang").get("/api/v1/calendars").status_code == 403
