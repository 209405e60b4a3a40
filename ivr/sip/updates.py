"""UPDATE (RFC 3311) of both sides, and offers in PRACK (RFC 3262 5): descriptions changed before the answer, targets and
session timers refreshed without a description."""

from __future__ import annotations

from ivr.sip.core import ALLOW, AnyClient, Client, Core, Purpose
from ivr.sip.credentials import again, credentials
from ivr.sip.dialog import Dialog, usable
from ivr.sip.events import Address, Broken, Output, ReinviteAnswered, Reinvited, ReinviteRejected
from ivr.sip.message import Request, Response
from ivr.sip.outgoing import Outgoing
from ivr.sip.session import Phase, Session, Terms
from ivr.sip.timers import Timers
from ivr.sip.transaction import ClientRequest
from ivr.sip.uas import Uas

RETRY_AFTER = ("Retry-After", "2")


class Updates:
    """UPDATEs and PRACKs."""

    def __init__(self, core: Core, uas: Uas, timers: Timers) -> None:
        self._core = core
        self._uas = uas
        self._timers = timers

    def receive(self, session: Session, dialog: Dialog, request: Request, source: Address, now: float) -> list[Output]:
        """The peer's UPDATE (5.2)."""
        core = self._core
        outputs = self._uas.unfit(request, source, now)
        if outputs:
            return outputs
        session.updates = True
        if request.body:
            status = self._collision(session, dialog)
            if status:
                return [*core.refuse(request, source, status, now, headers=[RETRY_AFTER] if status == 500 else [])]
        if usable(request.contact, ()):
            dialog.refresh(request.contact)
        terms = self._timers.answer(session, request)
        if request.body:
            session.proposed = terms if session.phase is Phase.CONFIRMED else session.proposed
            if session.dialog is None:
                session.early[dialog.remote_tag].offered = request.body
            return self._offered(session, request, source, now)
        opened = core.serve_request(request, source, now, Purpose.PLAIN, session)
        return [*core.respond(opened, 200, now, headers=self._headers(session, source, terms, now))]

    def prack(self, session: Session, request: Request, source: Address, now: float) -> list[Output]:
        """The caller's PRACK: 481 when it acknowledges nothing; then what waited for it goes out, after the answer to an
        offer that it brings."""
        core = self._core
        if not self._uas.provisional.acknowledge(session, request, now):
            return [*core.refuse(request, source, 481, now)]
        if request.sdp and session.early_answer == "known" and session.ringing:
            return self._offered(session, request, source, now)
        opened = core.serve_request(request, source, now, Purpose.PRACK, session)
        return [*core.respond(opened, 200, now), *self._uas.provisional.release(session, now)]

    def _offered(self, session: Session, request: Request, source: Address, now: float) -> list[Output]:
        session.offered = self._core.serve_request(request, source, now, Purpose.UPDATE, session)
        return session.tell(Reinvited(session.id, request.body))

    def answer(self, session: Session, sdp: bytes, now: float) -> list[Output]:
        """200 to the offer that waits."""
        opened, session.offered = session.offered, None
        assert opened is not None, "asked for by the caller"
        session.sdp = sdp
        for early in session.early.values():
            early.answer, early.offered = early.offered or early.answer, b""
        headers = self._headers(session, opened.reply.destination, session.proposed, now)
        session.proposed = None if session.phase is Phase.CONFIRMED else session.proposed
        outputs: list[Output] = [*self._core.respond(opened, 200, now, headers=headers, body=sdp)]
        return outputs + self._uas.provisional.release(session, now)

    def reject(self, session: Session, status: int, now: float) -> list[Output]:
        """Refuse the offer that waits; all stays as it was."""
        opened, session.offered = session.offered, None
        assert opened is not None, "asked for by the caller"
        session.proposed = None if session.phase is Phase.CONFIRMED else session.proposed
        for early in session.early.values():
            early.offered = b""
        return [*self._core.respond(opened, status, now), *self._uas.provisional.release(session, now)]

    def send(self, session: Session, sdp: bytes, now: float) -> list[Output]:
        """Offer a new description before the answer, where the peer takes UPDATE and the first description has its answer
        (5.1). ReinviteRejected 491 while another offer or a PRACK is open (a PRACK must not be overtaken); [] where it can't be
        done."""
        dialog = self._early(session)
        if dialog is None or not session.updates:
            return []
        pracking = any(opened.purpose is Purpose.PRACK and opened.machine.waits for opened in session.open)
        if session.update is not None or session.offered is not None or pracking:
            return session.tell(ReinviteRejected(session.id, 491, dialog.owner))
        session.sdp = sdp
        contact = self._core.contact(dialog.peer, session.user)
        update = self._core.in_dialog(dialog, "UPDATE", headers=(contact, ALLOW), body=sdp)
        return self._start(session, update, now)

    def refresh(self, session: Session, now: float) -> list[Output]:
        """Keep an answered session from expiring: without a description (RFC 4028 7.4)."""
        assert session.dialog is not None, "only answered sessions are refreshed"
        headers = (self._core.contact(session.dialog.peer, session.user), ALLOW, *self._timers.proposal(session))
        update = self._core.in_dialog(session.dialog, "UPDATE", headers=headers)
        return [*self._core.start_request(session, Purpose.REFRESH, update, now)]

    def answered(self, opened: Client[ClientRequest], response: Response, now: float) -> list[Output]:
        """A response to our UPDATE."""
        core, session, refresh = self._core, opened.session, opened.purpose is Purpose.REFRESH
        passed = opened.machine.receive(response.status, now)
        core.arm(opened)
        if not passed or response.status < 200 or session.phase not in {Phase.EARLY, Phase.CONFIRMED}:
            return []
        session.update = session.update if refresh else None
        if response.status < 300:
            if refresh:
                self._timers.agreed(session, response, now, opened.sent_at)
                return []
            for early in session.early.values():
                if early.dialog.remote == opened.outgoing.to:
                    early.answer = response.body
            return session.tell(ReinviteAnswered(session.id, response.body))
        header = credentials(core, session, opened.outgoing, response)
        headers = self._timers.longer(opened.outgoing, response) if header is None else (header,)
        if headers:
            more = again(core, session, opened.outgoing, *headers)
            return [*core.start_request(session, Purpose.REFRESH, more, now)] if refresh else self._start(session, more, now)
        if response.status in {408, 481}:
            return session.tell(Broken(session.id, "dialog_lost"))
        if refresh:
            self._timers.refused(session, opened.outgoing, response.status, now)
            return []
        return session.tell(ReinviteRejected(session.id, response.status, session.calls))

    @staticmethod
    def failed(opened: AnyClient) -> list[Output]:
        """Nobody answered our UPDATE or re-INVITE."""
        session = opened.session
        session.update = None if session.update is opened else session.update
        session.client = None if session.client is opened else session.client
        return session.tell(Broken(session.id, "no_reinvite_answer")) if session.phase is Phase.CONFIRMED else []

    def _start(self, session: Session, update: Outgoing, now: float) -> list[Output]:
        session.update = self._core.open_request(session, Purpose.UPDATE, update)
        return [*self._core.start(session.update, now)]

    def _headers(self, session: Session, peer: Address, terms: Terms | None, now: float) -> list[tuple[str, str]]:
        agreed = self._timers.agree(session, terms, now) if session.phase is Phase.CONFIRMED else []
        return [self._core.contact(peer, session.user), ALLOW, *agreed]

    @staticmethod
    def _early(session: Session) -> Dialog | None:
        """The early dialog whose first offer has its answer."""
        if not session.calls:
            return session.dialog if session.early_answer == "known" else None
        answered = [early.dialog for early in session.early.values() if early.answer]
        return answered[0] if len(answered) == 1 else None

    @staticmethod
    def _collision(session: Session, dialog: Dialog) -> int:
        """How the peer's offer is refused: 491 while an offer of ours is open, 500 while one of the peer's is; 0 if none
        is."""
        if session.update is not None or (session.client is not None and session.dialog is not None):
            return 491
        if session.offered is not None:
            return 500
        if session.phase is Phase.EARLY:
            if session.calls:
                return 0 if any(early.answer for early in session.early.values() if early.dialog is dialog) else 491
            return 0 if session.early_answer == "known" else 500
        if session.unanswered is not None:
            return 500
        return 491 if session.unacknowledged is not None and session.late_offer else 0
