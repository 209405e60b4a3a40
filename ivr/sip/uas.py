"""The called side: a peer's INVITE from its arrival to the ACK or CANCEL (RFC 3261 8.2, 9.2, 13.3)."""

from __future__ import annotations

from collections.abc import Callable

from ivr.sip.core import ALLOW, Core, Purpose
from ivr.sip.dialog import Dialog, usable
from ivr.sip.events import Acknowledged, Address, Cancelled, Invited, Output, Party
from ivr.sip.message import Request
from ivr.sip.session import Phase, Session, Sessions
from ivr.sip.transaction import ServerInvite, State
from ivr.sip.uri import UriError, parse_uri


class Uas:
    """INVITEs that come, and the app's ring(), answer() and reject()."""

    def __init__(self, core: Core, sessions: Sessions, hang_up: Callable[[Session, float], list[Output]]) -> None:
        self._core = core
        self._sessions = sessions
        self._hang_up = hang_up

    def invited(self, request: Request, source: Address, party: Party, now: float) -> list[Output]:
        """A new call of a party that is known by now."""
        core = self._core
        unsupported = [("Unsupported", option) for option in request.values("Require")]
        if unsupported:
            return [*core.refuse(request, source, 420, now, headers=unsupported)]
        if request.body and request.content_type != "application/sdp":
            return [*core.refuse(request, source, 415, now, headers=[("Accept", "application/sdp")])]
        if not request.from_.tag or not usable(request.contact, request.values("Record-Route")):
            return [*core.refuse(request, source, 400, now)]
        merged = self._sessions.by_caller(request.call_id, request.from_.tag)
        if merged is not None and merged.dialog is not None and merged.dialog.remote_cseq == request.cseq:
            return [*core.refuse(request, source, 482, now)]  # the same call by another way (8.2.2.2)
        tag = core.token()
        session = Session(core.token(), False, request.call_id, tag, dialog=Dialog.of_request(request, tag, source))
        session.late_offer = not request.body
        self._sessions.add(session)
        session.server = core.serve_invite(request, source, Purpose.INVITE, session)
        return [
            *core.respond(session.server, 100, now),
            Invited(
                session.id,
                party,
                request.uri.user,
                _caller(request.from_.uri),
                request.from_.display,
                request.call_id,
                request.body,
                source,
            ),
        ]

    def ring(self, session: Session, now: float) -> list[Output]:
        """180 with our tag."""
        if session.phase is not Phase.EARLY or session.unanswered is None:
            return []
        return [*self._core.respond(session.unanswered, 180, now, tag=session.local_tag, headers=[self._core.contact(), ALLOW])]

    def answer(self, session: Session, sdp: bytes, now: float) -> list[Output]:
        """200 with the description; repeated until the ACK."""
        if session.phase is not Phase.EARLY or session.unanswered is None:
            return []
        session.phase = Phase.CONFIRMED
        return [*self.accept(session, sdp, now)]

    def accept(self, session: Session, sdp: bytes, now: float) -> list[Output]:
        """200 to the waiting INVITE or re-INVITE."""
        assert session.unanswered is not None
        headers = [self._core.contact(session.user), ALLOW]
        return [*self._core.respond(session.unanswered, 200, now, tag=session.local_tag, headers=headers, body=sdp)]

    def reject(self, session: Session, status: int, reason: str, now: float, retry_after: int | None) -> list[Output]:
        """A final refusal; the session is over."""
        if session.phase is not Phase.EARLY or session.unanswered is None:
            return []
        headers = [] if retry_after is None else [("Retry-After", str(retry_after))]
        session.phase = Phase.OVER
        return [*self._core.respond(session.unanswered, status, now, tag=session.local_tag, reason=reason, headers=headers)]

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


def _caller(uri: str) -> str:
    """The user part of From; "" when it can't be read or is anonymous (RFC 3323 4.1.1.3)."""
    try:
        user = parse_uri(uri).user
    except UriError:
        return ""
    return "" if user.lower() == "anonymous" else user
