"""What the user agent tells its shell: datagrams to send and what happened to a session. All values, no behaviour."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple


class Address(NamedTuple):
    """A UDP address: host is an IP literal (IPv6 without brackets)."""

    host: str
    port: int


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
class Invited:
    """A new INVITE; 100 Trying is in the same output list. `offer` is empty when the peer wants ours (late offer: answer()
    with an offer, Acknowledged carries the answer). `called` is the user part of the Request-URI, `caller` the user part of
    From ("" if anonymous)."""

    session: str
    party: Party
    called: str
    caller: str
    display: str
    sip_call_id: str
    offer: bytes
    source: Address


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
    """A re-INVITE: answer_reinvite() or reject_reinvite(). `offer` is empty for a late offer."""

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
    """A provisional response above 100 to our INVITE; the first one, and each with another status."""

    session: str
    status: int


@dataclass(frozen=True, slots=True)
class Answered:
    """Our INVITE got its first 2xx; ACK is in the same output list."""

    session: str
    answer: bytes


@dataclass(frozen=True, slots=True)
class Rejected:
    """Our INVITE ended without an answer: the peer's final status, 408 when nobody spoke, 487 after cancel(). The session
    is over."""

    session: str
    status: int
    reason: str


@dataclass(frozen=True, slots=True)
class HungUp:
    """The peer's BYE. The app persists, then calls confirm_bye(). The session is over after that."""

    session: str


@dataclass(frozen=True, slots=True)
class Digit:
    """A key by SIP INFO (application/dtmf-relay or application/dtmf): one of 0-9 * # A-D. duration_ms is 160 where the peer
    names none."""

    session: str
    digit: str
    duration_ms: int


@dataclass(frozen=True, slots=True)
class Broken:
    """The peer went silent or lost the dialog. The app ends the call: bye() (which does nothing where a BYE makes no sense
    any more)."""

    session: str
    why: Literal["no_ack", "no_reinvite_answer", "no_bye_answer", "dialog_lost"]


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


Event = (
    Garbage
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
    | Broken
    | Over
    | RegisterRequested
)

Output = Send | Event
