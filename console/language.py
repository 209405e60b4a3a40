"""[io] Chinese first, English second: ?lang= (kept in a cookie), then the browser's wish, then the installation's language."""

from __future__ import annotations

from babel.support import NullTranslations
from flask import Flask, Response, g, has_app_context, request
from flask_babel import Babel, LazyString, get_translations  # type: ignore[import-untyped]
from flask_babel import get_locale as _locale
from markupsafe import Markup

LANGUAGES = ("zh", "en")
_COOKIE = "lang"
_YEAR_S = 365 * 24 * 3600


def gettext(text: str, **values: object) -> str:
    """`text`, which is Chinese and may name `values` as %(name)s, in the reader's language."""
    said = str(_texts().gettext(text))
    return said % values if values else said


def pgettext(context: str, text: str) -> str:
    """As gettext, for a text that is another word in another language where it means something else: 坐席 is a seat, and
    seats."""
    return str(_texts().pgettext(context, text))


def lazy_gettext(text: str) -> LazyString:
    """As gettext, looked up when it is shown."""
    return LazyString(gettext, text)


def lazy_pgettext(context: str, text: str) -> LazyString:
    """As pgettext, looked up when it is shown."""
    return LazyString(pgettext, context, text)


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

    Babel(app, configure_jinja=False, default_locale=default, locale_selector=choose)
    app.jinja_env.globals.update(
        _=lambda text, **values: Markup(_texts().gettext(text)) % values,
        pgettext=lambda context, text: Markup(_texts().pgettext(context, text)),
    )
    app.after_request(_remember)


def _texts() -> NullTranslations:
    """The reader's. Found once a request: a page has a hundred texts."""
    if not has_app_context():
        return NullTranslations()
    if "texts" not in g:
        g.texts = get_translations()
    found: NullTranslations = g.texts
    return found


def _remember(response: Response) -> Response:
    wish = request.args.get("lang")
    if wish in LANGUAGES and wish != request.cookies.get(_COOKIE):
        response.set_cookie(_COOKIE, wish, max_age=_YEAR_S, samesite="Lax", httponly=True)
    response.vary.update(("Accept-Language", "Cookie"))
    return response
