"""Menus and prompts by program, over a real database, a real Redis, and a real voice."""

from __future__ import annotations

import io
import wave
from typing import Any

import numpy as np
import pytest
from redis import Redis
from sqlalchemy import Engine
from werkzeug.test import TestResponse

from console import changes
from console.options import ConsoleOptions
from ivr.flow.checks.facts import UNKNOWN
from ivr.flow.desk import Desk
from prompts.sound import wav_bytes
from routing.publications import CHANNEL
from tests.console.browser import HERE, Browser
from tests.console.conftest import Browse
from tests.console.test_menus import BROKEN, MENU


class Page:
    """The script of a page: it has the session, and sends the page's token."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser

    def get(self, path: str, **query: Any) -> TestResponse:
        return self._browser.get(f"/api/v1{path}", query_string=query)

    def send(self, method: str, path: str, body: dict[str, Any] | None = None, **more: Any) -> TestResponse:
        headers = HERE | {"X-CSRFToken": self._browser.token}
        return self._browser.open(f"/api/v1{path}", method=method, headers=headers, json=body, **more)


@pytest.fixture
def page(browse: Browse) -> Page:
    return Page(browse("zhao"))


@pytest.fixture
def desk(redis_sync: Redis, engine: Engine) -> Desk:
    return Desk(redis_sync, engine, UNKNOWN)


def test_from_draft_to_rollback(page: Page, desk: Desk) -> None:
    assert page.get("/menus").get_json() == {
        "menus": [{"hotline": "sample", "title": "示例服务热线", "published": None, "draft": None, "outdated": False}]
    }
    found = page.send("POST", "/menus/sample/check", {"source": BROKEN}).get_json()["findings"]
    [one] = [each for each in found if each["severity"] == "error"]
    assert (one["line"], one["rule"]) == (10, "missing_target")
    assert "nowhere" in one["message"]
    saved = page.send("PUT", "/menus/sample/draft", {"source": BROKEN, "revision": 0, "based_on": 0})
    assert saved.get_json() == {"revision": 1, "findings": found}
    refused = page.send("POST", "/menus/sample/publish", {"revision": 1})
    assert (refused.status_code, refused.mimetype) == (409, "application/problem+json")
    assert refused.get_json()["type"] == "/api/v1/problems#Unfit"
    assert refused.get_json()["errors"] == found
    assert page.send("PUT", "/menus/sample/draft", {"source": MENU, "revision": 1}).get_json()["revision"] == 2
    assert page.send("POST", "/menus/sample/publish", {"revision": 2, "note": "第一版"}).get_json() == {"version": 1}
    desk.publish("sample", MENU.replace("新城区", "老城区"), "li", "搬家", 1)
    details = page.get("/menus/sample").get_json()
    assert (details["menu"]["published"]["version"], details["menu"]["draft"]["based_on"]) == (2, 1)
    assert details["menu"]["outdated"]
    assert (details["source"], details["published_source"]) == (MENU, MENU.replace("新城区", "老城区"))
    assert "+  about" in page.get("/menus/sample/diff", old=1, new=2).get_json()["diff"]
    assert "+  about" in page.get("/menus/sample/diff", old=2).get_json()["diff"], "against the draft"
    assert page.get("/menus/sample/diff", old=9, new=1).status_code == 404
    assert page.send("POST", "/menus/sample/rollback", {"version": 9}).get_json()["detail"] == "没有这一版。"
    assert page.send("POST", "/menus/sample/rollback", {"version": 1, "note": "回来"}).get_json() == {"version": 3}
    versions = page.get("/menus/sample/versions").get_json()["versions"]
    assert [(one["version"], one["author"], one["note"], one["based_on"]) for one in versions] == [
        (3, "zhao", "回来", 2),
        (2, "li", "搬家", 1),
        (1, "zhao", "第一版", 0),
    ]
    assert page.get("/menus/sample/versions/2").get_json()["source"] == MENU.replace("新城区", "老城区")
    assert page.get("/menus/sample/versions/7").status_code == 404
    assert page.get("/menus/none").status_code == 404


def test_who_comes_second_is_told_who_was_first(page: Page, desk: Desk) -> None:
    desk.save_draft("sample", MENU, "li", 0)
    second = page.send("PUT", "/menus/sample/draft", {"source": BROKEN, "revision": 0, "based_on": 0})
    assert second.status_code == 409
    assert second.get_json()["type"] == "/api/v1/problems#Edited"
    assert second.get_json()["detail"].startswith("小李 在 ")
    assert page.send("POST", "/menus/sample/publish", {"revision": 7}).get_json()["type"].endswith("#Edited")
    desk.publish("sample", MENU, "li", "", 0)
    conflict = page.send("POST", "/menus/sample/publish", {"revision": 1})
    assert conflict.get_json()["type"] == "/api/v1/problems#Conflict"
    assert "发布了第 1 版" in conflict.get_json()["detail"]
    for body in ({"source": "x" * 300_000}, {"source": "长" * 150_000, "revision": 1}, {"revision": 1}):
        assert page.send("PUT", "/menus/sample/draft", body).status_code in (409, 422)


def walked(page: Page, inputs: list[Any], **case: Any) -> list[dict[str, Any]]:
    answer = page.send("POST", "/menus/sample/simulate", {"source": MENU, "case": {"name": "", "inputs": inputs, **case}})
    assert answer.status_code == 200, answer.text
    return list(answer.get_json()["steps"])


def test_a_caller_is_simulated(page: Page) -> None:
    steps = walked(page, ["2", {"say": "人工客服"}, {"queue": "time_limit"}, "1"])
    assert [step["nodes"] for step in steps] == [["welcome", "main"], ["about", "main"], ["service"], ["-time_limit"]]
    assert [step["titles"] for step in steps][2:] == [["service"], ["等待超时结束"]]
    assert [step["end"] for step in steps] == ["", "", "queue service", "hangup"]
    assert steps[2]["end_text"] == "进入队列：客户服务"
    assert [heard["text"] for heard in steps[1]["heard"]] == ["我们在新城区。", "客服请按一，地址请按二。"]
    assert steps[1]["heard"][0]["items"] == ["text:我们在新城区。"]
    assert steps[2]["heard"][0]["items"] == ["name:please_wait"]
    assert walked(page, ["silence"])[1]["heard"][0]["text"].startswith("没有听到您的选择")
    refused = page.send("POST", "/menus/sample/simulate", {"source": "start: [", "case": {"name": ""}})
    assert refused.get_json()["type"].endswith("#Unfit")
    for case in ({"name": "", "at": "tomorrow"}, {"name": "", "inputs": ["1"] * 201}):
        assert page.send("POST", "/menus/sample/simulate", {"source": MENU, "case": case}).status_code == 409
    assert page.send("POST", "/menus/sample/simulate", {"source": MENU, "case": {"inputs": ["x"]}}).status_code == 422


def test_a_menu_that_goes_round_for_ever_is_told(page: Page) -> None:
    source = "start: a\nnodes:\n  a: {kind: goto, to: b}\n  b: {kind: goto, to: a}\n  q: {kind: queue, queue: service}\n"
    answer = page.send("POST", "/menus/sample/simulate", {"source": source, "case": {"name": ""}})
    assert answer.status_code == 200
    assert answer.get_json()["endless"] or answer.get_json()["steps"][0]["end"] == "queue service"


def seconds(answer: TestResponse) -> float:
    assert (answer.status_code, answer.mimetype) == (200, "audio/wav"), answer.text
    with wave.open(io.BytesIO(answer.data)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (8000, 1, 2)
        return float(file.getnframes() / file.getframerate())


def test_prompts_texts_and_values_are_heard(page: Page) -> None:
    prompt = seconds(page.get("/sound", item="name:please_wait"))
    text = seconds(page.get("/sound", item="text:您好，欢迎。"))
    assert prompt > 1
    assert text > 0.5
    both = seconds(page.get("/sound", item=["name:please_wait", "text:您好，欢迎。"]))
    assert both == pytest.approx(prompt + text, abs=0.01)
    assert seconds(page.get("/sound", item="read:phone:13912345678", language="en")) > 2
    part = page._browser.get("/api/v1/sound?item=name:please_wait", headers={"Range": "bytes=0-3"})
    assert (part.status_code, part.data) == (206, b"RIFF")
    for item, said in (
        ("name:nothing", "没有叫 nothing 的提示音"),
        ("read:phone:hello", "不能这样读"),
        ("read:tune:1", "不能这样读"),
        ("text: ", "没有可以听的内容"),
        ("odd", "没有可以听的内容"),
        ("text:" + "长" * 2050, "读不出来"),
    ):
        refused = page.get("/sound", item=item)
        assert refused.status_code == 409
        assert said in refused.get_json()["detail"]
    assert page.get("/sound").status_code == 422


def recording(seconds: float = 1.0, level: float = 0.3) -> bytes:
    """Somebody's 440 Hz."""
    return wav_bytes(level * np.sin(np.arange(int(8000 * seconds)) * 2 * np.pi * 440 / 8000))


def upload(page: Page, name: str, data: bytes) -> TestResponse:
    """Written by hand: Werkzeug's client leaves the temporary file of a large form open."""
    head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="mine.wav"\r\nContent-Type: audio/wav\r\n\r\n'
    body = head + data + b"\r\n--x--\r\n"
    return page.send("PUT", f"/prompts/zh/{name}", data=body, content_type="multipart/form-data; boundary=x")


def test_a_recording_becomes_a_prompt(page: Page, options: ConsoleOptions, redis_sync: Redis, engine: Engine) -> None:
    listening = redis_sync.pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]
    listening.subscribe(CHANNEL)
    listening.get_message(timeout=5)
    made = upload(page, "closed", recording())
    assert made.status_code == 200, made.text
    assert made.get_json()["seconds"] == pytest.approx(1.0, abs=0.2)
    assert made.get_json()["warnings"] == []
    told = next(message for _ in range(50) if (message := listening.get_message(timeout=1)))
    assert told["data"] == "prompt:closed", "engines look for it"
    listening.close()
    assert options.workshop is not None
    assert (options.workshop.prompts / "zh" / "closed.wav").exists()
    prompts = page.get("/prompts").get_json()["prompts"]
    [one] = [each for each in prompts if (each["language"], each["name"]) == ("zh", "closed")]
    assert one["origin"] == "own recording"
    assert seconds(page.get("/sound", item="name:closed")) == pytest.approx(one["seconds"])
    [line], _ = changes.latest(engine, subject="prompt:zh/closed")
    assert (line.what, line.by) == ("prompt_recorded", "zhao")


def test_what_can_t_be_a_prompt_is_told_in_the_reader_s_language(page: Page) -> None:
    for name, data, said in (
        ("x", b"hello", "这不是能读的声音文件"),
        ("x", recording(level=0.0), "听不到声音"),
        ("x", recording(121.0), "最多 120 秒"),
        ("bad-name", recording(), "名称只能用"),
    ):
        refused = upload(page, name, data)
        assert refused.status_code == 409
        assert said in refused.get_json()["detail"]
    [soft] = upload(page, "x", recording(level=0.003)).get_json()["warnings"]
    assert "录音太轻" in soft


def test_only_who_may_sends_so_much(browse: Browse, page: Page) -> None:
    large = recording(60.0)
    assert len(large) > 256 * 1024
    assert upload(page, "long", large).status_code == 200
    assert upload(Page(browse("wang")), "long", large).status_code in (403, 413)


def test_the_page_of_prompts(browse: Browse) -> None:
    zhao = browse("zhao")
    page = zhao.get("/prompts/?language=zh&q=welcome").text
    assert "name:welcome" in page or "name%3Awelcome" in page
    assert "自带" in page
    assert "没有符合条件的提示音" in zhao.get("/prompts/?q=nothing-like-this").text
    assert "请选择一个录音文件" in zhao.send("/prompts/", name="x", language="zh").text
    made = zhao.send("/prompts/", name="mine", language="zh", file=(io.BytesIO(recording()), "a.wav"))
    assert made.status_code == 200
    assert "mine 已存好" in made.text
    assert "自己的录音" in zhao.get("/prompts/?q=mine").text
