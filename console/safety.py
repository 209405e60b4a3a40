"""[io] What keeps foreign pages out: no request that changes anything from elsewhere, no script or frame that isn't ours; and,
beyond this machine, no page without TLS where the settings ask for it."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Flask, Response, abort, request

from console.options import ConsoleOptions
from console.proxies import LOCAL

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


def protect(app: Flask, options: ConsoleOptions) -> None:
    """Answer trusted host names only, by TLS where it must be, refuse cross-site writes with 403, and send the headers."""
    names = frozenset(name.strip("[]").lower() for name in options.trusted_hosts)

    def known_host() -> Response | None:  # Flask's TRUSTED_HOSTS can't say [::1]
        if _host_name() not in names:
            return Response("not served under this host name\n", 400, mimetype="text/plain")
        if options.tls_only and not (request.is_secure or request.environ.get(LOCAL)):
            return Response("served by TLS only\n", 403, mimetype="text/plain")
        return None

    app.before_request(known_host)
    app.before_request(_same_origin)
    app.after_request(_headers)


def _host_name() -> str:
    try:
        return urlsplit(f"//{request.host}").hostname or ""
    except ValueError:  # a half-open bracket
        return ""


def _same_origin() -> None:
    if request.method in ("GET", "HEAD", "OPTIONS") or "Authorization" in request.headers:
        return  # a foreign page can't send that header: the browser would ask us first, and gets no answer
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
    response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
    if not response.cache_control.max_age:
        response.headers.setdefault("Cache-Control", "no-store")
    return response
