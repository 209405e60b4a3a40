"""[io] The queues (队列), for supervisors: times and music. What is saved counts for what calls do from then on."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, abort, make_response, redirect, render_template, request, url_for

from console import edits
from console.edits import EditError
from console.ground import ground
from console.naming import called
from console.roles import Role, needs
from console.words import changed_meanwhile, edit_fault
from followup.weeks import Changed
from routing.limits import QUEUE_S

blueprint = Blueprint("queues", __name__, url_prefix="/settings/queues")


@blueprint.get("/")
@needs(Role.SUPERVISOR)
def index() -> str:
    """All queues, each with its form."""
    return _page()


@blueprint.post("/<name>")
@needs(Role.SUPERVISOR)
def change(name: str) -> Response:
    """Save a queue's terms, or give them back to the settings (`action`)."""
    based_on = request.form.get("based_on", type=int)
    if based_on is None:
        abort(400)
    try:
        if request.form.get("action") == "reset":
            in_force = edits.give_back(f"queue:{name}", based_on)
        else:
            in_force = edits.change_queue(name, _terms(), based_on)
    except Changed as error:
        return make_response(_page(name, changed_meanwhile(called(error.author), error.at, ground().zone)), 409)
    except EditError as error:
        return make_response(_page(name, edit_fault(error.code, error.key)), 409)
    return make_response(redirect(url_for(".index", saved=name, later=None if in_force else "1"), 303))


def _terms() -> dict[str, Any]:
    terms: dict[str, Any] = {"music": request.form.get("music", "")}
    for key in QUEUE_S:
        try:
            terms[key] = float(request.form.get(key, ""))
        except ValueError:
            raise EditError("number", key) from None
    return terms


def _page(refused: str = "", fault: str = "") -> str:
    """refused: the queue whose form was sent in vain; what was typed is kept there."""
    return render_template(
        "settings/queues.html",
        queues=edits.queues(),
        music=ground().options.music,
        limits=QUEUE_S,
        refused=refused,
        typed=request.form,
        fault=fault,
        saved=request.args.get("saved", ""),
        later="later" in request.args,
    )
