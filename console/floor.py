"""[io] The floor, live: who waits, who talks, which seat is free. Pushed to the page as it changes (server-sent events)."""

from __future__ import annotations

import time
from collections.abc import Iterator

from flask import Blueprint, Response, render_template, stream_with_context

from console.feed import Frame, TooManyViews
from console.ground import ground
from console.language import present

blueprint = Blueprint("floor", __name__)

_FIRST_FRAME_S = 3.0
_KEEP_ALIVE_S = 15.0
_DRAWN_S = 0.5
"""How long a drawn board may be sent: it tells the server's clock, by which the page counts on."""


@blueprint.get("/")
def index() -> str:
    """The page as it is now; its script then asks for the changes."""
    return render_template("floor/index.html", frame=ground().feed.wait(0, _FIRST_FRAME_S))


@blueprint.get("/floor/events")
def events() -> Response:
    """The board as HTML at every change: text/event-stream, event "board". 503 when all live places are taken."""
    feed = ground().feed
    try:
        feed.enter()
    except TooManyViews:
        return Response(status=503, headers={"Retry-After": "10"})

    def stream() -> Iterator[str]:
        version = 0
        sent_at = time.monotonic()
        while not feed.closing:
            frame = feed.wait(version, _KEEP_ALIVE_S)
            if frame.version > version:
                version = frame.version
                yield _message(frame)
            elif time.monotonic() - sent_at >= _KEEP_ALIVE_S:
                yield ": still here\n\n"  # a reader who is gone is found out by writing only
            sent_at = time.monotonic()

    response = Response(stream_with_context(stream()), mimetype="text/event-stream")
    response.headers["X-Accel-Buffering"] = "no"
    response.call_on_close(feed.leave)
    return response


def _message(frame: Frame) -> str:
    """The event of a frame; drawn once for all who read the same language at the same time."""
    drawn, reader, now = ground().drawn, present(), time.monotonic()
    version, at, text = drawn.get(reader, (0, 0.0, ""))
    if version != frame.version or now - at > _DRAWN_S:
        lines = render_template("floor/board.html", frame=frame).splitlines()
        text = "event: board\n" + "".join(f"data: {line}\n" for line in lines if line.strip()) + "\n"
        drawn[reader] = (frame.version, now, text)
    return text
