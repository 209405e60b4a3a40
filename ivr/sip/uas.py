"""The called side: a peer's INVITE from its arrival to the ACK or CANCEL (RFC 3261 8.2, 9.2, 13.3)."""

from __future__ import annotations

from collections.abc import Callable

from ivr.sip import identity
from ivr.sip.core import ALLOW, SUPPORTED, Core, Purpose
from ivr.sip.dialog import Dialog, usable
from ivr.sip.events import Acknowledged, Address, Broken, Cancelled, Invited, Output, Party
from ivr.sip.message import Request
from ivr.sip.provisional import Provisional
from ivr.sip.replaces import ReplacesError, replaced
from ivr.sip.session import Phase, Session, Sessions
from ivr.sip.timers import Timers
from ivr.sip.transaction import ServerInvite, State


class Uas:
    """INVITEs that come, and the app's answer() and reject()."""

    def __init__(
        self, core: Core, sessions: Sessions, timers: Timers, hang_up: Callable[[Session, float], list[Output]]
    ) -> None:
        self._core = core
        self._sessions = sessions
        self._timers = timers
        self._hang_up = hang_up
        self.provisional = Provisional(core, timers, self._answer)

    def invited(self, request: Request, source: Address, party: Party, called: str, now: float) -> list[Output]:
        """A new call of a party that is known by now."""
        core = self._core
        outputs = self.unfit(request, source, now)
        if outputs:
            return outputs
        if not usable(request.contact, request.values("Record-Route")):
            return [*core.refuse(request, source, 400, now)]
        merged = self._sessions.by_caller(request.call_id, request.from_.tag)
        if merged is not None and merged.dialog is not None and merged.dialog.remote_cseq == request.cseq:
            return [*core.refuse(request, source, 482, now)]  # the same call by another way (8.2.2.2)
        try:
            old = replaced(request, self._sessions)
        except ReplacesError as error:
            return [*core.refuse(request, source, error.status, now)]
        tag = core.token()
        session = Session(core.token(), False, request.call_id, tag, dialog=Dialog.of_request(request, tag, source))
        session.late_offer = not request.body
        session.updates = bool(request.allows("UPDATE"))
        self.provisional.asked(request, session)
        session.proposed = self._timers.answer(session, request)
        self._sessions.add(session)
        session.server = core.serve_invite(request, source, Purpose.INVITE, session)
        trusted = party.kind == "trunk"
        return [
            *core.respond(session.server, 100, now),
            Invited(
                session.id,
                party,
                called,
                identity.caller(request),
                request.from_.display,
                request.call_id,
                request.body,
                source,
                identity.asserted(request) if trusted else "",
                identity.private(request),
                identity.diverted(request) if trusted else (),
                "" if old is None else old.id,
                identity.reference(request) if trusted else "",
            ),
        ]

    def unfit(self, request: Request, source: Address, now: float) -> list[Output]:
        """The refusal of an INVITE or UPDATE that asks for what we can't do; [] when it is fit."""
        core = self._core
        refusal = core.lacks(request, source, now)
        if refusal:
            return [*refusal]
        if request.body and request.content_type != "application/sdp":
            return [*core.refuse(request, source, 415, now, headers=[("Accept", "application/sdp")])]
        accepted = {value.partition(";")[0].strip().lower() for value in request.values("Accept")}
        if accepted and not accepted & {"application/sdp", "application/*", "*/*"}:
            return [*core.refuse(request, source, 406, now)]
        too_small = self._timers.refusal(request)
        return [*core.refuse(request, source, 422, now, headers=too_small)] if too_small else []

    def answer(self, session: Session, sdp: bytes, now: float) -> list[Output]:
        """200 with the description; repeated until the ACK. It waits for the PRACK of a 183 that bore one."""
        if not session.ringing:
            return []
        if self.provisional.must_wait(session):
            session.waiting = (200, sdp)
            return []
        return self._answer(session, sdp, now)

    def _answer(self, session: Session, sdp: bytes, now: float) -> list[Output]:
        session.phase, session.reliable = Phase.CONFIRMED, ""
        return self.accept(session, b"" if session.early_answer else sdp, now)

    def accept(self, session: Session, sdp: bytes, now: float) -> list[Output]:
        """200 to the waiting INVITE or re-INVITE."""
        assert session.unanswered is not None
        session.sdp = sdp or session.sdp
        contact = self._core.contact(session.unanswered.reply.destination, session.user)
        headers = [contact, ALLOW, SUPPORTED, *self._timers.agree(session, session.proposed, now)]
        session.proposed = None
        return [*self._core.respond(session.unanswered, 200, now, tag=session.local_tag, headers=headers, body=sdp)]

    def unpracked(self, session: Session, now: float) -> list[Output]:
        """Nobody acknowledged our reliable 180 or 183 (RFC 3262 3). After a restart that says little: the PRACK may have come
        before it."""
        session.unpracked = ""
        if session.restored:
            session.early_answer = ""
            return self.provisional.release(session, now)
        return [*self.reject(session, 504, "", now, None), *session.tell(Broken(session.id, "no_prack"))]

    def reject(self, session: Session, status: int, reason: str, now: float, retry_after: int | None) -> list[Output]:
        """A final refusal; the session is over."""
        server = session.unanswered
        if server is None or session.phase is not Phase.EARLY:
            return []
        headers = [] if retry_after is None else [("Retry-After", str(retry_after))]
        session.phase = Phase.OVER
        outputs = self._core.abandon(session, now)
        return [*outputs, *self._core.respond(server, status, now, tag=session.local_tag, reason=reason, headers=headers)]

    def terminate(self, session: Session, now: float) -> list[Output]:
        """The caller gave up: 487 to the INVITE."""
        return [*self.reject(session, 487, "", now, None), *session.tell(Cancelled(session.id))]

    def cancelled(self, request: Request, source: Address, now: float) -> list[Output]:
        """A CANCEL (9.2): 200 to it, and 487 to its INVITE if that has no final response."""
        core = self._core
        invite = core.servers.get(request.key._replace(method="INVITE"))
        if invite is None:
            return [*core.refuse(request, source, 481, now)]
        session = invite.session
        opened = core.serve_request(request, source, now)
        outputs: list[Output] = [
            *core.respond(opened, 200, now, tag=session.local_tag if session is not None else core.token())
        ]
        if session is None or session.server is not invite or session.unanswered is None:
            return outputs
        if session.phase is Phase.EARLY:
            return outputs + self.terminate(session, now)
        return [*outputs, *core.respond(session.server, 487, now, tag=session.local_tag)]  # a re-INVITE; the dialog goes on

    def acknowledged(self, request: Request, now: float) -> list[Output]:
        """An ACK: by its branch for a refusal; for a 2xx by the dialog and the INVITE's CSeq, whatever its To-tag (pyVoIP
        makes up a new one)."""
        opened = self._core.servers.get(request.key._replace(method="INVITE"))
        if opened is not None and opened.machine.state is not State.ACCEPTED:
            assert isinstance(opened.machine, ServerInvite), "its key says so"
            opened.machine.acknowledge(now)
            self._core.arm(opened)
            return []
        session = self._sessions.by_local(request.call_id, request.to.tag) or self._sessions.by_caller(
            request.call_id, request.from_.tag
        )
        waiting = session.unacknowledged if session is not None else None
        if session is None or waiting is None or waiting.reply.cseq.partition(" ")[0] != str(request.cseq):
            return []
        return self.confirmed(session, request.body, now)

    def confirmed(self, session: Session, body: bytes, now: float) -> list[Output]:
        """The 2xx arrived: its ACK is here, or a later request of the dialog proves it. A BYE that waited for it goes out."""
        opened = session.unacknowledged
        assert opened is not None, "asked for by the callers"
        opened.machine.acknowledge(now)
        self._core.arm(opened)
        session.server = None
        answer = body if session.late_offer else b""
        session.late_offer = False
        if session.bye_wanted:
            return self._hang_up(session, now)
        return session.tell(Acknowledged(session.id, answer, reinvite=opened.purpose is Purpose.REINVITE))
