"""`hotline people …`, `hotline console link`, and what a console refuses at start."""

from __future__ import annotations

import socket
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from console import accounts, changes, links
from console.roles import Role
from ivr import listen
from ivr.cli import app
from storage.sql import open_database

RUNNER = CliRunner()


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sample's settings in a directory of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOTLINE_DATA_DIR", str(tmp_path / "var"))


def run(*arguments: str, status: int = 0) -> str:
    result = RUNNER.invoke(app, list(arguments))
    assert result.exit_code == status, result.output
    return result.output.strip()


def test_people_by_command(tmp_path: Path) -> None:
    link = run("people", "add", "wang", "--name", "小王", "--seat", "1026")
    run("people", "add", "zhao", "--name", "赵主管", "--role", "supervisor")
    engine = open_database(f"sqlite:///{tmp_path}/var/hotline.db")
    try:
        key = link.rpartition("/")[2]
        assert link == f"http://127.0.0.1:8080/welcome/{key}"
        links.set_password(engine, key, "a long password", "", time.time())
        assert accounts.check(engine, "wang", "a long password") is not None
        assert run("people", "list").splitlines() == [
            "wang             seat           1026     小王",
            "zhao             supervisor              赵主管  no password yet",
        ]
        again = run("people", "reset", "wang").rpartition("/")[2]
        assert accounts.check(engine, "wang", "a long password") is None
        assert links.look(engine, again, time.time()).person is not None
        run("people", "disable", "wang")
        assert "disabled" in run("people", "list")
        assert run("people", "reset", "wang", status=1) == "this account is disabled"
        run("people", "enable", "wang")
        told = [line.what for line in changes.latest(engine, subject="person:wang")[0]]
        assert told == ["person_enabled", "person_disabled", "password_reset", "password_set", "person_added"]
        assert changes.latest(engine)[0][0].by.startswith("cli:")
    finally:
        engine.dispose()


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("people", "add", "wu", "--name", "吴"), 1, "a seat needs its agent number"),
        (("people", "add", "wu", "--name", "吴", "--seat", "9999"), 2, "have no seat '9999'"),
        (("people", "add", "W!", "--name", "吴", "--role", "supervisor"), 1, "a login name has 2 to 32"),
        (("people", "reset", "nobody"), 1, "nobody of this login name"),
        (("people", "unlock", "account:nobody"), 1, "is not locked"),
    ],
)
def test_what_can_t_be_done_is_said(arguments: tuple[str, ...], status: int, said: str) -> None:
    assert said in run(*arguments, status=status)


def test_links_for_the_first_administrator_until_there_is_one(tmp_path: Path) -> None:
    one, two = run("console", "link"), run("console", "link")
    assert one != two
    engine = open_database(f"sqlite:///{tmp_path}/var/hotline.db")
    try:
        key = one.rpartition("/")[2]
        made = links.create_administrator(engine, key, "boss", "老板", "a long password", "", time.time())
        assert made.role is Role.ADMINISTRATOR
    finally:
        engine.dispose()
    assert "there is an administrator" in run("console", "link", status=1)


@pytest.mark.parametrize(("host", "loopback"), [("127.0.0.1", True), ("0.0.0.0", False)])
def test_a_passed_socket_that_listens_elsewhere_is_found(host: str, loopback: bool) -> None:
    with socket.create_server((host, 0)) as sock:
        assert listen.is_loopback(sock.fileno()) == loopback
        assert sock.getsockname()[1], "and is left open"
