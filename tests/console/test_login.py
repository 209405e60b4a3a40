"""Logging in: forms, lock-out, sessions that end, one-time links, tokens."""

from __future__ import annotations

import threading
import time
from dataclasses import replace

import pytest
from flask import Flask
from sqlalchemy import Engine, delete, update

from console import accounts, changes, links, sessions, tries
from console.accounts import AccountError
from console.app import create_app
from console.changes import SYSTEM
from console.lockout import ACCOUNT, ADDRESS
from console.options import ConsoleOptions
from console.rate import Rate
from console.roles import Role
from console.sessionlimits import Limits
from console.tables import login_session, person
from storage.sql import writing
from tests.console.browser import PASSWORD, Browser
from tests.console.conftest import Browse

NEW = "a new long password"


def test_log_in_and_out(browse: Browse) -> None:
    wang = browse()
    assert wang.get("/callbacks/?which=late").headers["Location"] == "/login?next=%2Fcallbacks%2F%3Fwhich%3Dlate"
    wang.get("/login?next=/callbacks/")
    answer = wang.send("/login", login=" Wang ", password=PASSWORD, next="/callbacks/")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/callbacks/")
    page = wang.get("/callbacks/").text
    assert "小王" in page
    assert 'href="/floor/"' not in page, "a seat's navigation"
    assert 'href="/people/"' not in page
    cookie = wang.get_cookie("hotline")
    assert cookie is not None
    assert cookie.http_only
    assert wang.send("/logout").headers["Location"] == "/login"
    assert wang.get("/callbacks/").status_code == 302
    wang.set_cookie("hotline", cookie.value)
    assert wang.get("/callbacks/").status_code == 302, "a cookie that somebody kept is worth nothing"


def test_each_role_comes_to_its_work(browse: Browse) -> None:
    assert browse("wang").get("/").headers["Location"] == "/seat/"
    assert browse("zhao").get("/").headers["Location"] == "/floor/"
    root, zhao = browse("root"), browse("zhao")
    assert 'href="/settings/hours/"' in root.get("/floor/").text
    for place in ('href="/people/"', 'href="/audit/"'):
        assert place in root.get("/settings/hours/").text
        assert place not in zhao.get("/settings/hours/").text


@pytest.mark.parametrize("login", ["wang", "nobody", "", "x" * 500])
def test_a_wrong_password_and_a_wrong_name_look_the_same(browse: Browse, login: str) -> None:
    browser = browse()
    browser.get("/login")
    answer = browser.send("/login", login=login, password="wrong" * 300)
    assert answer.status_code == 401
    assert "登录名或密码不对" in answer.text


@pytest.mark.parametrize("place", ["//evil.example", "/\\evil.example", "https://evil.example", "x", "/a\nb", "/" + "x" * 600])
def test_nobody_is_led_to_another_site(browse: Browse, place: str) -> None:
    browser = browse()
    browser.get("/login")
    answer = browser.send("/login", login="wang", password=PASSWORD, next=place)
    assert answer.headers["Location"] == "/"


def test_without_the_page_s_token_nothing_is_taken(browse: Browse, engine: Engine, owed: int) -> None:
    browser = browse()
    browser.get("/login")
    assert browser.send("/login", login="wang", password=PASSWORD, csrf_token="").status_code == 400
    assert browser.send("/login", login="wang", password=PASSWORD, csrf_token="x").status_code == 400
    wang = browse("wang")
    assert wang.send(f"/callbacks/{owed}", action="claim", csrf_token="").status_code == 400
    assert wang.send(f"/callbacks/{owed}", action="claim", csrf_token=browse("li").token).status_code == 400
    answer = wang.post(f"/api/v1/return-calls/{owed}/claim", headers={"Origin": "http://localhost"})
    assert (answer.status_code, answer.mimetype) == (400, "application/problem+json")
    headers = {"Origin": "http://localhost", "X-CSRFToken": wang.token}
    assert wang.post(f"/api/v1/return-calls/{owed}/claim", headers=headers).status_code == 200


def fail(browser: Browser, login: str, password: str = "wrong") -> int:
    browser.get("/login")
    return browser.send("/login", login=login, password=password).status_code


def test_an_account_is_locked_told_and_let_in_again(app: Flask, browse: Browse, engine: Engine) -> None:
    browser = browse()
    assert [fail(browser, "wang") for _ in range(ACCOUNT.max_tries)] == [401] * ACCOUNT.max_tries
    browser.get("/login")
    answer = browser.send("/login", login="wang", password=PASSWORD)
    assert (answer.status_code, "登录已锁定到" in answer.text) == (429, True)
    assert 890 <= int(answer.headers["Retry-After"]) <= 900
    root = browse("root")
    page = root.get("/people/").text
    assert "account:wang" in page
    assert root.send("/people/locks/lift", subject="account:wang").status_code == 303
    assert fail(browser, "wang", PASSWORD) == 303
    told = [(line.what, line.by, line.subject) for line in changes.latest(engine)[0]]
    assert told[:2] == [("lock_lifted", "root", "account:wang"), ("locked", "system", "account:wang")]
    assert "account:wang" not in root.get("/people/").text


def test_a_name_that_nobody_has_is_locked_as_well(engine: Engine) -> None:
    for _ in range(ACCOUNT.max_tries):
        assert tries.begin(engine, "nobody", "192.0.2.7", 1000.0) is None
    assert tries.begin(engine, "nobody", "192.0.2.7", 1000.0) == 1900.0


def test_an_address_that_tries_many_names_is_locked_but_not_its_colleagues(engine: Engine) -> None:
    for n in range(ADDRESS.max_tries):
        assert tries.begin(engine, f"n{n}", "2001:db8::1", 1000.0) is None
        assert tries.begin(engine, "root", "192.0.2.7", 1000.0) is None
        tries.succeeded(engine, "root", "192.0.2.7")
    assert tries.begin(engine, "wang", "2001:db8::2", 1000.0) == 1900.0, "the same /64"
    assert tries.begin(engine, "wang", "192.0.2.7", 1000.0) is None
    assert [lock.subject for lock in tries.locks(engine, 1001.0)] == ["address:2001:db8::/64"]
    assert tries.locks(engine, 1901.0) == []
    assert not tries.lift(engine, "address:2001:db8::/64", SYSTEM, 1901.0)


def test_of_many_tries_at_once_no_more_pass_than_may(engine: Engine) -> None:
    passed: list[int] = []

    def guess(n: int) -> None:
        if tries.begin(engine, "wang", f"192.0.2.{n}", 1000.0) is None:
            passed.append(n)

    threads = [threading.Thread(target=guess, args=(n,)) for n in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(passed) == ACCOUNT.max_tries


def test_passwords_are_tried_slowly_only(app: Flask, browse: Browse) -> None:
    app.extensions["tries"] = Rate(per_s=0.001, burst=2.0)
    browser = browse()
    assert [fail(browser, f"n{n}") for n in range(3)] == [401, 401, 429]
    assert int(browser.send("/login", login="wang", password="x").headers["Retry-After"]) > 100


LIMITS = Limits(idle_s=100.0, whole_s=1000.0)


def test_a_session_ends_when_idle_and_after_a_shift(engine: Engine) -> None:
    wang = accounts.find(engine, "wang")
    key = sessions.begin(engine, wang, "192.0.2.7", "test", LIMITS, 1000.0)
    assert sessions.whose(engine, key, LIMITS, 1099.0, used=False) == wang
    assert sessions.whose(engine, key, LIMITS, 1100.0, used=False) is None, "to look on is no use"
    assert sessions.whose(engine, key, LIMITS, 1090.0, used=True) == wang
    assert sessions.whose(engine, key, LIMITS, 1189.0, used=True) == wang
    for now in range(1189, 2000, 61):
        assert sessions.whose(engine, key, LIMITS, float(now), used=True) == wang
    assert sessions.whose(engine, key, LIMITS, 2000.0, used=True) is None, "a shift is over"
    assert sessions.whose(engine, "x", LIMITS, 1001.0, used=True) is None


def test_a_page_that_only_looks_on_lets_its_session_end(app: Flask, browse: Browse, engine: Engine) -> None:
    wang = browse("wang")
    hours = app.extensions["ground"].options.limits.idle_s

    def age(by: float) -> None:
        with writing(engine) as connection:
            connection.execute(update(login_session).values(seen_at=login_session.c.seen_at - by))

    age(hours - 30.0)
    assert wang.get("/callbacks/", headers={"X-Background": "1"}).status_code == 200
    age(40.0)
    answer = wang.get("/callbacks/", headers={"X-Background": "1"})
    assert (answer.status_code, "登录已结束" in answer.text) == (401, True)


def test_a_new_password_ends_all_other_sessions(browse: Browse) -> None:
    here, there = browse("wang"), browse("wang")
    assert "在 2 个浏览器里登录着" in here.get("/me").text
    for old, new, again, said in (
        ("wrong", NEW, NEW, "现在的密码不对"),
        (PASSWORD, NEW, NEW + "x", "两次输入的密码不一样"),
        (PASSWORD, "short", "short", "至少 10 个字符"),
    ):
        answer = here.send("/me", action="password", old=old, password=new, again=again)
        assert (answer.status_code, said in answer.text) == (409, True), said
    answer = here.send("/me", action="password", old=PASSWORD, password=NEW, again=NEW)
    assert answer.headers["Location"] == "/me?done=password"
    assert "密码已更改" in here.get("/me?done=password").text
    assert there.get("/me").status_code == 302
    assert fail(browse(), "wang") == 401
    assert browse().log_in("wang", NEW).status_code == 303
    assert here.send("/me", action="burn").status_code == 400


def test_log_out_everywhere(browse: Browse) -> None:
    here, there = browse("wang"), browse("wang")
    assert here.send("/me", action="leave").headers["Location"] == "/login"
    assert (here.get("/me").status_code, there.get("/me").status_code) == (302, 302)


def test_who_is_disabled_is_out_at_once(browse: Browse, engine: Engine) -> None:
    wang = browse("wang")
    accounts.disable(engine, "wang", SYSTEM, time.time())
    assert wang.get("/me").status_code == 302
    assert fail(browse(), "wang", PASSWORD) == 401
    accounts.enable(engine, "wang", SYSTEM, time.time())
    assert fail(browse(), "wang", PASSWORD) == 303


@pytest.fixture
def fresh(app: Flask, engine: Engine) -> Browser:
    """A browser at an installation that nobody has been at."""
    with writing(engine) as connection:
        connection.execute(delete(login_session))
        connection.execute(delete(person))
    browser = app.test_client()
    assert isinstance(browser, Browser)
    return browser


def test_the_first_start_s_link_creates_the_administrator_once(fresh: Browser, engine: Engine) -> None:
    key, other = links.first(engine, time.time()), links.first(engine, time.time())
    assert key
    assert other
    page = fresh.get(f"/welcome/{key}").text
    assert "建立第一个管理员" in page
    fresh.get(f"/welcome/{key}")  # a look does not use it up
    form = {"login": "boss", "name": "老板", "password": NEW, "again": NEW}
    for change, said in (
        ({"login": "大"}, "登录名为 2 到 32 个"),
        ({"name": " "}, "请填写名称"),
        ({"again": "x"}, "两次输入"),
        ({"password": "1234567890", "again": "1234567890"}, "太常见"),
    ):
        answer = fresh.send(f"/welcome/{key}", **(form | change))
        assert (answer.status_code, said in answer.text) == (409, True), said
    assert fresh.send(f"/welcome/{key}", **form).headers["Location"] == "/"
    assert fresh.get("/people/").status_code == 200
    assert links.first(engine, time.time()) is None
    for spent in (key, other):
        assert fresh.get(f"/welcome/{spent}").status_code == 410
        assert fresh.send(f"/welcome/{spent}", **form).status_code == 410


def test_a_link_is_spent_by_its_age_by_a_newer_one_and_by_a_disabled_person(browse: Browse, engine: Engine) -> None:
    old = links.for_person(engine, "wang", SYSTEM, 1000.0, forget=False)
    assert links.look(engine, old, 1001.0).person == accounts.find(engine, "wang")
    with pytest.raises(links.LinkSpent):
        links.look(engine, old, 1000.0 + links.VALID_S)
    new = links.for_person(engine, "wang", SYSTEM, 1001.0, forget=False)
    with pytest.raises(links.LinkSpent):
        links.look(engine, old, 1002.0)
    with pytest.raises(links.LinkSpent):
        links.create_administrator(engine, new, "evil", "x", NEW, "", 1002.0)
    accounts.disable(engine, "wang", SYSTEM, 1003.0)
    with pytest.raises(links.LinkSpent):
        links.set_password(engine, new, NEW, "", 1004.0)
    with pytest.raises(AccountError, match="disabled"):
        links.for_person(engine, "wang", SYSTEM, 1004.0, forget=True)
    assert browse().get("/welcome/nonsense").status_code == 410


def test_of_two_who_use_one_link_at_once_one_does(engine: Engine) -> None:
    key = links.for_person(engine, "wang", SYSTEM, 1000.0, forget=True)
    done: list[str] = []

    def use(password: str) -> None:
        try:
            links.set_password(engine, key, password, "", 1001.0)
        except links.LinkSpent:
            return
        done.append(password)

    threads = [threading.Thread(target=use, args=(f"{NEW} {n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(done) == 1
    assert accounts.check(engine, "wang", done[0]) is not None


def test_tokens(browse: Browse, engine: Engine) -> None:
    wang = browse("wang")
    assert "请填写名称" in wang.send("/me", action="token", name=" ").text
    page = wang.send("/me", action="token", name="脚本").text
    key = page.partition("<code>")[2].partition("</code>")[0]
    assert key.startswith("hl_")
    program = browse()
    headers = {"Authorization": f"Bearer {key}"}
    assert program.get("/api/v1/me", headers=headers).get_json() == {
        "login": "wang",
        "name": "小王",
        "role": "seat",
        "seat": "1026",
    }
    assert program.get("/callbacks/", headers=headers).status_code == 302, "for programs only"
    assert key not in wang.get("/me").text, "shown once"
    [token] = sessions.tokens(engine, accounts.find(engine, "wang"))
    assert token.used_at is not None
    assert not sessions.revoke(engine, accounts.find(engine, "li"), token.id, SYSTEM, 1.0), "another's"
    wang.send("/me", action="revoke", id=str(token.id))
    answer = program.get("/api/v1/me", headers=headers)
    assert (answer.status_code, answer.mimetype) == (401, "application/problem+json")
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    told = [(line.what, dict(line.before), dict(line.after)) for line in changes.latest(engine)[0]]
    assert told[:2] == [("token_revoked", {"name": "脚本"}, {}), ("token_made", {}, {"name": "脚本"})]


def test_the_cookie_is_secure_where_tls_is_and_pages_may_want_it(options: ConsoleOptions) -> None:
    from ipaddress import ip_network

    app = create_app(replace(options, trusted_proxies=(ip_network("10.0.0.1/32"),), tls_only=True))
    try:
        client = app.test_client()
        proxy = {"REMOTE_ADDR": "10.0.0.1"}
        by_tls = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.7"}
        answer = client.get("/login", headers=by_tls, environ_base=proxy)
        assert answer.status_code == 200
        [cookie] = [one for one in answer.headers.getlist("Set-Cookie") if one.startswith("hotline=")]
        for said in ("Secure", "HttpOnly", "SameSite=Lax"):
            assert said in cookie
        assert client.get("/login", headers=by_tls, environ_base={"REMOTE_ADDR": "192.0.2.7"}).status_code == 403
        assert client.get("/login", environ_base={"REMOTE_ADDR": "192.0.2.7"}).status_code == 403
        assert client.get("/login", headers={"X-Forwarded-For": "192.0.2.7"}, environ_base=proxy).status_code == 403
        plain = client.get("/login")
        assert plain.status_code == 200, "this machine"
        assert not any("Secure" in one for one in plain.headers.getlist("Set-Cookie"))
        metrics = {"REMOTE_ADDR": "10.0.0.1"}
        assert client.get("/metrics", headers=by_tls, environ_base=metrics).status_code == 401
        assert client.get("/metrics").status_code == 200
    finally:
        app.extensions["ground"].close()


def test_who_may_be_whom(engine: Engine) -> None:
    def refused(code: str, login: str, name: str, role: Role, seat: str) -> None:
        with pytest.raises(AccountError, match=code):
            accounts.add(engine, login, name, role, seat, SYSTEM, 1.0)

    refused("login_taken", "Wang", "x", Role.SUPERVISOR, "")
    refused("login_wrong", "w", "x", Role.SUPERVISOR, "")
    refused("login_wrong", "../x", "x", Role.SUPERVISOR, "")
    refused("name_needed", "wu", "", Role.SUPERVISOR, "")
    refused("name_needed", "wu", "x" * 65, Role.SUPERVISOR, "")
    refused("seat_needed", "wu", "x", Role.SEAT, "")
    refused("seat_taken", "wu", "x", Role.SEAT, "1026")
    accounts.disable(engine, "wang", SYSTEM, 2.0)
    accounts.add(engine, "wu", "吴", Role.SEAT, "1026", SYSTEM, 3.0)
    with pytest.raises(AccountError, match="seat_taken"):
        accounts.enable(engine, "wang", SYSTEM, 4.0)
    for act in (
        lambda: accounts.disable(engine, "root", SYSTEM, 5.0),
        lambda: accounts.change(engine, "root", "老板", Role.SUPERVISOR, "", SYSTEM, 5.0),
    ):
        with pytest.raises(AccountError, match="last_administrator"):
            act()
    accounts.change(engine, "zhao", "赵", Role.ADMINISTRATOR, "", SYSTEM, 6.0)
    accounts.disable(engine, "root", SYSTEM, 7.0)
    for act in (lambda: accounts.find(engine, "x"), lambda: accounts.disable(engine, "x", SYSTEM, 8.0)):
        with pytest.raises(AccountError, match="not_found"):
            act()
