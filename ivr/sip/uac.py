"""The calling side: our INVITE from invite() to its end, with CANCEL, credentials, forks, redirections and late answers (RFC
3261 9.1, 13.2, 22.2)."""

from __future__ import annotations

import re

from ivr.sip import early
from ivr.sip.core import ALLOW, Client, Core, Purpose
from ivr.sip.credentials import acknowledge, credentials, proofs
from ivr.sip.dialog import usable
from ivr.sip.events import Address, Answered, Output, Progressed, Rejected
from ivr.sip.message import Response
from ivr.sip.outgoing import Outgoing
from ivr.sip.reply import REASONS
from ivr.sip.session import Phase, Session, Sessions
from ivr.sip.target import Target
from ivr.sip.timers import Timers
from ivr.sip.transaction import LIMIT_S, ClientInvite, ClientRequest, State
from ivr.sip.uri import UriError, clean, parse_name_addr, parse_uri, q_value, write_name_addr, write_user

TIMER_C_S = 180.0
"""The longest ringing (16.6 step 11): then the INVITE is cancelled, should the app not have done it."""
_MAX_STRAYS = 16
_MAX_CONTACTS = 16
_SECONDS = re.compile(r"[0-9]{1,9}")


class Uac:
    """INVITEs that we send."""

    def __init__(self, core: Core, sessions: Sessions, timers: Timers) -> None:
        self._core = core
        self._sessions = sessions
        self._timers = timers

    def invite(self, session_id: str, target: Target, sdp: bytes, now: float) -> list[Output]:
        """Call. ValueError when the id is taken or the target's URI or route can't be addressed (the app's error)."""
        if not usable(target.uri, target.route, schemes=("sip", "sips", "tel")):
            raise ValueError("the target's URI or route is none")
        core = self._core
        call_id, tag = core.token(), core.token()
        session = Session(session_id, True, call_id, tag, target=target, sdp=sdp)
        from_uri = _from_uri(target) or core.ways.listener(target.destination).aor(target.destination.host, target.from_user)
        outgoing = core.outgoing(
            "INVITE",
            clean(target.uri),
            f"{write_name_addr(target.from_display, from_uri)};tag={tag}",
            f"<{_to_uri(target)}>",
            call_id,
            1,
            target.destination,
            target.route,
            (
                core.contact(target.destination, target.from_user),
                ALLOW,
                *self._timers.proposal(session),
                core.agent_header,
                *target.headers.items(),
            ),
            sdp,
        )
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
            return self._progressed(opened, response, source, now)
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
            headers = self._timers.longer(opened.outgoing, response) if header is None else (header,)
            if headers:
                session.early.clear()
                again = opened.outgoing.again(_next_branch(opened.outgoing), *headers)
                return [*acks, *self._start(session, again, now)]
        status = response.status
        event = Rejected(
            session.id, status, response.reason, _contacts(response) if status < 400 else (), _retry_after(response)
        )
        return [*acks, *self._rejected(session, event, now)]

    def succeeded(
        self, session: Session, response: Response, source: Address, now: float, headers: tuple[tuple[str, str], ...] = ()
    ) -> list[Output]:
        """A 2xx to our INVITE: the first makes the dialog, its repetitions get the ACK again, forks and late ones are hung
        up (13.2.2.4).

        Called for a 2xx without a transaction too: after a restart, or after the transaction's end.
        """
        if session.dialog is not None and response.to.tag == session.dialog.remote_tag:
            if session.held:  # the first is being stored: the ACK follows that
                return []
            return acknowledge(self._core, session, response.cseq, headers)
        if not session.calls:
            return []
        if session.dialog is not None or session.cancelling or session.phase is not Phase.EARLY or session.target is None:
            outputs = self._decline(session, response, source, now)
            return outputs + (self._rejected(session, Rejected(session.id, 487, REASONS[487]), now))
        dialog, before = early.dialog_of(session, response, source), session.early.get(response.to.tag)
        if not usable(dialog.target, dialog.routes):
            dialog.target, dialog.routes = session.target.uri, ()
        if session.restored:
            dialog.skip()
        session.dialog, session.client, session.phase = dialog, None, Phase.CONFIRMED
        allows = response.allows("UPDATE")
        session.updates = session.updates if allows is None else allows
        self._timers.agreed(session, response, now)
        outputs = acknowledge(self._core, session, response.cseq, headers)
        return outputs + session.tell(Answered(session.id, response.body or (before.answer if before is not None else b"")))

    def cancel_answered(self, opened: Client[ClientRequest], response: Response, now: float) -> list[Output]:
        """A response to CANCEL. 481 after a restart: the INVITE never left, or ended meanwhile."""
        passed = opened.machine.receive(response.status, now)
        self._core.arm(opened)
        session = opened.session
        if not passed or response.status != 481 or not session.restored or session.client is None:
            return []
        self._core.drop(session.client)
        session.client = None
        return self._rejected(session, Rejected(session.id, 487, REASONS[487]), now)

    def failed(self, opened: Client[ClientInvite], now: float, status: int) -> list[Output]:
        """No final response in time (408), or no way there (503)."""
        session = opened.session
        session.client = None
        outputs: list[Output] = []
        if session.progress and not session.cancelling:
            outputs += self._core.start_request(session, Purpose.CANCEL, opened.outgoing.cancel(), now)
        return outputs + self._rejected(session, Rejected(session.id, status, REASONS[status]), now)

    def given_up(self, opened: Client[ClientInvite], now: float) -> list[Output]:
        """No response at all in the target's time. It may only be late: a provisional one is cancelled, a 2xx hung up."""
        session = opened.session
        session.client = None
        outputs = self._rejected(session, Rejected(session.id, 408, REASONS[408]), now)
        session.cancelling = True
        return outputs

    def _progressed(self, opened: Client[ClientInvite], response: Response, source: Address, now: float) -> list[Output]:
        session = opened.session
        first = opened.machine.state is State.TRYING
        passed, _ = opened.machine.receive(response.status, now)
        if not passed:
            return []
        opened.machine.bound(now + TIMER_C_S)
        self._core.arm(opened)
        outputs = early.acknowledge(self._core, session, opened.outgoing, response, source, now)
        if outputs is None:
            return []
        new = response.status not in {100, session.progress} or response.sdp not in {b"", session.heard}
        if new or not session.progress:
            session.progress = response.status
        session.heard = response.sdp or session.heard
        session.updates = response.allows("UPDATE") or session.updates
        if session.cancelling:
            return outputs + (self._cancel(opened, now) if first else [])
        return outputs + (
            session.tell(Progressed(session.id, response.status, response.sdp)) if new and session.phase is Phase.EARLY else []
        )

    def _start(self, session: Session, outgoing: Outgoing, now: float) -> list[Output]:
        session.client = self._core.open_invite(session, Purpose.INVITE, outgoing)
        sends = self._core.start(session.client, now)
        assert session.target is not None, "whoever we call has one"
        session.client.machine.be_patient(now + session.target.patience_s)
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
        dialog = early.dialog_of(session, response, source)
        if session.restored:
            dialog.skip()
        if len(session.strays) >= _MAX_STRAYS or not usable(dialog.target, dialog.routes):
            return []
        ack = self._core.in_dialog(dialog, "ACK", cseq=response.cseq).send()
        session.strays[response.to.tag] = ack
        return [ack, *self._core.start_request(session, Purpose.STRAY, self._core.in_dialog(dialog, "BYE"), now)]

    def _rejected(self, session: Session, event: Rejected, now: float) -> list[Output]:
        if session.phase is not Phase.EARLY:
            return []
        session.phase = Phase.OVER
        outputs: list[Output] = [*self._core.abandon(session, now)]
        return outputs + session.tell(Rejected(session.id, 487, REASONS[487]) if session.cancelling else event)


def _next_branch(outgoing: Outgoing) -> str:
    """The branch of the same INVITE with credentials: foreseeable, so that it can be cancelled after a restart."""
    return outgoing.branch + "a"


def _contacts(response: Response) -> tuple[str, ...]:
    """The SIP and tel URIs of a 3xx, the best first (RFC 3261 8.1.3.4)."""
    found: list[tuple[float, str]] = []
    for value in response.values("Contact")[:_MAX_CONTACTS]:
        try:
            address = parse_name_addr(value)
            parse_uri(address.uri)
        except UriError:
            continue
        found.append((q_value(address.params.get("q", "")), address.uri))
    return tuple(uri for _, uri in sorted(found, key=lambda pair: -pair[0]))


def _retry_after(response: Response) -> int:
    """Seconds; 0 where none are named (RFC 3261 20.33)."""
    match = _SECONDS.match(response.get("Retry-After"))
    return int(match[0]) if match else 0


def _from_uri(target: Target) -> str:
    """Our address of record with an operator, "" where we have none."""
    if not target.domain:
        return ""
    phone = ";user=phone" if target.user_phone else ""
    return f"sip:{write_user(target.from_user)}@{target.domain}{phone}"


def _to_uri(target: Target) -> str:
    """To: the Request-URI, with the called party's own name if it is known."""
    uri = parse_uri(target.uri)
    if not target.to_user or uri.scheme == "tel":
        return clean(target.uri)
    host = f"[{uri.host}]" if ":" in uri.host else uri.host
    return f"sip:{write_user(target.to_user)}@{host}" + (f":{uri.port}" if uri.port else "")
