"""[io] The console: people's screens over HTTP. A blueprint a kind of work: live floor, calls, return calls, health."""

from __future__ import annotations

import time
from zoneinfo import ZoneInfo

from flask import Flask, Response, render_template
from sqlalchemy.exc import DBAPIError
from werkzeug.exceptions import HTTPException

from console import callbacks, calls, floor, health, labels, language, strangers
from console.feed import FloorFeed
from console.ground import Ground
from console.options import ConsoleOptions
from console.safety import protect
from storage.sql import open_database

__all__ = ["ConsoleOptions", "create_app"]


def create_app(options: ConsoleOptions) -> Flask:
    """The WSGI application. It opens nothing before its first request, so it may be created before a fork.

    Raises storage.sql.DatabaseUrlError for an sql_url that can't be used.
    """
    app = Flask(__name__)
    zone = ZoneInfo(options.time_zone)
    ground = Ground(options, open_database(options.sql_url), FloorFeed(options.redis_url, options.live_views), zone)
    app.extensions["ground"] = ground
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.globals.update(labels=labels, label=labels.label, now=time.time, queue_titles=options.queue_titles)
    app.jinja_env.filters.update(
        duration=labels.duration,
        phone=labels.phone,
        moment=lambda at: labels.moment(at, zone),
        day=lambda at: labels.moment(at, zone, "%m-%d"),
        clock=lambda at: labels.moment(at, zone, "%H:%M:%S"),
        minute=lambda at: labels.moment(at, zone, "%m-%d %H:%M"),
        hotline=lambda name: options.hotline_titles.get(name, name),
        queue=lambda name: options.queue_titles.get(name, name),
    )
    language.speak(app, options.language)
    protect(app, options.trusted_hosts)
    for blueprint in (floor.blueprint, calls.blueprint, callbacks.blueprint, strangers.blueprint, health.blueprint):
        app.register_blueprint(blueprint)
    app.context_processor(lambda: {"lang": language.present()})
    app.register_error_handler(HTTPException, _failed)
    app.register_error_handler(DBAPIError, _no_database)
    return app


def _failed(error: HTTPException) -> tuple[str, int] | Response:
    if error.response is not None:  # a redirect, or an answer made by whoever raised it
        return error.get_response()  # type: ignore[return-value]
    return render_template("error.html", status=error.code), error.code or 500


def _no_database(error: DBAPIError) -> tuple[str, int]:
    return render_template("error.html", status=503), 503
