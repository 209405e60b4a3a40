"""[io] The Flask app of Twilio's webhooks: each signature is checked, then the desk answers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import structlog
from flask import Flask, Response, abort, request

from ivr.gateway.twilio import desk as at
from ivr.gateway.twilio.desk import Desk
from ivr.gateway.twilio.forms import BadForm
from ivr.gateway.twilio.signatures import HEADER, Signatures

ANSWER_S = 13.0
"""Twilio waits 15 s for a webhook."""
MAX_FORM = 64 << 10

log = structlog.get_logger(__name__)

TwiML = Callable[[Mapping[str, str]], Awaitable[str]]
Notice = Callable[[Mapping[str, str]], Awaitable[None]]


def create_app(desk: Desk, signatures: Signatures, loop: asyncio.AbstractEventLoop) -> Flask:
    """The app; it may run in any thread, `loop` is the desk's."""
    app = Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = MAX_FORM

    def checked() -> Mapping[str, str]:
        """The form of a request that Twilio has signed; else 403."""
        query = request.query_string.decode("latin-1")
        path = request.path + (f"?{query}" if query else "")
        if not signatures.webhook(path, request.form, request.headers.get(HEADER, "")):
            log.warning("a webhook without Twilio's signature", path=request.path, source=request.remote_addr)
            abort(403)
        return request.form.to_dict()

    def ask(work: Awaitable[str | None]) -> str | None:
        future = asyncio.run_coroutine_threadsafe(_within(work), loop)
        try:
            return future.result(ANSWER_S + 1)
        except BadForm as error:
            log.warning("a webhook that can't be read", path=request.path, why=str(error))
            abort(400)
        except TimeoutError:
            log.error("a webhook could not be answered in time", path=request.path)
            abort(503)

    def twiml(path: str, name: str, answer: TwiML) -> None:
        def view() -> Response:
            return Response(ask(answer(checked())), mimetype="text/xml")

        app.add_url_rule(path, name, view, methods=["POST"])

    def notice(path: str, name: str, take: Notice) -> None:
        def view() -> Response:
            ask(take(checked()))
            return Response(status=204)

        app.add_url_rule(path, name, view, methods=["POST"])

    twiml(at.VOICE_PATH, "voice", desk.voice)
    twiml(at.AFTER_PATH, "after", desk.after)
    twiml(at.AGAIN_PATH, "after_again", lambda form: desk.after(form, again=True))
    twiml(at.ANSWERED_PATH, "answered", desk.answered)
    twiml(at.DONE_PATH, "done", desk.done)
    notice(at.STATUS_PATH, "status", desk.status)
    notice(at.RECORDING_PATH, "recording", desk.recording)

    @app.get("/healthz")
    def healthz() -> Response:
        return Response("ok\n", mimetype="text/plain")

    return app


async def _within(work: Awaitable[str | None]) -> str | None:
    async with asyncio.timeout(ANSWER_S):
        return await work
