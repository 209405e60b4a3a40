"""`hotline flow …` and `hotline calendar …`: what they print, and with which status they end."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest
from redis import Redis
from typer.testing import CliRunner

from ivr.cli import app
from storage.sql import migrate
from tests.site import MENU

FIRST = MENU
SECOND = FIRST.replace("prompt: no_input", "prompt: goodbye")
TOML = """
data_dir = "{directory}/var"
[[trunks]]
name = "local"
networks = ["127.0.0.0/8"]
numbers = {{ "4001" = "sample" }}
[[hotlines]]
name = "sample"
[[queues]]
name = "service"
[[calendars]]
name = "shop"
country = ""
week = {{ mon-sun = ["09:00-12:00", "13:30-18:00"] }}
"""
Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(tmp_path: Path, redis_sync: Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Run:
    """run("flow", "show", …): exit status, and what was printed. Names that end with .yaml are files of the test."""
    (tmp_path / "hotline.toml").write_text(TOML.format(directory=tmp_path), encoding="utf-8")
    (tmp_path / "first.yaml").write_text(FIRST, encoding="utf-8")
    (tmp_path / "second.yaml").write_text(SECOND, encoding="utf-8")
    (tmp_path / "broken.yaml").write_text(FIRST.replace("then: main", "then: nowhere"), encoding="utf-8")
    migrate(f"sqlite:///{tmp_path}/var/hotline.db")
    monkeypatch.setenv("HOTLINE_CONFIG", str(tmp_path / "hotline.toml"))
    monkeypatch.setenv("HOTLINE_REDIS_URL", redis_url)

    def run(*arguments: str) -> tuple[int, str]:
        files = [str(tmp_path / text) if text.endswith(".yaml") else text for text in arguments]
        result = CliRunner().invoke(app, files)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result.exit_code, result.output

    return run


def test_a_menu_from_its_draft_to_its_rollback(run: Run) -> None:
    assert run("flow", "publish", "sample", "first.yaml", "--author", "小王", "--note", "一") == (
        0,
        "sample: version 1 is published\n",
    )
    status, said = run("flow", "draft", "sample", "broken.yaml", "--author", "小王")
    assert status == 0
    assert "There is no node 'nowhere'" in said
    assert said.endswith("sample: the draft is saved as revision 1\n")
    status, said = run("flow", "publish", "sample", "--author", "小王")
    assert status == 2
    assert "sample:4: error: [welcome] There is no node 'nowhere'" in said
    status, said = run("flow", "draft", "sample", "second.yaml", "--author", "小李")
    assert status == 3
    assert "the draft was saved by 小王 at " in said
    assert (run("flow", "draft", "sample", "second.yaml", "--author", "小王"))[1].endswith("revision 2\n")
    assert run("flow", "draft", "sample") == (0, SECOND)
    assert (run("flow", "publish", "sample", "--author", "小王"))[1] == "sample: version 2 is published\n"
    status, said = run("flow", "publish", "sample", "first.yaml", "--author", "小李", "--based-on", "1")
    assert status == 3
    assert "sample: the published version is 2, published by 小王 at " in said
    status, said = run("flow", "diff", "sample", "1", "2")
    assert status == 0
    assert "\n-  main: {kind: menu, prompt: no_input" in said
    assert "\n+  main: {kind: menu, prompt: goodbye" in said
    assert run("flow", "rollback", "sample", "1", "--author", "小张", "--note", "退回") == (
        0,
        "sample: version 3 is published, with the text of version 1\n",
    )
    assert run("flow", "show", "sample") == (0, FIRST)
    assert run("flow", "show", "sample", "--version", "2") == (0, SECOND)
    status, said = run("flow", "versions", "sample")
    rows = [line.split() for line in said.splitlines()]
    assert [(row[0], row[1]) for row in rows] == [("*", "3"), ("2", rows[1][1]), ("1", rows[2][1])]
    assert rows[0][-1] == "退回"
    assert "小张" in rows[0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("flow", "versions", "shop"), "there is no hotline 'shop'; the settings have: sample"),
        (("flow", "publish", "sample", "nowhere.yaml"), "nowhere.yaml: cannot be read: No such file"),
        (("flow", "publish", "sample", "broken.yaml"), "There is no node 'nowhere'"),
        (("flow", "publish", "sample", "first.yaml", "--author", "file"), "author: 'file' stands for"),
        (("flow", "publish", "sample"), "sample: there is no draft: name a file"),
        (("flow", "draft", "sample"), "sample: there is no draft"),
        (("flow", "show", "sample"), "sample: no menu is published"),
        (("flow", "show", "sample", "--version", "7"), "sample: there is no version 7"),
        (("flow", "diff", "sample", "1", "2"), "sample: there is no version 1"),
        (("flow", "rollback", "sample", "1"), "sample: there is no version 1"),
        (("calendar", "show", "moon"), "there is no calendar 'moon'; there are: default, shop"),
        (("calendar", "off", "shop", "2027-02-30"), "'2027-02-30' is no day"),
        (("calendar", "work", "shop", "2027-02-20", "9-18"), "'9-18' is no span of hours"),
        (("calendar", "unset", "shop", "2027-02-20"), "shop: 2027-02-20 is not set"),
    ],
)
def test_bad_input_is_named(run: Run, arguments: tuple[str, ...], message: str) -> None:
    status, said = run(*arguments)
    assert status == 2, said
    assert message in said


def test_a_day_is_closed_opened_and_given_back(run: Run) -> None:
    days = [date.today() + timedelta(days=offset) for offset in (1, 2)]
    assert (run("calendar", "off", "shop", str(days[0]), "--name", "公司年会", "--author", "小王"))[0] == 0
    assert (run("calendar", "work", "shop", str(days[1]), "10:00-11:00", "14:00-15:00", "--author", "小李"))[0] == 0
    status, said = run("calendar", "show", "shop", "--days", "5")
    assert status == 0
    lines = {line.partition(" ")[0]: line for line in said.splitlines()}
    assert len(lines) == 5
    assert lines[str(days[0])].endswith("closed  公司年会 (set by 小王)")
    assert lines[str(days[1])].endswith("10:00-11:00, 14:00-15:00   (set by 小李)")
    assert (run("calendar", "unset", "shop", str(days[0])))[0] == 0
    said = (run("calendar", "show", "shop"))[1]
    assert len(said.splitlines()) == 14
    assert f"{days[0]}" in said
    assert "公司年会" not in said
