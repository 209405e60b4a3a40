"""[io] Return calls owed (回电): the list by deadline, and what a person does with one."""

from __future__ import annotations

import time
from typing import cast, get_args

from flask import Blueprint, Response, abort, make_response, redirect, render_template, request, url_for

from console import accounts, returning
from console.accounts import Person
from console.gate import me
from console.ground import ground
from console.roles import Role, needs
from followup import returncalls
from followup.audit import audit
from followup.returncalls import Wanted, Which
from followup.windows import rest

blueprint = Blueprint("callbacks", __name__, url_prefix="/callbacks")


@blueprint.get("/")
@needs(Role.SEAT)
def index() -> str:
    """What is owed, the earliest deadline first, filtered by ?which=, ?owner= (a login), ?hotline=, ?number=; ?done=1: what was
    closed or waived. With the audit of the whole."""
    here, now = ground(), time.time()
    done, wanted = request.args.get("done") == "1", _wanted()
    rows = (returncalls.list_done if done else returncalls.list_open)(here.engine, now, wanted)
    return render_template(
        "callbacks/index.html",
        rows=rows,
        done=done,
        wanted=wanted,
        tally=returncalls.tally(here.engine, now),
        audit=audit(here.engine),
        rest=rest(here.options.window, now),
        hotlines=here.options.hotline_titles,
        colleagues=_colleagues(),
    )


@blueprint.get("/<int:return_call_id>")
@needs(Role.SEAT)
def show(return_call_id: int) -> str:
    """One return call: its calls, its history, and what can be done with it."""
    return _page(return_call_id)


@blueprint.post("/<int:return_call_id>")
@needs(Role.SEAT)
def act(return_call_id: int) -> Response:
    """Do `action` (claim, release, hand_over to `to`, settle with `outcome` and `note`, waive with `note`); 409 and the page
    with the fault if not."""
    note = request.form.get("note", "")
    try:
        match request.form.get("action"):
            case "claim":
                returning.claim(return_call_id)
            case "release":
                returning.release(return_call_id)
            case "hand_over":
                returning.hand_over(return_call_id, request.form.get("to", ""))
            case "settle":
                returning.settle(return_call_id, request.form.get("outcome", ""), note)
            case "waive":
                returning.waive(return_call_id, note)
            case _:
                abort(400)
    except returning.Refusals as error:
        return make_response(_page(return_call_id, returning.fault(error), note), 409)
    return make_response(redirect(url_for(".show", return_call_id=return_call_id), 303))


def _wanted() -> Wanted:
    """The filters; wrong values are taken as none."""
    which = request.args.get("which", "")
    number = "".join(c for c in request.args.get("number", "") if c in "0123456789*#+")[:32]
    owner, hotline = request.args.get("owner", "")[:64], request.args.get("hotline", "")[:64]
    return Wanted(cast(Which, which) if which in get_args(Which) else "", owner, hotline, number)


def _colleagues() -> list[Person]:
    return [one for one in accounts.people(ground().engine) if one.enabled]


def _page(return_call_id: int, fault: str = "", note: str = "") -> str:
    here, now = ground(), time.time()
    try:
        found = returncalls.history(here.engine, return_call_id, now)
    except returncalls.NotFound:
        abort(404)
    return render_template(
        "callbacks/show.html",
        found=found,
        row=found.owed,
        mine=found.owed.owner == me().login,
        fault=fault,
        note=note,
        outcomes=returning.OUTCOMES,
        chosen=request.form.get("outcome", ""),
        rest=rest(here.options.window, now),
        colleagues=_colleagues(),
    )
