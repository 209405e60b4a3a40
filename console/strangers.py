"""[io] Whom the hotline keeps out: numbers on the block list (黑名单), banned addresses, and the calls it turned away."""

from __future__ import annotations

import re
import time

from flask import Blueprint, Response, abort, make_response, redirect, render_template, request, url_for

from console.changes import ADDRESS, NUMBER, told
from console.gate import actor
from console.ground import ground, live
from console.language import gettext as _
from console.roles import Role, needs
from followup.history import refusals
from routing import bans

blueprint = Blueprint("strangers", __name__, url_prefix="/strangers")

DEFAULT_HOURS = 24
HOURS = (1, DEFAULT_HOURS, 7 * 24, 30 * 24, 0)
"""How long a number may be blocked; 0 is for ever."""
MAX_REASON = 200
_NUMBER = re.compile(r"\+?[0-9]{3,20}")


@blueprint.get("/")
@needs(Role.SUPERVISOR)
def index() -> str:
    """The block list, ?number= filled into its form; banned addresses; the latest calls that were turned away."""
    return _page()


@blueprint.post("/")
@needs(Role.SUPERVISOR)
def act() -> Response:
    """Do `action`: block `number` for `hours` with a `reason`, unblock it, or lift the ban of an `address`. 409 and the page
    with the fault if not."""
    reason = request.form.get("reason", "").strip()
    number = re.sub(r"[\s().-]", "", request.form.get("number", ""))
    match request.form.get("action"):
        case "block":
            hours = request.form.get("hours", type=int)
            if hours not in HOURS:
                abort(400)
            fault = _block(number, hours, reason)
        case "unblock":
            fault = "" if _lift("number", number) else _("这个号码不在黑名单里。")
        case "lift":
            fault = "" if _lift("address", request.form.get("address", "")) else _("这个地址没有被封禁。")
        case _:
            abort(400)
    if fault:
        return make_response(_page(fault), 409)
    return make_response(redirect(url_for(".index"), 303))


def _block(number: str, hours: int, reason: str) -> str:
    """Block it, or say why not."""
    if not _NUMBER.fullmatch(number):
        return _("请填写电话号码。")
    if not 0 < len(reason) <= MAX_REASON:
        return _("请填写原因（最多 200 字）。")
    by, after = actor(), {"reason": reason, "hours": hours}
    with live() as redis, told(ground().engine, by, "number_blocked", f"{NUMBER}:{number}", time.time(), after):
        bans.bar(redis, "number", number, reason=reason, by=by.login, seconds=hours * 3600 if hours else None)
    return ""


class _NotBarred(Exception):
    """There is nothing to lift."""


def _lift(kind: bans.Kind, entry: str) -> bool:
    what, subject = ("number_unblocked", NUMBER) if kind == "number" else ("ban_lifted", ADDRESS)
    try:
        with live() as redis, told(ground().engine, actor(), what, f"{subject}:{entry}", time.time()):
            if not bans.lift(redis, kind, entry, by=actor().login):
                raise _NotBarred
    except _NotBarred:
        return False
    return True


def _page(fault: str = "") -> str:
    with live() as redis:
        numbers, addresses = bans.listed(redis, "number"), bans.listed(redis, "address")
    given = request.form or request.args
    return render_template(
        "strangers/index.html",
        numbers=numbers,
        addresses=addresses,
        refused=refusals(ground().engine),
        hours=HOURS,
        chosen=given.get("hours", DEFAULT_HOURS, type=int),
        number=given.get("number", "")[:32],
        reason=given.get("reason", "")[:MAX_REASON],
        fault=fault,
    )
