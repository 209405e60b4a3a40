"""A PostgreSQL of the test session's own, on a unix socket: there `make interop` runs what `make test` runs on SQLite."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, LiteralString

import psycopg
import pytest
from psycopg import sql

DATABASES = ["sqlite", pytest.param("postgresql", marks=pytest.mark.interop(peer="PostgreSQL"))]
"""Parameters of a fixture whose tests run on both."""

START_S = 30.0
"""A bound for the server's start."""
USER = "hotline"
_QUICK = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "listen_addresses=")
"""What is lost with the machine may be lost."""


@dataclass
class Server:
    """One that runs: `directory` holds its socket."""

    directory: Path
    databases: dict[str, _Restored] = field(default_factory=dict)

    @contextlib.contextmanager
    def database(self, name: str, prepare: Callable[[str], None]) -> Iterator[str]:
        """URL of a database as `prepare` made it the first time. After the block it is again what it was: that takes a tenth
        of what a new database takes."""
        url = f"postgresql+psycopg://{USER}@/{name}?host={self.directory}"
        if name not in self.databases:
            with self._connected("postgres") as connection:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
            prepare(url)
            with self._connected(name) as connection:
                self.databases[name] = _Restored.look(connection)
        yield url
        with self._connected(name) as connection:
            self.databases[name].restore(connection)

    def _connected(self, database: str) -> psycopg.Connection[tuple[Any, ...]]:
        return psycopg.connect(host=str(self.directory), user=USER, dbname=database, autocommit=True)


@dataclass
class _Restored:
    """Rows and counters that a database had once; the rows are kept beside the tables."""

    tables: list[str]
    kept: list[str]
    counters: list[tuple[str, int, bool]]

    @classmethod
    def look(cls, connection: psycopg.Connection[tuple[Any, ...]]) -> _Restored:
        tables = _first(connection, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        names = _first(connection, "SELECT sequencename FROM pg_sequences WHERE schemaname = 'public'")
        connection.execute("CREATE SCHEMA kept")
        kept = []
        for name in tables:
            copy = connection.execute(sql.SQL("CREATE TABLE kept.{0} AS TABLE public.{0}").format(sql.Identifier(name)))
            kept += [name] * (copy.rowcount > 0)
        counters = []
        for name in names:
            row = connection.execute(sql.SQL("SELECT last_value, is_called FROM {}").format(sql.Identifier(name))).fetchone()
            assert row is not None
            counters.append((name, row[0], row[1]))
        return cls(tables, kept, counters)

    def restore(self, connection: psycopg.Connection[tuple[Any, ...]]) -> None:
        others = "datname = current_database() AND pid <> pg_backend_pid()"  # processes that a test killed may have some
        connection.execute(f"SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE {others}")
        connection.execute("SET session_replication_role = replica")  # no triggers: ledgers refuse to be deleted
        with connection.transaction():
            for name in self.tables:
                connection.execute(sql.SQL("DELETE FROM public.{}").format(sql.Identifier(name)))
            for name in self.kept:
                connection.execute(sql.SQL("INSERT INTO public.{0} TABLE kept.{0}").format(sql.Identifier(name)))
            for counter in self.counters:
                connection.execute("SELECT setval(%s::regclass, %s, %s)", counter)


def _first(connection: psycopg.Connection[tuple[Any, ...]], query: LiteralString) -> list[str]:
    return [str(row[0]) for row in connection.execute(query)]


@contextlib.contextmanager
def server() -> Iterator[Server]:
    """A new one, gone after the block. It compares texts by the rules of languages (ICU), as installations do. Run by root it
    is the user postgres who runs it: it refuses root."""
    owner = "postgres" if os.geteuid() == 0 else None
    directory = Path(tempfile.mkdtemp(prefix="hotline-postgresql-", dir="/tmp"))
    try:
        if owner is not None:
            shutil.chown(directory, owner, owner)
        new = ("-U", USER, "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=und", "-N")
        with (directory / "log").open("w") as log:
            made = (_program("initdb"), "-D", str(directory / "data"), *new)
            subprocess.run(made, check=True, cwd=directory, stdout=log, stderr=log, user=owner, group=owner)
            settings = [word for each in (*_QUICK, f"unix_socket_directories={directory}") for word in ("-c", each)]
            command = (_program("postgres"), "-D", str(directory / "data"), *settings)
            process = subprocess.Popen(command, cwd=directory, stdout=log, stderr=log, user=owner, group=owner)
        try:
            _wait(directory, process)
            yield Server(directory)
        finally:
            process.send_signal(signal.SIGINT)  # at once, whoever is connected
            process.wait(START_S)
    finally:
        shutil.rmtree(directory)


def _wait(directory: Path, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_S
    while True:
        try:
            psycopg.connect(host=str(directory), user=USER, dbname="postgres").close()
        except psycopg.OperationalError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError((directory / "log").read_text()) from None
            time.sleep(0.05)
        else:
            return


def _program(name: str) -> str:
    """The newest there is; Debian keeps them beside the PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[4]))
    there = str(found[-1]) if found else shutil.which(name)
    if there is None:
        raise AssertionError(f"there is no {name}. On Debian: apt-get install postgresql")
    return there
