"""[io] What the seats of a queue were doing while a caller waited there, from the seats' own events: the matching tells nothing
of it, and so costs nothing more."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import Engine, select

from followup.tables import call_event
from storage.sql import reading

STATUS, STATE = "seat_status", "seat_state"
MOST_SEATS = 200
"""Seats that are looked at."""
MOST_EVENTS = 200
"""Changes of one seat that are read."""

_SEQ_EPOCH = 1_700_000_000
"""A seat's events are numbered by the clock, from here (routing/lua/common.lua): its numbers lead to a time by the index."""
_BURST = 3600
"""How far numbers may run before the clock."""
_LOOK_BACK_S = 7 * 86400
"""A seat that has told nothing for so long is not at work."""


@dataclass(frozen=True, slots=True)
class Seat:
    """A seat at one instant. `status` is the person's wish, `state` the system's fact; `call`: whose it is; `aside_until`:
    epoch seconds until which it is offered nothing; `queues` as it served them when it last changed its status."""

    number: str
    status: str = "off"
    state: str = "idle"
    call: str = ""
    aside_until: float = 0.0
    queues: tuple[str, ...] = ()

    def why_not(self, at: float) -> str:
        """Why it can't take a call, in the matching's words (routing.match.SkipReason); "idle" where it can, as far as its
        events tell: that its telephone is off, they don't."""
        if self.state != "idle":
            return self.state
        if self.status != "ready":
            return self.status
        return "set_aside" if self.aside_until > at else "idle"

    def after(self, kind: str, at: float, data: Mapping[str, Any]) -> Seat:
        """The seat after an event of its own."""
        if kind == STATUS:
            queues = data.get("queues")
            served = tuple(str(name) for name in queues) if isinstance(queues, list) else self.queues
            aside = 0.0 if data.get("status") == "ready" else self.aside_until
            return replace(self, status=str(data.get("status", "")), queues=served, aside_until=aside)
        aside_s = data.get("aside_s")
        aside = at + aside_s if isinstance(aside_s, (int, float)) else self.aside_until
        if data.get("reason") == "set_aside_over":
            aside = 0.0
        call = str(data["call"] or "") if "call" in data else self.call
        return replace(self, state=str(data.get("state", "")), call=call, aside_until=aside)


@dataclass(frozen=True, slots=True)
class Change:
    """A seat as it became."""

    at: float
    seat: Seat


@dataclass(frozen=True, slots=True)
class Wait:
    """The seats of a queue when a caller came into it, and how they changed, in order, until the wait was over."""

    seats: tuple[Seat, ...] = ()
    changes: tuple[Change, ...] = field(default_factory=tuple)


def during(engine: Engine, numbers: Sequence[str], queue: str, since: float, until: float) -> Wait:
    """The seats among `numbers` (the first 200) that served `queue` at `since`, and what they did until `until`. Seats that
    have not signed on within a week before are not there."""
    seats: list[Seat] = []
    changes: list[Change] = []
    columns = (call_event.c.type, call_event.c.at, call_event.c.data)
    first, last = int(since) - _SEQ_EPOCH, int(until) - _SEQ_EPOCH
    with reading(engine) as connection:
        for number in sorted(numbers)[:MOST_SEATS]:
            own = select(*columns).where(call_event.c.subject == f"seat:{number}", call_event.c.seq > first - _LOOK_BACK_S)
            before = own.where(call_event.c.seq <= first + _BURST, call_event.c.at <= since)
            latest = before.order_by(call_event.c.seq.desc()).limit(1)
            known = [connection.execute(latest.where(call_event.c.type == kind)).first() for kind in (STATUS, STATE)]
            if known[0] is None:
                continue
            seat = Seat(number)
            for event in sorted((event for event in known if event is not None), key=lambda event: event.at):
                seat = seat.after(event.type, event.at, json.loads(event.data))
            if queue not in seat.queues:
                continue
            seats.append(seat)
            within = own.where(call_event.c.seq >= first, call_event.c.seq <= last + _BURST)
            within = within.where(call_event.c.at > since, call_event.c.at <= until).order_by(call_event.c.seq)
            for event in connection.execute(within.limit(MOST_EVENTS)):
                seat = seat.after(event.type, event.at, json.loads(event.data))
                changes.append(Change(event.at, seat))
    changes.sort(key=lambda change: change.at)
    return Wait(tuple(seats), tuple(changes))
