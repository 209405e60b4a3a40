"""A seat's page and its API: sign on, calls, wrap-up, return calls; over a real Redis and database."""

from __future__ import annotations

import dataclasses
import queue
import re
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import redis as redis_py
import redis.asyncio
from flask import Flask
from sqlalchemy import Engine

from console import accounts, sessions
from console.app import create_app
from console.changes import SYSTEM
from console.options import ConsoleOptions
from console.reasons import Reason
from console.seatdraw import fingerprint, merged, quick_times
from console.stream import message
from followup import callbacks, returncalls, wrapups
from followup.windows import Window
from followup.wrapups import Draft
from routing.commit import Commit, Dialled, Enqueue, FreeSeat, SeatState
from routing.events import Event
from routing.seats import SeatProfile
from routing.store import Store
from storage.journal import Journal
from tests.console.browser import HERE, Browser
from tests.console.conftest import Browse, Tell

TRAIL = (
    Event("menu", {"node": "main"}),
    Event("key", {"node": "main", "digit": "2"}),
    Event("menu", {"node": "order_status", "title": "查询订单"}),
    Event("said", {"node": "repair", "text": "空调不制冷"}),
    Event("queued", {"queue": "service"}),
)


@pytest.fixture
def options(options: ConsoleOptions) -> ConsoleOptions:
    """With what seats choose from."""
    rests = (Reason("meal", "用餐", "Meal"), Reason("meeting", "会议", "Meeting"))
    talks = (Reason("repair", "报修", "Repair"), Reason("other", "其他", "Other"))
    return dataclasses.replace(options, break_reasons=rests, wrap_up_reasons=talks, live_views=3)


@pytest.fixture
async def store(redis_sync: redis_py.Redis, redis: redis.asyncio.Redis, tmp_path: Path) -> Store:
    """A node's store with two seats, whose telephones are registered."""
    store = Store(redis, node="n1", journal=Journal(tmp_path / "journal"))
    await store.start()
    await store.set_seats([SeatProfile("1026", "小王", ("service",)), SeatProfile("1027", "小李", ("service",))])
    for seat in ("1026", "1027"):
        await store.bind(seat, {f"sip:{seat}@127.0.0.1": {"expires_s": 600}})
    return store


def summary(**more: str | float) -> dict[str, str | float]:
    told: dict[str, str | float] = {"kind": "inbound", "phase": "OFFERED", "hotline": "sample", "called": "4001"}
    return (
        told
        | {"caller": "13912345678", "place": "江苏省苏州", "queue": "service", "since": time.time(), "waited_s": 7.0}
        | more
    )


async def ring(store: Store, call_id: str = "c9") -> None:
    """A caller went through the menu, and the one ready seat rings."""
    await store.commit(Commit(call_id, 1, {"x": 1}, summary(phase="QUEUED"), TRAIL, (Enqueue("service"),)))
    claim = await store.claim("service")
    assert claim is not None
    await store.commit(Commit(call_id, 2, {"x": 1}, summary(seat=claim.seat), (), (SeatState(claim.seat, "ringing"),)))


async def talk(store: Store, call_id: str = "c9") -> None:
    about, busy = summary(phase="TALKING", seat="1026"), SeatState("1026", "talking")
    await store.commit(Commit(call_id, 3, {"x": 1}, about, (Event("talking", {"seat": "1026"}),), (busy,)))


async def hang_up(store: Store, call_id: str = "c9", wrap_up_s: float = 60.0) -> None:
    await store.commit(Commit(call_id, 4, None, summary(seat="1026"), (), (FreeSeat("1026", wrap_up_s, reason="wrap_up"),)))


def part(page: str, name: str) -> str:
    """The text of one region of a page."""
    found = re.search(rf'<section id="{name}".*?</section>', page, re.DOTALL)
    assert found, page
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", found[0]))


def owed_rows(engine: Engine) -> list[returncalls.OwedCall]:
    return returncalls.list_open(engine, time.time())


async def test_a_seat_lands_here_and_signs_on_rests_and_returns(store: Store, browse: Browse) -> None:
    wang = browse("wang")
    assert wang.get("/").headers["Location"] == "/seat/"
    page = wang.get("/seat/").text
    assert "未签入" in part(page, "desk-now")
    assert "话机在线" in part(page, "desk-now")
    assert "签入后开始接听来电" in part(page, "desk-call")
    assert wang.send("/seat/status", status="ready").headers["Location"] == "/seat/"
    assert "空闲" in part(wang.get("/seat/").text, "desk-now")
    refused = wang.send("/seat/status", status="break", reason="nonsense")
    assert (refused.status_code, "请选择小休的原因" in refused.text) == (409, True)
    wang.send("/seat/status", status="break", reason="meal")
    page = wang.get("/seat/").text
    assert "小休 · 用餐" in part(page, "desk-now")
    assert "On break · Meal" in part(wang.get("/seat/?lang=en").text, "desk-now")
    wang.send("/seat/status", status="ready")
    seat = await store.seat("1026")
    assert seat is not None
    assert (seat.status, seat.reason) == ("ready", "")
    wang.send("/seat/status", status="off")
    assert "未签入" in part(wang.get("/seat/?lang=zh").text, "desk-now")
    assert wang.send("/seat/status", status="asleep").status_code == 400


async def test_what_the_telephone_did_shows_too(store: Store, browse: Browse) -> None:
    wang = browse("wang")
    await store.set_status("1026", "ready")  # as *81 does
    assert "空闲" in part(wang.get("/seat/").text, "desk-now")
    await store.bind("1026", {"sip:1026@127.0.0.1": {"expires_s": 0}})
    assert "话机离线" in part(wang.get("/seat/").text, "desk-now")


async def test_a_call_rings_with_all_that_is_known(store: Store, browse: Browse, engine: Engine, tell: Tell, owed: int) -> None:
    wrapups.save(engine, "c1", "1026", "wang", Draft("repair", False, "上次也是空调"), 0, 1.0)
    await store.set_status("1026", "ready")
    await ring(store)
    page = browse("wang").get("/seat/").text
    said = part(page, "desk-call")
    for text in ("来电振铃", "139 1234 5678", "江苏省苏州", "第 2 次来电", "示例服务热线", "客户服务", "等待 0:07"):
        assert text in said, text
    for text in ("main", "按 2", "查询订单", "空调不制冷", "欠这个号码一个回电", "上次也是空调", "报修", "未解决"):
        assert text in said, text
    assert 'data-title="来电 139 1234 5678"' in page
    assert "挂机后完成小结" in part(page, "desk-work")
    assert "139 1234 5678" not in part(browse("li").get("/seat/").text, "desk-call")


async def test_notes_wrap_up_and_a_return_call_that_is_wanted(store: Store, browse: Browse, engine: Engine) -> None:
    wang = browse("wang")
    await store.set_status("1026", "ready")
    await ring(store)
    await talk(store)
    wang.get("/seat/")
    kept = wang.send("/seat/calls/c9/draft", revision=0, notes="要换主板")
    assert kept.get_json() == {"revision": 1, "until": None, "notes": None}
    assert "要换主板" in part(wang.get("/seat/").text, "desk-work"), "a page that is loaded anew has it"
    await hang_up(store, wrap_up_s=5.0)
    page = wang.get("/seat/").text
    assert "整理" in part(page, "desk-now")
    assert "139 1234 5678" in part(page, "desk-call")
    before = time.time()
    kept = wang.send("/seat/calls/c9/draft", revision=1, notes="要换主板,周三到货")
    assert kept.get_json()["until"] > before + 25, "who writes has time"

    # What is missing is told, and nothing of what was written is lost.
    at = time.time() + 7200
    revision = 2
    form: dict[str, Any] = {"notes": "要换主板,周三到货!", "wanted": "1", "wanted_at": "", "resolved": "no"}
    for more, fault in (
        ({}, "请填写约定的回电时间"),
        ({"wanted_at": time.strftime("%Y-%m-%dT%H:%M", time.localtime(at - 86400))}, "请选择来电原因"),
        ({"wanted_at": "2020-01-01T10:00", "reason": "repair"}, "约定的回电时间要在以后"),
    ):
        refused = wang.send("/seat/calls/c9", **{**form, **more, "revision": revision})
        assert (refused.status_code, fault in refused.text) == (409, True), fault
        revision += 1
    assert "周三到货!" in part(wang.get("/seat/").text, "desk-work")
    local = time.strftime("%Y-%m-%dT%H:%M", time.gmtime(at + 8 * 3600))
    form |= {"wanted_at": local, "reason": "repair", "revision": str(revision)}
    done = wang.send("/seat/calls/c9", **form)
    assert done.status_code == 303, done.text
    page = wang.get("/seat/").text
    assert "空闲" in part(page, "desk-now"), "the next call may come"
    assert "139 1234 5678" in part(page, "desk-due")
    [row] = owed_rows(engine)
    assert (row.owner, row.number, abs(row.due_at - at) < 61) == ("wang", "13912345678", True)
    assert "这份小结已经完成了" in wang.send("/seat/calls/c9", **form).text


async def test_two_screens_write_of_one_talk(store: Store, browse: Browse) -> None:
    one, two = browse("wang"), browse("wang")
    await store.set_status("1026", "ready")
    await ring(store)
    one.get("/seat/")
    two.get("/seat/")
    one.send("/seat/calls/c9/draft", revision=0, notes="第一屏")
    answer = two.send("/seat/calls/c9/draft", revision=0, notes="第二屏", reason="repair").get_json()
    assert (answer["revision"], answer["notes"]) == (2, "第一屏\n第二屏")
    assert one.send("/seat/calls/c9/draft", revision=1, notes="第一屏").get_json()["notes"] == "第一屏\n第二屏"


async def test_what_is_not_finished_waits(store: Store, browse: Browse, engine: Engine, tell: Tell) -> None:
    wang = browse("wang")
    await store.set_status("1026", "ready")
    await ring(store)
    await talk(store)
    await hang_up(store)
    now = time.time()
    tell("c9", ("arrived", now - 60, {}), ("talking", now - 50, {"seat": "1026"}), ("ended", now - 5, {"talk_s": 45.0}))
    assert wang.send("/seat/calls/c9", action="later", notes="还没写完", revision=0).status_code == 303
    page = wang.get("/seat/").text
    assert "空闲" in part(page, "desk-now")
    assert "还没写完" in part(page, "desk-work"), "nothing else is in hand"
    assert "接着写" in part(page, "desk-latest")
    await ring(store, "c10")
    assert "还没写完" not in part(wang.get("/seat/").text, "desk-work")
    assert "还没写完" in part(wang.get("/seat/?call=c9").text, "desk-work")
    assert wang.send("/seat/calls/c9", notes="写完了", revision=1, reason="other", resolved="yes").status_code == 303
    assert wrapups.drafts(engine, "1026") == []
    # Another seat's talk is not one's own to write of.
    li = browse("li")
    assert "还没写完" not in li.get("/seat/?call=c9").text
    assert "不是您接的" in li.send("/seat/calls/c9", notes="x", revision=0).text
    assert li.send("/seat/calls/c9/draft", notes="x", revision=0).get_json() == {"fault": "这通电话不是您接的。"}


async def test_a_return_call_is_dialled_and_its_result_told(store: Store, browse: Browse, engine: Engine, owed: int) -> None:
    wang = browse("wang")
    callbacks.claim(engine, owed, "wang", time.time())
    await store.set_status("1026", "break", "meal")
    assert "139 1234 5678" in part(wang.get("/seat/").text, "desk-due")
    assert wang.send("/seat/dial", return_call=owed).status_code == 303
    page = wang.get("/seat/").text
    assert "准备" in part(page, "desk-call")
    again = wang.send("/seat/dial", return_call=owed)
    assert (again.status_code, "您正在通话或拨号" in again.text) == (409, True)
    requests = store.requests()
    request = await anext(requests)
    await requests.aclose()
    assert (request.seat, request.number, request.callback_id) == ("1026", "13912345678", str(owed))
    about = summary(kind="outbound", phase="DIALLING", seat="1026", queue="")
    await store.commit(Commit(request.call_id, 1, {"x": 1}, about, (), (SeatState("1026", "ringing"), Dialled("seat"))))
    assert "您的话机在振铃" in part(wang.get("/seat/").text, "desk-call")
    over = Dialled("over", "no_answer", "no_answer")
    await store.commit(Commit(request.call_id, 2, None, about, (), (over, FreeSeat("1026", 60.0, reason="wrap_up"))))
    page = wang.get("/seat/").text
    assert "对方无人接听" in part(page, "desk-call")
    assert re.search(r'value="no_answer"[^>]* checked', page), "what the telephone knows is proposed"
    assert wang.send(f"/seat/return-calls/{owed}", outcome="no_answer", note="响了很久").status_code == 303
    page = wang.get("/seat/").text
    assert "对方无人接听" not in part(page, "desk-call")
    assert "小休 · 用餐" in part(page, "desk-now"), "the time for the result is over with the result"
    [row] = owed_rows(engine)
    assert (row.attempts, row.result) == (1, "响了很久")
    assert (row.next_at or 0.0) > time.time()
    assert wang.send(f"/seat/return-calls/{owed}", outcome="done").status_code == 409
    assert wang.send("/seat/dial", return_call=999).status_code == 404
    assert "请输入要拨打的号码" in wang.send("/seat/dial", number="王先生").text
    assert wang.send("/seat/dial", number="0471 461-3311").status_code == 303


async def test_a_talk_that_pays_a_return_call_is_one_form(store: Store, browse: Browse, engine: Engine, owed: int) -> None:
    wang = browse("wang")
    wang.get("/seat/")
    wang.send("/seat/dial", return_call=owed)
    requests = store.requests()
    request = await anext(requests)
    await requests.aclose()
    about = summary(kind="outbound", phase="TALKING", seat="1026", queue="")
    await store.commit(Commit(request.call_id, 1, {"x": 1}, about, (), (SeatState("1026", "talking"), Dialled("talking"))))
    assert "这条回电" in part(wang.get("/seat/").text, "desk-work")
    over = Dialled("over", "talked", "completed", 30.0)
    await store.commit(Commit(request.call_id, 2, None, about, (), (over, FreeSeat("1026", 60.0, reason="wrap_up"))))
    form: dict[str, Any] = {"notes": "说清楚了", "reason": "repair", "resolved": "yes", "closing": "reached", "revision": 0}
    assert wang.send(f"/seat/calls/{request.call_id}", **form).status_code == 303
    [row] = returncalls.list_done(engine, time.time())
    assert (row.id, row.outcome, row.closed_by) == (owed, "reached", "wang")


def test_who_has_no_seat_is_told_so(browse: Browse, redis_sync: redis_py.Redis) -> None:
    zhao = browse("zhao")
    page = zhao.get("/seat/")
    assert (page.status_code, "您的账号没有工号" in page.text) == (200, True)
    assert "我的工作台</a>" not in page.text, "nor is the page in the menu"
    assert "工号 1026 还没有配置成坐席" in browse("wang").get("/seat/").text, "no engine has run yet"
    assert zhao.send("/seat/status", status="ready").status_code == 409


async def test_the_page_hears_of_its_seat_alone(store: Store, app: Flask, browse: Browse, engine: Engine, owed: int) -> None:
    wang, li = browse("wang"), browse("li")
    hers, his = Watcher(wang), Watcher(li)
    assert hers.until("").startswith("event: seat\ndata: <div data-now=")
    his.until("")
    await store.set_status("1026", "ready")
    assert "空闲" in part(hers.until("空闲"), "desk-now")
    await ring(store)
    assert "139 1234 5678" in part(hers.until("来电振铃"), "desk-call")
    callbacks.claim(engine, owed, "li", time.time())  # no event of Redis tells this
    assert "139 1234 5678" in part(his.until("139 1234 5678"), "desk-due")
    assert not any("来电振铃" in text for text in his.said)
    app.extensions["ground"].feed.closing = True
    hers.thread.join(30)
    his.thread.join(30)
    assert app.extensions["ground"].feed.views == 0


def test_what_was_written_keeps_its_empty_lines() -> None:
    assert message("seat", "<p>\r\n一\n\n 二") == "event: seat\ndata: <p>\ndata: 一\ndata: \ndata:  二\n\n"


class Watcher:
    """A live page, read by a thread of its own as the server serves it."""

    def __init__(self, browser: Browser) -> None:
        self.said: list[str] = []
        self._pushed: queue.Queue[str] = queue.Queue()
        self.thread = threading.Thread(target=self._read, args=[browser])
        self.thread.start()

    def _read(self, browser: Browser) -> None:
        with browser.get("/seat/events", buffered=False) as answer:
            assert answer.mimetype == "text/event-stream"
            for chunk in answer.iter_encoded():
                self._pushed.put(chunk.decode())

    def until(self, wanted: str) -> str:
        """The next event that says this."""
        while True:
            self.said.append(self._pushed.get(timeout=30))
            if wanted in self.said[-1]:
                return self.said[-1]


def test_without_redis_or_a_database_the_page_says_so(tmp_path: Path, options: ConsoleOptions) -> None:
    app = create_app(dataclasses.replace(options, redis_url="redis://127.0.0.1:1/0"))
    app.test_client_class = Browser
    try:
        wang = app.test_client()
        assert isinstance(wang, Browser)
        wang.log_in("wang")
        page = wang.get("/seat/").text
        assert "实时数据（Redis）暂时连不上" in page
        assert "您名下没有欠着的回电" in page
        assert wang.send("/seat/status", status="ready").status_code == 503
    finally:
        app.extensions["ground"].close()


async def test_the_api_of_ones_own_seat(store: Store, browse: Browse, engine: Engine, owed: int) -> None:
    browser = browse()
    key = sessions.make_token(engine, accounts.find(engine, "wang"), "test", SYSTEM, time.time())

    def ask(method: str, path: str, body: dict[str, Any] | None = None, status: int = 200) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {key}"}
        answer = browser.open(f"/api/v1/my{path}", method=method, headers=headers, json=body)
        assert answer.status_code == status, answer.text
        return dict(answer.get_json())

    assert ask("GET", "/reasons")["break_reasons"][0] == {"code": "meal", "zh": "用餐", "en": "Meal"}
    assert ask("POST", "/status", {"status": "ready"})["show"] == "idle"
    assert ask("POST", "/status", {"status": "break"}, 409)["type"].endswith("#NoReason")
    await ring(store)
    seen = ask("GET", "/seat")
    assert (seen["show"], seen["nth"], seen["call"]["number"]) == ("ringing", 2, "13912345678")
    assert [step["text"] for step in seen["call"]["trail"]] == ["", "2", "查询订单", "空调不制冷", "service"]
    await talk(store)
    draft = {"notes": "要换主板"}
    kept = ask("PUT", "/wrap-ups/c9", {"draft": draft})
    assert (kept["wrap_up"]["revision"], kept["until"]) == (1, None)
    assert ask("PUT", "/wrap-ups/c9", {"draft": {"notes": "x"}}, 409)["type"].endswith("#Changed")
    assert ask("GET", "/wrap-ups/c9")["draft"]["notes"] == "要换主板"
    assert ask("PUT", "/wrap-ups/other", {"draft": draft}, 409)["type"].endswith("#NotMine")
    await hang_up(store)
    assert ask("GET", "/seat")["wrap_up_until"] > time.time()
    whole = {"reason": "repair", "resolved": False, "notes": "要换主板", "wanted_at": time.time() + 3600}
    done = ask("POST", "/wrap-ups/c9/finish", {"draft": whole, "revision": 1})
    assert done["return_call_id"] == owed, "one is pending for this number: it waits for the time that was agreed"
    assert [row["id"] for row in ask("GET", "/seat")["return_calls"]] == [owed]
    assert ask("POST", "/dial", {"return_call_id": owed})["call_id"]
    assert ask("POST", "/dial", {"number": "10086"}, 409)["type"].endswith("#Occupied")
    assert ask("GET", "/seat")["dialling"]["step"] == "asked"
    key = sessions.make_token(engine, accounts.find(engine, "zhao"), "test", SYSTEM, time.time())
    assert ask("GET", "/seat", status=409)["type"].endswith("#NoSeat")


def test_notes_of_two_screens() -> None:
    assert merged(Draft(notes="甲"), Draft("r", True, "乙")) == Draft("r", True, "甲\n乙")
    assert merged(Draft(notes="甲乙"), Draft(notes="乙")).notes == "甲乙"
    assert merged(Draft(notes=""), Draft(notes="乙")).notes == "乙"


async def test_a_desk_that_owes_nothing_is_told_of_the_customers_rest_too(store: Store, app: Flask, browse: Browse) -> None:
    """It may dial any number."""
    ground, wang = app.extensions["ground"], browse("wang")
    for quiet, told in (((), False), (((0, 720), (720, 1440)), True)):
        options = dataclasses.replace(ground.options, window=Window(quiet=quiet))
        app.extensions["ground"] = dataclasses.replace(ground, options=options)
        page = wang.get("/seat/").text
        assert "您名下没有欠着的回电" in page
        assert ("现在是客户休息时间" in part(page, "desk-notices")) == told


def test_times_to_call_back_are_none_of_the_customers_rest() -> None:
    from zoneinfo import ZoneInfo

    shanghai = ZoneInfo("Asia/Shanghai")
    ten = 1794967200.0  # 2026-11-18 10:00
    assert [one.value for one in quick_times(ten + 60, shanghai, Window())] == [
        "2026-11-18T11:30",
        "2026-11-19T09:30",
        "2026-11-19T14:30",
    ]
    assert [one.day for one in quick_times(ten, shanghai, Window(quiet=()))] == [0, 0, 1, 1]


def test_a_part_is_the_same_whatever_time_it_is() -> None:
    assert fingerprint('<i data-since="1.0">0:01</i>') == fingerprint('<i data-since="1.0">0:02</i>')
    assert fingerprint('<i data-since="1.0">0:01</i>') != fingerprint('<i data-since="2.0">0:01</i>')


def test_the_scripts_posts_are_forms_of_ours(browse: Browse) -> None:
    assert browse("wang").post("/seat/status", data={"status": "ready"}, headers=HERE).status_code == 400, "no token"
