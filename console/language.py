"""Chinese first, English second: ?lang= (remembered in a cookie), then the browser's wish, then the installation's language."""

from __future__ import annotations

from flask import Flask, Response, request
from flask_babel import Babel

LANGUAGES = ("zh", "en")
_COOKIE = "lang"
_YEAR_S = 365 * 24 * 3600


def speak(app: Flask, default: str) -> None:
    """Have `app` answer in its reader's language. The source texts are Chinese; English is console/translations/en."""

    def choose() -> str:
        for wish in (request.args.get("lang"), request.cookies.get(_COOKIE)):
            if wish in LANGUAGES:
                return wish
        return request.accept_languages.best_match(LANGUAGES) or default

    Babel(app, default_locale=default, locale_selector=choose)
    app.after_request(_remember)


def _remember(response: Response) -> Response:
    wish = request.args.get("lang")
    if wish in LANGUAGES and wish != request.cookies.get(_COOKIE):
        response.set_cookie(_COOKIE, wish, max_age=_YEAR_S, samesite="Lax", httponly=True)
    response.vary.update(("Accept-Language", "Cookie"))
    return response
