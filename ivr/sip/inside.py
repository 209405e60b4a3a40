"""Requests within a dialog (RFC 3261 12.2.2): which session they belong to, and who deals with them."""

from __future__ import annotations

from ivr.sip.byes import Byes
from ivr.sip.core import ALLOW, KNOWN_METHODS, SUPPORTED, Core, Purpose
from ivr.sip.dialog import Dialog
from ivr.sip.digits import TYPES, read_digit
from ivr.sip.events import Address, Digit, Output
from ivr.sip.message import Request
from ivr.sip.refers import Refers
from ivr.sip.reinvites import Reinvites
from ivr.sip.session import Phase, Session, Sessions
from ivr.sip.uas import Uas
from ivr.sip.updates import Updates


class Inside:
    """The way in to everything that happens in dialogs."""

    def __init__(
        self,
        core: Core,
        sessions: Sessions,
        uas: Uas,
        byes: Byes,
        reinvites: Reinvites,
        updates: Updates,
        refers: Refers,
    ) -> None:
        self._core = core
        self._sessions = sessions
        self._uas = uas
        self._byes = byes
        self._reinvites = reinvites
        self._updates = updates
        self._refers = refers

    def receive(self, request: Request, source: Address, now: float) -> list[Output] | None:
        """A request that names a dialog; None when there is no such dialog."""
        session = self._sessions.by_local(request.call_id, request.to.tag)
        dialog = _dialog(session, request.from_.tag) if session is not None else None
        if session is None or dialog is None:
            return None
        dialog.peer = source
        if request.method == "INVITE":
            return self._reinvites.receive(session, request, source, now)
        if request.method == "PRACK":
            # Its RAck says all. A later request may have overtaken it: refused for that it would be lost for good.
            dialog.remote_cseq = max(dialog.remote_cseq, request.cseq)
            return self._updates.prack(session, request, source, now)
        if request.cseq < dialog.remote_cseq:
            return [*self._core.refuse(request, source, 500, now)]  # 12.2.2
        dialog.remote_cseq = request.cseq
        if request.method == "BYE" and dialog is session.dialog:
            return self._bye(session, request, source, now)
        if session.phase in {Phase.HUNG_UP, Phase.OVER} or request.method == "BYE":
            return [*self._core.refuse(request, source, 481, now)]
        if request.method == "INFO":
            return self._info(session, request, source, now)
        if request.method == "UPDATE":
            return self._updates.receive(session, dialog, request, source, now)
        if request.method == "REFER":
            return self._refers.receive(session, request, source, now)
        return self.capable(request, source, now)

    def _bye(self, session: Session, request: Request, source: Address, now: float) -> list[Output]:
        if session.phase is not Phase.EARLY:
            return self._byes.receive(session, request, source, now)
        opened = self._core.serve_request(request, source, now, Purpose.BYE, session)
        return [*self._core.respond(opened, 200, now), *self._uas.terminate(session, now)]

    def _info(self, session: Session, request: Request, source: Address, now: float) -> list[Output]:
        """A key, or an empty INFO that only asks whether we live (RFC 6086 and its older use)."""
        if request.body and request.content_type not in TYPES:
            accept = ("Accept", ", ".join(sorted(TYPES)))
            return [*self._core.refuse(request, source, 415, now, headers=[accept])]
        outputs: list[Output] = [*self._core.refuse(request, source, 200, now)]
        found = read_digit(request.content_type, request.body) if request.body else None
        return outputs + session.tell(Digit(session.id, *found)) if found is not None else outputs

    def capable(self, request: Request, source: Address, now: float) -> list[Output]:
        """OPTIONS, and what we don't speak (8.2.1, 11.2)."""
        if request.method == "OPTIONS":
            status, headers = 200, [ALLOW, SUPPORTED, ("Accept", "application/sdp"), self._core.contact(source)]
        else:
            status, headers = 405 if request.method in KNOWN_METHODS else 501, [ALLOW]
        return [*self._core.refuse(request, source, status, now, headers=headers)]


def _dialog(session: Session, remote_tag: str) -> Dialog | None:
    """The session's dialog with this peer: the one it has, or an early one of our INVITE."""
    if session.dialog is not None:
        return session.dialog if session.dialog.remote_tag == remote_tag else None
    early = session.early.get(remote_tag)
    return None if early is None else early.dialog
