"""A browser over real HTTP, for consoles that run as processes of their own."""

from __future__ import annotations

import re
import time
import urllib.parse
import urllib.request
from http.cookiejar import CookieJar

from console import accounts
from console.changes import SYSTEM
from console.roles import Role
from storage.sql import open_database, writing
from tests.console.browser import PASSWORD

BOUND_S = 120.0
"""A console that starts with an interpreter of its own takes half a minute where twenty others want the processor too."""


def employ(sql_url: str, login: str, role: Role, seat: str = "") -> None:
    """Add a person with tests.console.browser.PASSWORD."""
    engine = open_database(sql_url)
    with writing(engine) as connection:
        accounts.insert_person(connection, login, login, role, seat, SYSTEM, time.time())
        accounts.set_password(connection, accounts.row_of(connection, login), PASSWORD, SYSTEM, time.time())
    engine.dispose()


class Wire:
    """One person's cookies at one console."""

    def __init__(self, port: int) -> None:
        self.here = f"http://127.0.0.1:{port}"
        self._jar = CookieJar()
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self._jar))
        self._token = ""

    @property
    def cookie(self) -> str:
        """The header of that name."""
        return "; ".join(f"{one.name}={one.value}" for one in self._jar)

    def get(self, path: str) -> str:
        """A page, its token kept. Raises urllib.error.HTTPError."""
        return self._open(urllib.request.Request(self.here + path))

    def send(self, path: str, **form: str) -> str:
        """Send a form, and see the page that follows."""
        data = urllib.parse.urlencode({"csrf_token": self._token, **form}).encode()
        return self._open(urllib.request.Request(self.here + path, data, {"Origin": self.here}))

    def log_in(self, login: str) -> None:
        """By the form."""
        self.get("/login")
        self.send("/login", login=login, password=PASSWORD)

    def _open(self, request: urllib.request.Request) -> str:
        with self._opener.open(request, timeout=BOUND_S) as answer:
            page = str(answer.read().decode())
        found = re.search(r'name="csrf_token" value="([^"]+)"', page)
        self._token = found[1] if found else self._token
        return page
