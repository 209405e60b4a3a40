"""Return calls on their pages: who may do what, and what is told of it."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from sqlalchemy import Engine

from console import changes
from followup import wrapups
from followup.audit import audit
from followup.returncalls import list_done, list_open
from followup.windows import Window
from tests.console.browser import Browser
from tests.console.conftest import Browse, Tell


def test_claimed_tried_and_closed(browse: Browse, engine: Engine, owed: int) -> None:
    wang, path = browse("wang"), f"/callbacks/{owed}"
    page = wang.get("/callbacks/").text
    assert "应回 1 = 待回 1 + 已回 0 + 免回 0" in page
    assert '<tr class="late">' in page  # due two working hours after 2026-11-18 10:00
    assert wang.send(path, action="claim").headers["Location"] == path
    assert "小王" in wang.get("/callbacks/").text
    wang.send(path, action="settle", outcome="no_answer", note="响了很久")
    [row] = list_open(engine, time.time())
    assert (row.owner, row.attempts, row.outcome) == ("wang", 1, "no_answer")
    assert row.next_at is not None
    assert row.next_at > time.time()
    assert not row.overdue
    page = wang.get("/callbacks/?which=again").text
    assert "响了很久" in page
    assert '<tr class="late">' not in page, "tried in time: the next try counts now"
    page = wang.get(path).text
    assert "下次拨打" in page
    wang.send(path, action="settle", outcome="reached", note="已解决")
    assert "没有欠着的回电" in wang.get("/callbacks/").text
    page = wang.get("/callbacks/?done=1").text
    assert "已联系上 已解决" in page
    page = wang.get(path).text
    for said in ("产生", "认领", "无人接听 响了很久", "已联系上 已解决", "小王", "/calls/c1"):
        assert said in page, said
    assert f'action="/callbacks/{owed}"' not in page
    assert 'name="outcome"' not in page
    told = [(line.what, line.by, line.subject, line.after) for line in changes.latest(engine, subject="return_call")[0]]
    assert told == [
        ("return_call_settled", "wang", f"return_call:{owed}", {"outcome": "reached", "note": "已解决"}),
        ("return_call_settled", "wang", f"return_call:{owed}", {"outcome": "no_answer", "note": "响了很久"}),
    ]
    assert audit(engine).ok


def test_two_seats_and_a_supervisor(browse: Browse, engine: Engine, owed: int) -> None:
    wang, li, zhao, path = browse("wang"), browse("li"), browse("zhao"), f"/callbacks/{owed}"
    wang.send(path, action="claim")
    for form in (
        {"action": "claim"},
        {"action": "release"},
        {"action": "hand_over", "to": "li"},
        {"action": "settle", "outcome": "reached", "note": "note kept"},
    ):
        answer = li.send(path, **form)
        assert (answer.status_code, "小王 已认领" in answer.text) == (409, True), form
    assert 'name="outcome"' not in li.get(path).text, "what can't be done isn't offered"
    assert li.send(path, action="waive", note="x").status_code == 403
    assert '"waive"' not in wang.get(path).text
    zhao.send(path, action="hand_over", to="li")
    assert list_open(engine, 0.0)[0].owner == "li"
    for nobody in ("", "nobody"):
        answer = zhao.send(path, action="hand_over", to=nobody)
        assert (answer.status_code, "请选择转交给谁" in answer.text) == (409, True)
    zhao.send(path, action="release")
    assert list_open(engine, 0.0)[0].state == "open"
    answer = zhao.send(path, action="waive", note=" ")
    assert (answer.status_code, "请填写结果或原因" in answer.text) == (409, True)
    zhao.send(path, action="waive", note="空号")
    assert "空号" in zhao.get("/callbacks/?done=1").text
    answer = li.send(path, action="claim")
    assert (answer.status_code, "已经处理完了" in answer.text) == (409, True)
    assert [(line.what, line.by, line.before, line.after) for line in changes.latest(engine, subject="return_call")[0]] == [
        ("return_call_waived", "zhao", {}, {"reason": "空号"}),
        ("return_call_released", "zhao", {"owner": "li"}, {"owner": ""}),
        ("return_call_handed_over", "zhao", {"owner": "wang"}, {"owner": "li"}),
    ]
    assert "赵主管" in zhao.get(path).text
    assert [row.state for row in list_done(engine, 0.0)] == ["waived"]


@pytest.mark.parametrize("form", [{"action": "settle", "outcome": "done", "note": " "}, {"action": "release"}])
def test_what_is_missing_is_said(browse: Browse, owed: int, form: dict[str, str]) -> None:
    answer = browse("wang").send(f"/callbacks/{owed}", **form)
    assert answer.status_code == 409
    assert ("请填写结果或原因" if "note" in form else "没有人认领") in answer.text
    if "note" in form:
        assert 'value="done" required checked' in answer.text


def test_unknown_return_calls_and_actions(client: Browser, owed: int) -> None:
    assert client.get(f"/callbacks/{owed + 1}").status_code == 404
    assert client.send(f"/callbacks/{owed + 1}", action="claim").status_code == 404
    assert client.send(f"/callbacks/{owed}", action="burn").status_code == 400
    assert client.send(f"/callbacks/{owed}", action="settle", outcome="burnt").status_code == 400


def test_filters(browse: Browse, tell: Tell, owed: int) -> None:
    end = {"by": "caller", "reason": "abandoned", "phase": "QUEUED", "wait_s": 30.0}
    tell("c2", ("arrived", 1.0, {}), ("queued", 1.0, {"queue": "service"}), ("ended", 31.0, end), caller="04714613311")
    wang = browse("wang")
    wang.send(f"/callbacks/{owed}", action="claim")

    def shown(query: str) -> list[bool]:
        page = wang.get(f"/callbacks/{query}").text
        return [number in page for number in ("139 1234 5678", "0471 4613311")]

    assert shown("") == [True, True]
    assert shown("?which=free") == [False, True]
    assert shown("?owner=wang") == [True, False]
    assert shown("?owner=li") == [False, False]
    assert shown("?number=4613") == [False, True]
    assert shown("?hotline=sample") == [True, True]
    assert shown("?hotline=other") == [False, False]
    assert shown("?which=%27&number=x%25") == [True, True], "rubbish is taken as nothing"


def quiet(app: Flask, begins: datetime, ends: datetime) -> None:
    """Customers rest between these today."""
    minutes = begins.hour * 60 + begins.minute, ends.hour * 60 + ends.minute
    span = (minutes[0], minutes[1] if minutes[1] > minutes[0] else minutes[1] + 1440)
    ground = app.extensions["ground"]
    app.extensions["ground"] = replace(ground, options=replace(ground.options, window=Window(quiet=(span,))))


def test_the_customers_rest_is_warned_of(app: Flask, browse: Browse, owed: int) -> None:
    wang, now = browse("wang"), datetime.now(ZoneInfo("Asia/Shanghai"))
    minute = timedelta(minutes=1)
    for begins, ends, said in (
        (now - 10 * minute, now + 10 * minute, "现在是客户休息时间"),
        (now + 10 * minute, now + 60 * minute, "分钟；来不及的请留到"),
        (now + 60 * minute, now + 90 * minute, ""),
    ):
        quiet(app, begins, ends)
        for path in ("/callbacks/", f"/callbacks/{owed}"):
            page = wang.get(path).text
            assert ("客户休息时间" in page.replace("按工作时间和客户休息时间", "")) == bool(said)
            assert said in page


def test_a_seat_hears_its_own_talks_only(browse: Browse, app: Flask, tell: Tell) -> None:
    directory = app.extensions["ground"].options.recordings_dir
    (directory / "c2.wav").write_bytes(b"RIFF")
    steps: dict[str, dict[str, str]] = {"talking": {"seat": "1026"}, "recording": {"path": "c2.wav"}, "ended": {}}
    tell("c2", ("arrived", 1.0, {}), *((kind, 2.0, data) for kind, data in steps.items()))
    for login, status in (("wang", 200), ("li", 403), ("zhao", 200)):
        browser = browse(login)
        with browser.get("/calls/c2/recordings/1") as answer:
            assert answer.status_code == status, login
        page = browser.get("/calls/c2").text
        assert ("<audio" in page) == (status == 200)
        assert ("坐席只能听自己的通话" in page) == (status == 403)
        assert ("/strangers/" in page) == (login == "zhao"), "no way is offered that is closed"


def test_its_calls_and_what_was_agreed_on(browse: Browse, engine: Engine, tell: Tell, owed: int) -> None:
    begun = {"kind": "outbound", "caller": "13912345678", "dialable": True, "seat": "1026", "callback_id": str(owed)}
    tell(
        "out",
        ("outbound_started", 1794968000.0, begun),
        ("ended", 1794968020.0, {"by": "system", "reason": "busy", "phase": "DIALLING", "result": "busy"}),
    )
    draft = wrapups.Draft("", True, "", 1794990000.0)
    talk = wrapups.Talk("13912345678", "sample")
    wrapups.finish(engine, "c9", "1026", "wang", draft, 0, 1794969000.0, reasons=(), talk=talk)
    page = browse("wang").get(f"/callbacks/{owed}").get_data(as_text=True)
    assert "回拨" in page
    assert "对方忙" in page
    assert "约好回电时间" in page
