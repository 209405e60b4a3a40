"""OFFERED: a seat is claimed and its telephone rings; somebody takes the call there, or nobody does."""

from __future__ import annotations

from ivr.call.dialling import forks, new_leg, summon
from ivr.call.leg import Leg
from ivr.call.state import ANNOUNCEMENT_PLAY, Phase, State
from ivr.call.talking import join, record
from ivr.call.waiting import back_to_queue
from ivr.dialplan import Callee
from ivr.steps import Change, PlayPrompts
from prompts.catalogue import agent_number
from routing.commit import SeatState

NO_PORT_PAUSE_S = 5.0
LONGEST_REST_S = 3600.0
"""So long a seat is set aside at most, whatever its telephone asks for."""


def seat_claimed(call: State, callee: Callee, skipped: tuple[tuple[str, str], ...]) -> None:
    """The queue found a seat: open a leg to dial it. A call that no longer waits gives the seat back."""
    if call.phase is not Phase.QUEUED:
        call.free(callee.seat)
        return
    leg = new_leg(call, callee)
    call.taken.append(callee.seat)
    call.seat, call.line = callee.seat, leg.leg
    call.go(Phase.OFFERED)
    call.emit("offered", seat=callee.seat, skipped=[list(pair) for pair in skipped])
    if call.media_there:
        summon(call, leg, call.queues[call.queue].ring_timeout_s)
    else:
        back_to_queue(call, "media_lost")


def taken(call: State, leg: Leg) -> None:
    """Caller and seat are joined, hear the agent number, and are recorded."""
    call.go(Phase.TALKING)
    call.times.talking = call.now
    call.do(Change(SeatState(call.seat, "talking")))
    call.emit("talking", seat=call.seat, wait_s=call.wait_s())
    join(call)
    announcement = agent_number(call.seat)
    for each in (call.caller_leg, leg):
        call.do(PlayPrompts(each.leg, ANNOUNCEMENT_PLAY, announcement, call.flow.language))
    record(call)


def lost(call: State, why: str, status: int) -> None:
    """This offer is over; the caller keeps the place, the seat is set aside: for longer than usual where all its telephones
    wish that (RFC 3261 20.33)."""
    if why == "no_port":
        back_to_queue(call, why, set_aside_s=NO_PORT_PAUSE_S)
        return
    if why == "no_answer":
        call.emit("no_answer", seat=call.seat)
    else:
        call.emit("refused", seat=call.seat, status=status)
    leg = call.seat_leg
    assert leg is not None
    rest_s = min(each.rest_s for each in (leg, *forks(call, leg)))
    back_to_queue(call, why, set_aside_s=max(call.queues[call.queue].set_aside_s, min(rest_s, LONGEST_REST_S)))
