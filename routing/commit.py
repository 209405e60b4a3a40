"""One step of a call as Redis takes it: the new state, what happened, and what it does to queues and seats."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from routing.events import EVENTS_PER_COMMIT, Event


@dataclass(frozen=True, slots=True)
class Enqueue:
    """The call joins the end of a queue, but before callers of lower priority. Does nothing when it waits there already."""

    queue: str
    priority: int = 0


@dataclass(frozen=True, slots=True)
class Requeue:
    """The call goes back to the place it had in the queue before it was claimed; to the end when it never waited there."""

    queue: str


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


Op = Enqueue | Requeue | Dequeue | SeatState | FreeSeat


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
            "" if self.state is None else _json(self.state),
            _json(self.summary),
            str(len(self.events)),
        ]
        for event in self.events:
            flat += (event.type, _json(event.data))
        for op in self.ops:
            match op:
                case Enqueue():
                    flat += ("enqueue", op.queue, str(op.priority), "", "")
                case Requeue():
                    flat += ("requeue", op.queue, "", "", "")
                case Dequeue():
                    flat += ("dequeue", op.queue, "", "", "")
                case SeatState():
                    flat += ("seat", op.seat, op.state, "", "")
                case FreeSeat():
                    flat += ("free", op.seat, repr(float(op.wrap_up_s)), repr(float(op.set_aside_s)), op.reason)
        return flat


# ASCII only: what a telephone sent may hold characters that UTF-8 cannot say.
_json = json.JSONEncoder(allow_nan=False, separators=(",", ":")).encode
