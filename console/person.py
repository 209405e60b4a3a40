"""[io] Who sits before the screen: the name last given in this browser. No proof of anything: the console has no login."""

from __future__ import annotations

from urllib.parse import quote, unquote

from flask import Response, request

MAX_NAME = 64
_WHO = "who"
_YEAR_S = 365 * 24 * 3600


def remembered() -> str:
    """The name, "" where none was given yet."""
    return unquote(request.cookies.get(_WHO, ""))[:MAX_NAME]


def remember(response: Response, name: str) -> Response:
    """Have the browser keep this name."""
    response.set_cookie(_WHO, quote(name.strip()[:MAX_NAME]), max_age=_YEAR_S, samesite="Lax", httponly=True)
    return response
