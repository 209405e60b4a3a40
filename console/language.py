"""[io] Chinese first, English second: ?lang= (kept in a cookie), then the browser's wish, then the installation's language."""

from __future__ import annotations

from flask import Flask, Response, request
from flask_babel import Babel, LazyString  # type: ignore[import-untyped]
from flask_babel import get_locale as _locale
from flask_babel import gettext as _gettext
from flask_babel import lazy_gettext as _lazy_gettext

LANGUAGES = ("zh", "en")
_COOKIE = "lang"
_YEAR_S = 365 * 24 * 3600


def gettext(text: str, **values: object) -> str:
    """`text`, which is Chinese and may name `values` as %(name)s, in the reader's language."""
    return str(_gettext(text, **values))


def lazy_gettext(text: str) -> LazyString:
    """As gettext, looked up when it is shown."""
    return _lazy_gettext(text)


def present() -> str:
    """The reader's language: one of LANGUAGES."""
    return str(_locale())


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
