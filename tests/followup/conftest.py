"""Fixtures of the room: a database, and calls told as events."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from followup.book import Rules, book
from followup.events import StreamEvent
from storage.sql import migrate, open_database, writing
from tests.postgresql import DATABASES, Server

Story = Callable[..., list[StreamEvent]]


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty, migrated SQLite file, to be copied."""
    path = tmp_path_factory.mktemp("migrated") / "hotline.db"
    migrate(f"sqlite:///{path}")
    return path


@pytest.fixture(params=DATABASES)
def sql_url(request: pytest.FixtureRequest, tmp_path: Path, migrated: Path) -> Iterator[str]:
    """URL of an empty, migrated database."""
    if request.param == "sqlite":
        shutil.copy(migrated, tmp_path / "hotline.db")
        yield f"sqlite:///{tmp_path}/hotline.db"
        return
    server: Server = request.getfixturevalue("postgresql")
    with server.database("migrated", migrate) as url:
        yield url


@pytest.fixture
def engine(sql_url: str) -> Iterator[Engine]:
    """An engine on the empty, migrated database."""
    engine = open_database(sql_url)
    yield engine
    engine.dispose()


@pytest.fixture
def story() -> Story:
    """story("c1", ("arrived", 100.0, {...}), ...): the events of one call, numbered from 1, with the usual caller."""

    def tell(subject: str, *steps: tuple[str, float, dict[str, Any]], caller: str = "13912345678") -> list[StreamEvent]:
        events = []
        usual = {
            "node": "n1",
            "trunk": "local",
            "hotline": "sample",
            "called": "4001",
            "caller": caller,
            "dialable": bool(caller),
        }
        for seq, (kind, at, given) in enumerate(steps, start=1):
            data = usual | given if kind == "arrived" else given
            events.append(StreamEvent(subject, seq, kind, at, data, json.dumps(data)))
        return events

    return tell


@pytest.fixture
def gave_up(story: Story) -> Story:
    """gave_up("c1", 100.0, waited_s=30.0): a call that queued and was abandoned."""

    def tell(subject: str, at: float, waited_s: float = 30.0, caller: str = "13912345678") -> list[StreamEvent]:
        return story(
            subject,
            ("arrived", at, {}),
            ("queued", at, {"queue": "service", "position": 1}),
            ("ended", at + waited_s, {"by": "caller", "reason": "abandoned", "phase": "QUEUED", "wait_s": waited_s}),
            caller=caller,
        )

    return tell


@pytest.fixture
def talked(story: Story) -> Story:
    """talked("c2", 200.0): a call that was answered by seat 1026 five seconds after it came."""

    def tell(subject: str, at: float, caller: str = "13912345678") -> list[StreamEvent]:
        return story(
            subject,
            ("arrived", at, {}),
            ("queued", at + 1, {"queue": "service", "position": 1}),
            ("offered", at + 2, {"seat": "1026", "skipped": []}),
            ("talking", at + 5, {"seat": "1026", "wait_s": 4.0}),
            ("ended", at + 65, {"by": "caller", "reason": "completed", "phase": "TALKING", "talk_s": 60.0}),
            caller=caller,
        )

    return tell


@pytest.fixture
def write(engine: Engine) -> Callable[..., int]:
    """write(events, ...): books lists of events, each in a transaction of its own, under the default rules."""

    def run(*batches: list[StreamEvent]) -> int:
        count = 0
        for batch in batches:
            with writing(engine) as connection:
                count += book(connection, batch, Rules())
        return count

    return run
