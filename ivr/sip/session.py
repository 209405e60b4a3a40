"""A session: one call leg as the user agent knows it, and the table that finds it by what a message carries."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from ivr.sip.core import Alarm, AnyServer, Client, Core, Open, Server
from ivr.sip.dialog import Dialog
from ivr.sip.events import Event, Output, Send
from ivr.sip.target import Target
from ivr.sip.transaction import ClientInvite, ClientRequest, ServerInvite, ServerRequest, State


class Phase(StrEnum):
    """EARLY: the INVITE has no final response. CONFIRMED: answered. HUNG_UP: the peer's BYE waits for confirm_bye(). OVER:
    only leftovers."""

    EARLY = "early"
    CONFIRMED = "confirmed"
    HUNG_UP = "hung_up"
    OVER = "over"


@dataclass(slots=True)
class Early:
    """A dialog begun by a reliable provisional response to our INVITE (RFC 3261 12.1.2). rseq: the last one of it. answer:
    the peer's description that holds now. offered: one that waits for the app (UPDATE)."""

    dialog: Dialog
    rseq: int
    answer: bytes = b""
    offered: bytes = b""


@dataclass(frozen=True, slots=True)
class Terms:
    """What both sides agreed on for keeping the session alive (RFC 4028): the interval in seconds, whether we refresh, and
    whether the peer knows of session timers (a proxy may have asked for one)."""

    interval_s: int
    ours: bool
    known: bool = True


@dataclass(eq=False, slots=True)
class Session:
    """server: the peer's INVITE or re-INVITE that is unanswered or unacknowledged. client: our open INVITE or re-INVITE.
    acks: ACKs by the CSeq of the INVITE, while its 2xx may be repeated. strays: ACKs by the To-tag of a 2xx that we hung up
    at once (forked or too late)."""

    id: str
    calls: bool
    call_id: str
    local_tag: str
    phase: Phase = Phase.EARLY
    dialog: Dialog | None = None
    target: Target | None = None
    server: Server[ServerInvite] | None = None
    client: Client[ClientInvite] | None = None
    peer_bye: Server[ServerRequest] | None = None
    open: set[Open] = field(default_factory=set)
    acks: dict[int, Send] = field(default_factory=dict)
    strays: dict[str, Send] = field(default_factory=dict)
    late_offer: bool = False
    cancelling: bool = False
    bye_wanted: bool = False
    bye_cause: int = 0
    challenged: int = 0
    progress: int = 0
    restored: bool = False
    forgotten: bool = False
    held: bool = False
    """Its timers rest: the app has not stored its last step yet, so nothing of it may be sent."""
    updates: bool = False
    """The peer takes UPDATE."""
    sdp: bytes = b""
    """Our last description."""
    heard: bytes = b""
    """The last description of a provisional response that the app was told."""

    # Reliable provisional responses of ours (RFC 3262)
    reliable: Literal["", "supported", "required"] = ""
    rseq: int = 0
    unpracked: str = ""
    """The RAck that acknowledges the last one, until it came."""
    early_answer: Literal["", "sent", "known"] = ""
    """One of them bore our answer, and its PRACK came: the 2xx doesn't repeat it."""
    waiting: tuple[int, bytes] | None = None
    """The next response (status, description), which must not leave before that PRACK."""

    early: dict[str, Early] = field(default_factory=dict)
    """The dialogs of our INVITE before its 2xx, by the peer's tag."""
    offered: Server[ServerRequest] | None = None
    """The peer's UPDATE (or PRACK) with an offer that waits for the app."""
    update: Client[ClientRequest] | None = None
    """Our UPDATE with an offer, while it is open."""
    refers: dict[str, Server[ServerRequest] | None] = field(default_factory=dict)
    """The peer's REFERs by name: their transaction until they are accepted or refused, None while we owe NOTIFYs."""

    # Session timer (timers.py)
    proposed: Terms | None = None
    """What the 2xx to the peer's open request will agree to."""
    terms: Terms | None = None
    expires_at: float = 0.0
    alarm: Alarm | None = None

    def tell(self, event: Event) -> list[Output]:
        """The event, unless the app has forgotten this session."""
        return [] if self.forgotten else [event]

    def lose(self, opened: AnyServer) -> None:
        """The app never answered this request of the peer's, or its time is over."""
        self.offered = None if self.offered is opened else self.offered
        for name in [name for name, waiting in self.refers.items() if waiting is opened]:
            del self.refers[name]

    @property
    def unanswered(self) -> Server[ServerInvite] | None:
        """The peer's INVITE or re-INVITE that waits for the app."""
        return self.server if self.server is not None and self.server.machine.state is State.PROCEEDING else None

    @property
    def unacknowledged(self) -> Server[ServerInvite] | None:
        """The peer's INVITE or re-INVITE whose 2xx waits for ACK."""
        return self.server if self.server is not None and self.server.machine.state is State.ACCEPTED else None

    @property
    def exchanging(self) -> bool:
        """Whether an offer is open in either direction, or an INVITE (RFC 3261 14.1, RFC 3311 5.1)."""
        open_ = (self.client, self.unanswered, self.unacknowledged, self.offered, self.update)
        return any(opened is not None for opened in open_)

    @property
    def ringing(self) -> bool:
        """Whether the peer's first INVITE waits for an answer."""
        return self.phase is Phase.EARLY and self.unanswered is not None

    @property
    def user(self) -> str:
        """The user part of our Contact."""
        return self.target.from_user if self.target is not None else ""


class Sessions:
    """All sessions: by id, by (Call-ID, our tag), and callees' by (Call-ID, the caller's tag) for requests whose To-tag is
    missing or wrong."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._by_id: dict[str, Session] = {}
        self._by_local: dict[tuple[str, str], Session] = {}
        self._by_caller: dict[tuple[str, str], Session] = {}

    def add(self, session: Session) -> None:
        """Put one in. ValueError when its id is taken."""
        if session.id in self._by_id:
            raise ValueError(f"session {session.id!r} is already there")
        self._by_id[session.id] = session
        self._by_local[session.call_id, session.local_tag] = session
        if not session.calls and session.dialog is not None:
            self._by_caller[session.call_id, session.dialog.remote_tag] = session

    def __iter__(self) -> Iterator[Session]:
        return iter(self._by_id.values())

    def get(self, session_id: str) -> Session | None:
        """By the app's name."""
        return self._by_id.get(session_id)

    def by_local(self, call_id: str, tag: str) -> Session | None:
        """By our own tag: To of the peer's requests, From of responses to ours."""
        return self._by_local.get((call_id, tag))

    def by_caller(self, call_id: str, tag: str) -> Session | None:
        """By the caller's tag, only sessions that the peer began."""
        return self._by_caller.get((call_id, tag))

    def settle(self, session: Session) -> None:
        """Take it out if nothing of it is open any more."""
        if session.open or session.phase is not Phase.OVER:
            return
        if session.alarm is not None:
            self._core.silence(session.alarm)
        self._by_id.pop(session.id, None)
        self._by_local.pop((session.call_id, session.local_tag), None)
        if session.dialog is not None and self._by_caller.get((session.call_id, session.dialog.remote_tag)) is session:
            del self._by_caller[session.call_id, session.dialog.remote_tag]
