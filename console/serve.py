"""[io] Serves the console with gunicorn (one process, many threads), on a socket that may have been inherited."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

import structlog
from flask import Flask
from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.workers.gthread import ThreadWorker
from sqlalchemy.exc import DBAPIError

from console import links
from console.app import create_app
from console.options import ConsoleOptions
from storage.notify import Heart
from storage.sql import migrate, open_database

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


class _Arbiter(Arbiter):  # type: ignore[misc]
    """gunicorn's, which looks each second whether its worker lives, and says so: whoever supervises us looks whether it does.
    That it is ready it says by itself."""

    def __init__(self, app: BaseApplication) -> None:
        super().__init__(app)
        self._heart = Heart()

    def murder_workers(self) -> None:
        self._heart.turn(time.monotonic())
        super().murder_workers()


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
            "limit_request_line": 8190,  # texts to be heard stand in the address: nine bytes a Chinese letter
            "forwarded_allow_ips": "",  # console/proxies.py says who is believed
            "control_socket_disable": True,
            "proc_name": "hotline-console",
            "accesslog": None,
            "loglevel": "warning",
        }
        for key, value in settings.items():
            self.cfg.set(key, value)

    def run(self) -> None:
        _Arbiter(self).run()

    def load(self) -> Flask:
        return create_app(self._options)


def offer_first_link(options: ConsoleOptions, say: Callable[[str], object] | None) -> None:
    """While there is no administrator: say the link that creates the first one, and leave it in the link file."""
    engine = open_database(options.sql_url)
    try:
        key = links.first(engine, time.time())
    finally:
        engine.dispose()
    if options.link_file is not None:
        options.link_file.unlink(missing_ok=True)
    if key is None:
        return
    link = f"{options.url}welcome/{key}"
    if say is not None:
        say(f"log in:  {link}  creates the administrator; once, within 24 hours")
    if options.link_file is not None:
        with open(os.open(options.link_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(link)


def serve(bind: str, options: ConsoleOptions, say: Callable[[str], object] | None = None) -> None:
    """Serve until SIGTERM or SIGINT, then exit the process. `bind` is host:port, or fd://N: a listening socket of ours. `say`
    gets the link that creates the first administrator.

    Raises storage.redis.StorageError for a URL that can't be used; a Redis or SQL that is away is told on the pages instead.
    """
    try:
        migrate(options.sql_url)
        offer_first_link(options, say)
    except DBAPIError as error:
        log.warning("console.sql_away", why=str(error).partition("\n")[0])
    if options.plain_http:
        log.warning("console.plain_http", why="no TLS beyond this machine: passwords can be read on the network")
    os.environ.pop("LISTEN_PID", None)  # or gunicorn would take systemd's sockets by itself, a second time
    _Server(bind, options).run()
