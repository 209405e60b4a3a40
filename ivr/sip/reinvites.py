"""Re-INVITEs of both sides (RFC 3261 14) with glare."""

from __future__ import annotations

from collections.abc import Callable

from ivr.sip.core import ALLOW, Client, Core, Purpose
from ivr.sip.credentials import acknowledge, again, credentials, proofs
from ivr.sip.dialog import Dialog, usable
from ivr.sip.events import Address, Broken, Output, ReinviteAnswered, Reinvited, ReinviteRejected
from ivr.sip.message import Request, Response
from ivr.sip.outgoing import Outgoing
from ivr.sip.session import Phase, Session
from ivr.sip.timers import Timers
from ivr.sip.transaction import LIMIT_S, ClientInvite
from ivr.sip.uas import Uas


class Reinvites:
    """Changes of an answered session's description."""

    def __init__(self, core: Core, uas: Uas, timers: Timers, hang_up: Callable[[Session, float], list[Output]]) -> None:
        self._core = core
        self._uas = uas
        self._timers = timers
        self._hang_up = hang_up

    def send(self, session: Session, sdp: bytes, now: float) -> list[Output]:
        """Offer a new description. While another INVITE is open in either direction: ReinviteRejected 491 at once (14.1)."""
        if session.phase is not Phase.CONFIRMED or session.dialog is None or session.bye_wanted:
            return []
        if session.exchanging:
            return session.tell(ReinviteRejected(session.id, 491, session.dialog.owner))
        session.sdp = sdp
        return self._send(session, session.dialog, Purpose.REINVITE, now)

    def refresh(self, session: Session, now: float) -> list[Output]:
        """Keep an answered session from expiring, at a peer that doesn't take UPDATE: our last description once more (RFC
        4028 7.4)."""
        assert session.dialog is not None, "only answered sessions are refreshed"
        if session.exchanging:
            self._timers.again(session, now)
            return []
        return self._send(session, session.dialog, Purpose.REFRESH, now) if session.sdp else []

    def _send(self, session: Session, dialog: Dialog, purpose: Purpose, now: float) -> list[Output]:
        headers = (self._core.contact(dialog.peer, session.user), ALLOW, *self._timers.proposal(session))
        session.challenged = 0
        return self._start(session, self._core.in_dialog(dialog, "INVITE", headers=headers, body=session.sdp), purpose, now)

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
        if session.unanswered is not None or session.offered is not None:
            return [*core.refuse(request, source, 500, now, headers=[("Retry-After", "2")])]
        if session.exchanging:
            return [*outputs, *core.refuse(request, source, 491, now)]
        refusal = self._uas.unfit(request, source, now)
        if refusal:
            return outputs + refusal
        session.proposed = self._timers.answer(session, request)
        allows = request.allows("UPDATE")
        session.updates = session.updates if allows is None else allows
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
        session.proposed = None
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
            if not (current and session.phase is Phase.CONFIRMED):
                return outputs
            self._timers.agreed(session, response, now, opened.sent_at)
            return outputs + session.tell(ReinviteAnswered(session.id, response.body))
        passed, acks = opened.machine.receive(response.status, now, outgoing.ack(response.get("To")).send())
        self._core.arm(opened)
        if not (passed and current):
            return [*acks]
        session.client = None
        if session.phase is not Phase.CONFIRMED or session.dialog is None:
            return [*acks]
        header = credentials(self._core, session, outgoing, response)
        headers = self._timers.longer(outgoing, response) if header is None else (header,)
        if headers:
            return [*acks, *self._start(session, again(self._core, session, outgoing, *headers), opened.purpose, now)]
        if response.status in {408, 481}:
            return [*acks, *session.tell(Broken(session.id, "dialog_lost"))]  # 12.2.1.2
        if opened.purpose is Purpose.REFRESH:
            self._timers.refused(session, outgoing, response.status, now)
            return [*acks]
        return [*acks, *session.tell(ReinviteRejected(session.id, response.status, session.dialog.owner))]

    def unacknowledged(self, session: Session, now: float) -> list[Output]:
        """Nobody acknowledged our 2xx, of the first INVITE or a later one (13.3.1.4): a BYE that waited goes out, else the
        app is told."""
        session.server = None
        if session.bye_wanted:
            return self._hang_up(session, now)
        return session.tell(Broken(session.id, "no_ack")) if session.phase is Phase.CONFIRMED else []

    def _start(self, session: Session, outgoing: Outgoing, purpose: Purpose, now: float) -> list[Output]:
        session.client = self._core.open_invite(session, purpose, outgoing)
        return [*self._core.start(session.client, now)]
