"""The user agent: datagrams in, datagrams and events out. READ THIS FIRST of ivr/sip.

A datagram is parsed once (message.py), finds its transaction (core.py, transaction.py) or its session (session.py), and
goes to the module of its kind: uas.py and uac.py for the first INVITE of a leg (provisional.py and early.py for what comes
before its answer), inside.py for all that happens within a dialog (reinvites.py, updates.py, byes.py, refers.py, digits.py),
outside.py for what begins without one, where it is asked who sends it (registration.py for REGISTER).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ivr.sip.auth import Challenger
from ivr.sip.byes import Byes
from ivr.sip.core import Alarm, AnyClient, Asked, Core, Open, Purpose, Server
from ivr.sip.events import Address, Garbage, Output, Over, Rejected, Replied
from ivr.sip.flows import Flows
from ivr.sip.guard import Guard, Policy
from ivr.sip.inside import Inside
from ivr.sip.listener import Listener
from ivr.sip.message import BadRequest, MessageError, Request, Response, parse
from ivr.sip.outside import Outside
from ivr.sip.peers import Peers
from ivr.sip.persistence import freeze, thaw
from ivr.sip.refers import Refers
from ivr.sip.registrar import Binding
from ivr.sip.registration import Registration
from ivr.sip.reinvites import Reinvites
from ivr.sip.reply import REASONS
from ivr.sip.requests import Ask, Requests
from ivr.sip.session import Phase, Session, Sessions
from ivr.sip.target import Target
from ivr.sip.timers import Timers
from ivr.sip.transaction import ClientInvite, ServerInvite
from ivr.sip.uac import Uac
from ivr.sip.uas import Uas
from ivr.sip.updates import Updates
from ivr.sip.ways import Ways

_KEEP_ALIVE = b"\r\n\x00 "
_CHANGES = frozenset({Purpose.REINVITE, Purpose.UPDATE, Purpose.REFRESH})


class UserAgent:
    """A SIP user agent without I/O.

    listeners: how this side is reached (Via, Contact), the first one first. realm: of the digests. token: fresh random hex
    of at least 64 bits at each call. secret: keys the nonces; the same on each start, or telephones are challenged once more.
    session_expires_s: the session timer that is proposed; min_se_s: the shortest that is taken (RFC 4028). `now`: seconds of
    one clock that never jumps (time.monotonic).

    Everything returns outputs in order: datagrams to send, and events. Methods on a session that is unknown, over, or past
    that step return []: races with the peer are normal. Datagrams out of the app's own calls leave only after the app has
    stored dump(session); those out of receive() and tick() may leave at once.
    """

    def __init__(
        self,
        *,
        listeners: Sequence[Listener],
        realm: str,
        peers: Peers,
        token: Callable[[], str],
        user_agent: str = "hotline",
        secret: bytes,
        algorithms: Sequence[str] = ("MD5",),
        session_expires_s: int = 1800,
        min_se_s: int = 90,
        policy: Policy = Policy(),  # noqa: B008 - a frozen value
    ) -> None:
        self.peers = peers
        self.guard = Guard(policy, peers)
        self._core = Core(Ways(listeners, peers.large_over_tcp), token, user_agent)
        self._sessions = Sessions(self._core)
        self._byes = Byes(self._core)
        self._timers = Timers(self._core, session_expires_s, min_se_s)
        self._uas = Uas(self._core, self._sessions, self._timers, self._byes.send)
        self._uac = Uac(self._core, self._sessions, self._timers)
        self._reinvites = Reinvites(self._core, self._uas, self._timers, self._byes.send)
        self._updates = Updates(self._core, self._uas, self._timers)
        self._refers = Refers(self._core, self._sessions)
        self._inside = Inside(
            self._core, self._sessions, self._uas, self._byes, self._reinvites, self._updates, self._refers
        )  # fmt: skip
        self._registration = Registration(self._core)
        challenger = Challenger(realm, secret, token, algorithms)
        self._outside = Outside(
            self._core, peers, self.guard, challenger, secret, self._uas, self._registration, self._inside
        )  # fmt: skip
        self._requests = Requests(self._core)
        self._flows = Flows(self._core, self._sessions, self._ended)

    # -- the wire ----------------------------------------------------------------------------------------------------

    def receive(self, data: bytes, source: Address, now: float) -> list[Output]:
        """A datagram came. Never raises for what is in it: Garbage tells."""
        if self.guard.bars(source, now) or not data.strip(_KEEP_ALIVE):
            return []  # banned, or a keep-alive of NAT
        try:
            message = parse(data)
        except MessageError as error:
            outputs = self.spoiled(source, str(error), now)
            if isinstance(error, BadRequest) and error.head.method != "ACK" and self.peers.knows(source):
                outputs.append(self._outside.refusal(error.head, source, error.status))
            return outputs
        if isinstance(message, Response):
            return self._response(message, source, now)
        return self._request(message, source, now)

    def spoiled(self, source: Address, why: str, now: float) -> list[Output]:
        """Something came that is no SIP message, and why it is none; on a connection that can't be read on."""
        return [Garbage(source, why), *self.guard.garbage(source, now)]

    def disconnected(self, connection: Address, now: float) -> list[Output]:
        """A connection that was there is gone. It ends no dialog."""
        self._flows.lost(connection)
        return []

    def unreachable(self, destination: Address, now: float) -> list[Output]:
        """No connection could be made: what was to go there is lost, and goes another way or fails at once (503)."""
        return self._flows.unreachable(destination, now)

    def died(self, listener: str) -> list[Output]:
        """Whoever is spoken to by this listener has died. Its sessions are over at once: Broken "peer_died", or Rejected (503)
        where it had not answered our INVITE yet. Until lives() nothing is sent there, and new requests are refused (503)."""
        return self._flows.died(listener)

    def lives(self, listener: str) -> None:
        """Somebody can be spoken to by this listener (again)."""
        self._flows.lives(listener)

    def deadline(self) -> float | None:
        """When tick() wants to be called, None for never."""
        return self._core.deadline

    def tick(self, now: float) -> list[Output]:
        """Fire every timer that is due, in order."""
        outputs: list[Output] = []
        for opened in self._core.due(now):
            if isinstance(opened, Alarm):
                outputs += self._woken(opened, now)
                continue
            outputs += opened.machine.tick(now)
            if opened.machine.over:
                outputs += self._ended(opened, now)
            elif isinstance(opened.machine, ClientInvite) and opened.machine.given_up:
                outputs += self._uac.given_up(opened, now)
            elif opened.machine.failed and opened.session is not None:
                outputs += self._uas.unpracked(opened.session, now)
        return outputs

    def listener(self, address: Address) -> Listener:
        """The listener by which this address is spoken to."""
        return self._core.ways.listener(address)

    # -- being called ------------------------------------------------------------------------------------------------

    def ring(self, session: str, now: float) -> list[Output]:
        """180 Ringing; repeated each minute until answer() or reject()."""
        return self._with(session, lambda found: self._uas.provisional.send(found, 180, b"", now))

    def progress(self, session: str, sdp: bytes, now: float) -> list[Output]:
        """183 with our description (early media): reliable where the peer speaks 100rel (RFC 3262). [] after a late offer:
        nobody knows yet where the peer listens."""
        return self._with(session, lambda found: self._uas.provisional.send(found, 183, sdp, now))

    def answer(self, session: str, sdp: bytes, now: float) -> list[Output]:
        """200 with our answer (our offer, if Invited.offer was empty); repeated until Acknowledged or Broken "no_ack"."""
        return self._with(session, lambda found: self._uas.answer(found, sdp, now))

    def reject(self, session: str, status: int, reason: str, now: float, retry_after: int | None = None) -> list[Output]:
        """A final refusal, 300 to 699; reason "" takes the usual words; retry_after in seconds. The session is over."""
        return self._with(session, lambda found: self._uas.reject(found, status, reason, now, retry_after))

    # -- calling -----------------------------------------------------------------------------------------------------

    def invite(self, session: str, target: Target, sdp: bytes, now: float) -> list[Output]:
        """Call `target` with our offer. ValueError when the session's name is taken or the target can't be addressed."""
        if self._flows.is_dead(target.destination):
            return [Rejected(session, 503, REASONS[503])]
        return self._uac.invite(session, target, sdp, now)

    def cancel(self, session: str, now: float) -> list[Output]:
        """Give an unanswered call up: Rejected 487 follows. On one that was answered meanwhile it is bye()."""
        return self._with(session, lambda found: self._end(found, now))

    # -- both --------------------------------------------------------------------------------------------------------

    def bye(self, session: str, now: float, *, cause: int = 0) -> list[Output]:
        """End the session, whatever its state: BYE (after the ACK, if that is still to come), CANCEL, 480, or the 200 to
        the peer's BYE. cause: of Q.850, told in the BYE where it is not 0 (RFC 3326).

        Over follows, at once where nothing is outstanding.
        """
        found = self._sessions.get(session)
        if found is None:
            return [Over(session)]
        outputs = self._end(found, now, cause)
        if found.phase is Phase.OVER and not self._byes.outstanding(found):
            outputs += found.tell(Over(session))
        return outputs

    def confirm_bye(self, session: str, now: float) -> list[Output]:
        """200 to the peer's BYE, after HungUp is stored."""
        return self._with(session, lambda found: self._byes.confirm(found, now))

    def reinvite(self, session: str, sdp: bytes, now: float) -> list[Output]:
        """Offer a new description: ReinviteAnswered, ReinviteRejected (491 at once while another offer is open) or Broken
        follows. Before the answer by UPDATE; [] where the peer can't take one then."""
        return self._with(
            session,
            lambda found: (self._updates if found.phase is Phase.EARLY else self._reinvites).send(found, sdp, now),
        )

    def answer_reinvite(self, session: str, sdp: bytes, now: float) -> list[Output]:
        """200 to the peer's re-INVITE; repeated until Acknowledged(reinvite=True) or Broken. Or 200 to its UPDATE."""
        return self._with(session, lambda found: self._asked(found).answer(found, sdp, now))

    def reject_reinvite(self, session: str, status: int, now: float) -> list[Output]:
        """Refuse the peer's re-INVITE or UPDATE (488); the session goes on as before."""
        return self._with(session, lambda found: self._asked(found).reject(found, status, now))

    # -- transfers ---------------------------------------------------------------------------------------------------

    def accept_refer(self, session: str, refer: str, now: float) -> list[Output]:
        """202 to a REFER, and NOTIFY "100 Trying"."""
        return self._with(session, lambda found: self._refers.accept(found, refer, now))

    def notify_refer(self, session: str, refer: str, status: int, now: float) -> list[Output]:
        """Tell who asked for the transfer how it goes: NOTIFY with this status; a final one (200 and above) is the last."""
        return self._with(session, lambda found: self._refers.notify(found, refer, status, now))

    def refuse_refer(self, session: str, refer: str, status: int, now: float) -> list[Output]:
        """Refuse a REFER (403, 603)."""
        return self._with(session, lambda found: self._refers.refuse(found, refer, status, now))

    # -- registrar ---------------------------------------------------------------------------------------------------

    def registered(self, request: str, contacts: Sequence[Binding], now: float) -> list[Output]:
        """200 to a REGISTER with all that is bound now (registrar.Change.bound)."""
        return self._registration.accept(request, contacts, now)

    def refuse_register(self, request: str, status: int, now: float, retry_after: int | None = None) -> list[Output]:
        """Refuse a REGISTER (500 for registrar.StaleRegister, 503 when it can't be stored); retry_after in seconds."""
        return self._registration.refuse(request, status, now, retry_after)

    # -- our own requests --------------------------------------------------------------------------------------------

    def ask(self, name: str, ask: Ask, now: float) -> list[Output]:
        """Send a request outside any dialog (OPTIONS, REGISTER); Replied(name) follows."""
        if self._flows.is_dead(ask.destination):
            return [Replied(name, 503, ask.cseq)]
        return self._requests.send(name, ask, now)

    # -- put down and picked up --------------------------------------------------------------------------------------

    def peer(self, session: str) -> Address | None:
        """Where the other side speaks from; None before a dialog and after the session."""
        found = self._sessions.get(session)
        return found.dialog.peer if found is not None and found.dialog is not None else None

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
        return thaw(data, self._core, self._sessions, self._timers, now) if data else ""

    def hold(self, session: str) -> None:
        """Let the session's timers rest, and what the peer repeats be, while the app stores a step: what was not sent yet must
        not leave as a repetition."""
        found = self._sessions.get(session)
        if found is not None:
            found.held = True

    def release(self, session: str) -> None:
        """The step is stored and sent; what became due meanwhile is due now."""
        found = self._sessions.get(session)
        if found is not None and found.held:
            found.held = False
            for opened in (*found.open, *([found.alarm] if found.alarm is not None else [])):
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

    def _asked(self, session: Session) -> Reinvites | Updates:
        """By what the peer offers a new description."""
        return self._reinvites if session.offered is None else self._updates

    def _end(self, session: Session, now: float, cause: int = 0) -> list[Output]:
        if session.phase is Phase.HUNG_UP:
            return self._byes.confirm(session, now)
        if session.phase is Phase.CONFIRMED:
            return self._byes.send(session, now, cause)
        if session.calls:
            return self._uac.cancel(session, now)
        return self._uas.reject(session, 480, "", now, None)

    def _response(self, response: Response, source: Address, now: float) -> list[Output]:
        opened = self._core.clients.get((response.via.branch, response.method))
        if opened is None:
            session = self._sessions.by_local(response.call_id, response.from_.tag)
            if session is None:
                return [*self.guard.garbage(source, now)]
            if response.method != "INVITE" or not 200 <= response.status < 300:
                return []
            return self._uac.succeeded(session, response, source, now)
        if response.call_id != opened.outgoing.call_id:
            return [Garbage(source, "response of another dialog under our branch")]
        if isinstance(opened, Asked):
            return self._requests.answered(opened, response, now)
        if response.from_.tag != opened.session.local_tag:
            return [Garbage(source, "response of another dialog under our branch")]
        if opened.purpose is Purpose.INVITE:
            return self._uac.answered(opened, response, source, now)  # type: ignore[arg-type]  # it goes with its machine
        if opened.purpose in _CHANGES:
            if isinstance(opened.machine, ClientInvite):
                return self._reinvites.answered(opened, response, now)
            return self._updates.answered(opened, response, now)
        if opened.purpose is Purpose.CANCEL:
            return self._uac.cancel_answered(opened, response, now)  # type: ignore[arg-type]
        return self._byes.answered(opened, response, now)  # type: ignore[arg-type]

    def _request(self, request: Request, source: Address, now: float) -> list[Output]:
        if request.method == "ACK":
            return self._uas.acknowledged(request, now)
        again = self._core.servers.get(request.key)
        if again is not None:
            if again.session is not None and again.session.held:
                return []  # what would be repeated has not left yet
            return [*again.machine.request()]
        if request.method == "CANCEL":
            known = request.key._replace(method="INVITE") in self._core.servers or self._outside.knows(request, source)
            return self._uas.cancelled(request, source, now) if known else []
        if request.to.tag:
            outputs = self._inside.receive(request, source, now)
            if outputs is not None:
                return outputs
            known = self._outside.knows(request, source)
            return [*self._core.refuse(request, source, 481, now)] if known else [*self.guard.garbage(source, now)]
        return self._outside.receive(request, source, now)

    def _ended(self, opened: Open | Asked, now: float, status: int = 408) -> list[Output]:
        """A transaction's timer ended it, or its message can't be delivered (status 503)."""
        self._core.drop(opened)
        if isinstance(opened, Asked):
            return self._requests.failed(opened, status) if opened.machine.failed else []
        session = opened.session
        if session is None:
            return []
        outputs: list[Output] = []
        machine = opened.machine
        if isinstance(opened, Server):
            session.lose(opened)
            if isinstance(machine, ServerInvite) and machine.failed and session.server is opened:
                outputs = self._reinvites.unacknowledged(session, now)
        else:
            if isinstance(machine, ClientInvite):
                session.acks.pop(opened.outgoing.cseq, None)
            if machine.failed:
                outputs = self._failed(opened, now, status)
        self._sessions.settle(session)
        return outputs

    def _failed(self, opened: AnyClient, now: float, status: int) -> list[Output]:
        """Nobody answered this request of ours."""
        if opened.purpose is Purpose.INVITE:
            return self._uac.failed(opened, now, status)  # type: ignore[arg-type]
        if opened.purpose is Purpose.BYE:
            return self._byes.failed(opened.session)
        return self._updates.failed(opened) if opened.purpose in _CHANGES else []

    def _woken(self, alarm: Alarm, now: float) -> list[Output]:
        """A session's own time has come: it still rings, it is to be refreshed, or it has expired."""
        session, alarm.deadline = alarm.session, None
        if session.ringing:
            return self._uas.provisional.again(session, now)
        if session.phase is not Phase.CONFIRMED or session.terms is None or session.bye_wanted:
            return []
        expired = self._timers.due(session, now)
        if expired or not session.terms:
            return expired
        return self._updates.refresh(session, now) if session.updates else self._reinvites.refresh(session, now)
