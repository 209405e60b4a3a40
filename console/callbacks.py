"""[io] Return calls owed (回电): the list by deadline, and what a person does with one."""

from __future__ import annotations

import time

from flask import Blueprint, Response, abort, make_response, redirect, render_template, request, url_for

from console import person
from console.ground import ground
from console.language import gettext as _
from followup import callbacks
from followup.audit import audit

blueprint = Blueprint("callbacks", __name__, url_prefix="/callbacks")


@blueprint.get("/")
def index() -> str:
    """What is owed, the earliest deadline first; ?done=1: what was closed or waived. With the audit of the whole."""
    engine, now = ground().engine, time.time()
    done = request.args.get("done") == "1"
    rows = callbacks.list_done(engine, now) if done else callbacks.list_open(engine, now)
    return render_template("callbacks/index.html", rows=rows, done=done, audit=audit(engine), who=person.remembered())


@blueprint.get("/<int:return_call_id>")
def show(return_call_id: int) -> str:
    """One return call: its calls, its history, and what can be done with it."""
    return _page(return_call_id)


@blueprint.post("/<int:return_call_id>")
def act(return_call_id: int) -> Response:
    """Do `action` (claim, release, result, close, waive) as `who`, with `note`; 409 and the page with the fault if not."""
    engine, now = ground().engine, time.time()
    who, note = request.form.get("who", ""), request.form.get("note", "")
    try:
        match request.form.get("action"):
            case "claim":
                callbacks.claim(engine, return_call_id, who, now)
            case "release":
                callbacks.release(engine, return_call_id, who, now)
            case "result":
                callbacks.record_result(engine, return_call_id, who, note, now)
            case "close":
                callbacks.close(engine, return_call_id, who, note, now)
            case "waive":
                callbacks.waive(engine, return_call_id, who, note, now)
            case _:
                abort(400)
    except callbacks.NotFound:
        abort(404)
    except callbacks.CallbackError as error:
        return make_response(_page(return_call_id, _fault(error), note), 409)
    return person.remember(make_response(redirect(url_for(".show", return_call_id=return_call_id), 303)), who)


def _page(return_call_id: int, fault: str = "", note: str = "") -> str:
    try:
        found = callbacks.history(ground().engine, return_call_id, time.time())
    except callbacks.NotFound:
        abort(404)
    who = request.form.get("who") or person.remembered()
    return render_template("callbacks/show.html", found=found, row=found.owed, fault=fault, note=note, who=who)


def _fault(error: callbacks.CallbackError) -> str:
    match error:
        case callbacks.AlreadyClaimed():
            return _("%(owner)s 已认领。需要先放回,再由别人处理。", owner=error.owner)
        case callbacks.AlreadyDone():
            return _("这条回电已经处理完了。")
        case callbacks.NotClaimed():
            return _("这条回电没有人认领。")
        case callbacks.NameNeeded():
            return _("请填写您的姓名或工号。")
        case callbacks.ReasonNeeded():
            return _("请填写结果或原因(最多 500 字)。")
        case _:
            raise error
