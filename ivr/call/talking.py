"""TALKING: who hears whom, the recording, hold and resume."""

from __future__ import annotations

from ivr.call.leg import Leg
from ivr.call.state import Phase, State
from ivr.call.waiting import music
from ivr.media import control as media
from ivr.sip import sdp
from ivr.steps import AnswerReinvite, RejectReinvite, Tell


def join(call: State) -> None:
    """Who hears whom: each the other, or music while the other holds."""
    caller, seat = call.caller_leg, call.seat_leg
    assert seat is not None
    if not (caller.held or seat.held):
        call.do(Tell(media.Mix((caller.leg, seat.leg), {caller.leg: (seat.leg,), seat.leg: (caller.leg,)})))
        return
    call.do(Tell(media.Mix((caller.leg, seat.leg), {caller.leg: (), seat.leg: ()})))
    for leg in (caller, seat):
        if not leg.held:
            music(call, leg)


def record(call: State) -> None:
    """Begin a take, if the queue is recorded: the caller left, the seat right."""
    seat = call.seat_leg
    if not call.queues[call.queue].record or seat is None:
        return
    call.takes += 1
    record_on(call, seat)
    call.emit("recording", path=call.recording()[1])


def record_on(call: State, seat: Leg) -> None:
    """Have media write the running take; said twice, it is written once."""
    name, path = call.recording()
    call.do(Tell(media.Record(name, f"{call.arrival.recordings}/{path}", call.caller_leg.leg, seat.leg)))


def reinvited(call: State, name: str, offer: bytes) -> None:
    """The peer's re-INVITE: hold, resume, another address. Without an offer ours goes out, and the ACK brings the answer."""
    leg = call.legs.get(name)
    if leg is None or not leg.up or not leg.port:
        call.do(RejectReinvite(name, 500))
        return
    leg.sdp_version += 1
    if not offer:
        call.do(AnswerReinvite(name, sdp.offer(**call.sdp_terms(leg))))
        return
    try:
        text, stream = sdp.answer(offer, **call.sdp_terms(leg))
    except sdp.SdpError:
        call.do(RejectReinvite(name, 488))
        return
    call.do(AnswerReinvite(name, text))
    change(call, leg, stream)


def change(call: State, leg: Leg, stream: sdp.Stream) -> None:
    """Another stream was agreed on; a hold or its end changes what both hear."""
    was_held = leg.held
    leg.stream = stream
    call.do(call.remote(leg))
    if leg.held == was_held:
        return
    call.emit("held" if leg.held else "unheld", side="seat" if leg.seat else "caller")
    if call.phase is Phase.TALKING:
        for each in (call.caller_leg, call.seat_leg):
            if each is not None and not leg.held:
                call.do(Tell(media.Stop(each.leg)))
        join(call)
