"""[io] The paths of /api/v1/my: one's own seat, as its page has it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict

from flask import Response, abort
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag
from pydantic import BaseModel

from console import seating
from console.api import problem
from console.api import seatshapes as shapes
from console.api.answers import EITHER, FAULTS, PATH, shaped
from console.api.callshapes import CallId
from console.api.shapes import ReturnCall, Seat
from console.ground import ground
from console.roles import Role, needs
from console.seatview import SeatPage
from followup import wrapups
from followup.wrapups import Draft

_MINE = Tag(name="my seat", description="我的工作台: the seat of who asks. 409 of type NoSeat for who has none")

api = APIBlueprint("my", __name__, url_prefix=f"{PATH}/my", abp_security=EITHER, abp_responses=FAULTS)


@api.get("/seat", tags=[_MINE], responses={"200": shapes.MySeat, "409": problem.Problem})
@needs(Role.SEAT)
def show() -> Response:
    """What is live, known and owed at one's seat."""
    return _told(lambda: _shown(seating.view()))


@api.get("/reasons", tags=[_MINE], responses={"200": shapes.Reasons})
@needs(Role.SEAT)
def reasons() -> Response:
    """What may be chosen for a break, and for a wrap-up."""
    options = ground().options
    rests = [shapes.Reason(**asdict(one)) for one in options.break_reasons]
    return shaped(
        shapes.Reasons(break_reasons=rests, wrap_up_reasons=[shapes.Reason(**asdict(one)) for one in options.wrap_up_reasons])
    )


@api.post("/status", tags=[_MINE], responses={"200": shapes.MySeat, "409": problem.Problem})
@needs(Role.SEAT)
def wish(body: shapes.Wish) -> Response:
    """Sign on, come back, take a break, sign off."""

    def act() -> BaseModel:
        seating.wish(body.status, body.reason)
        return _shown(seating.view())

    return _told(act)


@api.post("/dial", tags=[_MINE], responses={"200": shapes.Dialled, "409": problem.Problem})
@needs(Role.SEAT)
def dial(body: shapes.Dial) -> Response:
    """One's telephone rings, then the other is called; GET /my/seat tells how far it is."""

    def act() -> BaseModel:
        made = seating.dial_return_call(body.return_call_id) if body.return_call_id else seating.dial(body.number)
        return shapes.Dialled(call_id=made)

    return _told(act)


@api.get("/wrap-ups/<call_id>", tags=[_MINE], responses={"200": shapes.WrapUp, "409": problem.Problem})
@needs(Role.SEAT)
def read(path: CallId) -> Response:
    """What is written of one of one's calls."""

    def act() -> BaseModel:
        seating.my_seat()
        found = wrapups.of_call(ground().engine, path.call_id) or abort(404)
        if found.seat != seating.my_seat():
            raise seating.NotMine
        return shapes.WrapUp.model_validate(found)

    return _told(act)


@api.put("/wrap-ups/<call_id>", tags=[_MINE], responses={"200": shapes.Kept, "409": problem.Problem})
@needs(Role.SEAT)
def keep(path: CallId, body: shapes.Written) -> Response:
    """Keep a draft; the wrap-up waits. 409 of type Changed where another screen has written since `revision`."""

    def act() -> BaseModel:
        kept, until = seating.keep(path.call_id, _draft(body.draft), body.revision)
        return shapes.Kept(wrap_up=shapes.WrapUp.model_validate(kept), until=until)

    return _told(act)


@api.post("/wrap-ups/<call_id>/finish", tags=[_MINE], responses={"200": shapes.WrapUp, "409": problem.Problem})
@needs(Role.SEAT)
def finish(path: CallId, body: shapes.Finished) -> Response:
    """The last word of a talk; the next call may come. A call back that is wanted is owed from now on."""
    draft = _draft(body.draft)
    return _told(lambda: shapes.WrapUp.model_validate(seating.finish(path.call_id, draft, body.revision, body.closing)))


@api.post("/wrap-ups/<call_id>/leave", tags=[_MINE], responses={"200": shapes.MySeat, "409": problem.Problem})
@needs(Role.SEAT)
def leave(path: CallId) -> Response:
    """The next call may come; what is written of this one waits."""

    def act() -> BaseModel:
        seating.leave(path.call_id)
        return _shown(seating.view())

    return _told(act)


def _told(act: Callable[[], BaseModel]) -> Response:
    try:
        return shaped(act())
    except seating.Refusals as error:
        return problem.answer(409, seating.fault(error), kind=type(error).__name__)


def _draft(given: shapes.Draft) -> Draft:
    return Draft(given.reason, given.resolved, given.notes, given.wanted_at, given.wanted_number)


def _shown(page: SeatPage) -> shapes.MySeat:
    live, facts = page.live, page.facts
    written = facts.wrap_up if facts is not None else None
    return shapes.MySeat(
        number=page.number,
        at=page.at,
        show=page.show,
        live=live is not None,
        books=facts is not None,
        seat=None if live is None else Seat.model_validate(live.seat),
        call=None if live is None or live.call is None else shapes.SeatCall.model_validate(live.call),
        nth=page.nth,
        wrap_up_until=None if page.clock is None else page.clock.until,
        wrap_up_latest=None if page.clock is None else page.clock.latest,
        dialling=None if live is None or live.dialling is None else shapes.Dialling.model_validate(live.dialling),
        lines=[shapes.Line.model_validate(line) for line in live.lines] if live is not None else [],
        wrap_up=None if written is None else shapes.WrapUp.model_validate(written),
        drafts=[shapes.WrapUp.model_validate(one) for one in facts.drafts] if facts is not None else [],
        return_calls=[ReturnCall.model_validate(row) for row in facts.due] if facts is not None else [],
        free_return_calls=facts.free if facts is not None else 0,
    )
