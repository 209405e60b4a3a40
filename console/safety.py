"""[io] What keeps foreign pages out: no request that changes anything from elsewhere, no script or frame that isn't ours."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Flask, Response, abort, request

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


def protect(app: Flask, trusted_hosts: tuple[str, ...]) -> None:
    """Answer trusted host names only, refuse cross-site writes with 403, and send the headers."""
    names = frozenset(name.strip("[]").lower() for name in trusted_hosts)

    def known_host() -> Response | None:  # Flask's TRUSTED_HOSTS can't say [::1]
        return None if _host_name() in names else Response("not served under this host name\n", 400, mimetype="text/plain")

    app.before_request(known_host)
    app.before_request(_same_origin)
    app.after_request(_headers)


def _host_name() -> str:
    try:
        return urlsplit(f"//{request.host}").hostname or ""
    except ValueError:  # a half-open bracket
        return ""


def _same_origin() -> None:
    if request.method in ("GET", "HEAD", "OPTIONS"):
        return
    origin = request.headers.get("Origin")
    if origin is not None:
        if urlsplit(origin).netloc != request.host:
            abort(403)
    elif request.headers.get("Sec-Fetch-Site") != "same-origin":
        abort(403)


def _headers(response: Response) -> Response:
    response.headers["Content-Security-Policy"] = POLICY
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "same-origin"
    if not response.cache_control.max_age:
        response.headers.setdefault("Cache-Control", "no-store")
    return response
