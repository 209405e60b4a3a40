"""SUMMONING and DIALLING: a seat calls somebody. The seat's own telephone is called first, or has itself called us; then the
other's, an outside number or a colleague's."""

from __future__ import annotations

from ivr.call.arrival import Kind
from ivr.call.dialling import answer, want
from ivr.call.ending import end
from ivr.call.leg import Leg, LegState
from ivr.call.state import MUSIC_PLAY, Phase, State
from ivr.call.talking import join, record
from ivr.media import control as media
from ivr.steps import Change, OpenLeg, PlayPrompts, RingCaller, TakeSeat, Tell
from routing.commit import Dialled, SeatState
from routing.diallings import Step

RINGBACK = "ringback"
"""What the seat hears while the other's telephone rings: its network's own sounds stay out, for they are no answer."""
RESULTS = {
    486: "busy", 600: "busy", 408: "no_answer", 480: "no_answer", 487: "no_answer", 404: "invalid", 410: "invalid",
    484: "invalid", 604: "invalid",
}  # fmt: skip
"""What a refusal means for an outbound call; any other is "refused"."""


def near(call: State) -> Leg:
    """Who calls: the seat; of an internal call the caller's side."""
    leg = call.caller_leg if call.arrival.kind is Kind.INTERNAL else call.seat_leg
    assert leg is not None
    return leg


def far(call: State) -> Leg:
    """Who is called."""
    leg = call.seat_leg if call.arrival.kind is Kind.INTERNAL else call.caller_leg
    assert leg is not None
    return leg


def told(call: State, step: Step) -> None:
    """Who asked for the call sees how far it is."""
    if call.arrival.asked:
        call.do(Change(Dialled(step)))


def begin(call: State) -> None:
    """The calling seat must be free; one that dials itself gets its port meanwhile."""
    arrival, leg = call.arrival, near(call)
    call.emit(
        "outbound_started",
        kind=arrival.kind.value,
        node=arrival.node,
        trunk=arrival.trunk,
        called=arrival.called,
        caller=arrival.caller.number,
        dialable=arrival.caller.dialable,
        province=arrival.caller.province,
        city=arrival.caller.city,
        seat=leg.seat,
        queue=call.queue,
        callback_id=arrival.callback_id,
    )
    if leg.state is LegState.INVITED:
        call.do(OpenLeg(leg.leg))
    call.do(TakeSeat(leg.seat))


def seat_had(call: State) -> None:
    """A seat that this call needs is its own now: what was waiting for it goes on."""
    if call.phase is Phase.SUMMONING:
        told(call, "seat")
        want(call, near(call))
    else:
        want(call, far(call))


def seat_answered(call: State) -> None:
    """The seat has taken the call: now the other's telephone."""
    call.go(Phase.DIALLING)
    call.emit("seat_answered", seat=call.seat)
    told(call, "customer")
    want(call, far(call))


def rings(call: State) -> None:
    """The other's telephone rings: the calling one says so."""
    leg, callee = near(call), far(call).callee
    assert callee is not None
    call.emit("ringing", to=callee.name)
    told(call, "ringing")
    if leg.up:
        call.do(PlayPrompts(leg.leg, MUSIC_PLAY, (RINGBACK,), call.flow.language, loop=True))
    else:
        call.do(RingCaller(leg.leg))


def taken(call: State) -> None:
    """The other has answered: both are joined, and recorded as the seat's queue is. The caller's 200 waits for its port."""
    leg = near(call)
    if leg.state is LegState.INVITED:
        if not leg.port:
            return
        if not answer(call, leg):
            end(call, "system", "no_common_codec", (488, ""))
            return
    call.go(Phase.TALKING)
    call.times.talking = call.now
    call.result = "reached"
    told(call, "talking")
    for seat in call.taken:
        call.do(Change(SeatState(seat, "talking")))
    call.emit("talking", seat=call.seat, wait_s=0.0)
    call.do(Tell(media.Stop(leg.leg)))
    join(call)
    record(call)


def lost(call: State, why: str, status: int) -> None:
    """Nobody takes the call there."""
    if call.phase is Phase.DIALLING:
        call.result = RESULTS.get(status, "refused")
    end(call, "system", why, (status if status >= 400 else 480, ""))  # a redirection is for us, not for the seat
