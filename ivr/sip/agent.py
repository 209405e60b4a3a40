"""The user agent: datagrams in, datagrams and events out. READ THIS FIRST of ivr/sip.

A datagram is parsed once (message.py), finds its transaction (core.py, transaction.py) or its session (session.py), and
goes to the module of its kind: uas.py and uac.py for the first INVITE of a leg, reinvites.py, byes.py, digits.py inside a
dialog, registration.py for REGISTER.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ivr.sip.auth import Challenger, parse_digest
from ivr.sip.byes import Byes
from ivr.sip.core import ALLOW, KNOWN_METHODS, Client, Core, Open, Purpose
from ivr.sip.digits import TYPES, read_digit
from ivr.sip.events import Address, Digit, Garbage, Output, Over, Party
from ivr.sip.message import MessageError, Request, Response, parse
from ivr.sip.peers import Peers
from ivr.sip.persistence import freeze, thaw
from ivr.sip.registrar import Binding
from ivr.sip.registration import Registration
from ivr.sip.reinvites import Reinvites
from ivr.sip.reply import Reply
from ivr.sip.session import Phase, Session, Sessions
from ivr.sip.target import Target
from ivr.sip.transaction import ClientInvite, ClientRequest, ServerInvite
from ivr.sip.uac import Uac
from ivr.sip.uas import Uas
from ivr.sip.uri import UriError, parse_uri

_KEEP_ALIVE = b"\r\n\x00 "


class UserAgent:
    """A SIP user agent without I/O.

    host, port: how this side is reached (Via, Contact). realm: of the digests. token: fresh random hex of at least 64 bits
    at each call. secret: keys the nonces; the same on each start, or telephones are challenged once more. `now`: seconds of
    one clock that never jumps (time.monotonic).

    Everything returns outputs in order: datagrams to send, and events. Methods on a session that is unknown, over, or past
    that step return []: races with the peer are normal. Datagrams out of the app's own calls leave only after the app has
    stored dump(session); those out of receive() and tick() may leave at once.
    """

    def __init__(
        self,
        *,
        host: str,
        port: int,
        realm: str,
        peers: Peers,
        token: Callable[[], str],
        user_agent: str = "hotline",
        secret: bytes,
        algorithms: Sequence[str] = ("MD5",),
    ) -> None:
        self.peers = peers
        self._secret = secret
        self._core = Core(host, port, token, user_agent)
        self._sessions = Sessions()
        self._challenger = Challenger(realm, secret, token, algorithms)
        self._byes = Byes(self._core)
        self._uas = Uas(self._core, self._sessions, self._byes.send)
        self._uac = Uac(self._core, self._sessions)
        self._reinvites = Reinvites(self._core, self._uas, self._byes.send)
        self._registration = Registration(self._core)

    # -- the wire ----------------------------------------------------------------------------------------------------

    def receive(self, data: bytes, source: Address, now: float) -> list[Output]:
        """A datagram came. Never raises for what is in it: Garbage tells."""
        if not data.strip(_KEEP_ALIVE):
            return []  # keep-alives of NAT
        try:
            message = parse(data)
        except MessageError as error:
            return [Garbage(source, str(error))]
        if isinstance(message, Response):
            return self._response(message, source, now)
        return self._request(message, source, now)

    def deadline(self) -> float | None:
        """When tick() wants to be called, None for never."""
        return self._core.deadline

    def tick(self, now: float) -> list[Output]:
        """Fire every timer that is due, in order."""
        outputs: list[Output] = []
        for opened in self._core.due(now):
            outputs += opened.machine.tick(now)
            if opened.machine.over:
                outputs += self._ended(opened, now)
        return outputs

    # -- being called ------------------------------------------------------------------------------------------------

    def ring(self, session: str, now: float) -> list[Output]:
        """180 Ringing; repeated each minute until answer() or reject()."""
        return self._with(session, lambda found: self._uas.ring(found, now))

    def answer(self, session: str, sdp: bytes, now: float) -> list[Output]:
        """200 with our answer (our offer, if Invited.offer was empty); repeated until Acknowledged or Broken "no_ack"."""
        return self._with(session, lambda found: self._uas.answer(found, sdp, now))

    def reject(self, session: str, status: int, reason: str, now: float, retry_after: int | None = None) -> list[Output]:
        """A final refusal, 300 to 699; reason "" takes the usual words; retry_after in seconds. The session is over."""
        return self._with(session, lambda found: self._uas.reject(found, status, reason, now, retry_after))

    # -- calling -----------------------------------------------------------------------------------------------------

    def invite(self, session: str, target: Target, sdp: bytes, now: float) -> list[Output]:
        """Call `target` with our offer. ValueError when the session's name is taken or the target can't be addressed."""
        return self._uac.invite(session, target, sdp, now)

    def cancel(self, session: str, now: float) -> list[Output]:
        """Give an unanswered call up: Rejected 487 follows. On one that was answered meanwhile it is bye()."""
        return self._with(session, lambda found: self._end(found, now))

    # -- both --------------------------------------------------------------------------------------------------------

    def bye(self, session: str, now: float) -> list[Output]:
        """End the session, whatever its state: BYE (after the ACK, if that is still to come), CANCEL, 480, or the 200 to
        the peer's BYE.

        Over follows, at once where nothing is outstanding.
        """
        found = self._sessions.get(session)
        if found is None:
            return [Over(session)]
        outputs = self._end(found, now)
        if found.phase is Phase.OVER and not self._byes.outstanding(found):
            outputs += found.tell(Over(session))
        return outputs

    def confirm_bye(self, session: str, now: float) -> list[Output]:
        """200 to the peer's BYE, after HungUp is stored."""
        return self._with(session, lambda found: self._byes.confirm(found, now))

    def reinvite(self, session: str, sdp: bytes, now: float) -> list[Output]:
        """Offer a new description: ReinviteAnswered, ReinviteRejected (491 at once while another INVITE is open) or Broken
        follows."""
        return self._with(session, lambda found: self._reinvites.send(found, sdp, now))

    def answer_reinvite(self, session: str, sdp: bytes, now: float) -> list[Output]:
        """200 to the peer's re-INVITE; repeated until Acknowledged(reinvite=True) or Broken."""
        return self._with(session, lambda found: self._reinvites.answer(found, sdp, now))

    def reject_reinvite(self, session: str, status: int, now: float) -> list[Output]:
        """Refuse the peer's re-INVITE (488); the session goes on as before."""
        return self._with(session, lambda found: self._reinvites.reject(found, status, now))

    # -- registrar ---------------------------------------------------------------------------------------------------

    def registered(self, request: str, contacts: Sequence[Binding], now: float) -> list[Output]:
        """200 to a REGISTER with all that is bound now (registrar.Change.bound)."""
        return self._registration.accept(request, contacts, now)

    def refuse_register(self, request: str, status: int, now: float) -> list[Output]:
        """Refuse a REGISTER (500 for registrar.StaleRegister, 503 when it can't be stored)."""
        return self._registration.refuse(request, status, now)

    # -- put down and picked up --------------------------------------------------------------------------------------

    def knows(self, session: str) -> bool:
        """Whether anything is left of this session."""
        return self._sessions.get(session) is not None

    def dump(self, session: str, now: float) -> dict[str, Any]:
        """All that is needed to go on with this session elsewhere, as a JSON object. {} when there is nothing left of it."""
        found = self._sessions.get(session)
        return {} if found is None else freeze(found, now)

    def restore(self, data: Mapping[str, Any], now: float) -> str:
        """Take a session up from dump(); its name ("" for {}). What was unanswered or unacknowledged goes out again at the
        next tick(), which is due at once. ValueError when the session is already there."""
        return thaw(data, self._core, self._sessions, now) if data else ""

    def hold(self, session: str) -> None:
        """Let the session's timers rest while the app stores a step: what was not sent yet must not leave as a repetition."""
        found = self._sessions.get(session)
        if found is not None:
            found.held = True

    def release(self, session: str) -> None:
        """The step is stored and sent; what became due meanwhile is due now."""
        found = self._sessions.get(session)
        if found is not None and found.held:
            found.held = False
            for opened in tuple(found.open):
                self._core.arm(opened)

    def forget(self, session: str) -> None:
        """Tell no more of this session. What is under way (BYE, CANCEL, repeated responses) is finished by itself."""
        found = self._sessions.get(session)
        if found is None:
            return
        found.forgotten = True
        for opened in (found.unanswered, found.unacknowledged):
            if opened is not None and not found.bye_wanted:
                self._core.drop(opened)
        if found.bye_wanted:
            return
        found.phase = Phase.OVER
        self._sessions.settle(found)

    # -- inside ------------------------------------------------------------------------------------------------------

    def _with(self, name: str, act: Callable[[Session], list[Output]]) -> list[Output]:
        session = self._sessions.get(name)
        return [] if session is None else act(session)

    def _end(self, session: Session, now: float) -> list[Output]:
        if session.phase is Phase.HUNG_UP:
            return self._byes.confirm(session, now)
        if session.phase is Phase.CONFIRMED:
            return self._byes.send(session, now)
        if session.calls:
            return self._uac.cancel(session, now)
        return self._uas.reject(session, 480, "", now, None)

    def _response(self, response: Response, source: Address, now: float) -> list[Output]:
        opened = self._core.clients.get((response.via.branch, response.method))
        if opened is None:
            session = self._sessions.by_local(response.call_id, response.from_.tag)
            if session is None or response.method != "INVITE" or not 200 <= response.status < 300:
                return []
            return self._uac.succeeded(session, response, source, now)
        if response.call_id != opened.outgoing.call_id or response.from_.tag != opened.session.local_tag:
            return [Garbage(source, "response of another dialog under our branch")]
        if opened.purpose is Purpose.INVITE:
            return self._uac.answered(opened, response, source, now)  # type: ignore[arg-type]  # it goes with its machine
        if opened.purpose is Purpose.REINVITE:
            return self._reinvites.answered(opened, response, now)  # type: ignore[arg-type]
        if opened.purpose is Purpose.CANCEL:
            return self._uac.cancel_answered(opened, response, now)  # type: ignore[arg-type]
        return self._byes.answered(opened, response, now)  # type: ignore[arg-type]

    def _request(self, request: Request, source: Address, now: float) -> list[Output]:
        if request.method == "ACK":
            return self._uas.acknowledged(request, now)
        again = self._core.servers.get(request.key)
        if again is not None:
            return [*again.machine.request()]
        if request.method == "CANCEL":
            known = request.key._replace(method="INVITE") in self._core.servers or self._knows(request, source)
            return self._uas.cancelled(request, source, now) if known else []
        if request.to.tag:
            return self._in_dialog(request, source, now)
        return self._out_of_dialog(request, source, now)

    def _in_dialog(self, request: Request, source: Address, now: float) -> list[Output]:
        session = self._sessions.by_local(request.call_id, request.to.tag)
        dialog = session.dialog if session is not None else None
        if session is None or dialog is None or dialog.remote_tag != request.from_.tag:
            return [*self._core.refuse(request, source, 481, now)] if self._knows(request, source) else []
        dialog.peer = source
        if request.method == "INVITE":
            return self._reinvites.receive(session, request, source, now)
        if request.cseq < dialog.remote_cseq:
            return [*self._core.refuse(request, source, 500, now)]  # 12.2.2
        dialog.remote_cseq = request.cseq
        if request.method == "BYE":
            if session.phase is Phase.EARLY:
                opened = self._core.serve_request(request, source, now, Purpose.BYE, session)
                return [*self._core.respond(opened, 200, now), *self._uas.terminate(session, now)]
            return self._byes.receive(session, request, source, now)
        if session.phase in {Phase.HUNG_UP, Phase.OVER}:
            return [*self._core.refuse(request, source, 481, now)]
        if request.method == "INFO":
            return self._info(session, request, source, now)
        return self._capable(request, source, now)

    def _info(self, session: Session, request: Request, source: Address, now: float) -> list[Output]:
        """A key, or an empty INFO that only asks whether we live (RFC 6086 and its older use)."""
        if request.body and request.content_type not in TYPES:
            accept = ("Accept", ", ".join(sorted(TYPES)))
            return [*self._core.refuse(request, source, 415, now, headers=[accept])]
        outputs: list[Output] = [*self._core.refuse(request, source, 200, now)]
        found = read_digit(request.content_type, request.body) if request.body else None
        return outputs + session.tell(Digit(session.id, *found)) if found is not None else outputs

    def _out_of_dialog(self, request: Request, source: Address, now: float) -> list[Output]:
        if request.method == "REGISTER":
            return self._register(request, source, now)
        if request.method == "INVITE":
            party = self._party(request, source, now)
            return self._uas.invited(request, source, party, now) if isinstance(party, Party) else party
        known_source = self.peers.knows(source)
        if not known_source:
            return []
        if request.method in {"BYE", "INFO"}:
            return [*self._core.refuse(request, source, 481, now)]
        return self._capable(request, source, now)

    def _capable(self, request: Request, source: Address, now: float) -> list[Output]:
        """OPTIONS, and what we don't speak (8.2.1, 11.2)."""
        if request.method == "OPTIONS":
            status, headers = 200, [ALLOW, ("Accept", "application/sdp"), self._core.contact()]
        else:
            status, headers = 405 if request.method in KNOWN_METHODS else 501, [ALLOW]
        return [*self._core.refuse(request, source, status, now, headers=headers)]

    def _register(self, request: Request, source: Address, now: float) -> list[Output]:
        claimed = _user(request.to.uri)
        credentials = parse_digest(request.get("Authorization"))
        if credentials.get("username", claimed) not in self.peers.accounts and claimed not in self.peers.accounts:
            return []
        user = self._prove(request, source, credentials, now)
        return self._registration.receive(request, source, user, now) if isinstance(user, str) else user

    def _party(self, request: Request, source: Address, now: float) -> Party | list[Output]:
        """Who sends this INVITE, or what to send back instead."""
        credentials = parse_digest(request.get("Authorization"))
        verdict = self.peers.judge(
            source,
            called=request.uri.user,
            from_user=_user(request.from_.uri),
            auth_user=credentials.get("username", ""),
        )
        if isinstance(verdict, Party):
            return verdict
        if verdict == "silence":
            return []
        user = self._prove(request, source, credentials, now)
        return Party("seat", user) if isinstance(user, str) else user

    def _prove(self, request: Request, source: Address, credentials: Mapping[str, str], now: float) -> str | list[Output]:
        """The account that the credentials prove, or the 401. That one is stateless: strangers cost no memory."""
        user = credentials.get("username", "")
        stale = False
        if credentials:
            verdict = self._challenger.verify(credentials, request.method, self.peers.accounts.get(user), now)
            if verdict == "ok":
                return user
            stale = verdict == "stale"
        reply = Reply.to_request(request, source)
        tag = hmac.new(self._secret, f"{request.call_id}\n{request.via.branch}".encode(), hashlib.sha256).hexdigest()[:16]
        headers = [self._core.server_header, *self._challenger.challenge(now, stale=stale)]
        return [reply.send(reply.write(401, tag=tag, headers=headers))]

    def _knows(self, request: Request, source: Address) -> bool:
        return self.peers.knows(source, _user(request.from_.uri))

    def _ended(self, opened: Open, now: float) -> list[Output]:
        """A transaction's timer ended it."""
        self._core.drop(opened)
        session = opened.session
        if session is None:
            return []
        outputs: list[Output] = []
        machine = opened.machine
        if isinstance(opened, Client):
            if isinstance(machine, ClientInvite):
                session.acks.pop(opened.outgoing.cseq, None)
                if machine.failed and opened.purpose is Purpose.REINVITE:
                    outputs = self._reinvites.failed(opened)  # type: ignore[arg-type]
                elif machine.failed:
                    outputs = self._uac.failed(opened, now)  # type: ignore[arg-type]
            elif isinstance(machine, ClientRequest) and machine.failed and opened.purpose is Purpose.BYE:
                outputs = self._byes.failed(session)
        elif isinstance(machine, ServerInvite) and machine.failed and session.server is opened:
            outputs = self._reinvites.unacknowledged(session, now)
        self._sessions.settle(session)
        return outputs


def _user(uri: str) -> str:
    """The user part, "" when it can't be read."""
    try:
        return parse_uri(uri).user
    except UriError:
        return ""
