"""[io] The SQL ground: engines, short transactions, migrations. SQLite by default, PostgreSQL through the same URL."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from sqlalchemy import Connection, Engine, create_engine, event, inspect, make_url, text
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from storage.redis import StorageError

if TYPE_CHECKING:
    from alembic.config import Config

MIGRATIONS = Path(__file__).parent / "migrations"
NEWEST = max(path.stem for path in (MIGRATIONS / "versions").glob("v*.py"))[1:5]
"""Revision of the newest schema: the number in its file's name."""
BUSY_TIMEOUT_S = 5.0

Source: TypeAlias = Engine | Connection
"""What is read from: a database, or one view of it that several functions share."""

_WRITING = "hotline_writing"
_MIGRATION_LOCK = 0x400
"""Key of PostgreSQL's advisory lock: two processes that start together migrate one after the other."""


class DatabaseUrlError(StorageError):
    """sql_url can't be used as it stands; the text names the key and what is wrong."""


def open_database(url: str) -> Engine:
    """An engine with our habits. SQLite: WAL, foreign keys, busy_timeout 5 s, synchronous FULL; its directory is created.

    Connects lazily. Raises DatabaseUrlError for a URL that is no URL or whose driver is not installed; an unreachable
    server shows as sqlalchemy.exc.OperationalError at first use.
    """
    try:
        parsed = make_url(url)
        if parsed.drivername in ("postgres", "postgresql"):
            parsed = parsed.set(drivername="postgresql+psycopg")
        if parsed.get_backend_name() != "sqlite":
            return create_engine(parsed, pool_pre_ping=True)
        if parsed.database:
            Path(parsed.database).absolute().parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(parsed, connect_args={"timeout": BUSY_TIMEOUT_S})
    except (ArgumentError, NoSuchModuleError) as error:
        raise DatabaseUrlError(f"sql_url: {error}") from error
    except ModuleNotFoundError as error:
        raise DatabaseUrlError(f"sql_url: its driver is not installed: pip install {error.name}") from error
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that writes: committed at the end, rolled back by any exception.

    On SQLite it is BEGIN IMMEDIATE: the write lock is waited for at the start, so that no transaction fails half-way
    because another has written since it first read. Keep it short.
    """
    with engine.connect() as connection:
        connection.execution_options(**{_WRITING: True})
        with connection.begin():
            yield connection


@contextmanager
def reading(source: Source) -> Iterator[Connection]:
    """One consistent view for several SELECTs; nothing is ever committed. Of a connection: its own view, which goes on."""
    if isinstance(source, Connection):
        yield source
        return
    with source.connect() as connection:
        yield connection


def migrate(url: str) -> None:
    """Bring the database to the newest schema, in one transaction; safe to be run by several processes at once."""
    engine = open_database(url)
    try:
        with writing(engine) as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
            if not _newest(connection):
                from alembic import command  # a tenth of a second and more, at each process's start

                command.upgrade(migration_config(connection), "head")
    finally:
        engine.dispose()


def _newest(connection: Connection) -> bool:
    """Whether there is nothing to migrate."""
    if not inspect(connection).has_table("alembic_version"):
        return False
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalars().all() == [NEWEST]


def migration_config(connection: Connection) -> Config:
    """Alembic's configuration for our scripts, bound to `connection`; no alembic.ini is read."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    # The driver's own BEGIN is deferred and skipped before DDL: take transactions into our own hands.
    connection.isolation_level = None
    connection.execute(f"PRAGMA busy_timeout = {int(BUSY_TIMEOUT_S * 1000)}")
    _use_wal(connection)
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")


def _use_wal(connection: sqlite3.Connection) -> None:
    # The switch does not heed busy_timeout: of several processes that open a new file at once, SQLite refuses some.
    deadline = time.monotonic() + BUSY_TIMEOUT_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() >= deadline:
                raise
            time.sleep(0.01)


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.get_execution_options().get(_WRITING) else "BEGIN")
