"""What the user agent tells its shell: datagrams to send and what happened to a session. All values, no behaviour."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple


class Address(NamedTuple):
    """Where a message comes from or goes to: host is an IP literal (IPv6 without brackets), listener the name of the
    listener that it came in by or leaves by ("": the first one). Over TCP and TLS the three name the connection."""

    host: str
    port: int
    listener: str = ""

    def to_json(self) -> list[str | int]:
        """A JSON list of two items, three where the listener is named; Address(*items) takes it back."""
        return [self.host, self.port, self.listener] if self.listener else [self.host, self.port]


@dataclass(frozen=True, slots=True)
class Party:
    """Who sent a request outside a dialog: a trunk by its name or a seat by its account (proved by digest)."""

    kind: Literal["trunk", "seat"]
    name: str


@dataclass(frozen=True, slots=True)
class Contact:
    """One contact of a REGISTER: its URI as written, its lifetime in seconds (0 removes it) and its q value."""

    uri: str
    expires_s: int
    q: float = 1.0


@dataclass(frozen=True, slots=True)
class Send:
    """Put these bytes on the wire."""

    data: bytes
    destination: Address


@dataclass(frozen=True, slots=True)
class Garbage:
    """A datagram that is no SIP message or breaks its rules; it was dropped. For the log only, without the peer's words in
    `why`."""

    source: Address
    why: str


@dataclass(frozen=True, slots=True)
class Banned:
    """From now on nothing is read of what comes from this address, or this /64 network of IPv6 addresses (guard.py). reason:
    "passwords", "scan" or "garbage"."""

    host: str
    reason: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Invited:
    """A new INVITE; 100 Trying is in the same output list. `offer` is empty when the peer wants ours (late offer: answer()
    with an offer, Acknowledged carries the answer). `called` is the user part of the Request-URI, or of what the trunk names
    (TrunkPeer.called_from); `caller` the user part of From ("" if anonymous); `asserted` that of P-Asserted-Identity, from
    trunks only (RFC 3325). private: the number must not be shown to others (anonymous From, Privacy: id or user). diverted:
    the numbers this call was diverted from, the latest first (RFC 5806, RFC 7044). replaces: the session that this INVITE is
    to take the place of (RFC 3891); the app answers and hangs that one up. reference: the
    trunk's own name of the call (X-Call-Reference), from trunks only."""

    session: str
    party: Party
    called: str
    caller: str
    display: str
    sip_call_id: str
    offer: bytes
    source: Address
    asserted: str = ""
    private: bool = False
    diverted: tuple[str, ...] = ()
    replaces: str = ""
    reference: str = ""


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """The ACK to our 2xx came. `answer` is the peer's SDP after a late offer. `reinvite` tells the ACK of a re-INVITE from
    the first one."""

    session: str
    answer: bytes = b""
    reinvite: bool = False


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The caller gave up before the answer (CANCEL, or BYE in the early dialog); 200 and 487 are in the same output list.
    The session is over."""

    session: str


@dataclass(frozen=True, slots=True)
class Reinvited:
    """A re-INVITE, or an UPDATE with an offer (RFC 3311): answer_reinvite() or reject_reinvite(). `offer` is empty for a
    late offer. An UPDATE can come before the answer; no Acknowledged follows one."""

    session: str
    offer: bytes


@dataclass(frozen=True, slots=True)
class ReinviteAnswered:
    """Our re-INVITE was accepted; ACK is in the same output list."""

    session: str
    answer: bytes


@dataclass(frozen=True, slots=True)
class ReinviteRejected:
    """Our re-INVITE was refused; the session goes on as before. With 491 (glare) the app tries again: after 2.1-4 s if
    `owner`, else after 0-2 s (RFC 3261 14.1). `owner`: the Call-ID is ours."""

    session: str
    status: int
    owner: bool = False


@dataclass(frozen=True, slots=True)
class Progressed:
    """A provisional response above 100 to our INVITE; the first one, and each with another status or with a description.
    `answer` is its SDP: early media, which no one has answered yet."""

    session: str
    status: int
    answer: bytes = b""


@dataclass(frozen=True, slots=True)
class Answered:
    """Our INVITE got its first 2xx; its ACK is in the same output list, and should not leave before the answer is stored: the
    peer of an engine that dies in between repeats its 2xx to the next one."""

    session: str
    answer: bytes


@dataclass(frozen=True, slots=True)
class Rejected:
    """Our INVITE ended without an answer: the peer's final status, 408 when nobody spoke, 487 after cancel(). The session
    is over. contacts: the URIs that a 3xx names, the best first. retry_after_s: 0 where the peer names none."""

    session: str
    status: int
    reason: str
    contacts: tuple[str, ...] = ()
    retry_after_s: int = 0


@dataclass(frozen=True, slots=True)
class HungUp:
    """The peer's BYE. The app persists, then calls confirm_bye(). The session is over after that. cause: of Q.850, by its
    Reason header (RFC 3326); 0 where it names none."""

    session: str
    cause: int = 0


@dataclass(frozen=True, slots=True)
class Digit:
    """A key by SIP INFO (application/dtmf-relay or application/dtmf): one of 0-9 * # A-D. duration_ms is 160 where the peer
    names none."""

    session: str
    digit: str
    duration_ms: int


@dataclass(frozen=True, slots=True)
class Referred:
    """A REFER in the dialog (RFC 3515): accept_refer() or refuse_refer(). refer: its name. uri and user: whom the peer wants
    called; replaces: our session that the new call is to take the place of (RFC 3891), "" for a transfer without
    consultation. referred_by: user part of Referred-By (RFC 3892), "" without one."""

    session: str
    refer: str
    uri: str
    user: str
    replaces: str = ""
    referred_by: str = ""


@dataclass(frozen=True, slots=True)
class Broken:
    """The peer went silent or lost the dialog. The app ends the call: bye() (which does nothing where a BYE makes no sense
    any more). peer_died: its machine says so (UserAgent.died)."""

    session: str
    why: Literal["no_ack", "no_prack", "no_reinvite_answer", "no_bye_answer", "dialog_lost", "session_expired", "peer_died"]


@dataclass(frozen=True, slots=True)
class Over:
    """What bye() began is done: the BYE has its answer, or none was needed. Instead of it may come Rejected (a call that
    was not answered yet), HungUp (the peer's BYE was first on its way) or Broken "no_bye_answer"."""

    session: str


@dataclass(frozen=True, slots=True)
class RegisterRequested:
    """A REGISTER whose digest is verified. `contacts` is empty when the phone only asks; `wildcard` is "Contact: *" with
    Expires 0 (all go). The app applies registrar.update(), stores, and calls registered() with what is bound now."""

    request: str
    user: str
    contacts: tuple[Contact, ...]
    source: Address
    call_id: str
    cseq: int
    wildcard: bool = False


@dataclass(frozen=True, slots=True)
class Replied:
    """A request of ours outside any dialog (UserAgent.ask) has ended: the final status, 408 when nobody answered, 503 when
    there was no way there. cseq: of the request that was answered. headers: (name, value) of what registering needs."""

    request: str
    status: int
    cseq: int
    headers: tuple[tuple[str, str], ...] = ()


Event = (
    Garbage
    | Banned
    | Invited
    | Acknowledged
    | Cancelled
    | Reinvited
    | ReinviteAnswered
    | ReinviteRejected
    | Progressed
    | Answered
    | Rejected
    | HungUp
    | Digit
    | Referred
    | Broken
    | Over
    | RegisterRequested
    | Replied
)

Output = Send | Event
