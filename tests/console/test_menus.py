"""The pages of menus: read, edited by two people, published, brought back; over a real database and a real Redis."""

from __future__ import annotations

import re
import time

import pytest
from redis import Redis
from sqlalchemy import Engine
from werkzeug.test import TestResponse

from console import changes
from ivr.flow.checks.facts import UNKNOWN
from ivr.flow.desk import Desk
from routing import menus
from tests.console.browser import HERE, Browser
from tests.console.conftest import Browse

MENU = """\
title: 示例
start: welcome
nodes:
  welcome: {kind: say, prompt: {text: 您好，通话可能被录音。}, notice: true, then: main}
  main:
    kind: menu
    prompt: {text: 客服请按一，地址请按二。}
    keys:
      "1": {to: service, words: [客服, 人工客服]}
      "2": about
  about: {kind: say, prompt: {text: 我们在新城区。}, then: main}
  service: {kind: queue, queue: service, greeting: please_wait}
"""
ENGLISH = """\
language: en
start: welcome
nodes:
  welcome: {kind: say, prompt: {text: This call may be recorded.}, notice: true, then: service}
  service: {kind: queue, queue: service}
"""
BROKEN = MENU.replace('"2": about', '"2": nowhere')


@pytest.fixture
def desk(redis_sync: Redis, engine: Engine) -> Desk:
    """Somebody at the command line."""
    return Desk(redis_sync, engine, UNKNOWN)


@pytest.fixture
def zhao(browse: Browse) -> Browser:
    return browse("zhao")


def act(browser: Browser, action: str, source: str, revision: int, based_on: int, note: str = "") -> TestResponse:
    """Send the form of the page, as browsers do: in parts, with CRLF."""
    form = {"csrf_token": browser.token, "action": action, "source": source.replace("\n", "\r\n")}
    form |= {"revision": str(revision), "based_on": str(based_on), "note": note}
    return browser.post("/menus/sample", data=form, content_type="multipart/form-data", headers=HERE)


def hidden(page: TestResponse, name: str) -> int:
    found = re.search(rf'name="{name}" value="(\d+)"', page.text)
    assert found, page.text
    return int(found[1])


def test_a_hotline_without_a_menu_begins_with_a_sample(zhao: Browser) -> None:
    assert "还没有发布过" in zhao.get("/menus/").text
    page = zhao.get("/menus/sample")
    assert "小店服务热线" in page.text
    assert (hidden(page, "revision"), hidden(page, "based_on")) == (0, 0)
    assert zhao.get("/menus/none").status_code == 404
    assert zhao.get("/menus/sample/versions/1").status_code == 404


def test_a_menu_is_saved_published_and_brought_back(zhao: Browser, desk: Desk, engine: Engine, redis_sync: Redis) -> None:
    zhao.get("/menus/sample")
    assert act(zhao, "save", BROKEN, 0, 0).location.endswith("/menus/sample?done=save")
    page = zhao.get("/menus/sample?done=save")
    assert "草稿已保存" in page.text
    assert "nowhere" in page.text
    assert "待发布" in zhao.get("/menus/").text
    refused = act(zhao, "publish", BROKEN, 1, 0, "第一次")
    assert refused.status_code == 409
    assert "1 处错误" in refused.text
    assert "第 10 行" in refused.text
    assert desk.current("sample") == 0
    assert act(zhao, "publish", MENU, 1, 0, "第一次").status_code == 303
    assert (desk.current("sample"), desk.source("sample", 1)) == (1, MENU), "as it was typed, without CR"
    second = MENU.replace("新城区", "老城区")
    assert act(zhao, "publish", second, 2, 1, "搬家了").status_code == 303
    history = zhao.get("/menus/sample/versions").text
    for said in ("第 2 版", "正在使用", "搬家了", "赵主管", "第一次"):
        assert said in history
    version = zhao.get("/menus/sample/versions/1?against=2").text
    assert "第 2 版 → 第 1 版" in version
    assert 'class="cut"' in version
    assert 'class="add"' in version
    assert zhao.send("/menus/sample/versions/1", note="搬回来了").status_code == 303
    assert (desk.current("sample"), desk.source("sample", 3)) == (3, MENU)
    newest = menus.kept(redis_sync, "sample")[0]
    assert (newest.author, newest.note) == ("zhao", "搬回来了")
    lines, _ = changes.latest(engine, subject="menu:sample")
    assert [line.what for line in reversed(lines)][-3:] == ["menu_drafted", "menu_published", "menu_rolled_back"]
    assert (lines[0].by, lines[0].after) == ("zhao", {"version": 3, "text_of": 1, "note": "搬回来了"})


def test_two_editors_can_t_overwrite_each_other(browse: Browse, zhao: Browser, desk: Desk) -> None:
    root = browse("root")
    for browser in (zhao, root):
        browser.get("/menus/sample")
    assert act(root, "save", MENU, 0, 0).status_code == 303
    mine = MENU.replace("您好", "您好啊")
    refused = act(zhao, "save", mine, 0, 0)
    assert refused.status_code == 409
    assert "老板 在" in refused.text
    assert "没有丢" in refused.text
    assert "您好啊" in refused.text, "what was typed is there"
    draft = desk.draft("sample")
    assert draft is not None
    assert (draft.source, draft.author) == (MENU, "root")
    over = zhao.send("/menus/sample", over="1", source=mine, revision="0", based_on="0")
    assert over.status_code == 303, "who has seen what the other one did goes on over it"
    draft = desk.draft("sample")
    assert draft is not None
    assert (draft.source, draft.author, draft.revision) == (mine, "zhao", 2)


def test_who_published_meanwhile_is_not_overwritten(zhao: Browser, desk: Desk) -> None:
    desk.publish("sample", MENU, "cli", "", 0)
    page = zhao.get("/menus/sample")
    desk.publish("sample", MENU.replace("新城区", "老城区"), "cli", "", 1)
    mine = MENU.replace("您好", "您好啊")
    refused = act(zhao, "publish", mine, hidden(page, "revision"), hidden(page, "based_on"))
    assert refused.status_code == 409
    assert "发布了第 2 版" in refused.text
    assert desk.current("sample") == 2
    again = zhao.get("/menus/sample")
    assert "已经发布了第 2 版，而这份草稿改自第 1 版" in again.text
    assert "基于旧版" in zhao.get("/menus/").text
    rebased = zhao.send("/menus/sample", rebase="2", source=mine, revision=str(hidden(again, "revision")), based_on="1")
    assert rebased.status_code == 303
    assert act(zhao, "publish", mine, 2, 2).status_code == 303
    assert desk.source("sample", 3) == mine
    desk.rollback("sample", 1, "cli")
    given_up = zhao.send("/menus/sample", restart="1", source=mine, revision="2", based_on="3")
    assert given_up.status_code == 303
    draft = desk.draft("sample")
    assert draft is not None
    assert (draft.source, draft.based_on) == (MENU, 4)
    assert "草稿改自" not in zhao.get("/menus/sample").text


def test_a_menu_as_a_tree(zhao: Browser) -> None:
    page = zhao.send("/menus/sample/tree", source=MENU).text
    for said in (
        "来电从这里开始",
        "按 1",
        "或说“客服 / 人工客服”",
        "排队",
        "客户服务",
        "“客服请按一，地址请按二。”",
        "转人工（service）",
    ):
        assert said in page, said
    assert page.count("<ul>") == page.count("</ul>")
    assert page.count("<li>") == page.count("</li>")
    assert "没有这个节点" in zhao.send("/menus/sample/tree", source=BROKEN).text
    assert "没有路通到这里" in zhao.send("/menus/sample/tree", source=BROKEN).text
    assert "还不是完整的菜单" in zhao.send("/menus/sample/tree", source="nodes: [").text


def test_a_text_that_begins_with_a_line_end_keeps_it(zhao: Browser) -> None:
    """HTML drops the first one after the tag: lines would be counted wrongly."""
    page = act(zhao, "publish", "\nstart: x", 0, 0).text.replace("\r\n", "\n")
    assert re.search(r"<textarea[^>]*>\n\nstart: x</textarea>", page)


def test_what_a_text_would_change(zhao: Browser, desk: Desk) -> None:
    desk.publish("sample", MENU, "cli", "", 0)
    assert "没有改动" in zhao.send("/menus/sample/changes", source=MENU).text
    page = zhao.send("/menus/sample/changes", source=MENU.replace("新城区", "老城区")).text
    assert "+  about" in page
    desk.save_draft("sample", MENU.replace("新城区", "东城区"), "cli", 0)
    page = zhao.send("/menus/sample/changes", source=MENU, against="draft").text
    assert "-  about: {kind: say, prompt: {text: 我们在东城区。}" in page


def test_english_pages_have_no_chinese_of_ours(zhao: Browser, desk: Desk) -> None:
    desk.publish("sample", ENGLISH, "cli", "", 0)
    for path in ("/menus/", "/menus/sample", "/menus/sample/versions", "/menus/sample/versions/1"):
        page = re.sub(r"示例服务热线|客户服务|赵主管|中文", "", zhao.get(f"{path}?lang=en").text)
        assert not re.findall(r"[\u4e00-\u9fff]+", page), path


def test_findings_are_in_the_reader_s_language(zhao: Browser) -> None:
    assert "There is no node" in act_check(zhao, "en")
    assert "没有" in act_check(zhao, "zh")


def act_check(browser: Browser, language: str) -> str:
    browser.get(f"/menus/sample?lang={language}")
    draft = browser.get("/api/v1/menus/sample").get_json()["menu"]["draft"]
    return act(browser, "publish", BROKEN, draft["revision"] if draft else 0, 0).text


def test_a_menu_of_the_largest_size_is_taken(zhao: Browser, desk: Desk) -> None:
    zhao.get("/menus/sample")
    source = MENU + "# " + "长" * 80_000 + "\n"
    assert act(zhao, "save", source, 0, 0).status_code == 303
    draft = desk.draft("sample")
    assert draft is not None
    assert draft.source == source
    assert act(zhao, "save", MENU + "#" * 300_000, 1, 0).status_code == 409
    assert time.time() - draft.saved_at < 60


def test_the_pages_need_no_script_or_style_of_their_own(zhao: Browser, desk: Desk) -> None:
    desk.publish("sample", MENU, "cli", "", 0)
    for path in ("/menus/", "/menus/sample", "/menus/sample/versions", "/menus/sample/versions/1", "/prompts/"):
        answer = zhao.get(path)
        assert "default-src 'none'; script-src 'self'; style-src 'self'" in answer.headers["Content-Security-Policy"]
        assert not re.findall(r"style=|<style|\son[a-z]+=\"|<script>|//", answer.text), path
