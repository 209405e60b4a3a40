"""[io] The floor (现场), live: who waits, who talks, which seat is free, the service level of the day. Pushed to the page as it
changes (server-sent events); a supervisor signs seats off here."""

from __future__ import annotations

import time

import structlog
from flask import Blueprint, Response, abort, make_response, redirect, render_template, url_for
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from console.changes import SEAT, told
from console.gate import actor
from console.ground import ground, live
from console.language import present
from console.levels import figures_of, today
from console.options import ConsoleOptions
from console.roles import Role, needs
from console.stream import stream
from followup.history import Figures
from routing.requests import set_status

blueprint = Blueprint("floor", __name__, url_prefix="/floor")

_FIRST_FRAME_S = 3.0

log = structlog.get_logger()


@blueprint.get("/")
@needs(Role.SUPERVISOR)
def index() -> str:
    """The page as it is now; its script then asks for the changes."""
    return render_template("floor/index.html", frame=ground().feed.wait(0, _FIRST_FRAME_S))


@blueprint.get("/events")
@needs(Role.SUPERVISOR)
def events() -> Response:
    """The board as HTML, event "board", then at every change what differs, event "patch" (console/patch.py)."""
    here, seen = ground(), 0
    drawings = here.drawings[present()]

    def look(timeout_s: float) -> str:
        nonlocal seen
        seen, text = drawings.since(seen, here.feed.wait(seen, timeout_s))
        return text

    return stream(Role.SUPERVISOR, look)


@blueprint.post("/seats/<number>/off")
@needs(Role.SUPERVISOR)
def sign_off(number: str) -> Response:
    """Sign a seat off: it gets no further calls; the talk it has goes on. 404 where there is no such seat."""
    sign_off_seat(number)
    return make_response(redirect(url_for(".index"), 303))


def sign_off_seat(number: str) -> None:
    """As sign_off(), for pages and programs; ends the request with 404 or 503."""
    with live() as redis, told(ground().engine, actor(), "seat_off", f"{SEAT}:{number}", time.time()):
        if not set_status(redis, number, "off"):
            abort(404)


def todays_figures(engine: Engine, options: ConsoleOptions) -> Figures | None:
    """Of the calls that came in since midnight; None while SQL is away."""
    try:
        return figures_of(engine, options, *today(options))
    except DBAPIError as error:
        log.warning("console.figures_away", why=str(error).partition("\n")[0])
        return None
