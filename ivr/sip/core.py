"""The transaction layer of the agent: which transactions are open, when they want to be woken, and how this side names
itself."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import count
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from ivr.sip.dialog import Dialog
from ivr.sip.events import Address, Send
from ivr.sip.message import Request, TransactionKey
from ivr.sip.outgoing import Outgoing
from ivr.sip.reply import Reply
from ivr.sip.transaction import ClientInvite, ClientRequest, ServerInvite, ServerRequest, Transaction
from ivr.sip.via import COOKIE
from ivr.sip.ways import Ways

if TYPE_CHECKING:
    from ivr.sip.session import Session

ALLOW = ("Allow", "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, PRACK, UPDATE, REFER")
METHODS = frozenset({"INVITE", "ACK", "CANCEL", "BYE", "OPTIONS", "INFO", "PRACK", "UPDATE", "REFER", "REGISTER"})
KNOWN_METHODS = METHODS | {"SUBSCRIBE", "NOTIFY", "MESSAGE", "PUBLISH"}
"""Methods that are registered but not spoken get 405, others 501 (RFC 3261 8.2.1, 21.5.2)."""

SUPPORTED = ("Supported", "100rel, timer, replaces, norefersub")
OPTIONS = frozenset({"100rel", "timer", "replaces", "norefersub"})
"""The extensions that a peer may require of us (RFC 3262, RFC 4028, RFC 3891, RFC 4488)."""

M = TypeVar("M", bound=Transaction)


class Purpose(StrEnum):
    """What a transaction is for; PLAIN ones concern no session. UPDATE: with an offer, ours or the peer's; a PRACK with an
    offer is one too. REFRESH: our re-INVITE or UPDATE that only keeps the session from expiring. QUIET_REFER: a REFER that
    wants no NOTIFY."""

    INVITE = "invite"
    REINVITE = "reinvite"
    CANCEL = "cancel"
    BYE = "bye"
    PRACK = "prack"
    UPDATE = "update"
    REFRESH = "refresh"
    REFER = "refer"
    QUIET_REFER = "quiet_refer"
    NOTIFY = "notify"
    STRAY = "stray"
    PLAIN = "plain"


@dataclass(eq=False, slots=True)
class Client(Generic[M]):
    """An open request of ours. sent_at: None after a restart."""

    machine: M
    purpose: Purpose
    outgoing: Outgoing
    session: Session
    sent_at: float | None = None
    armed: float | None = None

    @property
    def deadline(self) -> float | None:
        """When it wants to be woken."""
        return self.machine.deadline


@dataclass(eq=False, slots=True)
class Asked:
    """An open request of ours outside any dialog, by the app's name for it."""

    machine: ClientRequest
    outgoing: Outgoing
    name: str
    user: str
    password: str
    tries: int = 0
    armed: float | None = None
    session: None = None

    @property
    def deadline(self) -> float | None:
        """When it wants to be woken."""
        return self.machine.deadline


@dataclass(eq=False, slots=True)
class Server(Generic[M]):
    """An open request of the peer's."""

    machine: M
    purpose: Purpose
    key: TransactionKey
    reply: Reply
    session: Session | None = None
    armed: float | None = None

    @property
    def deadline(self) -> float | None:
        """When it wants to be woken."""
        return self.machine.deadline


@dataclass(eq=False, slots=True)
class Alarm:
    """A moment that a session waits for beside its transactions: see timers.py."""

    session: Session
    deadline: float | None = None
    armed: float | None = None


AnyClient = Client[ClientInvite] | Client[ClientRequest]
AnyServer = Server[ServerInvite] | Server[ServerRequest]
Open = AnyClient | AnyServer
_FEW = 1000
"""So many entries of transactions that are gone may stay in the heap; of more, no more than half."""


class Core:
    """Open transactions by their keys, a heap of deadlines, and this side's addresses and names."""

    def __init__(self, ways: Ways, token: Callable[[], str], user_agent: str) -> None:
        self.ways = ways
        self.token = token
        self.server_header = ("Server", user_agent)
        self.agent_header = ("User-Agent", user_agent)
        self.clients: dict[tuple[str, str], AnyClient | Asked] = {}
        self.servers: dict[TransactionKey, AnyServer] = {}
        self._heap: list[tuple[float, int, Open | Asked | Alarm]] = []
        self._gone = 0
        self._order = count()

    def branch(self) -> str:
        """A new branch."""
        return COOKIE + self.token()

    def contact(self, peer: Address, user: str = "") -> tuple[str, str]:
        """Our Contact header for this peer."""
        return self.ways.contact(peer, user)

    def outgoing(
        self,
        method: str,
        uri: str,
        from_: str,
        to: str,
        call_id: str,
        cseq: int,
        destination: Address,
        routes: tuple[str, ...] = (),
        headers: tuple[tuple[str, str], ...] = (),
        body: bytes = b"",
    ) -> Outgoing:
        """A request of ours with a new branch, and with the Via of the listener that it leaves by."""
        listener = self.ways.listener(destination)
        return Outgoing(
            method,
            uri,
            listener.sent_by(destination.host),
            self.branch(),
            from_,
            to,
            call_id,
            cseq,
            destination,
            routes,
            headers,
            body,
            listener.transport,
        )

    def in_dialog(
        self,
        dialog: Dialog,
        method: str,
        *,
        cseq: int | None = None,
        headers: tuple[tuple[str, str], ...] = (),
        body: bytes = b"",
    ) -> Outgoing:
        """A request within the dialog, with its next CSeq unless one is given (ACK)."""
        if cseq is None:
            dialog.local_cseq += 1
            cseq = dialog.local_cseq
        uri, routes, destination = self.addressing(dialog)
        return self.outgoing(
            method,
            uri,
            dialog.local,
            dialog.remote,
            dialog.call_id,
            cseq,
            destination,
            routes,
            (self.agent_header, *headers),
            body,
        )

    def addressing(self, dialog: Dialog) -> tuple[str, tuple[str, ...], Address]:
        """Request-URI, Route values and destination of the dialog's next request."""
        uri, routes, destination = dialog.addressing()
        return uri, routes, self.ways.next_hop(routes[0] if routes else uri, destination, dialog.peer)

    def open_invite(self, session: Session, purpose: Purpose, outgoing: Outgoing) -> Client[ClientInvite]:
        """Make an INVITE client transaction and register it; start() is the caller's."""
        outgoing, data = self.ways.fit(outgoing)
        machine = ClientInvite(outgoing.destination, data, reliable=self.ways.reliable(outgoing.destination))
        return self.add_client(Client(machine, purpose, outgoing, session))

    def start_request(self, session: Session, purpose: Purpose, outgoing: Outgoing, now: float) -> list[Send]:
        """Send a request that is neither INVITE nor ACK."""
        return self.start(self.open_request(session, purpose, outgoing), now)

    def open_request(self, session: Session, purpose: Purpose, outgoing: Outgoing) -> Client[ClientRequest]:
        """Make the client transaction of a request that is neither INVITE nor ACK; start() is the caller's."""
        outgoing, data = self.ways.fit(outgoing)
        machine = ClientRequest(outgoing.destination, data, reliable=self.ways.reliable(outgoing.destination))
        return self.add_client(Client(machine, purpose, outgoing, session))

    def start(self, opened: AnyClient, now: float) -> list[Send]:
        """Send the request."""
        opened.sent_at = now
        sends = opened.machine.start(now)
        self.arm(opened)
        return sends

    def ask(self, asked: Asked, now: float) -> list[Send]:
        """Send a request outside any dialog."""
        self.clients[asked.outgoing.branch, asked.outgoing.method] = asked
        sends = asked.machine.start(now)
        self.arm(asked)
        return sends

    def add_client(self, opened: Client[M]) -> Client[M]:
        """Register a client transaction under its branch and method (17.1.3)."""
        self.clients[opened.outgoing.branch, opened.outgoing.method] = opened  # type: ignore[assignment]  # M is one of the two
        opened.session.open.add(opened)  # type: ignore[arg-type]
        return opened

    def add_server(self, opened: Server[M]) -> Server[M]:
        """Register a server transaction."""
        self.servers[opened.key] = opened  # type: ignore[assignment]  # M is one of the two
        if opened.session is not None:
            opened.session.open.add(opened)  # type: ignore[arg-type]
        return opened

    def serve_invite(
        self, request: Request, source: Address, purpose: Purpose, session: Session | None
    ) -> Server[ServerInvite]:
        """Make the server transaction of an INVITE."""
        reliable = self.ways.reliable(source)
        reply = Reply.to_request(request, source, reliable=reliable)
        machine = ServerInvite(reply.destination, reliable=reliable)
        return self.add_server(Server(machine, purpose, request.key, reply, session))

    def serve_request(
        self, request: Request, source: Address, now: float, purpose: Purpose = Purpose.PLAIN, session: Session | None = None
    ) -> Server[ServerRequest]:
        """Make the server transaction of another request."""
        reliable = self.ways.reliable(source)
        reply = Reply.to_request(request, source, reliable=reliable)
        machine = ServerRequest(reply.destination, reliable=reliable)
        opened = self.add_server(Server(machine, purpose, request.key, reply, session))
        opened.machine.start(now)
        self.arm(opened)
        return opened

    def respond(
        self,
        opened: AnyServer,
        status: int,
        now: float,
        *,
        tag: str = "",
        reason: str = "",
        headers: Any = (),
        body: bytes = b"",
        until_prack: bool = False,
    ) -> list[Send]:
        """Answer a request, on its transaction. until_prack: see ServerInvite.respond()."""
        data = opened.reply.write(status, tag=tag, reason=reason, headers=(self.server_header, *headers), body=body)
        machine = opened.machine
        if isinstance(machine, ServerInvite):
            sends = machine.respond(status, data, now, until_prack=until_prack)
        else:
            sends = machine.respond(data, now)
        self.arm(opened)
        return sends

    def abandon(self, session: Session, now: float) -> list[Send]:
        """487 to the peer's requests that still wait for the app, but for its INVITE: the dialog ends (RFC 3261 15.1.2)."""
        sends: list[Send] = []
        for opened in (session.offered, *session.refers.values()):
            if opened is not None:
                sends += self.respond(opened, 487, now)
        session.offered = None
        session.refers.clear()
        return sends

    def refuse(self, request: Request, source: Address, status: int, now: float, *, headers: Any = ()) -> list[Send]:
        """Answer a request that becomes no business of any session."""
        opened: AnyServer
        if request.method == "INVITE":
            opened = self.serve_invite(request, source, Purpose.PLAIN, None)
        else:
            opened = self.serve_request(request, source, now)
        return self.respond(opened, status, now, tag=self.token(), headers=headers)

    def lacks(self, request: Request, source: Address, now: float) -> list[Send]:
        """420 to a request that requires an extension we don't speak (8.2.2.3); [] where it doesn't."""
        unsupported = [("Unsupported", option) for option in request.values("Require") if option.lower() not in OPTIONS]
        return self.refuse(request, source, 420, now, headers=unsupported) if unsupported else []

    def arm(self, opened: Open | Asked | Alarm) -> None:
        """Note when the transaction wants to be woken; a later time than noted is found out at waking."""
        at = opened.deadline
        if opened.session is not None and opened.session.held:
            return  # release() comes back to it
        if at is not None and (opened.armed is None or at < opened.armed):
            opened.armed = at
            heapq.heappush(self._heap, (at, next(self._order), opened))

    @property
    def deadline(self) -> float | None:
        """When the first transaction wants to be woken."""
        while self._heap:
            at, _, opened = self._heap[0]
            if opened.armed == at and opened.deadline == at and not (opened.session and opened.session.held):
                return at
            self._pop()
        return None

    def due(self, now: float) -> Iterator[Open | Asked | Alarm]:
        """The transactions and alarms to be woken now, in the order of their times."""
        while (at := self.deadline) is not None and at <= now:
            _, _, opened = heapq.heappop(self._heap)
            opened.armed = None
            yield opened
            self.arm(opened)

    def drop(self, opened: Open | Asked) -> None:
        """Take a transaction out; its heap entry falls out by itself."""
        opened.machine.end()
        if isinstance(opened, Client | Asked):
            self.clients.pop((opened.outgoing.branch, opened.outgoing.method), None)
        else:
            self.servers.pop(opened.key, None)
        if opened.session is not None:
            opened.session.open.discard(opened)
        self._left(opened)

    def silence(self, alarm: Alarm) -> None:
        """Wait for this moment no more."""
        alarm.deadline = None
        self._left(alarm)

    def _left(self, opened: Open | Asked | Alarm) -> None:
        """Its heap entry would hold a whole session until its time comes: where many such are, they are swept out."""
        if opened.armed is not None:
            opened.armed = None
            self._gone += 1
            if self._gone > _FEW and 2 * self._gone > len(self._heap):
                self._heap = [entry for entry in self._heap if entry[2].armed == entry[0]]
                heapq.heapify(self._heap)
                self._gone = 0

    def _pop(self) -> None:
        at, _, opened = heapq.heappop(self._heap)
        if opened.armed == at:
            opened.armed = None
            self.arm(opened)
