"""The pages of people and of the change log; signing seats off."""

from __future__ import annotations

import re

from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from sqlalchemy import Engine

from console import changes
from console.changes import Actor
from routing.floor import snapshot
from routing.seats import SeatProfile
from routing.store import Store
from storage.journal import Journal
from storage.sql import writing
from tests.console.browser import Browser
from tests.console.conftest import Browse

FORM = {"login": "wu", "name": "吴", "role": "seat", "seat": "1028"}


def link_in(page: str) -> str:
    found = re.search(r"<code>http://localhost(/welcome/[^<]+)</code>", page)
    assert found, page
    return found[1]


def test_a_person_is_added_sets_a_password_and_works(client: Browser, browse: Browse) -> None:
    assert "小张" in client.get("/people/").text, "seats are offered"
    link = link_in(client.send("/people/", **FORM).text)
    assert "未设密码" in client.get("/people/").text
    wu = browse()
    assert "吴，请设置密码" in wu.get(link).text
    wu.send(link, password="a long one indeed", again="a long one indeed")
    assert wu.get("/me").status_code == 200
    assert "工号 1028" in wu.get("/me").text
    for change, said in (
        ({}, "这个登录名已经有人用了"),
        ({"login": "Wu Er"}, "登录名为 2 到 32 个"),
        ({"login": "er", "seat": "9999"}, "没有这个工号的坐席"),
        ({"login": "er", "seat": ""}, "坐席需要一个工号"),
        ({"login": "er", "seat": "1026"}, "这个工号已经属于别人"),
    ):
        answer = client.send("/people/", **(FORM | change))
        assert (answer.status_code, said in answer.text) == (409, True), said
        assert 'value="吴"' in answer.text, "what was given is kept"
    assert client.send("/people/", **(FORM | {"role": "king"})).status_code == 400


def test_changed_reset_disabled_and_told(client: Browser, browse: Browse, engine: Engine) -> None:
    wang = browse("wang")
    client.get("/people/wang")
    client.send("/people/wang", action="change", name="王组长", role="supervisor", seat="1026")
    assert wang.get("/floor/").status_code == 200, "from the next request on"
    link = link_in(client.send("/people/wang", action="reset").text)
    assert wang.get("/me").status_code == 302
    client.send("/people/wang", action="disable")
    assert browse().get(link).status_code == 410
    assert "已停用" in client.get("/people/wang").text
    answer = client.send("/people/wang", action="reset")
    assert (answer.status_code, "这个账号已停用" in answer.text) == (409, True)
    client.send("/people/wang", action="enable")
    answer = client.send("/people/root", action="disable")
    assert (answer.status_code, "这是唯一的管理员" in answer.text) == (409, True)
    for path, form, status in (
        ("/people/nobody", {"action": "disable"}, 404),
        ("/people/wang", {"action": "burn"}, 400),
    ):
        assert client.send(path, **form).status_code == status
    assert client.get("/people/nobody").status_code == 404
    told = [(line.what, line.by, line.before, line.after) for line in changes.latest(engine, subject="person:wang")[0]]
    assert told[:4] == [
        ("person_enabled", "root", {}, {}),
        ("person_disabled", "root", {}, {}),
        ("password_reset", "root", {}, {}),
        (
            "person_changed",
            "root",
            {"name": "小王", "role": "seat", "seat": "1026"},
            {"name": "王组长", "role": "supervisor", "seat": "1026"},
        ),
    ]
    page = client.get("/audit/?subject=person:wang").text
    for said in ("修改人员", "停用账号", "重置密码", "王组长", "主管", "127.0.0.1"):
        assert said in page, said
    assert "没有符合条件的记录" in client.get("/audit/?who=nobody").text
    assert "Person changed" not in page
    assert "Change a person" in client.get("/audit/?lang=en").text


def test_the_change_log_has_pages(client: Browser, engine: Engine) -> None:
    with writing(engine) as connection:
        for n in range(60):
            changes.write(connection, changes.Actor("robot"), "seat_off", f"seat:{n}", float(n))
    first = client.get("/audit/?who=robot").text
    assert "1 / 2" in first
    assert "/audit/?page=2&amp;who=robot" in first
    second = client.get("/audit/?who=robot&page=2").text
    assert '<span class="num">0</span>' in second


async def test_a_seat_is_signed_off_and_it_is_told(
    browse: Browse, engine: Engine, redis: AsyncRedis, redis_sync: Redis, tmp_path: object
) -> None:
    store = Store(redis, node="n1", journal=Journal(tmp_path / "journal"))  # type: ignore[operator]
    await store.start()
    await store.set_seats([SeatProfile("1026", "小王", ("service",))])
    await store.set_status("1026", "ready")
    zhao = browse("zhao")
    page = zhao.get("/floor/").text
    assert 'action="/floor/seats/1026/off"' in page
    assert zhao.send("/floor/seats/1026/off").headers["Location"] == "/floor/"
    assert snapshot(redis_sync).seats[0]["status"] == "off"
    assert zhao.send("/floor/seats/9999/off").status_code == 404
    told = [(line.what, line.by, line.subject) for line in changes.latest(engine)[0] if line.by == "zhao"]
    assert told == [("seat_off", "zhao", "seat:1026")], "what was not done is not told"


def test_the_change_log_says_names_and_takes_them(client: Browser, engine: Engine) -> None:
    """Books know logins; where two people have one name, the login stands beside it."""
    with writing(engine) as connection:
        changes.write(connection, Actor("zhao", ""), "return_call_handed_over", "return_call:7", 1.0, after={"owner": "wang"})
        changes.write(connection, Actor("gone", ""), "person_disabled", "person:zhao", 2.0)
    page = shown(client, "/audit/?who=赵主管")
    assert "赵主管 zhao 转交回电 回电 7 负责人 小王" in page
    assert "gone" not in page
    assert "gone 停用账号 人员 赵主管 zhao" in shown(client, "/audit/")
    client.send("/people/wang", action="change", name="赵主管", role="seat", seat="1026")
    page = shown(client, "/audit/?who=zhao")
    assert "赵主管（zhao） 转交回电 回电 7 负责人 赵主管（wang）" in page


def shown(client: Browser, path: str) -> str:
    """A page's text as people read it."""
    return " ".join(re.sub(r"<[^>]*>", " ", client.get(path).text).split())
