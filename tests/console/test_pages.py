"""The pages through Flask's client, over a real database and a real Redis."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Engine

from console.app import create_app
from console.options import ConsoleOptions
from followup.book import Rules, book
from followup.events import StreamEvent
from followup.quality import FIRST_SEQ
from followup.returncalls import list_open
from storage.sql import DatabaseUrlError, writing
from tests.console.browser import Browser
from tests.console.conftest import Browse

Tell = Callable[..., None]


def text(client: Browser, path: str, status: int = 200) -> str:
    answer = client.get(path)
    assert answer.status_code == status
    return answer.get_data(as_text=True)


def test_the_call_log_lists_and_filters(client: Browser, owed: int, tell: Tell) -> None:
    tell("c2", ("arrived", 1795053600.0, {}), ("menu", 1795053601.0, {"node": "main"}), caller="04714613311")
    page = text(client, "/calls/")
    assert "139 1234 5678" in page
    assert "江苏省 苏州" in page
    assert "示例服务热线" in page
    assert "等待中挂机" in page
    assert "待回电" in page
    assert page.index("0471 4613311") < page.index("139 1234 5678")  # the latest first
    assert "139 1234 5678" not in text(client, "/calls/?number=3311")
    assert "0471 4613311" not in text(client, "/calls/?from=2026-11-18&to=2026-11-18")
    assert "0471 4613311" not in text(client, "/calls/?outcome=missed")
    assert "没有符合条件的来电" in text(client, "/calls/?outcome=talked")


@pytest.mark.parametrize(
    "query",
    [
        "?day=yesterday",
        "?day=0001-01-01",
        "?day=9999-12-31",
        "?outcome=x",
        "?after=x",
        "?after=nan~",
        "?before=1e400~x&sort=talk",
        "?from=2026-11-31&to=x",
        "?kind=x&owed=x&talk=-5&sort=x&recorded=2",
        "?number=%27%25<",
    ],
)
def test_rubbish_in_the_address_is_taken_as_nothing(client: Browser, owed: int, query: str) -> None:
    assert "来电记录" in text(client, "/calls/" + query)


def test_pages_of_the_log(client: Browser, tell: Tell) -> None:
    for n in range(51):
        tell(f"c{n:02}", ("arrived", 1000.0 + n, {}))
    first = text(client, "/calls/?number=5678")
    assert "上一页" not in first
    onward = re.search(r'rel="next" href="([^"]+)"', first)
    assert onward
    assert "number=5678" in onward[1]
    second = text(client, onward[1].replace("&amp;", "&"))
    assert "/calls/c00" in second
    assert "/calls/c01" not in second
    assert "下一页" not in second
    back = re.search(r'rel="prev" href="([^"]+)"', second)
    assert back
    assert re.findall(r"/calls/c\d\d", text(client, back[1].replace("&amp;", "&"))) == re.findall(r"/calls/c\d\d", first)


def test_a_call_s_page_tells_what_happened(client: Browser, tell: Tell, owed: int) -> None:
    tell(
        "c2",
        ("arrived", 2000.0, {}),
        ("menu", 2001.0, {"node": "main"}),
        ("key", 2002.0, {"node": "main", "digit": "1"}),
        ("queued", 2003.0, {"queue": "service", "position": 2}),
        ("offered", 2004.0, {"seat": "1026", "skipped": [["1027", "break"], ["1028", "wrap-up"]]}),
        ("no_answer", 2024.0, {"seat": "1026"}),
        ("requeued", 2024.0, {"queue": "service", "why": "no_answer"}),
        ("talking", 2030.0, {"seat": "1026", "wait_s": 27.0}),
        ("held", 2040.0, {"side": "seat"}),
        ("odd_new_event", 2041.0, {"detail": "<b>bold</b>"}),
        ("ended", 2090.0, {"by": "seat", "reason": "completed", "phase": "TALKING"}),
    )
    page = text(client, "/calls/c2")
    for said in (
        "139 1234 5678 → 4001",
        "客户服务 · 第 2 位",
        "1026 小王",
        "<li>跳过：小休（1027 小李）</li><li>跳过：整理（1028 小张）</li>",
        "客户服务 · 坐席未接",
        "1026 小王 · 等待 0:27",
        "+1:30",
        "坐席挂机 · 正常结束",
        "odd_new_event",
        "&lt;b&gt;bold&lt;/b&gt;",
        "这个号码的其他来电",
        "/calls/c1",
    ):
        assert said in page, said
    assert "没有这个页面或记录" in text(client, "/calls/nobody", 404)


@pytest.mark.parametrize("named", ["2026/c2.wav", "{dir}/2026/c2.wav"])
def test_a_recording_is_played_in_parts(client: Browser, options: ConsoleOptions, tell: Tell, named: str) -> None:
    path = options.recordings_dir / "2026" / "c2.wav"
    path.parent.mkdir()
    path.write_bytes(b"RIFF" + bytes(range(100)))
    tell("c2", ("arrived", 1.0, {}), ("recording", 2.0, {"path": named.format(dir=options.recordings_dir)}), ("ended", 3.0, {}))
    assert "<audio" in text(client, "/calls/c2")
    with client.get("/calls/c2/recordings/1") as whole:
        assert (whole.status_code, whole.mimetype, whole.data) == (200, "audio/wav", path.read_bytes())
    with client.get("/calls/c2/recordings/1", headers={"Range": "bytes=4-7"}) as part:
        assert (part.status_code, part.data, part.headers["Content-Range"]) == (206, b"\0\1\2\3", "bytes 4-7/104")
    assert client.get("/calls/c2/recordings/1", headers={"Range": "bytes=500-"}).status_code == 416


def test_every_take_of_a_call_is_played(client: Browser, options: ConsoleOptions, tell: Tell) -> None:
    """A media process that died in the talk leaves a take behind, the next one begins another."""
    for name in ("c3.wav", "c3-2.wav"):
        (options.recordings_dir / name).write_bytes(name.encode())
    takes = [("recording", 2.0, {"path": "c3.wav"}), ("recording", 3.0, {"path": "c3-2.wav"})]
    tell("c3", ("arrived", 1.0, {}), *takes, ("ended", 4.0, {}))
    for number, name in enumerate(("c3.wav", "c3-2.wav"), 1):
        with client.get(f"/calls/c3/recordings/{number}") as response:
            assert response.data == name.encode()
        assert f"/calls/c3/recordings/{number}" in client.get("/calls/c3").text
    assert client.get("/calls/c3/recordings/3").status_code == 404


@pytest.fixture
def message(options: ConsoleOptions, tell: Tell) -> int:
    """The id of a return call to another number than the caller's, for one of two messages and a promise; with a rated talk."""
    for name in ("m1.wav", "m2.wav"):
        (options.recordings_dir / name).write_bytes(name.encode())
    tell(
        "m1",
        ("arrived", 1794967200.0, {}),
        ("voicemail", 1794967210.0, {"path": "m1.wav", "seconds": 12.0}),
        ("voicemail", 1794967230.0, {"path": "m2.wav", "seconds": 31.0}),
        ("entered", 1794967240.0, {"node": "number", "variable": "return_number", "value": "13800000000"}),
        ("promised", 1794967241.0, {"reason": "return_call", "number": "13800000000"}),
        ("said", 1794967245.0, {"node": "main", "text": "报修"}),
        ("ended", 1794967250.0, {"by": "caller", "reason": "hung_up_in_menu"}),
    )
    tell(
        "t1",
        ("arrived", 1794967300.0, {}),
        ("queued", 1794967301.0, {"queue": "service"}),
        ("talking", 1794967305.0, {"seat": "1026"}),
        ("rated", 1794967360.0, {"key": "1", "meaning": "满意", "seat": "1026", "queue": "service"}),
        ("ended", 1794967370.0, {"by": "seat", "reason": "completed"}),
        caller="04714613311",
    )
    return 1


def heard(client: Browser, path: str, part: str = "bytes=0-") -> bytes:
    with client.get(path, headers={"Range": part}) as response:
        return bytes(response.data)


def test_a_message_is_played_where_it_is_told_and_where_it_is_owed(client: Browser, message: int) -> None:
    page = text(client, "/calls/m1")
    for take, name in ((1, b"m1.wav"), (2, b"m2.wav")):
        assert f"/calls/m1/messages/{take}" in page
        assert heard(client, f"/calls/m1/messages/{take}") == name
    for told in ("138 0000 0000", "客户要求回电", "0:31", "return_number = 13800000000", "报修"):
        assert told in page
    assert heard(client, "/calls/m1/messages/0") == b"m2.wav", "the longest"
    assert heard(client, "/calls/m1/messages/0", "bytes=3-5") == b"wav"
    for nothing in ("/calls/m1/messages/3", "/calls/t1/messages/0", "/calls/t1/messages/1", "/calls/none/messages/1"):
        assert client.get(nothing).status_code == 404
    for page in (text(client, "/callbacks/"), text(client, f"/callbacks/{message}")):
        assert "/calls/m1/messages/0" in page
        assert "138 0000 0000" in page
    assert "139 1234 5678" in page, "who called"


def test_the_log_knows_messages_and_ratings(client: Browser, message: int) -> None:
    page = text(client, "/calls/?day=2026-11-18&message=1")
    assert "/calls/m1" in page
    assert "/calls/t1" not in page
    assert "/calls/t1" in text(client, "/calls/?day=2026-11-18")
    assert "满意率 100.0 % · 参评率 100.0 %（1 ÷ 1 通）" in page
    assert "满意率 – · 参评率 –（0 ÷ 0 通）" in text(client, "/calls/?day=2026-11-19")
    rated = text(client, "/calls/t1")
    assert "满意度评价" in rated
    assert "<dd>满意 " in rated


def test_no_file_outside_of_the_recordings_is_played(client: Browser, tmp_path: Path, tell: Tell) -> None:
    (tmp_path / "secret").write_text("x")
    for n, path in enumerate(["../secret", str(tmp_path / "secret"), "", ".", "missing.wav"]):
        tell(f"c{n}", ("arrived", 1.0, {}), ("recording", 2.0, {"path": path}), ("ended", 3.0, {}))
        assert client.get(f"/calls/c{n}/recordings/1").status_code == 404
    assert "录音文件不在原处" in text(client, "/calls/c0")
    tell("live", ("arrived", 1.0, {}), ("recording", 2.0, {"path": "live.wav"}))
    assert "正在录音" in text(client, "/calls/live")


def test_a_broken_balance_is_shown(client: Browser, engine: Engine, owed: int) -> None:
    assert "应回 1 = 待回 1 + 已回 0 + 免回 0" in text(client, "/callbacks/")
    with engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM return_call_call")
    assert "未入账 1" in text(client, "/callbacks/")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:81"},
        {"Origin": "http://evil.example", "Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_a_foreign_page_changes_nothing(client: Browser, engine: Engine, owed: int, headers: dict[str, str]) -> None:
    answer = client.post(f"/callbacks/{owed}", data={"action": "claim", "csrf_token": client.token}, headers=headers)
    assert answer.status_code == 403
    assert list_open(engine, 0.0)[0].state == "open"


def test_a_browser_without_origin_is_known_by_fetch_metadata(client: Browser, owed: int) -> None:
    form = {"action": "claim", "csrf_token": client.token}
    answer = client.post(f"/callbacks/{owed}", data=form, headers={"Sec-Fetch-Site": "same-origin"})
    assert answer.status_code == 303


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8080", 200),
        ("LocalHost", 200),
        ("[::1]:8080", 200),
        ("evil.example", 400),
        ("localhost.evil.example", 400),
        ("127.0.0.1.evil.example:80", 400),
        ("[::1", 400),
        ("[::2]", 400),
        ("", 400),
    ],
)
def test_a_foreign_name_does_not_lead_here(browse: Browse, host: str, status: int) -> None:
    assert browse().get("/login", headers={"Host": host}).status_code == status


def test_every_answer_forbids_foreign_scripts_and_frames(client: Browser, owed: int) -> None:
    for path in (
        "/login",
        "/me",
        "/people/",
        "/people/wang",
        "/audit/",
        "/floor/",
        "/strangers/",
        "/health",
        "/calls/",
        "/calls/c1",
        "/callbacks/",
        "/callbacks/1",
        "/nowhere",
        "/healthz",
        "/static/console.css",
    ):
        answer = client.get(path)
        assert "default-src 'none'; script-src 'self'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        if answer.mimetype == "text/html":
            page = answer.get_data(as_text=True)
            assert "style=" not in page
            assert "onclick" not in page
            assert "<script>" not in page
            assert "//" not in page  # nothing from elsewhere
        answer.close()


def test_without_a_database_every_page_says_so(redis_url: str, tmp_path: Path) -> None:
    app = create_app(ConsoleOptions(redis_url, f"sqlite:///{tmp_path}/not-migrated.db", tmp_path))
    app.test_client_class = Browser
    try:
        client = app.test_client()
        assert isinstance(client, Browser)
        for path in ("/", "/login", "/calls/"):
            assert "数据库暂时连不上" in text(client, path, 503)
        assert client.get("/api/v1/me").mimetype == "application/problem+json"
        assert client.get("/readyz").get_json()["sql"] is False
    finally:
        app.extensions["ground"].close()


def test_an_sql_url_that_can_t_be_used_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatabaseUrlError, match="sql_url"):
        create_app(ConsoleOptions("redis://127.0.0.1:1", "nonsense", tmp_path))


def test_how_the_sound_was(client: Browser, tell: Tell, engine: Engine) -> None:
    tell("c2", ("arrived", 1.0, {}), ("offered", 2.0, {"seat": "1026"}), ("ended", 9.0, {"by": "seat", "reason": "completed"}))
    data = {"sent": 200, "received": 99, "lost": 1, "jitter_ms": 3.4, "rtt_ms": 41.6}
    events = [StreamEvent("c2", FIRST_SEQ + leg, "quality", 9.0, data, "{}") for leg in (0, 1)]
    with writing(engine) as connection:
        book(connection, events, Rules())
    page = text(client, "/calls/c2")
    for said in ("语音质量", "1.0 %", "3 ms", "42 ms", '坐席 <span class="num">1026</span>', "–</td>"):
        assert said in page, said
    assert "/strangers/?number=13912345678" in page
    metrics = text(client, "/metrics")
    assert 'hotline_leg_loss_ratio_bucket{le="0.01"} 2.0' in metrics
    assert "hotline_leg_jitter_seconds_count 2.0" in metrics
