"""The end of a dialog from both sides (RFC 3261 15), with the races around it."""

from __future__ import annotations

from ivr.sip import identity
from ivr.sip.core import Client, Core, Purpose
from ivr.sip.credentials import again, credentials
from ivr.sip.events import Address, Broken, HungUp, Output, Over
from ivr.sip.message import Request, Response
from ivr.sip.session import Phase, Session
from ivr.sip.transaction import ClientRequest


class Byes:
    """Our BYEs and the peer's."""

    def __init__(self, core: Core) -> None:
        self._core = core

    def send(self, session: Session, now: float, cause: int = 0) -> list[Output]:
        """BYE of an answered session, with the cause of Q.850 (RFC 3326) where there is one. While our 2xx is unacknowledged it
        waits for the ACK or the end of the waiting (15)."""
        assert session.dialog is not None, "only answered sessions come here"
        outputs: list[Output] = [*self._core.abandon(session, now)]
        if session.unanswered is not None:
            outputs += self._core.respond(session.unanswered, 487, now, tag=session.local_tag)
        if session.unacknowledged is not None:
            session.bye_wanted, session.bye_cause = True, cause
            return outputs
        session.bye_wanted = False
        session.phase = Phase.OVER
        cause = cause or session.bye_cause
        headers = (("Reason", f"Q.850;cause={cause}"),) if cause else ()
        bye = self._core.in_dialog(session.dialog, "BYE", headers=headers)
        return [*outputs, *self._core.start_request(session, Purpose.BYE, bye, now)]

    def receive(self, session: Session, request: Request, source: Address, now: float) -> list[Output]:
        """The peer's BYE in an answered session. 200 is the app's to give, unless it has hung up itself."""
        core = self._core
        opened = core.serve_request(request, source, now, Purpose.BYE, session)
        outputs: list[Output] = [*core.abandon(session, now)]
        if session.unanswered is not None:
            outputs += core.respond(session.unanswered, 487, now, tag=session.local_tag)
        elif session.unacknowledged is not None:
            session.unacknowledged.machine.acknowledge(now)
            session.server = None
        if session.phase is Phase.CONFIRMED and not session.bye_wanted:
            session.phase, session.peer_bye = Phase.HUNG_UP, opened
            return outputs + session.tell(HungUp(session.id, identity.cause(request)))
        if session.phase is Phase.HUNG_UP:
            session.peer_bye = opened  # a second try of the peer's; the app is on its way
            return outputs
        over = session.tell(Over(session.id)) if session.bye_wanted else []
        session.phase, session.bye_wanted = Phase.OVER, False
        return [*outputs, *core.respond(opened, 200, now), *over]

    def confirm(self, session: Session, now: float) -> list[Output]:
        """200 to the peer's BYE."""
        if session.phase is not Phase.HUNG_UP or session.peer_bye is None:
            return []
        session.phase = Phase.OVER
        return [*self._core.respond(session.peer_bye, 200, now)]

    def answered(self, opened: Client[ClientRequest], response: Response, now: float) -> list[Output]:
        """A response to our BYE; whatever it says the dialog is gone, but a challenge is answered."""
        passed = opened.machine.receive(response.status, now)
        self._core.arm(opened)
        header = credentials(self._core, opened.session, opened.outgoing, response) if passed else None
        if header is None:
            done = passed and response.status >= 200 and opened.purpose is Purpose.BYE
            return opened.session.tell(Over(opened.session.id)) if done else []
        more = again(self._core, opened.session, opened.outgoing, header)
        return [*self._core.start_request(opened.session, opened.purpose, more, now)]

    def outstanding(self, session: Session) -> bool:
        """Whether a BYE of ours waits for its answer, or for the ACK before it."""
        return session.bye_wanted or any(
            opened.purpose is Purpose.BYE and isinstance(opened.machine, ClientRequest) and opened.machine.waits
            for opened in session.open
        )

    def failed(self, session: Session) -> list[Output]:
        """Nobody answered our BYE."""
        return session.tell(Broken(session.id, "no_bye_answer"))
