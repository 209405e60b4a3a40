"""[io] The seats (坐席), for supervisors: name, skills with their levels, whether they get calls. What is saved counts for the
next call."""

from __future__ import annotations

from flask import Blueprint, Response, abort, make_response, redirect, render_template, request, url_for

from console import edits
from console.edits import EditError
from console.ground import ground
from console.naming import called
from console.roles import Role, needs
from console.words import changed_meanwhile, edit_fault
from followup.weeks import Changed
from routing.limits import MAX_NAME, WORST_LEVEL

blueprint = Blueprint("seats", __name__, url_prefix="/settings/seats")


@blueprint.get("/")
@needs(Role.SUPERVISOR)
def index() -> str:
    """All seats; one of them (?seat=1026) open to be changed."""
    return _page(request.args.get("seat", ""))


@blueprint.post("/<number>")
@needs(Role.SUPERVISOR)
def change(number: str) -> Response:
    """Save a seat, or give it back to the settings (`action`)."""
    based_on = request.form.get("based_on", type=int)
    if based_on is None:
        abort(400)
    try:
        if request.form.get("action") == "reset":
            in_force = edits.give_back(f"seat:{number}", based_on)
        else:
            name = request.form.get("name", "").strip()
            in_force = edits.change_seat(number, name, _levels(), "enabled" in request.form, based_on)
    except Changed as error:
        return make_response(_page(number, changed_meanwhile(called(error.author), error.at, ground().zone)), 409)
    except EditError as error:
        return make_response(_page(number, edit_fault(error.code, error.key)), 409)
    return make_response(redirect(url_for(".index", seat=number, saved=number, later=None if in_force else "1"), 303))


def _levels() -> dict[str, int]:
    levels = {}
    for key, text in request.form.items():
        _, found, queue = key.partition("level:")
        if found and text:
            if not text.isdecimal():
                raise EditError("level", queue)
            levels[queue] = int(text)
    return levels


def _page(number: str, fault: str = "") -> str:
    found = edits.seats()
    chosen = next((seat for seat in found if seat.setting.number == number), None)
    if number and chosen is None:
        abort(404)
    kept = None
    if fault and chosen is not None:
        levels = {key.removeprefix("level:"): text for key, text in request.form.items() if key.startswith("level:")}
        kept = {"name": request.form.get("name", ""), "levels": levels, "enabled": "enabled" in request.form}
    elif chosen is not None:
        kept = {"name": chosen.name, "levels": {q: str(n) for q, n in chosen.queues.items()}, "enabled": chosen.enabled}
    return render_template(
        "settings/seats.html",
        seats=found,
        chosen=chosen,
        typed=kept,
        queues=[queue.name for queue in ground().options.queues],
        levels=range(1, WORST_LEVEL + 1),
        max_name=MAX_NAME,
        fault=fault,
        saved=request.args.get("saved", ""),
        later="later" in request.args,
    )
