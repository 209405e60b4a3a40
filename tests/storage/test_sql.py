"""The SQL ground: pragmas, transactions, migrations."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, inspect, text
from sqlalchemy.exc import IntegrityError, OperationalError

from followup.tables import metadata
from storage.redis import StorageError
from storage.sql import DatabaseUrlError, migrate, open_database, reading, writing


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/deep/down/hotline.db"


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    engine = open_database(url)
    yield engine
    engine.dispose()


def test_sqlite_is_opened_with_our_habits(engine: Engine) -> None:
    with reading(engine) as connection:
        pragmas = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in ("journal_mode", "foreign_keys", "busy_timeout", "synchronous")
        }
    assert pragmas == {"journal_mode": "wal", "foreign_keys": 1, "busy_timeout": 5000, "synchronous": 2}


def test_a_writing_transaction_holds_the_write_lock_from_its_start(engine: Engine) -> None:
    with writing(engine) as connection:
        connection.execute(text("CREATE TABLE t (n INTEGER)"))
        connection.execute(text("INSERT INTO t VALUES (0)"))

    def add() -> None:
        for _ in range(50):
            with writing(engine) as connection:  # read, then write: a deferred BEGIN would fail here with "database is locked"
                n = connection.execute(text("SELECT n FROM t")).scalar_one()
                connection.execute(text("UPDATE t SET n = :n"), {"n": n + 1})

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with reading(engine) as connection:
        assert connection.execute(text("SELECT n FROM t")).scalar_one() == 200


def test_an_exception_rolls_back_and_reading_commits_nothing(engine: Engine) -> None:
    with writing(engine) as connection:
        connection.execute(text("CREATE TABLE t (n INTEGER UNIQUE)"))
        connection.execute(text("INSERT INTO t VALUES (0)"))
    with pytest.raises(IntegrityError), writing(engine) as connection:
        connection.execute(text("INSERT INTO t VALUES (1), (1)"))
    with reading(engine) as connection:
        connection.execute(text("INSERT INTO t VALUES (2)"))
    with reading(engine) as connection:
        assert connection.execute(text("SELECT count(*) FROM t")).scalar_one() == 1


def test_migrations_make_exactly_the_tables_of_the_rooms(url: str, engine: Engine) -> None:
    migrate(url)
    migrate(url)
    with reading(engine) as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
        for table in metadata.tables.values():  # autogenerate compares neither CHECKs nor partial indexes' conditions
            made = {check["name"] for check in inspect(connection).get_check_constraints(table.name)}
            assert made == {c.name for c in table.constraints if str(c.name).startswith("ck_")}
        pending = connection.execute(text("SELECT sql FROM sqlite_master WHERE name = 'uq_return_call_pending'")).scalar_one()
        assert "WHERE state IN ('open', 'claimed')" in pending


@pytest.mark.parametrize("attempt", range(5))
def test_several_processes_may_migrate_at_once(url: str, attempt: int) -> None:
    failures: list[BaseException] = []

    def run() -> None:
        try:
            migrate(url)
        except OperationalError as error:
            failures.append(error)

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_the_ledger_refuses_to_be_changed(url: str, engine: Engine) -> None:
    migrate(url)
    with writing(engine) as connection:
        row = "(1, 'return', 'open', 'sample', '0471', 'abandoned', 1, 2, '', NULL, 0, '', NULL, '', '')"
        connection.execute(text(f"INSERT INTO return_call VALUES {row}"))
        connection.execute(text("INSERT INTO ledger VALUES (1, 1, 'opened', 'system', 1, '')"))
    for statement in ("UPDATE ledger SET what = 'closed'", "DELETE FROM ledger"):
        with pytest.raises(Exception, match="the ledger is append-only"), writing(engine) as connection:
            connection.execute(text(statement))


@pytest.mark.parametrize("url", ["", "nonsense", "oracle9://x/y", "mysql+nodriver://x/y"])
def test_a_url_that_cannot_be_used_is_named(url: str) -> None:
    with pytest.raises(DatabaseUrlError, match=r"^sql_url: ") as caught:
        open_database(url)
    assert isinstance(caught.value, StorageError)
