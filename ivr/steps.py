"""What happens to a call beside SIP's and media's own events, and what a call wants done. Plain values, no behaviour.

The engine does a step's actions in this order: the call's new state, its events and its queue and seat changes go to Redis
in one script; then SIP messages leave; then media is told.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeGuard, get_args

from ivr.dialplan import Callee, Destination
from ivr.flow.events import Item, Listen, Misheard, NotHearing, SpeechBegan, Words
from ivr.flow.model import Document
from ivr.media import control as media
from ivr.questions import Outcome, Question
from ivr.sip import events as sip
from routing.commit import Op

# What happens


@dataclass(frozen=True, slots=True)
class LegOpened:
    """Media gave the leg its UDP port. host: the address the leg's peer is told ("": the settings' own). srtp_key: a new key
    (sdes.key) where its listener's media is encrypted, else ""; srtp_required: it must be."""

    leg: str
    port: int
    host: str = ""
    srtp_key: str = field(default="", repr=False)
    srtp_required: bool = False


@dataclass(frozen=True, slots=True)
class LegFailed:
    """Media could not give the leg a port."""

    leg: str
    why: str


@dataclass(frozen=True, slots=True)
class SeatClaimed:
    """The queue found a seat for this caller; it is reserved. skipped: (seat, reason) of those who could not take the call."""

    seat: Callee
    skipped: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class SeatTaken:
    """The seat that TakeSeat named is reserved for this call."""

    seat: str


@dataclass(frozen=True, slots=True)
class SeatBusy:
    """The seat that TakeSeat named can't be had: it has another call, or Redis is away."""

    seat: str


@dataclass(frozen=True, slots=True)
class Unreachable:
    """There is no (further) address where the leg's party could be dialled."""

    leg: str


@dataclass(frozen=True, slots=True)
class MoreTelephones:
    """The seat that this leg calls has registered at further contacts (URIs), the best first."""

    leg: str
    contacts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Redirected:
    """Our INVITE ended with this 3xx, and here is who may be called in that party's place (ivr/redirection.py), the best
    first."""

    leg: str
    status: int
    targets: tuple[Callee, ...]


@dataclass(frozen=True, slots=True)
class Consulting:
    """The seat that talks in this call dials somebody on a second line, `leg`; `offer` as in sip.Invited."""

    leg: str
    offer: bytes
    callee: Callee


@dataclass(frozen=True, slots=True)
class TransferAsked:
    """A REFER, with what its target means: see sip.Referred. document: the menu of a hotline, in its version menu_version."""

    leg: str
    refer: str
    to: str
    destination: Destination
    replaces: str = ""
    document: Document | None = None
    menu_version: int = 0


@dataclass(frozen=True, slots=True)
class MediaLost:
    """The media process of this call's legs died; its ports are gone."""


@dataclass(frozen=True, slots=True)
class MediaBack:
    """A new media process is there."""


@dataclass(frozen=True, slots=True)
class EngineRestarted:
    """This call was read back from Redis by a new engine; media kept its legs."""


@dataclass(frozen=True, slots=True)
class Shutdown:
    """The engine is ending in good order and takes its calls with it."""


Happening = (
    LegOpened
    | LegFailed
    | SeatClaimed
    | SeatTaken
    | SeatBusy
    | Unreachable
    | MoreTelephones
    | Redirected
    | Consulting
    | TransferAsked
    | Outcome
    | MediaLost
    | MediaBack
    | EngineRestarted
    | Shutdown
    | sip.Acknowledged
    | sip.Cancelled
    | sip.Reinvited
    | sip.ReinviteAnswered
    | sip.ReinviteRejected
    | sip.Progressed
    | sip.Answered
    | sip.Rejected
    | sip.HungUp
    | sip.Digit
    | sip.Broken
    | sip.Over
    | media.Digit
    | media.Played
    | media.Silent
    | media.Recording
    | SpeechBegan
    | Words
    | Misheard
    | NotHearing
)

# What is to be done: in media


@dataclass(frozen=True, slots=True)
class OpenLeg:
    """Ask media for a port; LegOpened or LegFailed follows."""

    leg: str


@dataclass(frozen=True, slots=True)
class PlayPrompts:
    """Play prompts in a language, once or for ever; replaces what plays on the leg."""

    leg: str
    play: int
    prompts: tuple[Item, ...]
    language: str
    loop: bool = False


@dataclass(frozen=True, slots=True)
class Tell:
    """Send media this command."""

    command: media.Command


@dataclass(frozen=True, slots=True)
class OpenTurn:
    """Have what is said on the leg heard as the menu wishes, in place of what was heard before; the flow's events follow, with
    `wish.turn`: SpeechBegan, and one of Words, Misheard, NotHearing."""

    leg: str
    wish: Listen


@dataclass(frozen=True, slots=True)
class CloseTurn:
    """The leg is not heard any more."""

    leg: str


# in SIP


@dataclass(frozen=True, slots=True)
class AnswerCaller:
    """200 with this SDP to the caller's INVITE."""

    leg: str
    sdp: bytes


@dataclass(frozen=True, slots=True)
class RejectCaller:
    """A final refusal of the caller's INVITE."""

    leg: str
    status: int
    reason: str


@dataclass(frozen=True, slots=True)
class RingCaller:
    """180 to the INVITE of whoever calls."""

    leg: str


@dataclass(frozen=True, slots=True)
class ProgressCaller:
    """183 with this SDP to the caller's INVITE: sound before the answer."""

    leg: str
    sdp: bytes


@dataclass(frozen=True, slots=True)
class Dial:
    """INVITE a seat's telephone or an outside number."""

    leg: str
    callee: Callee
    sdp: bytes


@dataclass(frozen=True, slots=True)
class CancelDial:
    """CANCEL our INVITE."""

    leg: str


@dataclass(frozen=True, slots=True)
class HangUpLeg:
    """BYE."""

    leg: str


@dataclass(frozen=True, slots=True)
class ConfirmBye:
    """200 to the peer's BYE."""

    leg: str


@dataclass(frozen=True, slots=True)
class Reinvite:
    """Re-INVITE with this SDP."""

    leg: str
    sdp: bytes


@dataclass(frozen=True, slots=True)
class AnswerReinvite:
    """200 with this SDP to the peer's re-INVITE."""

    leg: str
    sdp: bytes


@dataclass(frozen=True, slots=True)
class RejectReinvite:
    """A final refusal of the peer's re-INVITE; the talk goes on as it was."""

    leg: str
    status: int


@dataclass(frozen=True, slots=True)
class AcceptRefer:
    """202 to a REFER; its progress is told by NOTIFY."""

    leg: str
    refer: str


@dataclass(frozen=True, slots=True)
class NotifyRefer:
    """NOTIFY what became of a REFER: the status of the new call."""

    leg: str
    refer: str
    status: int


@dataclass(frozen=True, slots=True)
class RefuseRefer:
    """A final refusal of a REFER; the talk goes on as it was."""

    leg: str
    refer: str
    status: int


# in Redis


@dataclass(frozen=True, slots=True)
class TakeSeat:
    """Reserve this seat for the call, if it has no other; SeatTaken or SeatBusy follows."""

    seat: str


@dataclass(frozen=True, slots=True)
class Emit:
    """An event of this call's timeline."""

    type: str
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Change:
    """A queue's or a seat's state changes with this step."""

    op: Op


SipAction = (
    AnswerCaller
    | RejectCaller
    | RingCaller
    | ProgressCaller
    | Dial
    | CancelDial
    | HangUpLeg
    | ConfirmBye
    | Reinvite
    | AnswerReinvite
    | RejectReinvite
    | AcceptRefer
    | NotifyRefer
    | RefuseRefer
)
MediaAction = OpenLeg | PlayPrompts | Tell | OpenTurn | CloseTurn
Action = SipAction | MediaAction | Question | TakeSeat | Emit | Change

_SIP = frozenset(get_args(SipAction))


def is_sip(action: Action) -> TypeGuard[SipAction]:
    """Whether a SIP message is to be sent. Asked of all that is done: isinstance() would try one class after the other."""
    return type(action) in _SIP
