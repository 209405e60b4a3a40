"""What a call asks beside its steps, and what it is told then: about its caller, its queue, a number, the company's systems, a
message. ivr/asking.py answers. Plain values, no behaviour."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ivr.dialplan import Callee, Refused
from ivr.flow.events import AskQueue, LookedUp, LookUp, QueueSeen


@dataclass(frozen=True, slots=True)
class AskCaller:
    """What does the customer file say of this number? CallerKnown follows, or not while Redis is away; nobody waits for it."""

    number: str


@dataclass(frozen=True, slots=True)
class CallerKnown:
    """What the customer file says of the caller: some of name, class, tags, calls (which one this is)."""

    values: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class AskRoom:
    """Was the call, which has just entered a queue for the entry-th time, let in? RoomSeen follows."""

    entry: int
    queue: str


@dataclass(frozen=True, slots=True)
class RoomSeen:
    """The answer to AskRoom(entry)."""

    entry: int
    full: bool


@dataclass(frozen=True, slots=True)
class AskPlace:
    """Where does the call stand in line, and how long will it wait? PlaceSeen follows."""

    entry: int
    queue: str


@dataclass(frozen=True, slots=True)
class PlaceSeen:
    """The answer to AskPlace(entry): the place in line from 1, and seconds till a seat has time; None is unknown."""

    entry: int
    position: int | None
    wait_s: float | None


@dataclass(frozen=True, slots=True)
class FindCallee:
    """Whom does the number reach: of a "seat", or an outside "number", through `trunk` or the first that lets it out?
    CalleeFound follows."""

    kind: str
    to: str
    trunk: str


@dataclass(frozen=True, slots=True)
class CalleeFound:
    """The answer to FindCallee(to). queue: a seat's first one, whose terms its talks follow."""

    to: str
    callee: Callee | Refused
    queue: str = ""


@dataclass(frozen=True, slots=True)
class EndMessage:
    """Finish this recording, at `path`; media.Recording tells its length."""

    recording: str
    path: str


Question = AskCaller | AskRoom | AskPlace | FindCallee | EndMessage | LookUp | AskQueue
Outcome = CallerKnown | RoomSeen | PlaceSeen | CalleeFound | LookedUp | QueueSeen
"""An answer; EndMessage is answered by media.Recording."""
