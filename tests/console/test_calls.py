"""The calls' pages: filters in the address, exports, a call's story, who may listen and who did."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

import openpyxl
import pytest
from flask import Flask
from sqlalchemy import Engine, insert

from console import callexport, changes
from console.options import ConsoleOptions
from followup.book import Rules, book
from followup.callbacks import settle
from followup.events import StreamEvent
from followup.windows import Window
from storage.menus import menu_version
from storage.sql import writing
from tests.console.browser import Browser
from tests.console.conftest import Browse, Tell
from tests.console.sound import speech, write_recording

T = 1794967200.0
"""2026-11-18 10:00:00 in Shanghai."""


@pytest.fixture
def zhao(browse: Browse) -> Browser:
    return browse("zhao")


@pytest.fixture
def recorded(options: ConsoleOptions, tell: Tell) -> None:
    """c5: a talk of 1026 with two takes, of 12 and 3 seconds."""
    write_recording(options.recordings_dir / "c5.wav", speech(12.0, ((1.0, 4.0),)), speech(12.0, ((5.0, 9.0),), 240.0))
    write_recording(options.recordings_dir / "c5-2.wav", speech(3.0, ()), speech(3.0, ((1.0, 2.0),)))
    tell(
        "c5",
        ("arrived", T, {}),
        ("queued", T + 5, {"queue": "service"}),
        ("offered", T + 5.2, {"seat": "1026", "skipped": []}),
        ("talking", T + 9, {"seat": "1026", "wait_s": 4.0}),
        ("recording", T + 9, {"path": "c5.wav"}),
        ("held", T + 15, {"side": "seat"}),
        ("recording", T + 22, {"path": "c5-2.wav"}),
        ("ended", T + 25, {"by": "seat", "reason": "completed", "talk_s": 16.0}),
    )


def told(engine: Engine) -> list[tuple[str, str, str, Any]]:
    """What the change log has of listening and exports, the oldest first."""
    lines, _ = changes.latest(engine, limit=100)
    wanted = ("recording_heard", "message_heard", "calls_exported")
    return [(line.by, line.what, line.subject, line.after) for line in reversed(lines) if line.what in wanted]


@pytest.mark.parametrize(
    ("query", "there"),
    [
        ("", True),
        ("?from=2026-11-18&to=2026-11-18", True),
        ("?from=2026-11-19", False),
        ("?to=2026-11-17", False),
        ("?from=2026-11-20&to=2026-11-01", True),
        ("?hotline=sample&queue=service&seat=1026&outcome=talked&kind=inbound&recorded=1&talk=15&number=5678", True),
        ("?hotline=other", False),
        ("?queue=other", False),
        ("?seat=1027", False),
        ("?kind=outbound", False),
        ("?talk=17", False),
        ("?message=1", False),
        ("?owed=any", False),
        ("?note=x", False),
        ("?number=78", True),
        ("?sort=talk", True),
    ],
)
def test_filters_stand_in_the_address(zhao: Browser, recorded: None, query: str, there: bool) -> None:
    page = zhao.get("/calls/" + query).text
    assert ("/calls/c5" in page) == there
    for part in query.removeprefix("?").split("&"):
        name, _, value = part.partition("=")
        if value and name not in ("number", "from", "to", "talk"):
            assert f'name="{name}"' in page
            assert (
                f'value="{value}" selected' in page or f'value="{value}" checked' in page or f'value="{value}" maxlen' in page
            )


def test_a_filter_keeps_its_place_in_exports_and_pages(zhao: Browser, tell: Tell) -> None:
    for n in range(51):
        tell(f"c{n:02}", ("arrived", T + n, {}))
    page = zhao.get("/calls/?hotline=sample&number=5678&sort=oldest&junk=1").text
    assert "/calls/export.csv?number=5678&amp;hotline=sample&amp;sort=oldest" in page
    assert "共 51 通" in page
    assert "junk" not in page
    assert "hotline=sample&amp;sort=oldest&amp;after=" in page or "after=" in page


def test_the_notes_of_people_are_searched(zhao: Browser, engine: Engine, owed: int) -> None:
    settle(engine, owed, "wang", "reached", "要求退款", T + 900, Window())
    assert "/calls/c1" in zhao.get("/calls/?note=退款").text
    assert "没有符合条件" in zhao.get("/calls/?note=换货").text
    assert "/calls/c1" in zhao.get("/calls/?owed=done").text
    assert "没有符合条件" in zhao.get("/calls/?owed=open").text


# Exports

HEADINGS = ["来电时间", "方向", "对方号码", "省", "市", "热线", "被叫号码", "队列", "工号", "坐席", "等待（秒）", "通话（秒）"]
HEADINGS += ["结果", "说明", "挂机方", "菜单路径", "录音", "留言（秒）", "回电", "编号"]


@pytest.fixture
def nasty(tell: Tell) -> None:
    """A call whose names are formulas."""
    steps = (("arrived", T - 60, {"city": "=1+1", "province": "@SUM(A1)", "called": "-4001"}), ("menu", T - 59, {"node": "+x"}))
    tell("bad", *steps, ("ended", T - 50, {"by": "caller", "reason": "hung_up_in_menu"}), caller="04714613311")


def test_csv_is_for_spreadsheets(zhao: Browser, engine: Engine, recorded: None, nasty: None) -> None:
    with zhao.get("/calls/export.csv?from=2026-11-18&hotline=sample", buffered=True) as answer:
        assert (answer.status_code, answer.mimetype) == (200, "text/csv")
        assert "%E9%80%9A%E8%AF%9D%E8%AE%B0%E5%BD%95-2026-11-18.csv" in answer.headers["Content-Disposition"]
        assert answer.data.startswith(b"\xef\xbb\xbf")
        head, talk, bad = csv.reader(io.StringIO(answer.data.decode("utf-8-sig"), newline=""))
    assert head == HEADINGS
    assert talk == [
        *(
            "2026-11-18 10:00:00",
            "呼入",
            "\t13912345678",
            "江苏省",
            "苏州",
            "示例服务热线",
            "\t4001",
            "客户服务",
            "\t1026",
            "小王",
        ),
        *("4", "16", "已接通", "正常结束", "坐席", "", "有", "", "", "c5"),
    ]
    assert bad[2:7] == ["\t04714613311", "'@SUM(A1)", "'=1+1", "示例服务热线", "\t-4001"]
    assert bad[15] == "'+x"
    assert told(engine) == [
        ("zhao", "calls_exported", "calls:csv", {"from": "2026-11-18", "hotline": "sample", "rows": 2, "form": "csv"})
    ]


def test_xlsx_has_text_times_and_figures(zhao: Browser, engine: Engine, recorded: None, nasty: None) -> None:
    with zhao.get("/calls/export.xlsx?sort=oldest", buffered=True) as answer:
        assert answer.mimetype == callexport.FORMS["xlsx"]
        sheet = openpyxl.load_workbook(io.BytesIO(answer.data)).active
    assert sheet is not None
    head, bad, talk = sheet.iter_rows()
    assert [cell.value for cell in head] == HEADINGS
    assert [cell.data_type for cell in talk[:12]] == ["d", *"sssssssss", "n", "n"]
    assert talk[0].value == datetime(2026, 11, 18, 10, 0, 0)
    assert (talk[2].value, talk[8].value, talk[11].value) == ("13912345678", "1026", 16)
    assert {cell.data_type for cell in bad} <= {"d", "s", "n"}, "no formula"
    assert (bad[2].value, bad[4].value) == ("04714613311", "=1+1")
    assert told(engine)[0][2:] == ("calls:xlsx", {"sort": "oldest", "rows": 2, "form": "xlsx"})
    with zhao.get("/audit/") as refused:
        assert refused.status_code == 403
    # In English the headings are English.
    with zhao.get("/calls/export.csv?lang=en", buffered=True) as answer:
        assert answer.data.decode("utf-8-sig").splitlines()[0].startswith("Arrived,Direction,Other party")


def test_an_export_is_bounded_and_says_so(zhao: Browser, engine: Engine, tell: Tell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(callexport, "MOST", 3)
    for n in range(5):
        tell(f"c{n}", ("arrived", T + n, {}))
    with zhao.get("/calls/export.csv", buffered=True) as answer:
        assert len(answer.data.splitlines()) == 4
        assert "%E5%89%8D3%E6%9D%A1.csv" in answer.headers["Content-Disposition"]
    assert told(engine)[0][3]["rows"] == 3
    assert zhao.get("/calls/export.pdf").status_code == 404


def test_few_exports_at_once_and_each_gives_its_place_back(app: Flask, zhao: Browser, recorded: None) -> None:
    open_ones = [zhao.get("/calls/export.csv", buffered=False) for _ in range(callexport.AT_ONCE)]
    refused = zhao.get("/calls/export.csv")
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "10")
    for begun in open_ones:
        begun.close()
    for form in ("csv", "xlsx", "csv", "xlsx"):
        with zhao.get(f"/calls/export.{form}", buffered=True) as answer:
            assert answer.status_code == 200


def test_exports_are_the_supervisors(browse: Browse, engine: Engine, recorded: None) -> None:
    wang = browse("wang")
    for path in ("/calls/export.csv", "/calls/export.xlsx", "/api/v1/calls.csv", "/api/v1/calls.xlsx"):
        assert wang.get(path).status_code == 403
    assert told(engine) == []


# Who listens


def test_who_listened_is_told_once(zhao: Browser, browse: Browse, engine: Engine, recorded: None) -> None:
    wang, li = browse("wang"), browse("li")
    page = wang.get("/calls/c5").text
    assert told(engine) == [], "looking at the page is no listening"
    assert 'preload="none"' in page
    for browser in (wang, zhao):
        for part in ("bytes=0-", "bytes=100-200", "bytes=4000-"):
            with browser.get("/calls/c5/recordings/1", headers={"Range": part}) as answer:
                assert answer.status_code == 206
    with zhao.get("/api/v1/calls/c5/recordings/2", buffered=True) as answer:
        assert answer.data[:4] == b"RIFF"
    with zhao.head("/calls/c5/recordings/2") as answer:
        assert answer.status_code == 200
    for path in ("/calls/c5/recordings/1", "/api/v1/calls/c5/recordings/1", "/api/v1/calls/c5/recordings/1/levels"):
        assert li.get(path).status_code == 403, "another seat's talk"
    assert "坐席只能听自己的通话" in li.get("/calls/c5").text
    assert told(engine) == [
        ("wang", "recording_heard", "call:c5", {"take": 1}),
        ("zhao", "recording_heard", "call:c5", {"take": 1}),
        ("zhao", "recording_heard", "call:c5", {"take": 2}),
    ]
    root = browse("root").get("/audit/").text
    assert "收听录音" in root


def test_levels_and_takes(browse: Browse, recorded: None) -> None:
    wang = browse("wang")
    levels = wang.get("/api/v1/calls/c5/recordings/1/levels").get_json()
    assert levels["seconds"] == 12.0
    [[begin, end]] = levels["sides"][0]["speech"]
    assert (abs(begin - 1.0) < 0.2, abs(end - 4.0) < 0.2) == (True, True)
    assert len(levels["sides"]) == 2
    assert wang.get("/api/v1/calls/c5/recordings/3/levels").status_code == 404
    page = wang.get("/calls/c5").text
    assert ('data-take="1" data-seconds="12.0"' in page, 'data-take="2" data-seconds="3.0"' in page) == (True, True)
    assert 'data-take="1" data-at="6.0" aria-label="从 0:06 听"' in page, "the hold can be heard"
    found = wang.get("/api/v1/calls/c5").get_json()
    assert [(take["number"], take["seconds"]) for take in found["takes"]] == [(1, 12.0), (2, 3.0)]
    assert browse("li").get("/api/v1/calls/c5").get_json()["takes"] == []


# The story


def story(browser: Browser, call_id: str) -> list[tuple[str, str, list[str]]]:
    lines = browser.get(f"/api/v1/calls/{call_id}", headers={"Accept-Language": "zh"}).get_json()["story"]
    return [(line["what"], line["said"], line["more"]) for line in lines]


@pytest.fixture
def seat_tells(engine: Engine) -> Callable[..., None]:
    """seat_tells("1026", (at, {...}), …): events of a seat, numbered by the clock."""

    def run(number: str, *steps: tuple[float, dict[str, Any]]) -> None:
        events = [
            StreamEvent(
                f"seat:{number}",
                int(at) - 1_700_000_000,
                "seat_status" if "status" in data else "seat_state",
                at,
                data,
                json.dumps(data),
            )
            for at, data in steps
        ]
        with writing(engine) as connection:
            book(connection, events, Rules())

    return run


MENU = """
start: welcome
nodes:
  welcome: {kind: say, prompt: {text: "您好，这里是服务热线"}, then: main}
  main: {kind: menu, prompt: no_input, keys: {"1": service}}
  service: {kind: queue, queue: service}
"""


def test_why_did_it_go_there(zhao: Browser, engine: Engine, tell: Tell, seat_tells: Callable[..., None]) -> None:
    with writing(engine) as connection:
        for version, at, source in ((1, T - 999, MENU), (2, T + 999, "start: x")):
            values = {
                "hotline": "sample",
                "version": version,
                "author": "a",
                "note": "",
                "at": at,
                "based_on": 0,
                "source": source,
            }
            connection.execute(insert(menu_version).values(values))
    ready = {"status": "ready", "reason": "", "queues": ["service"]}
    seat_tells(
        "1026",
        (T - 900, ready),
        (T - 60, {"state": "talking", "call": "c9"}),
        (T + 20, {"state": "wrap-up", "call": ""}),
        (T + 21, {"state": "idle", "call": ""}),
        (T + 22, {"state": "reserved", "call": "s1"}),
    )
    seat_tells("1027", (T - 900, {"status": "break", "reason": "午餐", "queues": ["service"]}))
    tell(
        "s1",
        ("arrived", T, {}),
        ("menu", T + 1, {"node": "welcome"}),
        ("menu", T + 2, {"node": "main"}),
        ("misheard", T + 3, {"node": "main", "why": "noise"}),
        ("said", T + 4, {"node": "main", "text": "人工", "confidence": 0.92, "alternatives": [["人工服务", 0.05]]}),
        ("menu", T + 4, {"node": "service"}),
        ("queued", T + 5, {"queue": "service"}),
        ("offered", T + 22, {"seat": "1026", "skipped": [["1027", "break"], ["1028", "off"]]}),
        ("no_answer", T + 42, {"seat": "1026"}),
        ("requeued", T + 42, {"queue": "service", "why": "no_answer"}),
        ("offered", T + 42.5, {"seat": "1029", "skipped": [["1027", "break"], ["1028", "off"], ["1026", "set_aside"]]}),
        ("talking", T + 45, {"seat": "1029", "wait_s": 40.0}),
        ("transferred", T + 50, {"from": "1029", "to": "service", "kind": "queue"}),
        ("queued", T + 50, {"queue": "service", "priority": 5}),
        ("ended", T + 80, {"by": "caller", "reason": "abandoned", "phase": "QUEUED"}),
    )
    assert story(zhao, "s1") == [
        ("客户来电", "139 1234 5678 → 4001 · 示例服务热线", []),
        ("进入菜单", "welcome · 播放语音", ["播报：「您好，这里是服务热线」"]),
        ("进入菜单", "main · 按键菜单", []),
        ("没听懂", "只有噪声", []),
        ("说", "「人工」 92 %（也可能是 人工服务 5 %） → 走到 service（排队）", []),
        ("进入菜单", "service · 排队", []),
        (
            "进入队列",
            "客户服务",
            [
                "此时坐席：通话（1026 小王）；小休（1027 小李）",
                "10:00:20 1026 小王：通话 → 整理",
                "10:00:21 1026 小王：整理 → 空闲",
            ],
        ),
        ("分配坐席", "1026 小王", ["跳过：小休（1027 小李）", "跳过：签出（1028 小张）"]),
        ("坐席未接", "1026 小王", []),
        ("回到队列，保留位置", "客户服务 · 坐席未接", []),
        ("分配坐席", "1029", ["跳过：暂停派话（1026 小王）", "其余 2 个坐席的情形同上次"]),
        ("接通坐席", "1029 · 等待 0:40", []),
        ("已转接", "1029 → 客户服务", []),
        ("进入队列", "客户服务 · 优先级 5", ["此时坐席：分配中（1026 小王）；小休（1027 小李）"]),
        ("结束", "客户挂机 · 等待中挂机", []),
        ("欠回电", "待回电", []),
    ]


def test_a_wait_for_nobody_and_a_debt_paid_by_calling_again(zhao: Browser, tell: Tell, owed: int) -> None:
    assert ("进入队列", "客户服务 · 第 1 位", ["没有坐席签入"]) in story(zhao, "c1")
    assert story(zhao, "c1")[-1][:2] == ("欠回电", "待回电")
    tell(
        "c2",
        ("arrived", T + 100, {}),
        ("queued", T + 101, {"queue": "service"}),
        ("talking", T + 102, {"seat": "1026"}),
        ("ended", T + 200, {"by": "caller", "reason": "completed"}),
    )
    assert story(zhao, "c2")[-1][0] == "回电结清"
    assert f'href="/callbacks/{owed}"' in zhao.get("/calls/c2").text
    assert story(zhao, "c1")[-1][:2] == ("应回电", "已回电")


def test_many_seats_and_many_changes_are_told_in_few_lines(
    app: Flask, zhao: Browser, tell: Tell, seat_tells: Callable[..., None]
) -> None:
    flips = [(T + 2 + n, {"status": ("break", "ready")[n % 2], "queues": ["service"]}) for n in range(30)]
    seat_tells("1026", (T - 9, {"status": "ready", "queues": ["service"]}), *flips)
    skipped = [[str(2000 + n), "off"] for n in range(60)]
    tell(
        "m1",
        ("arrived", T, {}),
        ("queued", T + 1, {"queue": "service"}),
        ("offered", T + 50, {"seat": "1026", "skipped": skipped}),
        ("ended", T + 60, {"by": "caller", "reason": "abandoned"}),
    )
    told_of = {what: more for what, _, more in story(zhao, "m1")}
    assert len(told_of["进入队列"]) == 22
    assert told_of["进入队列"][-1] == "另有 10 次变化"
    assert told_of["分配坐席"][-1] == "跳过：另有 20 个坐席"


def test_what_other_events_say(zhao: Browser, tell: Tell) -> None:
    tell(
        "o1",
        ("outbound_started", T, {"kind": "outbound", "caller": "13912345678", "seat": "1026"}),
        ("seat_answered", T + 1, {"seat": "1026"}),
        ("ringing", T + 2, {"to": "13912345678"}),
        ("key", T + 3, {"node": "x", "digit": "1"}),
        ("not_hearing", T + 3, {"node": "x", "why": "busy"}),
        ("entered", T + 4, {"node": "x", "variable": "order", "value": "12", "valid": False}),
        ("connecting", T + 5, {"kind": "number", "to": "02158880000"}),
        ("connect_failed", T + 6, {"to": "02158880000", "why": "busy"}),
        ("redirected", T + 7, {"seat": "1026", "status": 302, "to": "1027"}),
        ("refused", T + 8, {"seat": "1026", "status": 486}),
        ("promised", T + 9, {"number": "13900000000", "reason": "return_call"}),
        ("rated", T + 10, {"key": "1", "meaning": "满意", "seat": "1026"}),
        ("transfer_failed", T + 11, {"from": "1026", "to": "1027", "why": "busy"}),
        ("ended", T + 20, {"by": "system", "reason": "no_answer", "result": "no_answer"}),
    )
    assert [said for _, said, _ in story(zhao, "o1")][:14] == [
        "1026 小王 → 139 1234 5678",
        "1026 小王",
        "139 1234 5678",
        "1",
        "语音识别已满",
        "order = 12 · 不符合要求",
        "021 58880000",
        "021 58880000 · 线路忙",
        "1026 小王 → 1027",
        "1026 小王 · SIP 486",
        "139 0000 0000 · 客户要求回电",
        "1 · 满意 · 1026 小王",
        "1026 小王 → 1027 · 线路忙",
        "系统结束 · 无人接听 · 无人接听",
    ]


# The API


def test_the_api_s_lists_are_paged_by_key(zhao: Browser, tell: Tell) -> None:
    for n in range(5):
        tell(f"c{n}", ("arrived", T + n, {}))
    first = zhao.get("/api/v1/calls?limit=2").get_json()
    assert ([call["call_id"] for call in first["calls"]], first["total"], first["before"]) == (["c4", "c3"], 5, "")
    second = zhao.get("/api/v1/calls", query_string={"limit": 2, "after": first["after"]}).get_json()
    assert [call["call_id"] for call in second["calls"]] == ["c2", "c1"]
    back = zhao.get("/api/v1/calls", query_string={"limit": 2, "before": second["before"]}).get_json()
    assert [call["call_id"] for call in back["calls"]] == ["c4", "c3"]
    for query in ("sort=x", "owed=x", "kind=x", "min_talk_s=-1", "offset=a&limit=1000"):
        assert zhao.get(f"/api/v1/calls?{query}").status_code == 422


def test_files_by_program(zhao: Browser, recorded: None) -> None:
    with zhao.get("/api/v1/calls.csv?seat=1026&recorded=1&from=2026-11-18&talk=10", buffered=True) as answer:
        assert len(answer.data.splitlines()) == 2
    with zhao.get("/api/v1/calls.xlsx?seat=1027", buffered=True) as answer:
        sheet = openpyxl.load_workbook(io.BytesIO(answer.data)).active
        assert sheet is not None
        assert sheet.max_row == 1
    assert zhao.get("/api/v1/calls.csv?from=yesterday").status_code == 422


def test_people_read_titles_of_nodes_and_names_where_there_are_none(zhao: Browser, engine: Engine, tell: Tell) -> None:
    """The events tell what the nodes were called when the caller came; a file of many calls, what they are called now."""
    source = (
        "title: 热线\nstart: hello\nnodes:\n"
        "  hello: {kind: say, title: 欢迎语, prompt: {text: 您好}, then: order_status}\n"
        "  order_status: {kind: hangup, title: 查询订单}\n"
    )
    values = {"hotline": "sample", "version": 1, "at": T - 900, "author": "", "note": "", "based_on": 0, "source": source}
    with writing(engine) as connection:
        connection.execute(insert(menu_version).values(values))
    tell(
        "t1",
        ("arrived", T, {}),
        ("menu", T + 1, {"node": "hello", "title": "您好"}),
        ("key", T + 2, {"node": "hello", "digit": "1"}),
        ("menu", T + 3, {"node": "order_status", "title": "查订单"}),
        ("menu", T + 4, {"node": "gone"}),
        ("menu", T + 5, {"node": "-end"}),
        ("ended", T + 6, {"by": "system", "reason": "menu_ended"}),
    )
    assert [line[1] for line in story(zhao, "t1")[1:-1]] == [
        "您好 · 播放语音",
        "1 → 走到 查订单（挂机）",
        "查订单 · 挂机",
        "gone",
        "结束语 · 挂机",
    ]
    with zhao.get("/calls/export.csv?from=2026-11-18&hotline=sample", buffered=True) as answer:
        _, row = csv.reader(io.StringIO(answer.data.decode("utf-8-sig"), newline=""))
    assert row[15] == "欢迎语 > 查询订单 > gone > 结束语"
