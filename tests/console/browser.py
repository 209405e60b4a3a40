"""A browser for tests of pages: it logs in as people do, and sends forms with the token of its pages."""

from __future__ import annotations

import re
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

PASSWORD = "correct horse battery"
HERE = {"Origin": "http://localhost"}


class Browser(FlaskClient):
    """Keeps cookies, and the token of the page it has seen last."""

    token = ""

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        """Any request; the token of an HTML page is kept."""
        response = super().open(*args, **kwargs)
        if response.mimetype == "text/html":
            found = re.search(r'name="csrf-token" content="([^"]+)"|name="csrf_token" value="([^"]+)"', response.text)
            self.token = (found[1] or found[2]) if found else self.token
        return response

    def send(self, path: str, *, method: str = "POST", **form: Any) -> TestResponse:
        """Send a form of ours."""
        return self.open(path, method=method, data={"csrf_token": self.token, **form}, headers=HERE)

    def log_in(self, login: str, password: str = PASSWORD) -> TestResponse:
        """Fill in the form."""
        self.get("/login")
        response = self.send("/login", login=login, password=password)
        if response.status_code == 303:
            self.get("/me")
        return response
