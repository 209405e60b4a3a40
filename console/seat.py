"""[io] A seat's page (我的工作台): sign on and rest, who calls and what was said before, notes and wrap-up, return calls and
their dialling. Pushed to the page as it changes; a page that is loaded anew shows the same."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import datetime

from flask import Blueprint, Response, jsonify, make_response, redirect, render_template, request, url_for

from console import seating
from console.books import PERSON
from console.gate import me
from console.ground import ground
from console.language import present
from console.roles import Role, needs
from console.seatdraw import Work, merged, work_on
from console.seatregions import Regions
from console.seatview import SeatPage
from console.stream import message, stream
from followup import history, wrapups
from followup.wrapups import Draft, WrapUp

blueprint = Blueprint("seat", __name__, url_prefix="/seat")

_PACE_S = 0.1
"""A page is drawn so often at most, however much happens to its seat."""
_drawing = threading.Semaphore(2)
"""Of many pages that have something to show the first ones are ready soon: all at once would all be late. Redis and SQL are
asked without it: where these hang, all pages say so at once."""
_AGAIN_S = 30.0
"""Without any news the page is drawn and sent again: how many wait, what became due."""


@blueprint.get("/")
@needs(Role.SEAT)
def index() -> Response:
    """The whole page; ?call=ID: with the wrap-up of that call in hand. 200 with what is missing for who has no seat."""
    return make_response(_page())


@blueprint.get("/events")
@needs(Role.SEAT)
def events() -> Response:
    """What the page shows, as HTML, whenever it is something else: event "seat"."""
    here, subjects = ground(), [f"seat:{me().seat}", PERSON + me().login]
    regions, shown = Regions(me(), present()), dict[str, str]()
    heard, drawn_at = -1, float("-inf")

    def look(timeout_s: float) -> str:
        nonlocal heard, shown, subjects, drawn_at
        news = here.feed.wait_for(subjects, heard, timeout_s)
        if not news and time.monotonic() - drawn_at < _AGAIN_S:
            return ""
        time.sleep(max(0.0, drawn_at + _PACE_S - time.monotonic()))
        heard, drawn_at = here.feed.events, time.monotonic()
        try:
            page = seating.view()
        except seating.NoSeat:
            return ""
        subjects = [*subjects[:2], *_calls(page)]
        now, work = time.time(), _work(page)
        with _drawing:
            drawn = regions.draw(page, work, here.options.window, now)
            before, shown = shown, {name: region.key for name, region in drawn.items()}
            if news and shown == before:
                return ""
            board = render_template("seat/board.html", regions=drawn)
        seen_at = page.live.at if page.live is not None else ""
        return message("seat", f'<div data-now="{now}" data-at="{seen_at}">\n{board}\n</div>')

    return stream(Role.SEAT, look)


@blueprint.post("/status")
@needs(Role.SEAT)
def status() -> Response:
    """Wish a `status`: ready, break (for a `reason`), off."""
    return _acted(lambda: seating.wish(request.form.get("status", ""), request.form.get("reason", "")))


@blueprint.post("/dial")
@needs(Role.SEAT)
def dial() -> Response:
    """Call a `number`, or the return call `return_call`."""
    owed = request.form.get("return_call", 0, type=int)
    if owed:
        return _acted(lambda: seating.dial_return_call(owed))
    return _acted(lambda: seating.dial(request.form.get("number", "")))


@blueprint.post("/return-calls/<int:return_call_id>")
@needs(Role.SEAT)
def settle(return_call_id: int) -> Response:
    """Tell the `outcome` of a try, with a `note`."""
    return _acted(lambda: seating.settle(return_call_id, request.form.get("outcome", ""), request.form.get("note", "")))


@blueprint.post("/calls/<call_id>/draft")
@needs(Role.SEAT)
def keep(call_id: str) -> Response:
    """Keep what is being written: JSON {revision, until (the wrap-up's end, or null), notes (where another screen has written
    meanwhile: all of it; else null)}; 409 {fault} where it can't be kept."""
    try:
        kept, until = _kept(call_id)
    except seating.Refusals as error:
        return make_response(jsonify(fault=seating.fault(error)), 409)
    notes = None if kept.draft.notes == _draft().notes else kept.draft.notes
    return make_response(jsonify(revision=kept.revision, until=until, notes=notes))


@blueprint.post("/calls/<call_id>")
@needs(Role.SEAT)
def finish(call_id: str) -> Response:
    """The last word of a talk; `action` later: only the wrap-up ends, what is written waits. Where something is missing, what
    was sent is kept all the same."""

    def act() -> None:
        kept, _until = _kept(call_id)
        if request.form.get("action") == "later":
            seating.leave(call_id)
        elif request.form.get("wanted") == "1" and kept.draft.wanted_at is None:
            raise seating.NoTime
        else:
            seating.finish(call_id, kept.draft, kept.revision, request.form.get("closing", ""))

    return _acted(act)


def _kept(call_id: str) -> tuple[WrapUp, float | None]:
    """Keep what was sent, together with what another screen has written since the page was drawn."""
    draft, revision = _draft(), request.form.get("revision", 0, type=int)
    try:
        return seating.keep(call_id, draft, revision)
    except wrapups.Changed as error:
        return seating.keep(call_id, merged(error.current.draft, draft), error.current.revision)


def _acted(act: Callable[[], object]) -> Response:
    """Do it and show the page; 409 and the page with the fault if it can't be done."""
    try:
        act()
    except seating.Refusals as error:
        return make_response(_page(seating.fault(error)), 409)
    return make_response(redirect(url_for(".index"), 303))


def _page(fault: str = "") -> str:
    try:
        page = seating.view()
    except seating.NoSeat as error:
        return render_template("seat/none.html", fault=seating.fault(error))
    drawn = Regions(me(), present()).draw(page, _work(page), ground().options.window, time.time())
    return render_template("seat/index.html", fault=fault, page=page, regions=drawn)


def _work(page: SeatPage) -> Work | None:
    """What the form is about: the call that was asked for, else the one in hand, else the latest that is begun and not done."""
    if page.facts is None:
        return None
    in_hand, idle = work_on(page), page.live is None or page.live.call is None
    asked = request.args.get("call", "")[:64] or (page.facts.drafts[0].call_id if idle and page.facts.drafts else "")
    if not asked or (in_hand is not None and asked == in_hand.call_id):
        return in_hand
    engine = ground().engine
    found, kept = history.of_ids(engine, [asked]).get(asked), wrapups.of_call(engine, asked)
    seat = kept.seat if kept is not None else found.row.seat if found is not None else ""
    if seat != page.number or (kept is not None and kept.done_at is not None):
        return in_hand
    number, kind, began_at = (found.row.caller, found.row.kind, found.row.arrived_at) if found is not None else ("", "", None)
    return Work(asked, number, kind, kept, in_hand=False, return_call_id=0, began_at=began_at)


def _calls(page: SeatPage) -> list[str]:
    dialling = page.live.dialling if page.live is not None else None
    return [each for each in (page.call_id, dialling.call_id if dialling is not None else "") if each]


def _draft() -> Draft:
    """What the form says; a time that is none is None."""
    form, wanted_at = request.form, None
    if form.get("wanted") == "1":
        try:
            wanted_at = datetime.fromisoformat(form.get("wanted_at", "")).replace(tzinfo=ground().zone).timestamp()
        except ValueError:
            wanted_at = None
    resolved = {"yes": True, "no": False}.get(form.get("resolved", ""))
    number = form.get("wanted_number", "") if form.get("wanted") == "1" else ""
    return Draft(form.get("reason", ""), resolved, form.get("notes", ""), wanted_at, number)
