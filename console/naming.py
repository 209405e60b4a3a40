"""[io] What people are called on pages: their name in place of the login by which books know them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from flask import g

from console import accounts
from console.ground import ground
from console.labels import SIDES, label
from console.language import gettext as _
from routing.menus import FILE


def called(login: str) -> str:
    """A person's name by login, with the login beside it where another has the same name; what else may stand in a login's
    place ("system", "file") in a word; else the login itself."""
    return _names().get(login) or label(SIDES, login)


def login_of(who: str) -> str:
    """The login of who is called so; of several, or of nobody, what was given."""
    found = [person.login for person in accounts.people(ground().engine) if person.name == who]
    return found[0] if len(found) == 1 else who


def _names() -> Mapping[str, str]:
    """By login, read once a request."""
    if "names" not in g:
        everybody = accounts.people(ground().engine)
        borne = Counter(person.name for person in everybody)
        g.names = {FILE: _("配置文件")} | {
            one.login: _("%(name)s（%(login)s）", name=one.name, login=one.login) if borne[one.name] > 1 else one.name
            for one in everybody
        }
    found: Mapping[str, str] = g.names
    return found
