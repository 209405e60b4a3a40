"""[io] The people who may log in, for administrators: added, changed, disabled, given a link to set a password, let in again
after a lock-out."""

from __future__ import annotations

import time

from flask import Blueprint, Response, abort, make_response, redirect, render_template, request, url_for

from console import accounts, links, tries
from console.accounts import AccountError
from console.gate import actor
from console.ground import ground
from console.roles import Role, needs
from console.words import account_fault

blueprint = Blueprint("people", __name__, url_prefix="/people")


@blueprint.get("/")
@needs(Role.ADMINISTRATOR)
def index() -> str:
    """Everybody, who is locked out, and a form for a new one."""
    return _page()


@blueprint.post("/")
@needs(Role.ADMINISTRATOR)
def add() -> Response:
    """Add a person; the page shows the link by which they set their password, once."""
    engine, now = ground().engine, time.time()
    try:
        login, name, role, seat = _given()
        person = accounts.add(engine, login, name, role, seat, actor(), now)
        return make_response(_page(link=_link(person.login, forget=False), whose=person.name))
    except AccountError as error:
        return make_response(_page(account_fault(error.code)), 409)


@blueprint.get("/<login>")
@needs(Role.ADMINISTRATOR)
def show(login: str) -> str:
    """One person's form."""
    return _form(login)


@blueprint.post("/<login>")
@needs(Role.ADMINISTRATOR)
def act(login: str) -> Response:
    """Do `action`: change, disable, enable, reset (the old password ends, the page shows a link for a new one)."""
    engine, now = ground().engine, time.time()
    try:
        match request.form.get("action"):
            case "change":
                _, name, role, seat = _given()
                accounts.change(engine, login, name, role, seat, actor(), now)
            case "disable":
                accounts.disable(engine, login, actor(), now)
            case "enable":
                accounts.enable(engine, login, actor(), now)
            case "reset":
                return make_response(_form(login, link=_link(login, forget=True)))
            case _:
                abort(400)
    except AccountError as error:
        if error.code == "not_found":
            abort(404)
        return make_response(_form(login, account_fault(error.code)), 409)
    return make_response(redirect(url_for(".index"), 303))


@blueprint.post("/locks/lift")
@needs(Role.ADMINISTRATOR)
def lift() -> Response:
    """Let `subject` try again."""
    tries.lift(ground().engine, request.form.get("subject", ""), actor(), time.time())
    return make_response(redirect(url_for(".index"), 303))


def _given() -> tuple[str, str, Role, str]:
    """login, name, role and seat of the form. Raises AccountError for a seat that there isn't."""
    try:
        role = Role(request.form.get("role", ""))
    except ValueError:
        abort(400)
    seat = request.form.get("seat", "").strip()
    if seat and seat not in ground().options.seats:
        raise AccountError("seat_unknown")
    return request.form.get("login", ""), request.form.get("name", ""), role, seat


def _link(login: str, *, forget: bool) -> str:
    key = links.for_person(ground().engine, login, actor(), time.time(), forget=forget)
    return url_for("login.welcome", key=key, _external=True)


def _page(fault: str = "", link: str = "", whose: str = "") -> str:
    engine, given = ground().engine, request.form if fault else {}
    return render_template(
        "people/index.html",
        people=accounts.people(engine),
        locks=tries.locks(engine, time.time()),
        seats=ground().options.seats,
        roles=list(Role),
        given={key: given.get(key, "") for key in ("login", "name", "role", "seat")},
        fault=fault,
        link=link,
        whose=whose,
    )


def _form(login: str, fault: str = "", link: str = "") -> str:
    try:
        person = accounts.find(ground().engine, login)
    except AccountError:
        abort(404)
    seats = ground().options.seats
    return render_template("people/show.html", person=person, seats=seats, roles=list(Role), fault=fault, link=link)
