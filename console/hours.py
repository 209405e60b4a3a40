"""[io] Working hours (工作时间), for supervisors: the week, holidays and make-up workdays as a month, and single days that are
otherwise. What is saved counts for the next caller."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, abort, make_response, redirect, render_template, request, url_for

from console import calendars
from console.ground import ground
from console.hourtext import HoursError, read_hours, write_hours
from console.month import Cell, cell, month, neighbour
from console.naming import called
from console.roles import Role, needs
from console.words import changed_meanwhile, hours_fault
from followup import days
from followup.calendar import DEFAULT, open_spans
from followup.weeks import Changed
from storage.hours import WEEKDAYS, Spans

blueprint = Blueprint("hours", __name__, url_prefix="/settings/hours")

_LOOK_AHEAD_S = 60 * 86400.0
LATEST_CHANGES = 8
MAX_TEXT = 200
"""What is typed for one day; longer is none of our forms."""


@blueprint.get("/")
@needs(Role.SUPERVISOR)
def index() -> str:
    """A month (?month=2027-01) of a calendar (?calendar=), one day of it (?day=2027-01-15) open to be changed."""
    return _page(request.args.get("calendar", DEFAULT), _day(request.args.get("day", "")))


@blueprint.post("/<name>/week")
@needs(Role.SUPERVISOR)
def change_week(name: str) -> Response:
    """Save the week, or give it back to the settings (`action`)."""
    based_on = request.form.get("based_on", type=int)
    if based_on is None or any(len(_text(key)) > MAX_TEXT for key in (*WEEKDAYS, "makeup")):
        abort(400)

    def change() -> bool:
        if request.form.get("action") == "reset":
            return calendars.give_week_back(name, based_on)
        monday, tuesday, wednesday, thursday, friday, saturday, sunday = (read_hours(_text(day)) for day in WEEKDAYS)
        week = (monday, tuesday, wednesday, thursday, friday, saturday, sunday)
        return calendars.change_week(name, week, read_hours(_text("makeup")), based_on)

    return _changed(name, None, "week", change)


@blueprint.post("/<name>/days/<day>")
@needs(Role.SUPERVISOR)
def change_day(name: str, day: str) -> Response:
    """Set a day, or give it back to week and holidays (`action`)."""
    chosen, based_on = _day(day), request.form.get("based_on", type=float)
    if chosen is None or based_on is None:
        abort(404 if chosen is None else 400)
    if len(_text("name")) > days.MAX_NAME or not _text("name").isprintable() or len(_text("open")) > MAX_TEXT:
        abort(400)

    def change() -> bool:
        match request.form.get("action"):
            case "unset":
                return calendars.give_day_back(name, chosen, based_on)
            case "close":
                spans: Spans = ()
            case "open":
                spans = read_hours(_text("open"))
                if not spans:
                    raise HoursError("missing")
            case _:
                abort(400)
        return calendars.change_day(name, chosen, spans, _text("name"), based_on)

    return _changed(name, chosen, "day", change)


def _changed(name: str, day: date | None, form: str, change: Callable[[], bool]) -> Response:
    try:
        in_force = change()
    except Changed as error:
        return make_response(_page(name, day, form, changed_meanwhile(called(error.author), error.at, ground().zone)), 409)
    except HoursError as error:
        return make_response(_page(name, day, form, hours_fault(error.code, error.span)), 409)
    later = None if in_force else "1"
    return make_response(redirect(url_for(".index", calendar=name, day=day, saved=form, later=later), 303))


def _page(name: str, day: date | None, form: str = "", fault: str = "") -> str:
    """form: which of the two was sent and refused; what was typed is kept there."""
    here, now = ground(), time.time()
    seen = calendars.hours(name)
    today = datetime.fromtimestamp(now, ZoneInfo(seen.calendar.time_zone)).date()
    chosen = day or today
    year, number = _month(request.args.get("month", "")) or (chosen.year, chosen.month)
    week = dict(zip(WEEKDAYS, map(write_hours, seen.present), strict=True)) | {"makeup": write_hours(seen.makeup)}
    if form == "week":
        week = {key: _text(key) for key in week}
    shown = cell(seen.calendar, seen.overlay, seen.days, chosen, number)
    return render_template(
        "settings/hours.html",
        names=[one.name for one in here.options.calendars],
        seen=seen,
        weeks=month(seen.calendar, seen.overlay, seen.days, year, number),
        month=(year, number),
        previous=neighbour(year, number, -1),
        following=neighbour(year, number, 1),
        makeup_known=seen.calendar.makeup_days_known(year),
        today=today,
        shown=shown,
        typed=_typed(shown, form == "day"),
        week=week,
        weekdays=WEEKDAYS,
        changes=days.changes(here.engine, name, LATEST_CHANGES),
        state=_state(seen, now),
        fault=fault,
        saved=request.args.get("saved", ""),
        later="later" in request.args,
    )


def _typed(shown: Cell, kept: bool) -> dict[str, str]:
    if kept:
        return {"open": _text("open"), "name": _text("name")}
    return {"open": write_hours(shown.spans), "name": shown.name if shown.source in ("edited", "settings") else ""}


def _state(seen: calendars.Hours, now: float) -> tuple[bool, float | None]:
    """Whether it is open now, and until when it stays so (epoch seconds); None: for months."""
    for begins, ends in open_spans(seen.calendar, now, now + _LOOK_AHEAD_S, seen.overlay):
        return (True, ends) if begins <= now else (False, begins)
    return False, None


def _text(key: str) -> str:
    return request.form.get(key, "").strip()


def _day(text: str) -> date | None:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if calendars.FIRST <= day <= calendars.LAST - timedelta(days=40) else None


def _month(text: str) -> tuple[int, int] | None:
    day = _day(f"{text}-01")
    return None if day is None else (day.year, day.month)
