"""Settings: what is wrong is named, with the file."""

from __future__ import annotations

from pathlib import Path

import pytest

from ivr.config import LONGEST_RUN_DIR, SAMPLE, ConfigError, load
from ivr.dialplan import Callee, ToHotline, ToQueue

BASE = """
[[trunks]]
name = "t"
networks = ["10.0.0.0/24"]
numbers = { "4001" = "h" }
[[hotlines]]
name = "h"
menu = "sample.yaml"
[[queues]]
name = "q"
[[seats]]
number = "1026"
password = "p"
queues = ["q"]
"""


OTHER = '[[trunks]]\nname = "u"\nnetworks = ["10.1.0.0/24"]\nnumbers = {}\ncaller_ids = ["4009"]\n'


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "hotline.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_sample_is_in_order() -> None:
    settings = load(SAMPLE, {})
    menu = settings.hotlines[0].menu
    assert menu is not None
    assert menu.exists()
    assert settings.queue("service").record
    assert settings.data_dir.is_absolute()
    assert "change-me" not in repr(settings), "passwords never reach a log"


def test_the_environment_wins(tmp_path: Path) -> None:
    environ = {"HOTLINE_SIP_PORT": "5070", "HOTLINE_REDIS_URL": "redis://r", "HOTLINE_CONSOLE_PORT": "", "PATH": "/bin"}
    settings = load(write(tmp_path, "[sip]\nport = 5061\n" + BASE), environ)
    assert settings.sip.port == 5070
    assert settings.redis_url == "redis://r"
    assert settings.console.port == 8080, "an empty variable says nothing"
    assert load(write(tmp_path, BASE), {}, sip={"port": 5071}).sip.port == 5071


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("colour = 1\n" + BASE, "colour"),
        ("[sip]\nport = 70000\n" + BASE, "sip.port"),
        ("[sip]\nprot = 1\n" + BASE, "sip.prot"),
        (BASE.replace('"4001" = "h"', '"4001" = "nobody"'), "there is no hotline 'nobody'"),
        (BASE.replace('queues = ["q"]', 'queues = ["z"]'), "there is no queue 'z'"),
        (BASE + '[[seats]]\nnumber = "1026"\npassword = "x"\nqueues = []\n', "'1026' stands there twice"),
        (
            BASE + '[[trunks]]\nname = "u"\nnetworks = ["10.0.0.128/25"]\nnumbers = {}\n',
            "trunks.t and trunks.u share addresses",
        ),
        (BASE.replace("10.0.0.0/24", "10.0.0.300/24"), "networks"),
        ("[media]\nport_min = 30000\nport_max = 30001\nprocesses = 4\n" + BASE, "media.port_min"),
        ('[hours]\nopen = "18:00:00"\n' + BASE, 'hours: this table is now [[calendars]] with name = "default"'),
        (BASE + '[[calendars]]\nweek = { mon = ["18-9"] }\n', "calendars.default: '18-9' is no span of hours"),
        (BASE + "[[calendars]]\nweek = { monday = [] }\n", "calendars.default: 'monday' is no day of the week"),
        (BASE + '[[calendars]]\nname = "shop"\ntime_zone = "Asia/Nowhere"\n', "calendars.shop: "),
        (BASE + '[[calendars]]\nmakeup = ["9"]\n', "calendars.default: '9' is no span"),
        (BASE + "[[calendars]]\n[[calendars]]\n", "calendars: 'default' stands there twice"),
        (BASE + "[[calendars]]\ndays = [{ date = 2027-01-15 }, { date = 2027-01-15 }]\n", "2027-01-15 stands there twice"),
        (BASE + '[[calendars]]\ndays = [{ date = 2027-01-15, open = ["9"] }]\n', "calendars.0.days.0"),
        ('[console]\nhost = "0.0.0.0"\n' + BASE, "console.host"),
        ('[console]\nhost = "192.0.2.7"\nnames = ["desk.example.cn"]\n' + BASE, "console.plain_http"),
        ('[console]\nhost = "0.0.0.0"\nplain_http = true\n' + BASE, "console.names"),
        ('[console]\nhost = "desk.example.cn"\n' + BASE, "console.host"),
        ("[console]\nport = 5061\n" + BASE, "console.port: browsers refuse to open port 5061"),
        ('[console]\ntrusted_proxies = ["proxy"]\n' + BASE, "console.trusted_proxies"),
        ('[followup]\nquiet_hours = ["noon"]\n' + BASE, "followup"),
        (BASE.replace('name = "q"', 'name = "q"\ncaller_id = "4009"'), "no trunk has '4009' among its caller_ids"),
        (
            BASE.replace('name = "q"', 'name = "q"\ncaller_id = "4009"') + 'trunk = "t"\n' + OTHER,
            "seats.1026.trunk: its calls show '4009', none of t's caller_ids",
        ),
        (BASE.replace('name = "q"', 'name = "q"\nnumber = "1026"'), "'1026' is the number of more than one"),
        (BASE.replace('name = "q"', 'name = "q"\nnumber = "*81"'), "'*81' is the number of more than one"),
        (BASE + 'trunk = "x"\n', "seats.1026.trunk: there is no trunk 'x'"),
        (BASE + 'phone = "13912345678"\n', "seats.1026.phone: it needs a trunk"),
        (BASE + 'phone = "13912345678"\ntrunk = "t"\n', "seats.1026.phone: 13912345678 may not go out through t: not_allowed"),
        (BASE.replace("numbers", 'number_format = "roman"\nnumbers'), "number_format"),
        (BASE.replace("numbers", 'allow_prefixes = ["*"]\nnumbers'), "allow_prefixes"),
        ('[desks]\nbreak_reasons = [{ code = "a", zh = "甲" }, { code = "a", zh = "乙" }]\n' + BASE, "'a' stands there twice"),
        ('[desks]\nwrap_up_reasons = [{ code = "A b", zh = "甲" }]\n' + BASE, "desks.wrap_up_reasons.0.code"),
        ("this is not toml", "not TOML"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, named: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(ConfigError, match=r".") as caught:
        load(path, {})
    assert named in str(caught.value)
    assert str(path) in str(caught.value)


def test_what_seats_choose_from(tmp_path: Path) -> None:
    found = load(write(tmp_path, BASE), {})
    assert [reason.code for reason in found.desks.break_reasons][:2] == ["meal", "rest"]
    assert all(reason.zh and reason.en for reason in (*found.desks.break_reasons, *found.desks.wrap_up_reasons))
    text = BASE + '[desks]\nwrap_up_max_s = 600\nbreak_reasons = [{code = "tea", zh = "喝茶"}]\nwrap_up_reasons = []\n'
    own = load(write(tmp_path, text), {"HOTLINE_DESKS_WRAP_UP_RENEW_S": "45"}).desks
    assert (own.wrap_up_max_s, own.wrap_up_renew_s, own.wrap_up_reasons) == (600, 45, ())
    assert [(reason.code, reason.zh, reason.en) for reason in own.break_reasons] == [("tea", "喝茶", "")]


def test_a_missing_file_and_an_unknown_variable(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.toml: cannot be read"):
        load(tmp_path / "none.toml", {})
    with pytest.raises(ConfigError, match="HOTLINE_COLOUR: no such setting"):
        load(SAMPLE, {"HOTLINE_COLOUR": "red"})


def test_the_dial_plan(tmp_path: Path) -> None:
    out = 'caller_ids = ["4000000000"]\nallow_prefixes = ["1"]\nnumbers'
    text = BASE.replace("numbers", out).replace('name = "q"', 'name = "q"\nnumber = "7000"\ncaller_id = "4000000000"')
    text += '[[seats]]\nnumber = "1030"\npassword = "x"\nqueues = ["q"]\nphone = "13912345678"\ntrunk = "t"\n'
    settings = load(write(tmp_path, text), {})
    plan = settings.dial_plan
    assert plan.resolve("1026") == Callee("1026")
    assert plan.resolve("1030") == Callee("1030", "13912345678", "t", "4000000000", confirm=True)
    assert (plan.resolve("4001"), plan.resolve("7000")) == (ToHotline("h"), ToQueue("q"))
    assert isinstance(plan.resolve("13800138000"), Callee)
    assert [seat.fixed for seat in settings.seats] == [False, True]


def test_control_sockets_fit_their_path_in_a_long_temp_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / ("y" * 90)))
    found = load(SAMPLE, {"HOTLINE_DATA_DIR": str(tmp_path / ("x" * 120))}).run_dir
    assert found.parent == Path("/tmp")


def test_control_sockets_fit_their_path(tmp_path: Path) -> None:
    short = load(SAMPLE, {"HOTLINE_DATA_DIR": "/srv/hotline"})
    assert short.run_dir == Path("/srv/hotline/run")
    long = load(SAMPLE, {"HOTLINE_DATA_DIR": str(tmp_path / ("x" * 120))})
    assert len(str(long.run_dir)) <= LONGEST_RUN_DIR
    assert long.run_dir == load(SAMPLE, {"HOTLINE_DATA_DIR": str(tmp_path / ("x" * 120))}).run_dir, "the same for each process"
    long.make_directories()
    assert long.run_dir.stat().st_mode & 0o777 == 0o700
    long.run_dir.rmdir()


def test_who_speaks(tmp_path: Path) -> None:
    (tmp_path / "zh.onnx").write_bytes(b"")
    path = write(tmp_path, BASE + '[voice]\nengine = "piper"\nmodels = { zh = "zh.onnx" }\n')
    settings = load(path, {"HOTLINE_VOICE_CACHE_MB": "7"})
    assert (settings.voice.engine, settings.voice.models, settings.voice.cache_mb) == ("piper", {"zh": tmp_path / "zh.onnx"}, 7)
    with pytest.raises(ConfigError, match=r"voice\.models: needed for sherpa"):
        load(write(tmp_path, BASE + '[voice]\nengine = "sherpa"\n'), {})
    with pytest.raises(ConfigError, match=r"voice\.models\.en: there is no .*en\.onnx"):
        load(write(tmp_path, BASE + '[voice]\nengine = "piper"\nmodels = { en = "en.onnx" }\n'), {})
    with pytest.raises(ConfigError, match=r"voice\.engine"):
        load(write(tmp_path, BASE + '[voice]\nengine = "festival"\n'), {})


@pytest.mark.parametrize(
    ("text", "url", "tls_only"),
    [
        ("", "http://127.0.0.1:8080/", False),
        ('host = "::1"', "http://[::1]:8080/", False),
        ('host = "192.0.2.7"\nplain_http = true', "http://192.0.2.7:8080/", False),
        ('host = "0.0.0.0"\nplain_http = true\nnames = ["desk.lan"]', "http://desk.lan:8080/", False),
        ('host = "192.0.2.7"\ntrusted_proxies = ["192.0.2.1"]', "http://192.0.2.7:8080/", True),
        ('names = ["desk.example.cn"]\ntrusted_proxies = ["127.0.0.1"]', "https://desk.example.cn/", False),
    ],
)
def test_where_the_console_is_found_and_whether_by_tls_alone(tmp_path: Path, text: str, url: str, tls_only: bool) -> None:
    console = load(write(tmp_path, f"[console]\n{text}\n{BASE}"), {}).console
    assert (console.url, console.tls_only) == (url, tls_only)
