"""`hotline bans …`: over a real Redis and a real database."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from redis import Redis
from typer.testing import CliRunner, Result

from console import changes
from ivr.cli import app
from routing import bans
from storage.sql import migrate, open_database


@pytest.fixture
def sql_url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, redis_url: str, redis_sync: Redis) -> str:
    """Settings of a hotline with an empty database."""
    url = f"sqlite:///{tmp_path}/hotline.db"
    file = tmp_path / "hotline.toml"
    file.write_text(f'data_dir = "{tmp_path}"\nredis_url = "{redis_url}"\nsql_url = "{url}"\n', encoding="utf-8")
    monkeypatch.setenv("HOTLINE_CONFIG", str(file))
    migrate(url)
    return url


def hotline(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["bans", *arguments])


def test_bans_are_listed_and_lifted(sql_url: str, redis_sync: Redis) -> None:
    bans.bar(redis_sync, "number", "13912345678", reason="a number is no address", by="zhao", seconds=60)
    assert hotline("list").stdout == ""
    bans.bar(redis_sync, "address", "203.0.113.9", reason="scan", by="node1", seconds=600)
    bans.bar(redis_sync, "address", "2001:db8:1:2::/64", reason="passwords", by="node2", seconds=1200)
    listed = hotline("list")
    moment = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"
    shape = re.compile(rf"(\S+) +({moment})  until ({moment})  (\w+) +(\w+)")
    found = [shape.fullmatch(line) for line in listed.stdout.splitlines()]
    assert sorted(one.group(1, 4, 5) for one in found if one) == [
        ("2001:db8:1:2::/64", "passwords", "node2"),
        ("203.0.113.9", "scan", "node1"),
    ]
    assert all(one[2] < one[3] for one in found if one)

    assert hotline("lift", "203.0.113.9").exit_code == 0
    again = hotline("lift", "203.0.113.9")
    assert (again.exit_code, again.stderr) == (1, "203.0.113.9 is not banned\n")
    assert [bar.entry for bar in bans.listed(redis_sync, "address")] == ["2001:db8:1:2::/64"]
    engine = open_database(sql_url)
    lines, count = changes.latest(engine)
    engine.dispose()
    assert count == 1, "what was not lifted is no change"
    assert (lines[0].what, lines[0].subject, lines[0].by[:4]) == ("ban_lifted", "address:203.0.113.9", "cli:")
