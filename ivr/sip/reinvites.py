"""Re-INVITEs of both sides (RFC 3261 14) with glare."""

from __future__ import annotations

from collections.abc import Callable

from ivr.sip.core import ALLOW, Client, Core, Purpose
from ivr.sip.credentials import acknowledge, credentials, proofs
from ivr.sip.dialog import usable
from ivr.sip.events import Address, Broken, Output, ReinviteAnswered, Reinvited, ReinviteRejected
from ivr.sip.message import Request, Response
from ivr.sip.session import Phase, Session
from ivr.sip.transaction import LIMIT_S, ClientInvite
from ivr.sip.uas import Uas


class Reinvites:
    """Changes of an answered session's description."""

    def __init__(self, core: Core, uas: Uas, hang_up: Callable[[Session, float], list[Output]]) -> None:
        self._core = core
        self._uas = uas
        self._hang_up = hang_up

    def send(self, session: Session, sdp: bytes, now: float) -> list[Output]:
        """Offer a new description. While another INVITE is open in either direction: ReinviteRejected 491 at once (14.1)."""
        if session.phase is not Phase.CONFIRMED or session.dialog is None or session.bye_wanted:
            return []
        if session.client is not None or session.unanswered is not None or session.unacknowledged is not None:
            return session.tell(ReinviteRejected(session.id, 491, session.dialog.owner))
        core = self._core
        outgoing = core.in_dialog(session.dialog, "INVITE", headers=(core.contact(session.user), ALLOW), body=sdp)
        session.challenged = 0
        return self._start(session, core.open_invite(session, Purpose.REINVITE, outgoing), now)

    def receive(self, session: Session, request: Request, source: Address, now: float) -> list[Output]:
        """The peer's re-INVITE (14.2)."""
        core, dialog = self._core, session.dialog
        if session.phase is not Phase.CONFIRMED or session.bye_wanted or dialog is None:
            status = 500 if session.phase is Phase.EARLY else 481
            return [*core.refuse(request, source, status, now, headers=[("Retry-After", "2")] if status == 500 else [])]
        if request.cseq <= dialog.remote_cseq:
            return [*core.refuse(request, source, 500, now)]
        outputs: list[Output] = []
        if session.unacknowledged is not None and not session.late_offer:
            # Whoever sends a re-INVITE has our 2xx; only its ACK is lost or late (RFC 5407 3.1.4).
            outputs = self._uas.confirmed(session, b"", now)
        dialog.remote_cseq = request.cseq
        if session.unanswered is not None:
            return [*core.refuse(request, source, 500, now, headers=[("Retry-After", "2")])]
        if session.client is not None or session.unacknowledged is not None:
            return [*outputs, *core.refuse(request, source, 491, now)]
        unsupported = [("Unsupported", option) for option in request.values("Require")]
        if unsupported:
            return [*outputs, *core.refuse(request, source, 420, now, headers=unsupported)]
        if request.body and request.content_type != "application/sdp":
            return [*outputs, *core.refuse(request, source, 415, now, headers=[("Accept", "application/sdp")])]
        if usable(request.contact, ()):
            dialog.refresh(request.contact)
        session.late_offer = not request.body
        session.server = core.serve_invite(request, source, Purpose.REINVITE, session)
        outputs += core.respond(session.server, 100, now)
        return outputs + session.tell(Reinvited(session.id, request.body))

    def answer(self, session: Session, sdp: bytes, now: float) -> list[Output]:
        """200 to the peer's re-INVITE."""
        if session.phase is not Phase.CONFIRMED or session.unanswered is None:
            return []
        return self._uas.accept(session, sdp, now)

    def reject(self, session: Session, status: int, now: float) -> list[Output]:
        """Refuse the peer's re-INVITE; the session goes on as before."""
        if session.phase is not Phase.CONFIRMED or session.unanswered is None:
            return []
        session.late_offer = False
        return [*self._core.respond(session.unanswered, status, now, tag=session.local_tag)]

    def answered(self, opened: Client[ClientInvite], response: Response, now: float) -> list[Output]:
        """A response to our re-INVITE."""
        session, outgoing = opened.session, opened.outgoing
        current = session.client is opened
        if response.status < 200:
            opened.machine.receive(response.status, now)
            opened.machine.bound(now + LIMIT_S)
            self._core.arm(opened)
            return []
        if response.status < 300:
            passed, _ = opened.machine.receive(response.status, now)
            self._core.arm(opened)
            if not passed or session.dialog is None:
                return []
            if current:
                session.client = None
                if usable(response.contact, ()):
                    session.dialog.refresh(response.contact)
            outputs = acknowledge(self._core, session, response.cseq, proofs(outgoing.headers))
            live = current and session.phase is Phase.CONFIRMED
            return outputs + (session.tell(ReinviteAnswered(session.id, response.body)) if live else [])
        passed, acks = opened.machine.receive(response.status, now, outgoing.ack(response.get("To")).send())
        self._core.arm(opened)
        if not (passed and current):
            return [*acks]
        session.client = None
        if session.phase is not Phase.CONFIRMED or session.dialog is None:
            return [*acks]
        header = credentials(self._core, session, outgoing, response)
        if header is not None:
            session.dialog.local_cseq += 1
            again = self._core.open_invite(session, Purpose.REINVITE, outgoing.again(self._core.branch(), header))
            return [*acks, *self._start(session, again, now)]
        if response.status in {408, 481}:
            return [*acks, *session.tell(Broken(session.id, "dialog_lost"))]  # 12.2.1.2
        return [*acks, *session.tell(ReinviteRejected(session.id, response.status, session.dialog.owner))]

    def failed(self, opened: Client[ClientInvite]) -> list[Output]:
        """Nobody answered our re-INVITE."""
        session = opened.session
        session.client = None
        return session.tell(Broken(session.id, "no_reinvite_answer")) if session.phase is Phase.CONFIRMED else []

    def unacknowledged(self, session: Session, now: float) -> list[Output]:
        """Nobody acknowledged our 2xx, of the first INVITE or a later one (13.3.1.4): a BYE that waited goes out, else the
        app is told."""
        session.server = None
        if session.bye_wanted:
            return self._hang_up(session, now)
        return session.tell(Broken(session.id, "no_ack")) if session.phase is Phase.CONFIRMED else []

    def _start(self, session: Session, opened: Client[ClientInvite], now: float) -> list[Output]:
        session.client = opened
        sends = opened.machine.start(now)
        self._core.arm(opened)
        return [*sends]
