"""The pages through Flask's client, over a real database and a real Redis."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine

from console.app import create_app
from console.options import ConsoleOptions
from followup import callbacks
from followup.book import Rules, book
from followup.events import StreamEvent
from followup.quality import FIRST_SEQ
from storage.sql import DatabaseUrlError, writing

Tell = Callable[..., None]
HERE = {"Origin": "http://localhost"}


def text(client: FlaskClient, path: str, status: int = 200) -> str:
    answer = client.get(path)
    assert answer.status_code == status
    return answer.get_data(as_text=True)


def test_the_call_log_lists_and_filters(client: FlaskClient, owed: int, tell: Tell) -> None:
    tell("c2", ("arrived", 1795053600.0, {}), ("menu", 1795053601.0, {"node": "main"}), caller="04714613311")
    page = text(client, "/calls/")
    assert "139 1234 5678" in page
    assert "江苏省 苏州" in page
    assert "示例服务热线" in page
    assert "等待中挂机" in page
    assert "待回电" in page
    assert page.index("0471 4613311") < page.index("139 1234 5678")  # the latest first
    assert "139 1234 5678" not in text(client, "/calls/?number=4613")
    assert "0471 4613311" not in text(client, "/calls/?day=2026-11-18")
    assert "0471 4613311" not in text(client, "/calls/?outcome=missed")
    assert "没有符合条件的来电" in text(client, "/calls/?outcome=talked")


@pytest.mark.parametrize(
    "query",
    [
        "?day=yesterday",
        "?day=0001-01-01",
        "?day=9999-12-31",
        "?outcome=x",
        "?page=-3",
        "?page=x",
        "?page=99999999",
        "?number=%27%25<",
    ],
)
def test_rubbish_in_the_address_is_taken_as_nothing(client: FlaskClient, owed: int, query: str) -> None:
    assert "来电记录" in text(client, "/calls/" + query)


def test_pages_of_the_log(client: FlaskClient, tell: Tell) -> None:
    for n in range(51):
        tell(f"c{n:02}", ("arrived", 1000.0 + n, {}))
    first = text(client, "/calls/?number=139")
    assert "1 / 2" in first
    assert "/calls/?page=2&amp;number=139" in first
    second = text(client, "/calls/?number=139&page=2")
    assert "/calls/c00" in second
    assert "/calls/c50" not in second


def test_a_call_s_page_tells_what_happened(client: FlaskClient, tell: Tell, owed: int) -> None:
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
        "1026 · 跳过:1027 小休, 1028 整理",
        "客户服务 · 坐席未接",
        "1026 · 等待 0:27",
        "+1:30",
        "坐席 · 正常结束",
        "odd_new_event",
        "&lt;b&gt;bold&lt;/b&gt;",
        "这个号码的其他来电",
        "/calls/c1",
    ):
        assert said in page, said
    assert "没有这个页面或记录" in text(client, "/calls/nobody", 404)


@pytest.mark.parametrize("named", ["2026/c2.wav", "{dir}/2026/c2.wav"])
def test_a_recording_is_played_in_parts(client: FlaskClient, options: ConsoleOptions, tell: Tell, named: str) -> None:
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


def test_every_take_of_a_call_is_played(client: FlaskClient, options: ConsoleOptions, tell: Tell) -> None:
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


def test_no_file_outside_of_the_recordings_is_played(client: FlaskClient, tmp_path: Path, tell: Tell) -> None:
    (tmp_path / "secret").write_text("x")
    for n, path in enumerate(["../secret", str(tmp_path / "secret"), "", ".", "missing.wav"]):
        tell(f"c{n}", ("arrived", 1.0, {}), ("recording", 2.0, {"path": path}), ("ended", 3.0, {}))
        assert client.get(f"/calls/c{n}/recordings/1").status_code == 404
    assert "录音文件不在原处" in text(client, "/calls/c0")
    tell("live", ("arrived", 1.0, {}), ("recording", 2.0, {"path": "live.wav"}))
    assert "正在录音" in text(client, "/calls/live")


def test_a_return_call_is_claimed_called_and_settled(client: FlaskClient, engine: Engine, owed: int) -> None:
    assert "超时" in text(client, "/callbacks/")  # due two working hours after 2026-11-18 10:00
    path = f"/callbacks/{owed}"
    answer = client.post(path, data={"action": "claim", "who": "小王 1026"}, headers=HERE)
    assert (answer.status_code, answer.headers["Location"]) == (303, path)
    assert "小王 1026" in text(client, "/callbacks/")
    client.post(path, data={"action": "result", "who": "小王 1026", "note": "无人接听"}, headers=HERE)
    assert "无人接听" in text(client, "/callbacks/")
    client.post(path, data={"action": "close", "who": "小王 1026", "note": "已解决"}, headers=HERE)
    assert "没有欠着的回电" in text(client, "/callbacks/")
    assert "已解决" in text(client, "/callbacks/?done=1")
    page = text(client, path)
    assert [what in page for what in ("产生", "认领", "未接通,继续待回", "结清", "/calls/c1")] == [True] * 5
    assert "<form" not in page
    assert [row.state for row in callbacks.list_done(engine, 0.0)] == ["closed"]


def test_waived_and_released(client: FlaskClient, engine: Engine, owed: int) -> None:
    path = f"/callbacks/{owed}"
    client.post(path, data={"action": "claim", "who": "1026"}, headers=HERE)
    client.post(path, data={"action": "release", "who": "1027"}, headers=HERE)
    assert callbacks.list_open(engine, 0.0)[0].state == "open"
    assert "认领</button>" in text(client, "/callbacks/")  # the name is remembered: one click
    client.post(path, data={"action": "waive", "who": "1026", "note": "空号"}, headers=HERE)
    assert "空号" in text(client, "/callbacks/?done=1")


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"action": "claim", "who": ""}, "请填写您的姓名或工号"),
        ({"action": "waive", "who": "1026", "note": " "}, "请填写结果或原因"),
        ({"action": "release", "who": "1026"}, "没有人认领"),
    ],
)
def test_what_can_t_be_done_is_said_on_the_page(client: FlaskClient, owed: int, form: dict[str, str], said: str) -> None:
    answer = client.post(f"/callbacks/{owed}", data=form, headers=HERE)
    assert answer.status_code == 409
    assert said in answer.get_data(as_text=True)


def test_two_people_at_one_return_call(client: FlaskClient, owed: int) -> None:
    path = f"/callbacks/{owed}"
    client.post(path, data={"action": "claim", "who": "小王"}, headers=HERE)
    answer = client.post(path, data={"action": "close", "who": "小李", "note": "note kept"}, headers=HERE)
    assert answer.status_code == 409
    assert "小王 已认领" in answer.get_data(as_text=True)
    assert 'value="note kept"' in answer.get_data(as_text=True)
    client.post(path, data={"action": "close", "who": "小王", "note": "ok"}, headers=HERE)
    answer = client.post(path, data={"action": "claim", "who": "小李"}, headers=HERE)
    assert (answer.status_code, "已经处理完了" in answer.get_data(as_text=True)) == (409, True)


def test_unknown_return_calls_and_actions(client: FlaskClient, owed: int) -> None:
    assert text(client, f"/callbacks/{owed + 1}", 404)
    assert client.post(f"/callbacks/{owed + 1}", data={"action": "claim", "who": "x"}, headers=HERE).status_code == 404
    assert client.post(f"/callbacks/{owed}", data={"action": "burn", "who": "x"}, headers=HERE).status_code == 400


def test_a_broken_balance_is_shown(client: FlaskClient, engine: Engine, owed: int) -> None:
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
def test_a_foreign_page_changes_nothing(client: FlaskClient, engine: Engine, owed: int, headers: dict[str, str]) -> None:
    answer = client.post(f"/callbacks/{owed}", data={"action": "claim", "who": "x"}, headers=headers)
    assert answer.status_code == 403
    assert callbacks.list_open(engine, 0.0)[0].state == "open"


def test_a_browser_without_origin_is_known_by_fetch_metadata(client: FlaskClient, owed: int) -> None:
    answer = client.post(f"/callbacks/{owed}", data={"action": "claim", "who": "x"}, headers={"Sec-Fetch-Site": "same-origin"})
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
def test_a_foreign_name_does_not_lead_here(client: FlaskClient, host: str, status: int) -> None:
    assert client.get("/calls/", headers={"Host": host}).status_code == status


def test_every_answer_forbids_foreign_scripts_and_frames(client: FlaskClient, owed: int) -> None:
    for path in ("/", "/calls/", "/calls/c1", "/callbacks/", "/callbacks/1", "/nowhere", "/healthz", "/static/console.css"):
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


def test_without_a_database_the_page_says_so_and_the_floor_lives(redis_url: str, tmp_path: Path) -> None:
    app = create_app(ConsoleOptions(redis_url, f"sqlite:///{tmp_path}/not-migrated.db", tmp_path))
    try:
        client = app.test_client()
        assert "数据库暂时连不上" in text(client, "/calls/", 503)
        assert "现场" in text(client, "/")
        assert client.get("/readyz").get_json()["sql"] is False
    finally:
        app.extensions["ground"].close()


def test_an_sql_url_that_can_t_be_used_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatabaseUrlError, match="sql_url"):
        create_app(ConsoleOptions("redis://127.0.0.1:1", "nonsense", tmp_path))


def test_how_the_sound_was(client: FlaskClient, tell: Tell, engine: Engine) -> None:
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
