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
from flask.testing import FlaskClient
from sqlalchemy import Engine

from console.app import create_app
from console.options import ConsoleOptions
from followup.book import Rules, book
from followup.events import StreamEvent
from storage.sql import migrate, open_database, writing

Tell = Callable[..., None]


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty, migrated SQLite file, to be copied."""
    path = tmp_path_factory.mktemp("migrated") / "hotline.db"
    migrate(f"sqlite:///{path}")
    return path


@pytest.fixture
def options(tmp_path: Path, redis_url: str, redis_sync: redis_py.Redis, migrated: Path) -> ConsoleOptions:
    """A console of an empty Redis and an empty database."""
    sql_url = f"sqlite:///{tmp_path}/hotline.db"
    shutil.copy(migrated, tmp_path / "hotline.db")
    (tmp_path / "recordings").mkdir()
    return ConsoleOptions(
        redis_url,
        sql_url,
        tmp_path / "recordings",
        hotline_titles={"sample": "示例服务热线"},
        queue_titles={"service": "客户服务"},
        live_views=2,
    )


@pytest.fixture
def app(options: ConsoleOptions) -> Iterator[Flask]:
    app = create_app(options)
    yield app
    app.extensions["ground"].close()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A browser that asks for no language."""
    return app.test_client()


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
