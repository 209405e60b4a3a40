"""One step of a call as Redis takes it: the new state, what happened, and what it does to queues and seats."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from routing.diallings import Outcome, Step
from routing.events import EVENTS_PER_COMMIT, Event
from storage import jsontext


@dataclass(frozen=True, slots=True)
class Enqueue:
    """The call joins the end of a queue, but before callers of lower priority. Does nothing when it waits there already, nor
    where max_waiting callers wait for whom no seat is ready: Store.line() tells it then. A step that comes from the journal
    is let in."""

    queue: str
    priority: int = 0
    max_waiting: int | None = None


@dataclass(frozen=True, slots=True)
class Requeue:
    """The call goes back to the place it had in the queue before it was claimed; to the end when it never waited there,
    with the priority that it has."""

    queue: str
    priority: int = 0


@dataclass(frozen=True, slots=True)
class Dequeue:
    """The call leaves the queue for good; its place is forgotten."""

    queue: str


@dataclass(frozen=True, slots=True)
class SeatState:
    """The seat's leg rings or talks. Applies to the seat this call holds, or to an idle one: the phone knows better."""

    seat: str
    state: Literal["ringing", "talking"]


@dataclass(frozen=True, slots=True)
class FreeSeat:
    """The seat this call holds is free after wrap_up_s of wrap-up; it gets no call for set_aside_s (no answer)."""

    seat: str
    wrap_up_s: float = 0.0
    set_aside_s: float = 0.0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Dialled:
    """How far a call is that a seat was asked to make; nothing for a call that nobody asked for. outcome, reason and talk_s:
    once it is over."""

    step: Step
    outcome: Outcome = ""
    reason: str = ""
    talk_s: float = 0.0


Op = Enqueue | Requeue | Dequeue | SeatState | FreeSeat | Dialled


@dataclass(frozen=True, slots=True)
class Commit:
    """A call's step. `version` rises with each commit of a call; a commit with a version already seen does nothing.

    state: what is needed to go on, fit for JSON; None ends the call: it leaves its queue and its seat, whatever the ops say.
    summary: what the floor shows of it: phase, trunk, hotline, caller, queue, seat, since (seconds since the epoch), wait_s.
    """

    call_id: str
    version: int
    state: Mapping[str, Any] | None
    summary: Mapping[str, str | float] = field(default_factory=dict)
    events: tuple[Event, ...] = ()
    ops: tuple[Op, ...] = ()

    def arguments(self) -> list[str]:
        """What commit.lua takes after node, epoch and time: flat strings, also the form it has in the journal.

        Raises ValueError for more events than one version can number, TypeError or ValueError for what JSON cannot say.
        """
        if len(self.events) >= EVENTS_PER_COMMIT:
            raise ValueError(f"{self.call_id}: {len(self.events)} events in one commit")
        flat = [
            self.call_id,
            str(self.version),
            "" if self.state is None else jsontext.write(self.state),
            jsontext.write(self.summary),
            str(len(self.events)),
        ]
        for event in self.events:
            flat += (event.type, jsontext.write(event.data))
        for op in self.ops:
            match op:
                case Enqueue():
                    most = "" if op.max_waiting is None else str(op.max_waiting)
                    flat += ("enqueue", op.queue, str(op.priority), most, "")
                case Requeue():
                    flat += ("requeue", op.queue, str(op.priority or ""), "", "")
                case Dequeue():
                    flat += ("dequeue", op.queue, "", "", "")
                case SeatState():
                    flat += ("seat", op.seat, op.state, "", "")
                case FreeSeat():
                    flat += ("free", op.seat, repr(float(op.wrap_up_s)), repr(float(op.set_aside_s)), op.reason)
                case Dialled():
                    flat += ("dialling", op.step, op.outcome, op.reason, repr(float(op.talk_s)))
        return flat
