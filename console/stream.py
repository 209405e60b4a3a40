"""[io] Live pages: a response that goes on, with an event for the page's script at each change (server-sent events). It takes
one of the places there are, and ends with the session."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator

from flask import Response, stream_with_context
from sqlalchemy.exc import DBAPIError

from console import gate, sessions
from console.feed import TooManyViews
from console.ground import Ground, ground
from console.roles import Role

_LINE_END = re.compile(r"\r\n|\r|\n")
"""As browsers read events."""

HERE_S = 10.0
"""The page takes the connection for lost after two of these without a word (static/stream.js)."""
LOOK_AT_SESSION_S = 15.0
"""A live page of who was signed out ends within so long."""


def message(event: str, text: str) -> str:
    """An event as it goes over the wire. Empty lines too: what somebody has written may have some."""
    return f"event: {event}\n" + "".join(f"data: {line}\n" for line in _LINE_END.split(text)) + "\n"


def stream(role: Role, look: Callable[[float], str]) -> Response:
    """text/event-stream of what `look` says, as message() writes it: it waits for news, at most as long as it is told, and
    returns "" for none. After HERE_S of silence there is an event "here", by which the page knows that it is connected, and we
    whether it is. 503 when all places are taken."""
    at, key = ground(), gate.session_key()
    try:
        at.feed.enter()
    except TooManyViews:
        return Response(status=503, headers={"Retry-After": "10"})

    def events() -> Iterator[str]:
        sent_at = looked_at = time.monotonic()
        while not at.feed.closing:
            said = look(HERE_S)
            now = time.monotonic()
            if now - looked_at >= LOOK_AT_SESSION_S:
                looked_at = now
                if not _still_here(at, key, role):
                    return
            if not said and now - sent_at >= HERE_S:
                said = message("here", "-")
            if said:
                sent_at = now
                yield said

    response = Response(stream_with_context(events()), mimetype="text/event-stream")
    response.headers["X-Accel-Buffering"] = "no"
    response.call_on_close(at.feed.leave)
    return response


def _still_here(here: Ground, key: str, role: Role) -> bool:
    try:
        person = sessions.whose(here.engine, key, here.options.limits, time.time(), used=False)
    except DBAPIError:
        return True  # SQL is away: whoever was here stays
    return person is not None and person.role.covers(role)
