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
from ivr.sip.uri import host_port, write_user
from ivr.sip.via import COOKIE

if TYPE_CHECKING:
    from ivr.sip.session import Session

ALLOW = ("Allow", "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO")
METHODS = frozenset({"INVITE", "ACK", "CANCEL", "BYE", "OPTIONS", "INFO", "REGISTER"})
KNOWN_METHODS = METHODS | {"PRACK", "UPDATE", "REFER", "SUBSCRIBE", "NOTIFY", "MESSAGE", "PUBLISH"}
"""Methods that are registered but not spoken get 405, others 501 (RFC 3261 8.2.1, 21.5.2)."""

M = TypeVar("M", bound=Transaction)


class Purpose(StrEnum):
    """What a transaction is for; PLAIN ones concern no session."""

    INVITE = "invite"
    REINVITE = "reinvite"
    CANCEL = "cancel"
    BYE = "bye"
    STRAY = "stray"
    PLAIN = "plain"


@dataclass(eq=False, slots=True)
class Client(Generic[M]):
    """An open request of ours."""

    machine: M
    purpose: Purpose
    outgoing: Outgoing
    session: Session
    armed: float | None = None


@dataclass(eq=False, slots=True)
class Server(Generic[M]):
    """An open request of the peer's."""

    machine: M
    purpose: Purpose
    key: TransactionKey
    reply: Reply
    session: Session | None = None
    armed: float | None = None


AnyClient = Client[ClientInvite] | Client[ClientRequest]
AnyServer = Server[ServerInvite] | Server[ServerRequest]
Open = AnyClient | AnyServer


class Core:
    """Open transactions by their keys, a heap of deadlines, and this side's address and names."""

    def __init__(self, host: str, port: int, token: Callable[[], str], user_agent: str) -> None:
        self.address = host_port(host, port)
        self.token = token
        self.server_header = ("Server", user_agent)
        self.agent_header = ("User-Agent", user_agent)
        self.clients: dict[tuple[str, str], AnyClient] = {}
        self.servers: dict[TransactionKey, AnyServer] = {}
        self._heap: list[tuple[float, int, Open]] = []
        self._order = count()

    def branch(self) -> str:
        """A new branch."""
        return COOKIE + self.token()

    def contact(self, user: str = "") -> tuple[str, str]:
        """Our Contact header."""
        return "Contact", f"<sip:{write_user(user)}@{self.address}>" if user else f"<sip:{self.address}>"

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
        uri, routes, destination = dialog.addressing()
        return Outgoing(
            method,
            uri,
            self.address,
            self.branch(),
            dialog.local,
            dialog.remote,
            dialog.call_id,
            cseq,
            destination,
            routes,
            (self.agent_header, *headers),
            body,
        )

    def open_invite(self, session: Session, purpose: Purpose, outgoing: Outgoing) -> Client[ClientInvite]:
        """Make an INVITE client transaction and register it; start() is the caller's."""
        return self.add_client(Client(ClientInvite(outgoing.destination, outgoing.write()), purpose, outgoing, session))

    def start_request(self, session: Session, purpose: Purpose, outgoing: Outgoing, now: float) -> list[Send]:
        """Send a request that is neither INVITE nor ACK."""
        opened = self.add_client(Client(ClientRequest(outgoing.destination, outgoing.write()), purpose, outgoing, session))
        sends = opened.machine.start(now)
        self.arm(opened)
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
        reply = Reply.to_request(request, source)
        return self.add_server(Server(ServerInvite(reply.destination), purpose, request.key, reply, session))

    def serve_request(
        self, request: Request, source: Address, now: float, purpose: Purpose = Purpose.PLAIN, session: Session | None = None
    ) -> Server[ServerRequest]:
        """Make the server transaction of another request."""
        reply = Reply.to_request(request, source)
        opened = self.add_server(Server(ServerRequest(reply.destination), purpose, request.key, reply, session))
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
    ) -> list[Send]:
        """Answer a request, on its transaction."""
        data = opened.reply.write(status, tag=tag, reason=reason, headers=(self.server_header, *headers), body=body)
        machine = opened.machine
        sends = machine.respond(status, data, now) if isinstance(machine, ServerInvite) else machine.respond(data, now)
        self.arm(opened)
        return sends

    def refuse(self, request: Request, source: Address, status: int, now: float, *, headers: Any = ()) -> list[Send]:
        """Answer a request that becomes no business of any session."""
        opened: AnyServer
        if request.method == "INVITE":
            opened = self.serve_invite(request, source, Purpose.PLAIN, None)
        else:
            opened = self.serve_request(request, source, now)
        return self.respond(opened, status, now, tag=self.token(), headers=headers)

    def arm(self, opened: Open) -> None:
        """Note when the transaction wants to be woken; a later time than noted is found out at waking."""
        at = opened.machine.deadline
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
            if opened.armed == at and opened.machine.deadline == at and not (opened.session and opened.session.held):
                return at
            self._pop()
        return None

    def due(self, now: float) -> Iterator[Open]:
        """The transactions to be woken now, in the order of their times."""
        while (at := self.deadline) is not None and at <= now:
            _, _, opened = heapq.heappop(self._heap)
            opened.armed = None
            yield opened
            self.arm(opened)

    def drop(self, opened: Open) -> None:
        """Take a transaction out; its heap entry falls out by itself."""
        opened.machine.end()
        if isinstance(opened, Client):
            self.clients.pop((opened.outgoing.branch, opened.outgoing.method), None)
        else:
            self.servers.pop(opened.key, None)
        if opened.session is not None:
            opened.session.open.discard(opened)

    def _pop(self) -> None:
        at, _, opened = heapq.heappop(self._heap)
        if opened.armed == at:
            opened.armed = None
            self.arm(opened)
