"""Our 180 and 183 to a caller: repeated until the PRACK where the caller asks for that (RFC 3262)."""

from __future__ import annotations

from collections.abc import Callable

from ivr.sip.core import ALLOW, Core
from ivr.sip.events import Output
from ivr.sip.message import Request
from ivr.sip.session import Session
from ivr.sip.timers import Timers

AGAIN_S = 150.0
"""A caller that rings on gets another reliable response so often, or proxies give the call up (RFC 3262 3)."""


class Provisional:
    """One reliable response is under way at a time; the next one, and the 2xx after a description, wait for its PRACK.

    accept: sends the 2xx.
    """

    def __init__(self, core: Core, timers: Timers, accept: Callable[[Session, bytes, float], list[Output]]) -> None:
        self._core = core
        self._timers = timers
        self._accept = accept

    @staticmethod
    def asked(request: Request, session: Session) -> None:
        """How the caller wants to be told (RFC 3262 3)."""
        if request.knows("100rel"):
            required = any(option.lower() == "100rel" for option in request.values("Require"))
            session.reliable = "required" if required else "supported"

    def send(self, session: Session, status: int, sdp: bytes, now: float) -> list[Output]:
        """A provisional response with our tag, with a description for early media."""
        server = session.unanswered
        if server is None or not session.ringing or (session.waiting is not None and session.waiting[0] >= 200):
            return []
        if session.late_offer and (sdp or session.reliable == "required"):
            return []  # it would have to bring an offer (RFC 3261 13.2.1), and sound would know no way before the answer
        if session.unpracked:
            session.waiting = (status, sdp or (session.waiting[1] if session.waiting is not None else b""))
            return []
        if session.early_answer:
            sdp = b""
        headers = [self._core.contact(server.reply.destination), ALLOW]
        reliable = session.reliable == "required" or (session.reliable == "supported" and sdp != b"")
        session.progress = status
        session.sdp = sdp or session.sdp
        if reliable:
            session.rseq += 1
            session.unpracked = f"{session.rseq} {server.reply.cseq}"
            session.early_answer = "sent" if sdp else session.early_answer
            headers += [("Require", "100rel"), ("RSeq", str(session.rseq))]
        return [
            *self._core.respond(
                server, status, now, tag=session.local_tag, headers=headers, body=sdp, until_prack=reliable
            )
        ]  # fmt: skip

    def again(self, session: Session, now: float) -> list[Output]:
        """The caller still hears it ring; after a restart, an answer that was ready leaves."""
        return self.release(session, now) if session.waiting else self.send(session, session.progress, b"", now)

    def must_wait(self, session: Session) -> bool:
        """Whether the 2xx must not leave yet."""
        return session.offered is not None or session.early_answer == "sent"

    def acknowledge(self, session: Session, request: Request, now: float) -> bool:
        """A PRACK came: False when it acknowledges nothing (481)."""
        if not session.unpracked or " ".join(request.get("RAck").split()) != session.unpracked:
            return False
        session.unpracked = ""
        session.early_answer = "known" if session.early_answer else ""
        if session.unanswered is not None:
            session.unanswered.machine.pracked()
            self._timers.wake(session, now + AGAIN_S)
        return True

    def release(self, session: Session, now: float) -> list[Output]:
        """What waited for the PRACK leaves."""
        waiting, session.waiting = session.waiting, None
        if waiting is None or not session.ringing:
            return []
        status, sdp = waiting
        return self._accept(session, sdp, now) if status >= 200 else self.send(session, status, sdp, now)
