"""[io] The console: people's screens over HTTP. A blueprint a kind of work; console/gate.py says who may see which."""

from __future__ import annotations

import time
from typing import Any
from zoneinfo import ZoneInfo

from flask import Response, g, make_response, render_template
from flask_openapi3.models.info import Info
from flask_openapi3.openapi import OpenAPI
from sqlalchemy.exc import DBAPIError
from werkzeug.exceptions import HTTPException

from console import (
    audit,
    callbacks,
    calls,
    floor,
    gate,
    health,
    hours,
    labels,
    language,
    library,
    login,
    menus,
    naming,
    people,
    queues,
    reasons,
    returning,
    seat,
    seating,
    seats,
    strangers,
    trunks,
    words,
)
from console.api import menuroutes, problem
from console.api import settings as settings_api
from console.api.answers import API
from console.api.calls import calls_api
from console.api.routes import add_to
from console.books import Books
from console.drawing import Drawings
from console.feed import FloorFeed
from console.ground import Ground
from console.options import ConsoleOptions
from console.proxies import Proxies
from console.roles import Role, open_to_all
from console.safety import protect
from console.seatdraw import quick_times
from followup.openings import Openings
from storage.hours import write_spans
from storage.redis import shared_sync
from storage.sql import open_database

__all__ = ["ConsoleOptions", "create_app"]


def create_app(options: ConsoleOptions) -> OpenAPI:
    """The WSGI application, a Flask one. It opens nothing before its first request, so it may be created before a fork.

    Raises storage.sql.DatabaseUrlError for an sql_url that can't be used, storage.redis.StorageError for such a redis_url.
    """
    app = OpenAPI(__name__, info=Info(title="hotline", version=API), doc_ui=False, validation_error_callback=problem.invalid)
    zone = ZoneInfo(options.time_zone)
    engine = open_database(options.sql_url)
    books = Books(engine)
    feed = FloorFeed(options.redis_url, options.live_views, lambda: floor.todays_figures(engine, options), books.news)
    app.extensions["ground"] = Ground(
        options,
        engine,
        shared_sync(options.redis_url),
        feed,
        zone,
        Openings(options.calendars),
        {each: Drawings() for each in language.LANGUAGES},
    )
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.globals.update(
        labels=labels,
        label=labels.label,
        words=words,
        now=time.time,
        queue_titles=options.queue_titles,
        Role=Role,
        break_reasons=options.break_reasons,
        wrap_up_reasons=options.wrap_up_reasons,
        quick_times=lambda at: quick_times(at, zone, options.window),
        outcomes=returning.OUTCOMES,
        closings=seating.CLOSINGS,
        reason_title=lambda list_of, code: reasons.title(list_of, code, language.present()),
    )
    app.jinja_env.filters.update(
        duration=labels.duration,
        phone=labels.phone,
        moment=lambda at: labels.moment(at, zone),
        day=lambda at: labels.moment(at, zone, "%m-%d"),
        clock=lambda at: labels.moment(at, zone, "%H:%M:%S"),
        minute=lambda at: labels.moment(at, zone, "%m-%d %H:%M"),
        hour=lambda at: labels.moment(at, zone, "%H:%M"),
        local=lambda at: labels.moment(at, zone, "%Y-%m-%dT%H:%M"),
        date=labels.date_of,
        spans=write_spans,
        person=naming.called,
        hotline=lambda name: options.hotline_titles.get(name, name),
        queue=lambda name: options.queue_titles.get(name, name),
    )
    app.wsgi_app = Proxies(app.wsgi_app, options.trusted_proxies)  # type: ignore[method-assign]
    language.speak(app, options.language)
    protect(app, options)
    gate.guard(app)
    open_to_all(app.view_functions["static"])
    for module in (
        *(login, floor, seat, calls, callbacks, menus, library, strangers),
        *(health, people, audit, hours, seats, queues, trunks),
    ):
        app.register_blueprint(module.blueprint)
    add_to(app)
    app.register_api(settings_api.api)
    menuroutes.add_to(app)
    app.register_api(calls_api)
    app.context_processor(_seen_by)
    app.register_error_handler(HTTPException, _failed)
    app.register_error_handler(DBAPIError, _no_database)
    return app


def _seen_by() -> dict[str, Any]:
    person = gate.maybe_me()
    return {"lang": language.present(), "me": person, "supervises": person is not None and person.role.covers(Role.SUPERVISOR)}


def _failed(error: HTTPException) -> Response:
    if error.response is not None:  # a redirect, or an answer made by whoever raised it
        return make_response(error.get_response())
    status = error.code or 500
    if gate.is_api():
        response = problem.answer(status, error.description if 400 <= status < 500 else None)
    else:
        response = make_response(render_template("error.html", status=status), status)
    if "retry_after" in g:
        response.headers["Retry-After"] = g.retry_after
    if status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def _no_database(_: DBAPIError) -> Response:
    g.person = g.get("person")
    return problem.answer(503) if gate.is_api() else make_response(render_template("error.html", status=503), 503)
