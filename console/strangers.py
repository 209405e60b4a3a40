"""[io] Whom the hotline keeps out: numbers on the block list (黑名单), banned addresses, and the calls it turned away."""

from __future__ import annotations

import re
from contextlib import closing

from flask import Blueprint, Response, abort, make_response, redirect, render_template, request, url_for
from redis import Redis
from redis.exceptions import RedisError

from console import person
from console.ground import ground
from console.language import gettext as _
from followup.history import refusals
from routing import bans
from storage.redis import StorageError, connect_sync

blueprint = Blueprint("strangers", __name__, url_prefix="/strangers")

DEFAULT_HOURS = 24
HOURS = (1, DEFAULT_HOURS, 7 * 24, 30 * 24, 0)
"""How long a number may be blocked; 0 is for ever."""
MAX_REASON = 200
_NUMBER = re.compile(r"\+?[0-9]{3,20}")


@blueprint.get("/")
def index() -> tuple[str, int]:
    """The block list, ?number= filled into its form; banned addresses; the latest calls that were turned away."""
    return _page()


@blueprint.post("/")
def act() -> Response:
    """Do `action` as `who`: block `number` for `hours` with a `reason`, unblock it, or lift the ban of an `address`. 409 and
    the page with the fault if not."""
    who, reason = request.form.get("who", "").strip()[: person.MAX_NAME], request.form.get("reason", "").strip()
    number = re.sub(r"[\s().-]", "", request.form.get("number", ""))
    try:
        with closing(connect_sync(ground().options.redis_url)) as redis:
            match request.form.get("action"):
                case "block":
                    hours = request.form.get("hours", type=int)
                    if hours not in HOURS:
                        abort(400)
                    fault = _block(redis, number, hours, reason, who)
                case "unblock":
                    fault = "" if bans.lift(redis, "number", number, by=who) else _("这个号码不在黑名单里。")
                case "lift":
                    lifted = bans.lift(redis, "address", request.form.get("address", ""), by=who)
                    fault = "" if lifted else _("这个地址没有被封禁。")
                case _:
                    abort(400)
    except (StorageError, RedisError, OSError):
        abort(503)
    if fault:
        return make_response(_page(fault)[0], 409)
    response = make_response(redirect(url_for(".index"), 303))
    return person.remember(response, who) if who else response


def _block(redis: Redis, number: str, hours: int, reason: str, who: str) -> str:
    """Block it, or say why not."""
    if not _NUMBER.fullmatch(number):
        return _("请填写电话号码。")
    if not who:
        return _("请填写您的姓名或工号。")
    if not 0 < len(reason) <= MAX_REASON:
        return _("请填写原因(最多 200 字)。")
    bans.bar(redis, "number", number, reason=reason, by=who, seconds=hours * 3600 if hours else None)
    return ""


def _page(fault: str = "") -> tuple[str, int]:
    """The page and its status: 503 while Redis is away."""
    try:
        with closing(connect_sync(ground().options.redis_url)) as redis:
            numbers, addresses = bans.listed(redis, "number"), bans.listed(redis, "address")
    except (StorageError, RedisError, OSError):
        return render_template("error.html", status=503), 503
    given = request.form or request.args
    page = render_template(
        "strangers/index.html",
        numbers=numbers,
        addresses=addresses,
        refused=refusals(ground().engine),
        hours=HOURS,
        chosen=given.get("hours", DEFAULT_HOURS, type=int),
        number=given.get("number", "")[:32],
        reason=given.get("reason", "")[:MAX_REASON],
        who=given.get("who", "") or person.remembered(),
        fault=fault,
    )
    return page, 200
