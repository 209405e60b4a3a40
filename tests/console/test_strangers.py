"""The page of those the hotline keeps out."""

from __future__ import annotations

import json
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from redis import Redis
from sqlalchemy import Engine

from console import changes
from console.app import create_app
from console.labels import moment
from console.options import ConsoleOptions
from followup.book import Rules, book
from followup.events import StreamEvent
from routing import bans
from storage.sql import writing
from tests.console.browser import Browser

FORM = {"action": "block", "number": "139 1234 5678", "hours": "24", "reason": "骚扰"}


def test_a_number_is_blocked_and_let_in_again(client: Browser, redis_sync: Redis) -> None:
    assert "黑名单是空的" in client.get("/strangers/").text
    assert client.send("/strangers/", **FORM).status_code == 303
    (bar,) = bans.listed(redis_sync, "number")
    assert (bar.entry, bar.reason, bar.by) == ("13912345678", "骚扰", "root")
    assert bar.left_s is not None
    assert 86000 < bar.left_s <= 86400
    page = client.get("/strangers/").text
    assert "139 1234 5678" in page
    assert "骚扰" in page
    assert client.send("/strangers/", **{"action": "unblock", "number": bar.entry}).status_code == 303
    assert bans.listed(redis_sync, "number") == []
    assert client.send("/strangers/", **{"action": "unblock", "number": bar.entry}).status_code == 409


def test_for_ever(client: Browser, redis_sync: Redis) -> None:
    client.send("/strangers/", **{**FORM, "hours": "0"})
    assert bans.listed(redis_sync, "number")[0].left_s is None
    assert "<td>永久</td>" in client.get("/strangers/").text


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"number": "anonymous"}, "请填写电话号码"),
        ({"number": ""}, "请填写电话号码"),
        ({"reason": " "}, "请填写原因"),
        ({"reason": "x" * 201}, "请填写原因"),
    ],
)
def test_what_is_missing_is_said_and_what_was_given_is_kept(
    client: Browser, redis_sync: Redis, change: dict[str, str], said: str
) -> None:
    answer = client.send("/strangers/", **({**FORM, "hours": "168"} | change))
    assert answer.status_code == 409
    assert said in answer.text
    assert '<option value="168" selected>' in answer.text
    assert bans.listed(redis_sync, "number") == []


def test_unknown_wishes(client: Browser, redis_sync: Redis) -> None:
    for change in ({"hours": "5"}, {"hours": ""}, {"action": "burn"}):
        assert client.send("/strangers/", **(FORM | change)).status_code == 400
    assert client.post("/strangers/", data=FORM).status_code == 403
    assert bans.listed(redis_sync, "number") == []


def test_a_banned_address_is_shown_and_lifted(client: Browser, redis_sync: Redis) -> None:
    bans.bar(redis_sync, "address", "203.0.113.9", reason="passwords", by="node1", seconds=600)
    page = client.get("/strangers/").text
    assert "203.0.113.9" in page
    assert "试探密码" in page
    assert "node1" in page
    (bar,) = bans.listed(redis_sync, "address")
    assert moment(bar.at, ZoneInfo("Asia/Shanghai")) in page
    assert client.send("/strangers/", **{"action": "lift", "address": "203.0.113.9"}).status_code == 303
    assert "没有被封禁的地址" in client.get("/strangers/").text
    assert client.send("/strangers/", **{"action": "lift", "address": "203.0.113.9"}).status_code == 409


def test_refused_calls(client: Browser, engine: Engine) -> None:
    data = {"why": "blocked", "reason": "<b>骚扰</b>", "left_s": None}
    events = [
        StreamEvent(subject, 1, kind, 1795053600.0, data, json.dumps(data))
        for subject, kind in (("number:13912345678", "refused"), ("number:10086", "blocked"), ("20261122T1-x", "refused"))
    ]
    with writing(engine) as connection:
        book(connection, events, Rules())
    page = client.get("/strangers/").text
    assert "139 1234 5678" in page
    assert "&lt;b&gt;骚扰&lt;/b&gt;" in page
    assert "10086" not in page


def test_in_english_and_from_a_call_s_page(client: Browser) -> None:
    page = client.get("/strangers/?lang=en&number=13912345678").text
    assert "Nobody is on the block list" in page
    assert 'value="13912345678"' in page


def test_without_redis_the_page_says_so(options: ConsoleOptions) -> None:
    app: Flask = create_app(ConsoleOptions("redis://127.0.0.1:1", options.sql_url, options.recordings_dir))
    app.test_client_class = Browser
    try:
        zhao = app.test_client()
        assert isinstance(zhao, Browser)
        zhao.log_in("zhao")
        assert zhao.get("/strangers/").status_code == 503
        assert zhao.send("/strangers/", **FORM).status_code == 503
        assert changes.latest(app.extensions["ground"].engine)[0][0].what == "password_set", "what was not done is not told"
    finally:
        app.extensions["ground"].close()
