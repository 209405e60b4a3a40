"""[io] The paths of /api/v1 for settings: working hours, queues, seats and trunks."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask import Response
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag
from flask_openapi3.types import ResponseDict

from console import calendars, edits, trunks
from console.api import problem
from console.api import settingshapes as shapes
from console.api.answers import EITHER, FAULTS, PATH, shaped
from console.ground import ground
from console.month import cell
from console.naming import called
from console.roles import Role, needs
from console.words import changed_meanwhile
from followup.edits import Edit
from followup.weeks import Changed
from storage.hours import WEEKDAYS, Spans, parse_spans, parse_week, write_spans

api = APIBlueprint("settings_api", __name__, url_prefix=PATH, abp_security=EITHER, abp_responses=FAULTS)

_HOURS = Tag(name="working hours", description="工作时间: weeks, holidays, single days")
_QUEUES = Tag(name="queue settings", description="队列")
_SEATS = Tag(name="seat settings", description="坐席")
_TRUNKS = Tag(name="trunks", description="线路")
_CHANGED: ResponseDict = {"200": shapes.InForce, "409": problem.Problem}


@api.get("/calendars", tags=[_HOURS], responses={"200": shapes.CalendarList})
@needs(Role.SUPERVISOR)
def list_calendars() -> Response:
    """The calendars of the settings."""
    return shaped(shapes.CalendarList(calendars=[one.name for one in ground().options.calendars]))


@api.get("/calendars/<name>", tags=[_HOURS], responses={"200": shapes.Calendar})
@needs(Role.SUPERVISOR)
def show_calendar(path: shapes.CalendarName, query: shapes.Span) -> Response:
    """The week, and the days from `since` on."""
    seen = calendars.hours(path.name)
    first = query.since or datetime.fromtimestamp(time.time(), ZoneInfo(seen.calendar.time_zone)).date()
    dates = [first + timedelta(days=each) for each in range(query.days)]
    cells = [
        cell(seen.calendar, seen.overlay, seen.days, day, day.month)
        for day in dates
        if calendars.FIRST <= day <= calendars.LAST
    ]
    return shaped(
        shapes.Calendar(
            name=path.name,
            time_zone=seen.calendar.time_zone,
            week=shapes.Week(
                week={day: _texts(spans) for day, spans in zip(WEEKDAYS, seen.present, strict=True)},
                makeup=_texts(seen.makeup),
                revision=seen.week.revision,
                author=seen.week.author if seen.week.week is not None else "",
                at=seen.week.at,
            ),
            days=[
                shapes.Day(date=c.date, source=c.source, open=_texts(c.spans), name=c.name, author=c.author, at=c.at)
                for c in cells
            ],
        )
    )


@api.put("/calendars/<name>/week", tags=[_HOURS], responses=_CHANGED)
@needs(Role.SUPERVISOR)
def change_week(path: shapes.CalendarName, body: shapes.NewWeek) -> Response:
    """Have these hours each week; days that are not named are closed."""
    return _changed(lambda: calendars.change_week(path.name, parse_week(body.week), parse_spans(body.makeup), body.based_on))


@api.delete("/calendars/<name>/week", tags=[_HOURS], responses=_CHANGED)
@needs(Role.SUPERVISOR)
def give_week_back(path: shapes.CalendarName, query: shapes.Revision) -> Response:
    """Have the settings say again."""
    return _changed(lambda: calendars.give_week_back(path.name, query.based_on))


@api.put("/calendars/<name>/days/<day>", tags=[_HOURS], responses=_CHANGED)
@needs(Role.SUPERVISOR)
def change_day(path: shapes.CalendarDate, body: shapes.NewDay) -> Response:
    """Close a day, or have it open at these hours."""
    return _changed(lambda: calendars.change_day(path.name, path.day, parse_spans(body.open), body.name, body.based_on))


@api.delete("/calendars/<name>/days/<day>", tags=[_HOURS], responses=_CHANGED)
@needs(Role.SUPERVISOR)
def give_day_back(path: shapes.CalendarDate, query: shapes.Moment) -> Response:
    """Have week and holidays say again."""
    return _changed(lambda: calendars.give_day_back(path.name, path.day, query.based_on))


@api.get("/settings/queues", tags=[_QUEUES], responses={"200": shapes.QueueSettings})
@needs(Role.SUPERVISOR)
def list_queue_settings() -> Response:
    """The terms that queues go by now."""
    return shaped(
        shapes.QueueSettings(
            queues=[shapes.QueueSetting(name=one.setting.name, **one.present, **_edit(one.edit)) for one in edits.queues()]
        )
    )


@api.put("/settings/queues/<name>", tags=[_QUEUES], responses=_CHANGED)
@needs(Role.SUPERVISOR)
def change_queue(path: shapes.QueueName, body: shapes.NewQueue) -> Response:
    """Have a queue go by these terms."""
    terms = body.model_dump(exclude={"based_on"})
    return _changed(lambda: edits.change_queue(path.name, terms, body.based_on))


@api.delete("/settings/queues/<name>", tags=[_QUEUES], responses=_CHANGED)
@needs(Role.SUPERVISOR)
def give_queue_back(path: shapes.QueueName, query: shapes.Revision) -> Response:
    """Have the settings say again."""
    return _changed(lambda: edits.give_back(f"queue:{path.name}", query.based_on))


@api.get("/settings/seats", tags=[_SEATS], responses={"200": shapes.SeatSettings})
@needs(Role.SUPERVISOR)
def list_seat_settings() -> Response:
    """Names and skills of the seats."""
    return shaped(
        shapes.SeatSettings(
            seats=[
                shapes.SeatSetting(
                    number=one.setting.number, name=one.name, queues=dict(one.queues), enabled=one.enabled, **_edit(one.edit)
                )
                for one in edits.seats()
            ]
        )
    )


@api.put("/settings/seats/<number>", tags=[_SEATS], responses=_CHANGED)
@needs(Role.SUPERVISOR)
def change_seat(path: shapes.SeatNumber, body: shapes.NewSeat) -> Response:
    """Have a seat bear this name and serve these queues."""
    return _changed(lambda: edits.change_seat(path.number, body.name, body.queues, body.enabled, body.based_on))


@api.delete("/settings/seats/<number>", tags=[_SEATS], responses=_CHANGED)
@needs(Role.SUPERVISOR)
def give_seat_back(path: shapes.SeatNumber, query: shapes.Revision) -> Response:
    """Have the settings say again."""
    return _changed(lambda: edits.give_back(f"seat:{path.number}", query.based_on))


@api.get("/trunks", tags=[_TRUNKS], responses={"200": shapes.TrunkList})
@needs(Role.ADMINISTRATOR)
def list_trunks() -> Response:
    """The trunks of the settings, and how they are now."""
    return shaped(
        shapes.TrunkList(
            trunks=[
                shapes.Trunk(
                    name=line.trunk.name,
                    server=line.trunk.server,
                    registers=line.trunk.registers,
                    ping_s=line.trunk.ping_s,
                    numbers=dict(line.trunk.numbers),
                    state=line.state,
                    calls=line.calls,
                    nodes=[shapes.TrunkNode.model_validate(node) for node in line.nodes],
                )
                for line in trunks.seen()
            ]
        )
    )


def _changed(change: Callable[[], bool]) -> Response:
    try:
        return shaped(shapes.InForce(in_force=change()))
    except Changed as error:
        return problem.answer(409, changed_meanwhile(called(error.author), error.at, ground().zone), kind="Changed")
    except ValueError as error:
        return problem.answer(422, str(error), kind="invalid")


def _edit(edit: Edit) -> dict[str, Any]:
    return {"revision": edit.revision, "author": edit.author, "at": edit.at}


def _texts(spans: Spans) -> list[str]:
    return list(write_spans(spans))
