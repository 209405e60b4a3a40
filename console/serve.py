"""[io] Serves the console with gunicorn (one process, many threads), on a socket that may have been inherited."""

from __future__ import annotations

from typing import Any

import structlog
from flask import Flask
from gunicorn.app.base import BaseApplication
from gunicorn.workers.gthread import ThreadWorker
from sqlalchemy.exc import DBAPIError

from console.app import create_app
from console.options import ConsoleOptions
from storage.sql import migrate

SPARE_THREADS = 20
"""Threads besides those of the live pages, so that a floor full of screens never keeps a page waiting."""

log = structlog.get_logger()


class Worker(ThreadWorker):  # type: ignore[misc]
    """gthread that tells the live pages to end: gunicorn would wait for them until its time-out."""

    def handle_exit(self, sig: int, frame: Any) -> None:
        self._end_live_pages()
        super().handle_exit(sig, frame)

    def run(self) -> None:
        try:
            super().run()
        finally:
            self._end_live_pages()  # the arbiter is dead: nobody else would end an orphan whose threads still stream

    def _end_live_pages(self) -> None:
        if isinstance(self.wsgi, Flask):
            self.wsgi.extensions["ground"].feed.closing = True


class _Server(BaseApplication):  # type: ignore[misc]
    def __init__(self, bind: str, options: ConsoleOptions) -> None:
        self._bind = bind
        self._options = options
        super().__init__()

    def load_config(self) -> None:
        settings: dict[str, Any] = {
            "bind": [self._bind],
            "worker_class": Worker,
            "workers": 1,
            "threads": self._options.live_views + SPARE_THREADS,
            "graceful_timeout": 5,
            "timeout": 60,
            "keepalive": 30,
            "control_socket_disable": True,
            "proc_name": "hotline-console",
            "accesslog": None,
            "loglevel": "warning",
        }
        for key, value in settings.items():
            self.cfg.set(key, value)

    def load(self) -> Flask:
        return create_app(self._options)


def serve(bind: str, options: ConsoleOptions) -> None:
    """Serve until SIGTERM or SIGINT, then exit the process. `bind` is host:port, or fd://N: a listening socket of ours.

    Raises storage.redis.StorageError for a URL that can't be used; a Redis or SQL that is away is told on the pages instead.
    """
    try:
        migrate(options.sql_url)
    except DBAPIError as error:
        log.warning("console.sql_away", why=str(error).partition("\n")[0])
    _Server(bind, options).run()
