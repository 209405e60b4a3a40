"""The calling side: our INVITE from invite() to its end, with CANCEL, credentials, forks and late answers (RFC 3261 9.1,
13.2, 22.2)."""

from __future__ import annotations

from ivr.sip.core import ALLOW, Client, Core, Purpose
from ivr.sip.credentials import acknowledge, credentials, proofs
from ivr.sip.dialog import Dialog, usable
from ivr.sip.events import Address, Answered, Output, Progressed, Rejected
from ivr.sip.message import Response
from ivr.sip.outgoing import Outgoing
from ivr.sip.session import Phase, Session, Sessions
from ivr.sip.target import Target
from ivr.sip.transaction import LIMIT_S, ClientInvite, ClientRequest, State
from ivr.sip.uri import UriError, clean, parse_uri, write_name_addr, write_user

TIMER_C_S = 180.0
"""The longest ringing (16.6 step 11): then the INVITE is cancelled, should the app not have done it."""
_MAX_STRAYS = 16


class Uac:
    """INVITEs that we send."""

    def __init__(self, core: Core, sessions: Sessions) -> None:
        self._core = core
        self._sessions = sessions

    def invite(self, session_id: str, target: Target, sdp: bytes, now: float) -> list[Output]:
        """Call. ValueError when the id is taken or the target's URI or route can't be addressed (the app's error)."""
        if not usable(target.uri, target.route):
            raise ValueError("the target's URI or route is none")
        core = self._core
        call_id, tag = core.token(), core.token()
        from_uri = f"sip:{write_user(target.from_user)}@{core.address}" if target.from_user else f"sip:{core.address}"
        outgoing = Outgoing(
            "INVITE",
            clean(target.uri),
            core.address,
            core.branch(),
            f"{write_name_addr(target.from_display, from_uri)};tag={tag}",
            f"<{_to_uri(target)}>",
            call_id,
            1,
            target.destination,
            target.route,
            (core.contact(target.from_user), ALLOW, core.agent_header, *target.headers.items()),
            sdp,
        )
        session = Session(session_id, True, call_id, tag, target=target)
        self._sessions.add(session)
        return self._start(session, outgoing, now)

    def cancel(self, session: Session, now: float) -> list[Output]:
        """Give up: CANCEL as soon as a provisional response is here (9.1). A 2xx that crosses it is acknowledged and hung
        up."""
        opened = session.client
        if session.phase is not Phase.EARLY or session.cancelling or opened is None:
            return []
        session.cancelling = True
        if session.restored:
            opened.machine.hush()
        if opened.machine.state is not State.PROCEEDING and not session.restored:
            return []
        outputs = self._cancel(opened, now)
        if session.restored and session.target is not None and session.target.password and not session.challenged:
            # The last save may be older than our answer to a challenge: cancel that INVITE too.
            guess = opened.outgoing.again(_next_branch(opened.outgoing), ("Authorization", ""))
            outputs += self._core.start_request(session, Purpose.STRAY, guess.cancel(), now)
        return outputs

    def answered(self, opened: Client[ClientInvite], response: Response, source: Address, now: float) -> list[Output]:
        """A response to our INVITE."""
        session = opened.session
        if response.status < 200:
            return self._progressed(opened, response, now)
        if response.status < 300:
            passed, _ = opened.machine.receive(response.status, now)
            self._core.arm(opened)
            return self.succeeded(session, response, source, now, proofs(opened.outgoing.headers)) if passed else []
        passed, acks = opened.machine.receive(response.status, now, opened.outgoing.ack(response.get("To")).send())
        self._core.arm(opened)
        if not passed or session.client is not opened:
            return [*acks]
        session.client = None
        if not session.cancelling and session.phase is Phase.EARLY:
            header = credentials(self._core, session, opened.outgoing, response)
            if header is not None:
                again = opened.outgoing.again(_next_branch(opened.outgoing), header)
                return [*acks, *self._start(session, again, now)]
        return [*acks, *self._rejected(session, response.status, response.reason)]

    def succeeded(
        self, session: Session, response: Response, source: Address, now: float, headers: tuple[tuple[str, str], ...] = ()
    ) -> list[Output]:
        """A 2xx to our INVITE: the first makes the dialog, its repetitions get the ACK again, forks and late ones are hung
        up (13.2.2.4).

        Called for a 2xx without a transaction too: after a restart, or after the transaction's end.
        """
        if session.dialog is not None and response.to.tag == session.dialog.remote_tag:
            return acknowledge(self._core, session, response.cseq, headers)
        if not session.calls:
            return []
        if session.dialog is not None or session.cancelling or session.phase is not Phase.EARLY or session.target is None:
            outputs = self._decline(session, response, source, now)
            return outputs + (self._rejected(session, 487, "") if session.phase is Phase.EARLY else [])
        dialog = Dialog.of_response(response, source, session.target.uri)
        if not usable(dialog.target, dialog.routes):
            dialog.target, dialog.routes = session.target.uri, ()
        if session.restored:
            dialog.skip()
        session.dialog, session.client, session.phase = dialog, None, Phase.CONFIRMED
        outputs = acknowledge(self._core, session, response.cseq, headers)
        return outputs + session.tell(Answered(session.id, response.body))

    def cancel_answered(self, opened: Client[ClientRequest], response: Response, now: float) -> list[Output]:
        """A response to CANCEL. 481 after a restart: the INVITE never left, or ended meanwhile."""
        passed = opened.machine.receive(response.status, now)
        self._core.arm(opened)
        session = opened.session
        if not passed or response.status != 481 or not session.restored or session.client is None:
            return []
        self._core.drop(session.client)
        session.client = None
        return self._rejected(session, 487, "")

    def failed(self, opened: Client[ClientInvite], now: float) -> list[Output]:
        """No final response in time."""
        session = opened.session
        session.client = None
        outputs: list[Output] = []
        if session.progress and not session.cancelling:
            outputs += self._core.start_request(session, Purpose.CANCEL, opened.outgoing.cancel(), now)
        return outputs + self._rejected(session, 408, "Request Timeout")

    def _progressed(self, opened: Client[ClientInvite], response: Response, now: float) -> list[Output]:
        session = opened.session
        first = opened.machine.state is State.TRYING
        passed, _ = opened.machine.receive(response.status, now)
        if not passed:
            return []
        opened.machine.bound(now + TIMER_C_S)
        self._core.arm(opened)
        new = response.status not in {100, session.progress}
        if new or not session.progress:
            session.progress = response.status
        if session.cancelling:
            return self._cancel(opened, now) if first else []
        return session.tell(Progressed(session.id, response.status)) if new and session.phase is Phase.EARLY else []

    def _start(self, session: Session, outgoing: Outgoing, now: float) -> list[Output]:
        session.client = self._core.open_invite(session, Purpose.INVITE, outgoing)
        sends = session.client.machine.start(now)
        self._core.arm(session.client)
        return [*sends]

    def _cancel(self, opened: Client[ClientInvite], now: float) -> list[Output]:
        opened.machine.bound(now + LIMIT_S)
        self._core.arm(opened)
        return [*self._core.start_request(opened.session, Purpose.CANCEL, opened.outgoing.cancel(), now)]

    def _decline(self, session: Session, response: Response, source: Address, now: float) -> list[Output]:
        """ACK and BYE to a 2xx nobody wants."""
        known = session.strays.get(response.to.tag)
        if known is not None:
            return [known]
        fallback = session.target.uri if session.target is not None else ""
        dialog = Dialog.of_response(response, source, fallback)
        if len(session.strays) >= _MAX_STRAYS or not usable(dialog.target, dialog.routes):
            return []
        ack = self._core.in_dialog(dialog, "ACK", cseq=response.cseq).send()
        session.strays[response.to.tag] = ack
        return [ack, *self._core.start_request(session, Purpose.STRAY, self._core.in_dialog(dialog, "BYE"), now)]

    def _rejected(self, session: Session, status: int, reason: str) -> list[Output]:
        if session.phase is not Phase.EARLY:
            return []
        session.phase = Phase.OVER
        if session.cancelling:
            status, reason = 487, "Request Terminated"
        return session.tell(Rejected(session.id, status, reason))


def _next_branch(outgoing: Outgoing) -> str:
    """The branch of the same INVITE with credentials: foreseeable, so that it can be cancelled after a restart."""
    return outgoing.branch + "a"


def _to_uri(target: Target) -> str:
    """To: the Request-URI, with the called party's own name if it is known."""
    if not target.to_user:
        return clean(target.uri)
    try:
        uri = parse_uri(target.uri)
    except UriError:  # pragma: no cover - invite() has checked it
        return clean(target.uri)
    host = f"[{uri.host}]" if ":" in uri.host else uri.host
    return f"sip:{write_user(target.to_user)}@{host}" + (f":{uri.port}" if uri.port else "")
