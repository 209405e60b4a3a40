"""`hotline caller …`: over a real Redis and a real database."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from typer.testing import CliRunner, Result

from ivr.cli import app
from storage.sql import migrate


@pytest.fixture
def installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, redis_url: str, redis_sync: Redis) -> Redis:
    """Settings of a hotline in 呼和浩特, with an empty database."""
    file = tmp_path / "hotline.toml"
    trunk = '[[trunks]]\nname = "t"\nnetworks = ["192.0.2.0/24"]\nhome_area_code = "0471"\nnumbers = {}\n'
    url = f"sqlite:///{tmp_path}/hotline.db"
    head = f'data_dir = "{tmp_path}"\nredis_url = "{redis_url}"\nsql_url = "{url}"\n'
    file.write_text(head + trunk, encoding="utf-8")
    monkeypatch.setenv("HOTLINE_CONFIG", str(file))
    migrate(url)
    return redis_sync


def hotline(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["caller", *arguments])


def test_what_is_set_is_shown_and_told_to_menus(installation: Redis) -> None:
    result = hotline("set", "461 3311", "--name", "王先生", "--class", "vip", "--tag", "repair", "--tag", "old")
    assert result.exit_code == 0, result.output
    assert result.stdout == hotline("show", "+86 471 4613311").stdout
    assert [line.split(maxsplit=1)[1:] for line in result.stdout.splitlines()] == [
        ["04714613311"],
        ["王先生"],
        ["vip"],
        ["repair, old"],
        ["0"],
    ]
    facts: Any = installation.hgetall("{hotline}:caller:04714613311")
    assert facts == {"name": "王先生", "class": "vip", "tags": "repair,old"}
    assert hotline("set", "4613311", "--name", "", "--class", "", "--tag", "").exit_code == 0
    assert not installation.exists("{hotline}:caller:04714613311")


@pytest.mark.parametrize(
    ("arguments", "why"),
    [(("show", "nobody"), "'nobody' is no number"), (("set", "4613311", "--tag", "a,b"), "comma")],
)
def test_what_is_no_use_is_told(installation: Redis, arguments: tuple[str, ...], why: str) -> None:
    result = hotline(*arguments)
    assert result.exit_code == 2
    assert why in result.stderr
