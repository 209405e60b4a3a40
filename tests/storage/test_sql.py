"""The SQL ground: pragmas, transactions, migrations."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, MetaData, inspect, text
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError

from console import tables as console
from followup.tables import PENDING, metadata
from storage import menus
from storage.redis import StorageError
from storage.sql import NEWEST, DatabaseUrlError, Source, migrate, migration_config, open_database, reading, writing
from tests.postgresql import DATABASES


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


def test_readings_within_a_reading_share_its_view(engine: Engine) -> None:
    with writing(engine) as connection:
        connection.execute(text("CREATE TABLE t (n INTEGER)"))

    def count(source: Source) -> int:
        with reading(source) as connection:
            return int(connection.execute(text("SELECT count(*) FROM t")).scalar_one())

    with reading(engine) as view:
        assert count(view) == 0
        with writing(engine) as connection:
            connection.execute(text("INSERT INTO t VALUES (1)"))
        assert (count(view), count(engine)) == (0, 1)


@pytest.fixture(params=DATABASES)
def migrated(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """Of the newest schema."""
    with contextlib.ExitStack() as stack:
        url = f"sqlite:///{tmp_path}/hotline.db"
        if request.param == "postgresql":
            url = stack.enter_context(request.getfixturevalue("postgresql").database("migrated", migrate))
        migrate(url)
        engine = open_database(url)
        yield engine
        engine.dispose()


def test_migrations_make_exactly_the_tables_of_the_rooms(migrated: Engine) -> None:
    migrate(migrated.url.render_as_string(hide_password=False))
    with reading(migrated) as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        both = MetaData()
        for table in (*metadata.tables.values(), *menus.metadata.tables.values(), *console.metadata.tables.values()):
            table.to_metadata(both)
        assert compare_metadata(context, both) == []
        # autogenerate compares neither CHECKs nor partial indexes' conditions
        for table in both.tables.values():
            made = {check["name"] for check in inspect(connection).get_check_constraints(table.name)}
            assert made == {c.name for c in table.constraints if str(c.name).startswith("ck_")}
        if connection.dialect.name == "sqlite":  # PostgreSQL writes it in words of its own
            pending = connection.execute(text("SELECT sql FROM sqlite_master WHERE name = 'uq_return_call_pending'"))
            assert f"WHERE {PENDING}" in pending.scalar_one()


def test_a_database_of_the_newest_schema_is_left_as_it_is(url: str, engine: Engine) -> None:
    with writing(engine) as connection:
        config = migration_config(connection)
        assert ScriptDirectory.from_config(config).get_heads() == [NEWEST]
        command.stamp(config, NEWEST)
    migrate(url)
    with reading(engine) as connection:
        assert inspect(connection).get_table_names() == ["alembic_version"]


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


def test_the_ledger_refuses_to_be_changed(migrated: Engine) -> None:
    with writing(migrated) as connection:
        row = "(1, 'return', 'open', 'sample', '0471', 'abandoned', 1, 2, '', NULL, 0, '', NULL, '', '', '', NULL)"
        connection.execute(text(f"INSERT INTO return_call VALUES {row}"))
        connection.execute(text("INSERT INTO ledger VALUES (1, 1, 'opened', 'system', 1, '')"))
    for statement in ("UPDATE ledger SET what = 'closed'", "DELETE FROM ledger"):
        with pytest.raises(DBAPIError, match="the ledger is append-only"), writing(migrated) as connection:
            connection.execute(text(statement))


def test_the_change_log_refuses_to_be_changed(migrated: Engine) -> None:
    with writing(migrated) as connection:
        connection.execute(
            text("INSERT INTO change_log VALUES (1, 1.0, 'root', '', 'person_added', 'person:wang', '{}', '{}')")
        )
    for statement in ("UPDATE change_log SET \"by\" = 'nobody'", "DELETE FROM change_log"):
        with pytest.raises(DBAPIError, match="the change log is append-only"), writing(migrated) as connection:
            connection.execute(text(statement))


def test_a_ledger_of_before_keeps_its_lines(url: str, engine: Engine) -> None:
    with writing(engine) as connection:
        command.upgrade(migration_config(connection), "0007")
        row = "(1, 'return', 'open', 'sample', '0471', 'abandoned', 1, 2, '', NULL, 0, '', NULL, '', '')"
        connection.execute(text(f"INSERT INTO return_call VALUES {row}"))
        connection.execute(text("INSERT INTO ledger VALUES (7, 1, 'opened', 'system', 1, 'c1')"))
        connection.execute(text("INSERT INTO return_call_call VALUES (1, 'c1', 'owed')"))
    migrate(url)
    with writing(engine) as connection:
        connection.execute(text("INSERT INTO ledger VALUES (8, 1, 'handed_over', 'wang', 2, 'li')"))
        assert connection.execute(text("SELECT id, what FROM ledger ORDER BY id")).all() == [(7, "opened"), (8, "handed_over")]
        assert connection.execute(text("SELECT outcome, next_at FROM return_call")).all() == [("", None)]
        connection.execute(text("INSERT INTO ledger VALUES (9, 1, 'agreed', 'wang', 3, 'c2')"))
        connection.execute(text("INSERT INTO return_call_call VALUES (1, 'c2', 'dialled'), (1, 'c3', 'agreed')"))
        row = "(2, 'return', 'open', 's', '1', 'x', 1, 2, '', NULL, 0, '', NULL, '', '', '', NULL)"
        connection.execute(text(f"INSERT INTO return_call VALUES {row}"))
        roles = connection.execute(text("SELECT call_id, role FROM return_call_call ORDER BY call_id")).all()
        assert roles == [("c1", "owed"), ("c2", "dialled"), ("c3", "agreed")]
    with pytest.raises(IntegrityError), writing(engine) as connection:
        connection.execute(text("INSERT INTO return_call_call VALUES (1, 'c4', 'invented')"))
    with pytest.raises(IntegrityError, match="UNIQUE"), writing(engine) as connection:
        connection.execute(text("INSERT INTO return_call_call VALUES (2, 'c1', 'owed')"))


@pytest.mark.parametrize("url", ["", "nonsense", "oracle9://x/y", "mysql+nodriver://x/y"])
def test_a_url_that_cannot_be_used_is_named(url: str) -> None:
    with pytest.raises(DatabaseUrlError, match=r"^sql_url: ") as caught:
        open_database(url)
    assert isinstance(caught.value, StorageError)
