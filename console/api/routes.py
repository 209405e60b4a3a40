"""[io] The paths of /api/v1. A browser's session (with the page's token in X-CSRFToken) or a bearer token says who asks."""

from __future__ import annotations

import time
from typing import Any

from flask import Response, abort, jsonify
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag
from flask_openapi3.openapi import OpenAPI
from flask_openapi3.types import ResponseDict

from console import floor, health, levels, processes, returning
from console.api import problem, seat, shapes
from console.api.answers import EITHER, FAULTS, PATH, shaped
from console.gate import me
from console.ground import ground, live
from console.roles import Role, needs, open_to_all
from followup import returncalls
from followup.audit import audit
from followup.returncalls import Wanted
from routing.floor import snapshot

SECURITY: dict[str, Any] = {
    "token": {"type": "http", "scheme": "bearer", "description": "Made on one's own account's page"},
    "session": {"type": "apiKey", "in": "cookie", "name": "hotline", "description": "Changes want X-CSRFToken beside it"},
}
_ACTED: ResponseDict = {"200": shapes.ReturnCallDetails, "409": problem.Problem}

api = APIBlueprint("api", __name__, url_prefix=PATH, abp_security=EITHER, abp_responses=FAULTS)

_RETURN_CALLS = Tag(name="return calls", description="回电: what is owed to callers")
_FLOOR = Tag(name="floor", description="Seats and queues, live")
_SELF = Tag(name="self", description="The API itself")


def add_to(app: OpenAPI) -> None:
    """Register the API."""
    app.security_schemes = SECURITY
    for each in (api, seat.api):
        app.register_api(each)


@api.get("/openapi.json", doc_ui=False)
@open_to_all
def openapi() -> Response:
    """This document."""
    return jsonify(problem.document())


@api.get("/me", tags=[_SELF], responses={"200": shapes.Me})
@needs(Role.SEAT)
def whoami() -> Response:
    """Whose session or token this is."""
    return shaped(shapes.Me.model_validate(me()))


@api.get("/health", tags=[_SELF], responses={"200": shapes.Health})
@needs(Role.SEAT)
def healthy() -> Response:
    """Whether what the console stands on answers."""
    return shaped(shapes.Health(**health.reached()))


@api.get("/health/processes", tags=[_SELF], responses={"200": shapes.ProcessList})
@needs(Role.SUPERVISOR)
def list_processes() -> Response:
    """Every process of every node, as the health page shows them."""
    seen = processes.look()
    rows = [
        shapes.Process(
            node=row.node,
            name=row.process.name,
            state=row.state,
            trouble=row.trouble,
            pid=row.process.pid,
            since=row.process.since,
            restarts=row.process.restarts,
            ended_at=row.process.ended_at,
            status=row.process.status,
            hung_s=row.process.hung_s,
            memory_bytes=row.process.memory,
            memory_in_full=row.process.in_full,
            cpu=row.process.cpu,
            seen_at=row.seen_at,
        )
        for row in seen.rows
    ]
    return shaped(shapes.ProcessList(processes=rows, unheard=dict(seen.unheard)))


@api.get("/return-calls", tags=[_RETURN_CALLS], responses={"200": shapes.ReturnCallList})
@needs(Role.SEAT)
def list_return_calls(query: shapes.ReturnCalls) -> Response:
    """What is owed, the earliest deadline first."""
    wanted = Wanted(query.which, query.owner, query.hotline, query.number)
    ask = returncalls.list_done if query.done else returncalls.list_open
    rows = ask(ground().engine, time.time(), wanted, limit=query.limit)
    return shaped(shapes.ReturnCallList(return_calls=[shapes.ReturnCall.model_validate(row) for row in rows]))


@api.get("/return-calls/balance", tags=[_RETURN_CALLS], responses={"200": shapes.Balance})
@needs(Role.SEAT)
def balance() -> Response:
    """Is every return call that was ever owed closed, open or waived?"""
    return shaped(shapes.Balance.model_validate(audit(ground().engine)))


@api.get("/return-calls/<int:id>", tags=[_RETURN_CALLS], responses={"200": shapes.ReturnCallDetails})
@needs(Role.SEAT)
def show_return_call(path: shapes.ReturnCallId) -> Response:
    """One with its history."""
    return _return_call(path.id)


@api.post("/return-calls/<int:id>/claim", tags=[_RETURN_CALLS], responses=_ACTED)
@needs(Role.SEAT)
def claim_return_call(path: shapes.ReturnCallId) -> Response:
    """Make it mine."""
    return _acted(path.id, lambda: returning.claim(path.id))


@api.post("/return-calls/<int:id>/release", tags=[_RETURN_CALLS], responses=_ACTED)
@needs(Role.SEAT)
def release_return_call(path: shapes.ReturnCallId) -> Response:
    """Make it nobody's: one's own, and for supervisors anybody's."""
    return _acted(path.id, lambda: returning.release(path.id))


@api.post("/return-calls/<int:id>/hand-over", tags=[_RETURN_CALLS], responses=_ACTED)
@needs(Role.SEAT)
def hand_return_call_over(path: shapes.ReturnCallId, body: shapes.HandOver) -> Response:
    """Make it another person's: one's own, and for supervisors any."""
    return _acted(path.id, lambda: returning.hand_over(path.id, body.to))


@api.post("/return-calls/<int:id>/settle", tags=[_RETURN_CALLS], responses=_ACTED)
@needs(Role.SEAT)
def settle_return_call(path: shapes.ReturnCallId, body: shapes.Settlement) -> Response:
    """Tell how a try went: closes it, but for "no_answer", after which next_at says when to try again."""
    return _acted(path.id, lambda: returning.settle(path.id, body.outcome, body.note))


@api.post("/return-calls/<int:id>/waive", tags=[_RETURN_CALLS], responses=_ACTED)
@needs(Role.SUPERVISOR)
def waive_return_call(path: shapes.ReturnCallId, body: shapes.Waiver) -> Response:
    """Decide, with a reason, that nobody will call."""
    return _acted(path.id, lambda: returning.waive(path.id, body.reason))


@api.get("/seats", tags=[_FLOOR], responses={"200": shapes.SeatList})
@needs(Role.SUPERVISOR)
def list_seats() -> Response:
    """All seats as they are now."""
    with live() as redis:
        seen = snapshot(redis)
    return shaped(shapes.SeatList(seats=[shapes.Seat.model_validate(seat) for seat in seen.seats]))


@api.post("/seats/<number>/off", tags=[_FLOOR], responses={"204": None})
@needs(Role.SUPERVISOR)
def sign_seat_off(path: shapes.SeatNumber) -> tuple[str, int]:
    """Sign a seat off: it gets no further calls, the talk it has goes on."""
    floor.sign_off_seat(path.number)
    return "", 204


@api.get("/queues", tags=[_FLOOR], responses={"200": shapes.QueueList})
@needs(Role.SUPERVISOR)
def list_queues() -> Response:
    """All queues with who waits."""
    with live() as redis:
        seen = snapshot(redis)
    return shaped(shapes.QueueList(queues=[shapes.Queue.model_validate(queue) for queue in seen.queues]))


@api.get("/figures", tags=[_FLOOR], responses={"200": shapes.Figures})
@needs(Role.SUPERVISOR)
def show_figures(query: shapes.Days) -> Response:
    """How many came, asked for a person, were talked to, and in time."""
    here = ground()
    begins, ends = levels.today(here.options)
    since = begins if query.since is None else query.since
    until = ends if query.until is None else query.until
    return shaped(shapes.Figures.model_validate(levels.figures_of(here.engine, here.options, since, until)))


def _return_call(return_call_id: int) -> Response:
    try:
        found = returncalls.history(ground().engine, return_call_id, time.time())
    except returncalls.NotFound:
        abort(404)
    return shaped(
        shapes.ReturnCallDetails(
            return_call=shapes.ReturnCall.model_validate(found.owed),
            ledger=[shapes.LedgerLine.model_validate(line) for line in found.ledger],
            calls=[call.call_id for call in found.calls],
        )
    )


def _acted(return_call_id: int, act: Any) -> Response:
    try:
        act()
    except returning.Refusals as error:
        return problem.answer(409, returning.fault(error), kind=type(error).__name__)
    return _return_call(return_call_id)
