"""Either side leaves, or something breaks: one way out for every call."""

from __future__ import annotations

from typing import Literal

from ivr.call.leg import Leg
from ivr.call.state import Phase, State
from ivr.media import control as media
from ivr.steps import CancelDial, Change, ConfirmBye, HangUpLeg, RejectCaller, Tell
from routing.commit import Dequeue, FreeSeat


def hung_up(call: State, name: str) -> None:
    """A BYE: the caller's ends the call, so does that of the seat who talks."""
    call.do(ConfirmBye(name))
    leg = call.legs.get(name)
    if leg is None:
        return
    leg.up = leg.closing = False
    if not leg.seat or (call.phase is Phase.TALKING and leg is call.seat_leg):
        end(call, "seat" if leg.seat else "caller", reason_of_hangup(call))


def broken(call: State, name: str, why: str) -> None:
    """A side went silent in signalling (no ACK, no answer to a BYE or re-INVITE, dialog lost)."""
    leg = call.legs.get(name)
    if leg is None:
        return
    if call.phase is not Phase.ENDED and leg.up and (not leg.seat or leg is call.seat_leg):
        end(call, "system", f"signalling_{why}")
    elif why == "no_bye_answer":
        leg.closing = False


def bye_answered(call: State, name: str) -> None:
    """Our BYE is answered: nothing more is to come on this leg."""
    leg = call.legs.get(name)
    if leg is not None:
        leg.closing = False


def silent(call: State, name: str, seconds: float) -> None:
    """No RTP came from this side for the time-out."""
    leg = call.legs.get(name)
    if leg is not None and leg.up and not leg.held and call.phase is not Phase.ENDED:
        end(call, "system", "rtp_timeout")


def reason_of_hangup(call: State) -> str:
    """What a caller's hang-up means at this point."""
    if call.sent_away and call.phase is not Phase.TALKING:
        return "time_limit"
    return {Phase.QUEUED: "abandoned", Phase.OFFERED: "abandoned", Phase.TALKING: "completed"}.get(
        call.phase, "hung_up_in_menu"
    )


BUSY = (503, "Service Unavailable")


def end(call: State, by: Literal["caller", "seat", "system"], reason: str, refusal: tuple[int, str] = BUSY) -> None:
    """The end of every call: legs closed, queue left, seat freed, and one `ended` event. A call that we end before it was
    answered gets the `refusal`."""
    if call.phase is Phase.ENDED:
        return
    last, queue = call.phase, call.queues.get(call.queue)
    if last is Phase.TALKING and queue is not None and queue.record:
        name, _ = call.recording()
        call.do(Tell(media.StopRecord(name)))
    if last is Phase.QUEUED:
        call.do(Change(Dequeue(call.queue)))
    if last in (Phase.OFFERED, Phase.TALKING) and queue is not None:
        talked = last is Phase.TALKING
        call.do(Change(FreeSeat(call.seat, wrap_up_s=queue.wrap_up_s if talked else 0.0, reason="wrap_up" if talked else "")))
    if last is Phase.ARRIVED and not call.caller_leg.up and by != "caller":
        call.do(RejectCaller(call.caller_leg.leg, *refusal))
    for leg in call.legs.values():
        if leg.up:
            hang_up_leg(call, leg)
        elif leg.closing and leg is call.seat_leg:
            call.do(CancelDial(leg.leg))
        call.do(Tell(media.Close(leg.leg)))
    talking = call.times.talking
    call.emit(
        "ended",
        by=by,
        reason=reason,
        phase=last.value,
        queue=call.queue,
        seat=call.seat,
        wait_s=call.wait_s(),
        talk_s=0.0 if talking is None else round(call.now - talking, 3),
    )
    call.go(Phase.ENDED)
    call.timers.clear()


def hang_up_leg(call: State, leg: Leg) -> None:
    """BYE; the leg is kept until it is answered."""
    leg.up, leg.closing = False, True
    call.do(HangUpLeg(leg.leg))
