"""Fixtures of the room: a console over a real database and a real Redis, and calls in them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis as redis_py
from flask import Flask
from jinja2 import FileSystemBytecodeCache
from sqlalchemy import Engine

from console import accounts
from console.app import create_app
from console.changes import SYSTEM
from console.options import ConsoleOptions
from console.roles import Role
from followup.book import Rules, book
from followup.events import StreamEvent
from storage.sql import migrate, open_database, writing
from tests.console.browser import PASSWORD, Browser
from tests.console.workshop import workshop
from tests.postgresql import DATABASES, Server

Tell = Callable[..., None]
Browse = Callable[..., Browser]


PEOPLE = (
    ("root", "老板", Role.ADMINISTRATOR, ""),
    ("zhao", "赵主管", Role.SUPERVISOR, ""),
    ("wang", "小王", Role.SEAT, "1026"),
    ("li", "小李", Role.SEAT, "1027"),
)
"""Who works here; all have tests.console.browser.PASSWORD."""

ON_BOTH = ("test_calls", "test_edits", "test_login", "test_people", "test_returning", "test_seatview")
"""Modules of those tests that are about what SQL holds."""


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file with PEOPLE in it, to be copied."""
    path = tmp_path_factory.mktemp("migrated") / "hotline.db"
    _furnish(f"sqlite:///{path}")
    return path


def _furnish(sql_url: str) -> None:
    migrate(sql_url)
    engine = open_database(sql_url)
    with writing(engine) as connection:
        for login, name, role, seat in PEOPLE:
            accounts.insert_person(connection, login, name, role, seat, SYSTEM, 1000.0)
            accounts.set_password(connection, accounts.row_of(connection, login), PASSWORD, SYSTEM, 1000.0)
    engine.dispose()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """On which databases a test runs."""
    if "sql_url" in metafunc.fixturenames:
        both = metafunc.module.__name__.rpartition(".")[2] in ON_BOTH
        metafunc.parametrize("sql_url", DATABASES if both else DATABASES[:1], indirect=True)


@pytest.fixture
def sql_url(request: pytest.FixtureRequest, tmp_path: Path, migrated: Path) -> Iterator[str]:
    """URL of a migrated database with PEOPLE in it."""
    if request.param == "sqlite":
        shutil.copy(migrated, tmp_path / "hotline.db")
        yield f"sqlite:///{tmp_path}/hotline.db"
        return
    server: Server = request.getfixturevalue("postgresql")
    with server.database("employed", _furnish) as url:
        yield url


@pytest.fixture
def options(tmp_path: Path, redis_url: str, redis_sync: redis_py.Redis, sql_url: str) -> ConsoleOptions:
    """A console of an empty Redis and a database that only has PEOPLE."""
    (tmp_path / "recordings").mkdir()
    return ConsoleOptions(
        redis_url,
        sql_url,
        tmp_path / "recordings",
        hotline_titles={"sample": "示例服务热线"},
        queue_titles={"service": "客户服务"},
        seats={"1026": "小王", "1027": "小李", "1028": "小张"},
        live_views=2,
        workshop=workshop(tmp_path),
    )


@pytest.fixture(scope="session")
def templates(tmp_path_factory: pytest.TempPathFactory) -> FileSystemBytecodeCache:
    """As they were compiled for one test's console, for the next one's too: without it that is half of what a test takes."""
    return FileSystemBytecodeCache(str(tmp_path_factory.mktemp("templates")))


@pytest.fixture
def app(options: ConsoleOptions, templates: FileSystemBytecodeCache) -> Iterator[Flask]:
    app = create_app(options)
    app.jinja_env.bytecode_cache = templates
    app.test_client_class = Browser
    yield app
    app.extensions["ground"].close()


@pytest.fixture
def browse(app: Flask) -> Browse:
    """browse("wang"): a browser in which this person is logged in, by the form; browse(): one in which nobody is. None asks for
    a language."""

    def run(login: str = "") -> Browser:
        browser = app.test_client()
        assert isinstance(browser, Browser)
        if login:
            assert browser.log_in(login).status_code == 303
        return browser

    return run


@pytest.fixture
def client(browse: Browse) -> Browser:
    """The administrator's browser."""
    return browse("root")


@pytest.fixture
def engine(options: ConsoleOptions) -> Iterator[Engine]:
    engine = open_database(options.sql_url)
    yield engine
    engine.dispose()


@pytest.fixture
def tell(engine: Engine) -> Tell:
    """tell("c1", ("arrived", 100.0, {...}), ...): books the events of one call."""

    def run(call_id: str, *steps: tuple[str, float, dict[str, Any]], caller: str = "13912345678") -> None:
        usual = {
            "node": "n1",
            "trunk": "local",
            "hotline": "sample",
            "called": "4001",
            "caller": caller,
            "dialable": bool(caller),
        }
        usual |= {"province": "江苏省", "city": "苏州"}
        events = []
        for seq, (kind, at, given) in enumerate(steps, start=1):
            data = usual | given if kind == "arrived" else given
            events.append(StreamEvent(call_id, seq, kind, at, data, json.dumps(data, ensure_ascii=False)))
        with writing(engine) as connection:
            book(connection, events, Rules())

    return run


@pytest.fixture
def owed(tell: Tell) -> int:
    """The id of a return call that is owed to 139 1234 5678 since 2026-11-18 10:00:30."""
    tell(
        "c1",
        ("arrived", 1794967200.0, {}),
        ("queued", 1794967200.0, {"queue": "service", "position": 1}),
        ("ended", 1794967230.0, {"by": "caller", "reason": "abandoned", "phase": "QUEUED", "wait_s": 30.0}),
    )
    return 1
