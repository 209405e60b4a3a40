"""[io] What the commands share: settings, connections, and how they fail."""

from __future__ import annotations

import contextlib
import getpass
from collections.abc import Iterator
from typing import TYPE_CHECKING

import structlog
import typer

from ivr import config, log
from ivr.config import ConfigError, Settings
from storage import signs

if TYPE_CHECKING:
    from redis import Redis
    from sqlalchemy import Engine


def fail(text: str, status: int = 2) -> typer.Exit:
    """To be raised: the text goes to standard error."""
    typer.echo(text, err=True)
    return typer.Exit(status)


def settings() -> Settings:
    """The settings, or the end with exit status 2."""
    try:
        return config.load()
    except ConfigError as error:
        raise fail(str(error)) from error


def process(name: str) -> Settings:
    """Settings of a process that needs Redis: only `serve` brings its own."""
    found = settings()
    log.configure(name, found.log_level)
    if not found.redis_url:
        raise fail(
            "redis_url is not set: give it in hotline.toml or as HOTLINE_REDIS_URL "
            "(only `hotline serve` starts a Redis of its own)"
        )
    return found


@contextlib.contextmanager
def alive(found: Settings, name: str) -> Iterator[None]:
    """As long as this lasts the process leaves its sign; a disk that is full is no reason not to start."""
    found.make_directories()
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(signs.leave(found.run_dir, name))
        except OSError as error:
            structlog.get_logger().warning(
                "no sign can be left: this process will be missing on the health page", why=str(error)
            )
        yield


@contextlib.contextmanager
def redis() -> Iterator[Redis]:
    """The live state, for a tool beside the engine: the Redis of the settings, or that of `hotline serve`."""
    from redis.exceptions import RedisError

    from storage.embedded import EmbeddedRedis
    from storage.redis import StorageError, connect_sync

    found = settings()
    try:
        with connect_sync(found.redis_url or EmbeddedRedis(found.data_dir).foreign_url) as client:
            yield client
    except (StorageError, RedisError) as error:
        raise fail(str(error), 1) from None


@contextlib.contextmanager
def database() -> Iterator[Engine]:
    """The SQL database, for a tool; what is wrong with it ends the command with exit status 1."""
    from sqlalchemy.exc import DBAPIError

    from storage.redis import StorageError
    from storage.sql import open_database

    try:
        engine = open_database(settings().database_url)
    except (StorageError, OSError) as error:
        raise fail(f"sql_url: {error}", 1) from None
    try:
        yield engine
    except DBAPIError as error:
        raise fail(f"sql_url: the database can't be used: {str(error.orig).partition(chr(10))[0]}", 1) from None
    finally:
        engine.dispose()


def user() -> str:
    """Who types: the author where none is named."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # no such user, as in some containers
        return "unknown"
