"""[io] Logging in and out, one-time links, and one's own account: password, sessions, tokens."""

from __future__ import annotations

import time
from datetime import datetime

from flask import Blueprint, Response, abort, make_response, redirect, render_template, request, url_for

from console import gate, links, sessions, tries
from console.accounts import AccountError, Person, check
from console.gate import actor, me
from console.ground import ground
from console.language import gettext as _
from console.roles import Role, needs, open_to_all
from console.words import account_fault

blueprint = Blueprint("login", __name__)


@blueprint.get("/")
@needs(Role.SEAT)
def home() -> Response:
    """Where one's work is."""
    return _to(url_for("floor.index" if gate.supervises() else "seat.index"))


@blueprint.get("/login")
@open_to_all
def index() -> str | Response:
    """The form."""
    return _to(_next()) if gate.maybe_me() else _form("")


@blueprint.post("/login")
@open_to_all
def enter() -> Response:
    """Log in; 401 and the page with the fault if not, 429 while locked out."""
    login, password = request.form.get("login", "")[:64], request.form.get("password", "")[:1000]
    address, now = request.remote_addr or "", time.time()
    gate.slow_tries()
    engine = ground().engine
    until = tries.begin(engine, login, address, now)
    if until is not None:
        at = datetime.fromtimestamp(until, ground().zone).strftime("%H:%M")
        text = _("试错太多次，登录已锁定到 %(at)s。管理员可以提前解除。", at=at)
        response = make_response(_form(text, login), 429)
        response.headers["Retry-After"] = str(max(1, round(until - now)))
        return response
    person = check(engine, login, password)
    if person is None:
        return make_response(_form(_("登录名或密码不对。"), login), 401)
    tries.succeeded(engine, login, address)
    gate.enter(person)
    return _to(_next())


@blueprint.post("/logout")
@needs(Role.SEAT)
def leave() -> Response:
    """Log this browser out."""
    gate.leave()
    return _to(url_for(".index"))


@blueprint.get("/welcome/<key>")
@open_to_all
def welcome(key: str) -> Response:
    """A one-time link's form: a password, or the first administrator; 410 when it is spent."""
    return _welcome(key)


@blueprint.post("/welcome/<key>")
@open_to_all
def use(key: str) -> Response:
    """Use the link, and log in."""
    engine, now, address = ground().engine, time.time(), request.remote_addr or ""
    gate.slow_tries()
    password = request.form.get("password", "")
    if password != request.form.get("again", ""):
        return _welcome(key, "differs")
    try:
        if links.look(engine, key, now).person is None:
            login, name = request.form.get("login", ""), request.form.get("name", "")
            person = links.create_administrator(engine, key, login, name, password, address, now)
        else:
            person = links.set_password(engine, key, password, address, now)
    except AccountError as error:
        return _welcome(key, error.code)
    except links.LinkSpent:
        return _welcome(key)
    gate.enter(person)
    return _to(url_for(".home"))


@blueprint.get("/me")
@needs(Role.SEAT)
def account() -> str:
    """One's own account."""
    return _account()


@blueprint.post("/me")
@needs(Role.SEAT)
def change() -> Response:
    """Do `action`: password, leave (everywhere), token (make one), revoke (one). 409 and the page with the fault if not."""
    engine, who, now = ground().engine, me(), time.time()
    try:
        match request.form.get("action"):
            case "password":
                return _password(who, now)
            case "leave":
                sessions.end_all(engine, who, actor(), now)
                gate.leave()
                return _to(url_for(".index"))
            case "token":
                key = sessions.make_token(engine, who, request.form.get("name", ""), actor(), now)
                return make_response(_account(key=key))
            case "revoke":
                sessions.revoke(engine, who, request.form.get("id", 0, type=int), actor(), now)
                return _to(url_for(".account"))
            case _:
                abort(400)
    except AccountError as error:
        return make_response(_account(account_fault(error.code)), 409)


def _password(who: Person, now: float) -> Response:
    engine, address = ground().engine, request.remote_addr or ""
    new = request.form.get("password", "")
    if new != request.form.get("again", ""):
        raise AccountError("differs")
    if tries.begin(engine, who.login, address, now) is not None:
        return make_response(_account(_("试错太多次，请稍后再试。")), 429)
    if not sessions.change_password(engine, who, request.form.get("old", "")[:1000], new, actor(), now):
        return make_response(_account(_("现在的密码不对。")), 409)
    tries.succeeded(engine, who.login, address)
    gate.enter(who)  # all sessions have ended, this one begins anew
    return _to(url_for(".account", done="password"))


def _account(fault: str = "", key: str = "") -> str:
    engine, here, who = ground().engine, ground(), me()
    return render_template(
        "login/account.html",
        fault=fault,
        key=key,
        done=request.args.get("done") == "password",
        tokens=sessions.tokens(engine, who),
        open_sessions=sessions.count(engine, who, here.options.limits, time.time()),
    )


def _form(fault: str, login: str = "") -> str:
    return render_template("login/index.html", fault=fault, login=login, next=request.values.get("next", ""))


def _welcome(key: str, fault: str = "") -> Response:
    try:
        link = links.look(ground().engine, key, time.time())
    except links.LinkSpent:
        return make_response(render_template("login/spent.html"), 410)
    given = {name: request.form.get(name, "") for name in ("login", "name")}
    text = account_fault(fault) if fault else ""
    page = render_template("login/welcome.html", person=link.person, fault=text, given=given)
    return make_response(page, 409 if fault else 200)


def _next() -> str:
    """Where the person wanted to go: a path of ours, never another site."""
    wish = request.values.get("next", "")
    ours = wish.startswith("/") and not wish.startswith(("//", "/\\")) and wish.isprintable() and "\\" not in wish
    return wish if ours and len(wish) < 500 else url_for("login.home")


def _to(place: str) -> Response:
    return make_response(redirect(place, 303))
