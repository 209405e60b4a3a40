"""A session: one call leg as the user agent knows it, and the table that finds it by what a message carries."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from ivr.sip.core import Client, Open, Server
from ivr.sip.dialog import Dialog
from ivr.sip.events import Event, Output, Send
from ivr.sip.target import Target
from ivr.sip.transaction import ClientInvite, ServerInvite, ServerRequest, State


class Phase(StrEnum):
    """EARLY: the INVITE has no final response. CONFIRMED: answered. HUNG_UP: the peer's BYE waits for confirm_bye(). OVER:
    only leftovers."""

    EARLY = "early"
    CONFIRMED = "confirmed"
    HUNG_UP = "hung_up"
    OVER = "over"


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
    challenged: int = 0
    progress: int = 0
    restored: bool = False
    forgotten: bool = False
    held: bool = False
    """Its timers rest: the app has not stored its last step yet, so nothing of it may be sent."""

    def tell(self, event: Event) -> list[Output]:
        """The event, unless the app has forgotten this session."""
        return [] if self.forgotten else [event]

    @property
    def unanswered(self) -> Server[ServerInvite] | None:
        """The peer's INVITE or re-INVITE that waits for the app."""
        return self.server if self.server is not None and self.server.machine.state is State.PROCEEDING else None

    @property
    def unacknowledged(self) -> Server[ServerInvite] | None:
        """The peer's INVITE or re-INVITE whose 2xx waits for ACK."""
        return self.server if self.server is not None and self.server.machine.state is State.ACCEPTED else None

    @property
    def user(self) -> str:
        """The user part of our Contact."""
        return self.target.from_user if self.target is not None else ""


class Sessions:
    """All sessions: by id, by (Call-ID, our tag), and callees' by (Call-ID, the caller's tag) for requests whose To-tag is
    missing or wrong."""

    def __init__(self) -> None:
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
        self._by_id.pop(session.id, None)
        self._by_local.pop((session.call_id, session.local_tag), None)
        if session.dialog is not None and self._by_caller.get((session.call_id, session.dialog.remote_tag)) is session:
            del self._by_caller[session.call_id, session.dialog.remote_tag]
