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


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "hotline.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_sample_is_in_order() -> None:
    settings = load(SAMPLE, {})
    assert settings.hotlines[0].menu.exists()
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
        ('[hours]\nopen = "18:00:00"\nclose = "09:00:00"\n' + BASE, "hours.open"),
        ('[console]\nhost = "0.0.0.0"\n' + BASE, "console.host"),
        (BASE.replace('name = "q"', 'name = "q"\ncaller_id = "4009"'), "no trunk has '4009' among its caller_ids"),
        (BASE.replace('name = "q"', 'name = "q"\nnumber = "1026"'), "'1026' is the number of more than one"),
        (BASE.replace('name = "q"', 'name = "q"\nnumber = "*81"'), "'*81' is the number of more than one"),
        (BASE + 'trunk = "x"\n', "seats.1026.trunk: there is no trunk 'x'"),
        (BASE + 'phone = "13912345678"\n', "seats.1026.phone: it needs a trunk"),
        (BASE + 'phone = "13912345678"\ntrunk = "t"\n', "seats.1026.phone: 13912345678 may not go out through t: not_allowed"),
        (BASE.replace("numbers", 'number_format = "roman"\nnumbers'), "number_format"),
        (BASE.replace("numbers", 'allow_prefixes = ["*"]\nnumbers'), "allow_prefixes"),
        ("this is not toml", "not TOML"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, named: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(ConfigError, match=r".") as caught:
        load(path, {})
    assert named in str(caught.value)
    assert str(path) in str(caught.value)


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


def test_control_sockets_fit_their_path(tmp_path: Path) -> None:
    short = load(SAMPLE, {"HOTLINE_DATA_DIR": "/srv/hotline"})
    assert short.run_dir == Path("/srv/hotline/run")
    long = load(SAMPLE, {"HOTLINE_DATA_DIR": str(tmp_path / ("x" * 120))})
    assert len(str(long.run_dir)) <= LONGEST_RUN_DIR
    assert long.run_dir == load(SAMPLE, {"HOTLINE_DATA_DIR": str(tmp_path / ("x" * 120))}).run_dir, "the same for each process"
    long.make_directories()
    assert long.run_dir.stat().st_mode & 0o777 == 0o700
    long.run_dir.rmdir()
