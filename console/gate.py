"""[io] Who may pass: every request is refused that no role, or everybody, was declared for (console/roles.py). A browser shows
its session's cookie and, to change anything, the page's CSRF token; a program the bearer token of a person.

Sessions are rows in SQL, the cookie holds their key: to end one is to delete its row.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlencode

import structlog
from flask import Flask, Request, abort, current_app, g, redirect, request, session, url_for
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface
from flask_login import LoginManager, UserMixin, current_user, login_user, logout_user
from flask_wtf.csrf import CSRFProtect
from sqlalchemy import Engine, select
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.exc import DBAPIError

from console import changes, sessions
from console.ground import ground
from console.lockout import network_of
from console.proxies import LOCAL
from console.rate import Rate
from console.roles import Role, Undeclared, needed
from console.tables import console_secret
from storage.sql import writing

if TYPE_CHECKING:
    from werkzeug.wrappers import Response

    from console.accounts import Person

ANYBODY_PER_S, ANYBODY_BURST = 10.0, 120.0
"""Requests of one address without a login, static files not counted."""
PERSON_PER_S, PERSON_BURST = 20.0, 200.0
TRIES_PER_S, TRIES_BURST = 0.5, 20.0
"""Passwords tried from one address; console.lockout then locks for longer."""

MAX_REQUEST_BYTES = 256 * 1024
"""But for views that take more (takes())."""

_WITHOUT_SESSION = ("/static/", "/healthz", "/readyz")

LIVE = ("floor.events", "seat.events")
"""Streams of live pages: no use of a session either."""

BACKGROUND = "X-Background"
"""A page's own asking for news bears it: nobody did anything, the session stays idle."""

log = structlog.get_logger()


View = TypeVar("View", bound=Callable[..., Any])

_TAKES = "hotline_takes"


def takes(most: int) -> Callable[[View], View]:
    """Mark a view as one that is sent so many bytes; from who has its role. To stand below the route's decorator."""

    def mark(view: View) -> View:
        setattr(view, _TAKES, most)
        return view

    return mark


class SignedIn(UserMixin):  # type: ignore[misc]
    """Flask-Login's user: a person, by the session of this browser, or by a token ("")."""

    def __init__(self, person: Person, key: str) -> None:
        self.person = person
        self.key = key

    def get_id(self) -> str:
        """What the cookie keeps: the session's key."""
        return self.key


class _Cookies(SecureCookieSessionInterface):
    """Secure wherever the request came by TLS: a trusted proxy tells. What signs them is read from SQL when it is first needed;
    while that is away there are none, and let_pass() says so."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        if app.secret_key is None and not request.path.startswith(_WITHOUT_SESSION):
            with suppress(DBAPIError):
                app.secret_key = _secret(app.extensions["ground"].engine)
        return super().open_session(app, request)

    def get_cookie_secure(self, app: Flask) -> bool:
        return request.is_secure


def guard(app: Flask) -> None:
    """Let nobody pass who may not."""
    app.config.update(
        MAX_CONTENT_LENGTH=MAX_REQUEST_BYTES,
        SESSION_COOKIE_NAME="hotline",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        WTF_CSRF_TIME_LIMIT=None,  # as long as the session: a page may be open all day
        WTF_CSRF_CHECK_DEFAULT=False,  # _pass() asks for it, but not of tokens
    )
    app.session_interface = _Cookies()
    login = LoginManager()
    login.session_protection = None  # addresses change, the row in SQL is what counts
    login.init_app(app)
    login.user_loader(_by_session)
    login.request_loader(_by_token)
    csrf = CSRFProtect(app)
    people = Rate(PERSON_PER_S, PERSON_BURST)
    app.extensions["anybody"] = Rate(ANYBODY_PER_S, ANYBODY_BURST)
    app.extensions["tries"] = Rate(TRIES_PER_S, TRIES_BURST)

    def let_pass() -> Response | None:
        g.person = None
        view = app.view_functions.get(request.endpoint or "")
        try:
            role = None if view is None else needed(view)
        except Undeclared:
            log.error("console.undeclared", endpoint=request.endpoint)
            abort(403)
        if role is None and request.path.startswith(_WITHOUT_SESSION):
            return None
        if app.secret_key is None:
            _secret(ground().engine)  # raises as it did before; or SQL has come back meanwhile, for the next request
            abort(503)
        user = current_user._get_current_object()
        g.person = user.person if isinstance(user, SignedIn) else None
        rate = app.extensions["anybody"] if g.person is None else people
        who = network_of(request.remote_addr or "") if g.person is None else g.person.login
        wait_s = rate.take(who, time.monotonic())
        if wait_s:
            slow_down(wait_s)
        if g.person is not None and role is not None and g.person.role.covers(role):
            request.max_content_length = getattr(view, _TAKES, MAX_REQUEST_BYTES)  # before the token is looked for in a form
        if not (isinstance(user, SignedIn) and not user.key):
            csrf.protect()
        if role is None or (request.environ.get(LOCAL) and request.endpoint == "health.metrics"):
            return None  # nobody's page, or none at all: 404 follows
        if g.person is None:
            return _ask_to_log_in()
        if not g.person.role.covers(role):
            abort(403)
        return None

    app.before_request(let_pass)


def slow_down(wait_s: float) -> None:
    """429: ask again in so many seconds. Raises."""
    g.retry_after = str(max(1, round(wait_s)))
    abort(429)


def me() -> Person:
    """Who asks, in a view that needs a role."""
    person: Person = g.person
    return person


def maybe_me() -> Person | None:
    """Who asks, None for who hasn't logged in."""
    person: Person | None = g.get("person")
    return person


def actor() -> changes.Actor:
    """Who acts, for the change log."""
    return changes.Actor(me().login, request.remote_addr or "")


def supervises() -> bool:
    """Whether who asks may see to other people's work."""
    return me().role.covers(Role.SUPERVISOR)


def enter(person: Person) -> None:
    """Begin a session in this browser; what the cookie had before is forgotten."""
    here = ground()
    session.clear()
    agent = request.headers.get("User-Agent", "")
    key = sessions.begin(here.engine, person, request.remote_addr or "", agent, here.options.limits, time.time())
    login_user(SignedIn(person, key))


def leave() -> None:
    """End this browser's session."""
    user = current_user._get_current_object()
    if isinstance(user, SignedIn) and user.key:
        sessions.end(ground().engine, user.key)
    logout_user()
    session.clear()


def session_key() -> str:
    """The key of this browser's session; "" by a token."""
    user = current_user._get_current_object()
    return user.key if isinstance(user, SignedIn) else ""


def _by_session(key: str) -> SignedIn | None:
    here = ground()
    used = BACKGROUND not in request.headers and request.endpoint not in LIVE
    person = sessions.whose(here.engine, key, here.options.limits, time.time(), used=used)
    return None if person is None else SignedIn(person, key)


def _by_token(asking: Any) -> SignedIn | None:
    scheme, _, key = asking.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not (is_api() or asking.endpoint == "health.metrics"):
        return None
    person = sessions.holder(ground().engine, key.strip(), time.time())
    return None if person is None else SignedIn(person, "")


def is_api() -> bool:
    """Whether a program asks, which wants JSON."""
    return request.path.startswith("/api/")


def _ask_to_log_in() -> Response:
    program = is_api() or request.endpoint in ("health.metrics", *LIVE) or BACKGROUND in request.headers
    if program or request.method not in ("GET", "HEAD"):
        abort(401)
    wish = request.full_path.rstrip("?")
    query = "" if wish == "/" else "?" + urlencode({"next": wish})
    return redirect(url_for("login.index") + query)


def _secret(engine: Engine) -> str:
    """What cookies are signed with: made once, then the same for all consoles."""
    with writing(engine) as connection:
        add: Any = {"sqlite": sqlite_insert, "postgresql": postgresql_insert}[connection.dialect.name]
        connection.execute(add(console_secret).values(id=1, value=secrets.token_hex(32)).on_conflict_do_nothing())
        return str(connection.execute(select(console_secret.c.value)).scalar_one())


def slow_tries() -> None:
    """To be called before a password or a link's key is looked at: 429 where they come too fast from one address."""
    rate: Rate = current_app.extensions["tries"]
    wait_s = rate.take(network_of(request.remote_addr or ""), time.monotonic())
    if wait_s:
        slow_down(wait_s)
