"""OFFERED: a seat is claimed, its telephone dialled; it answers, refuses, or lets it ring."""

from __future__ import annotations

from ivr.call.ending import hang_up_leg
from ivr.call.leg import Leg
from ivr.call.state import ANNOUNCEMENT_PLAY, Phase, State
from ivr.call.talking import join, record
from ivr.call.waiting import back_to_queue
from ivr.sip import sdp
from ivr.steps import CancelDial, Change, DialSeat, HangUpLeg, OpenLeg, PlayPrompts
from prompts.catalogue import agent_number
from routing.commit import FreeSeat, SeatState

REASONS = {408: "unreachable", 480: "unreachable", 486: "busy", 600: "busy", 603: "declined"}
"""Why a seat is set aside, by the status of its refusal."""


def seat_claimed(call: State, seat: str, skipped: tuple[tuple[str, str], ...]) -> None:
    """The queue found a seat: open a leg to dial it. A call that no longer waits gives the seat back."""
    if call.phase is not Phase.QUEUED:
        call.do(Change(FreeSeat(seat)))
        return
    call.offers += 1
    call.seat = seat
    leg = Leg(call.seat_leg_name, seat)
    call.legs[leg.leg] = leg
    call.go(Phase.OFFERED)
    call.timers["ring"] = call.now + call.queues[call.queue].ring_timeout_s
    call.emit("offered", seat=seat, skipped=[list(pair) for pair in skipped])
    if call.media_there:
        call.do(OpenLeg(leg.leg))
    else:
        back_to_queue(call, "media_lost", set_aside_s=0.0)


def dial(call: State, leg: Leg) -> None:
    """Media gave the seat's leg a port: INVITE its telephone."""
    leg.sdp_version += 1
    leg.closing = True  # until the INVITE has its final answer
    call.do(Change(SeatState(leg.seat, "ringing")))
    call.do(DialSeat(leg.leg, leg.seat, sdp.offer(**call.sdp_terms(leg))))


def seat_rings(call: State, name: str) -> None:
    """180 or 183."""
    if call.is_offered(name):
        call.emit("ringing", seat=call.seat)


def seat_answered(call: State, name: str, answer: bytes) -> None:
    """Caller and seat are joined, hear the agent number, and are recorded."""
    leg = call.legs.get(name)
    if leg is None or not call.is_offered(name):
        call.do(HangUpLeg(name))
        return
    leg.up, leg.closing = True, False
    try:
        leg.stream = sdp.accept(answer)
    except sdp.SdpError:
        hang_up_leg(call, leg)
        failed(call, "no_common_codec", status=488)
        return
    call.go(Phase.TALKING)
    call.times.talking = call.now
    call.do(Change(SeatState(call.seat, "talking")))
    call.emit("talking", seat=call.seat, wait_s=call.wait_s())
    call.do(call.remote(leg))
    join(call)
    announcement = agent_number(call.seat)
    for each in (call.caller_leg, leg):
        call.do(PlayPrompts(each.leg, ANNOUNCEMENT_PLAY, announcement, call.flow.language))
    record(call)


def no_answer(call: State) -> None:
    """The ring time is over."""
    leg = call.seat_leg
    if call.phase is Phase.OFFERED and leg is not None:
        if leg.closing:
            call.do(CancelDial(leg.leg))
        call.emit("no_answer", seat=call.seat)
        back_to_queue(call, "no_answer", set_aside_s=call.queues[call.queue].set_aside_s)


def rejected(call: State, name: str, status: int) -> None:
    """The seat's telephone said no, nobody answered there (408), or it has confirmed our CANCEL (487)."""
    leg = call.legs.get(name)
    if leg is not None:
        leg.closing = False
    if call.is_offered(name):
        failed(call, REASONS.get(status, "refused"), status=status)


def failed(call: State, why: str, *, status: int) -> None:
    """This offer is over; the caller keeps the place, the seat is set aside."""
    call.emit("refused", seat=call.seat, status=status)
    back_to_queue(call, why, set_aside_s=call.queues[call.queue].set_aside_s)
