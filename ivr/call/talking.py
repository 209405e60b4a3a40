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
        connect(call, caller, seat)
        return
    part(call)
    for leg in (caller, seat):
        if not leg.held:
            music(call, leg)


def connect(call: State, one: Leg, two: Leg) -> None:
    """Two that hear each other."""
    call.do(Tell(media.Mix((one.leg, two.leg), {one.leg: (two.leg,), two.leg: (one.leg,)})))


def part(call: State) -> None:
    """Neither hears the other."""
    names = (call.caller, call.line)
    call.do(Tell(media.Mix(names, dict.fromkeys(names, ()))))


def record(call: State) -> None:
    """Begin a take, if the queue is recorded: the caller left, the seat right."""
    queue, seat = call.queues.get(call.queue), call.seat_leg
    if queue is None or not queue.record or seat is None or call.underway.unrecorded:
        return
    call.takes += 1
    record_on(call, seat)
    call.emit("recording", path=call.recording()[1])


def record_on(call: State, seat: Leg) -> None:
    """Have media write the running take; said twice, it is written once."""
    name, path = call.recording()
    call.do(Tell(media.Record(name, f"{call.arrival.recordings}/{path}", call.caller, seat.leg)))


def stop_recording(call: State) -> None:
    """The running take, if any, is finished."""
    if call.takes:
        call.do(Tell(media.StopRecord(call.recording()[0])))


def reinvited(call: State, name: str, offer: bytes) -> None:
    """The peer's re-INVITE: hold, resume, another address. Without an offer ours goes out, and the ACK brings the answer."""
    leg = call.legs.get(name)
    if leg is None or not (leg.up or leg.waits) or not leg.port:
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
    if leg.held == was_held or leg.leg not in (call.caller, call.line):
        return
    call.emit("held" if leg.held else "unheld", side="caller" if leg.leg == call.caller else "seat")
    if call.phase is Phase.TALKING:
        for each in (call.caller_leg, call.seat_leg):
            if each is not None and not leg.held:
                call.do(Tell(media.Stop(each.leg)))
        join(call)
