"""The end: one way out for every call."""

from __future__ import annotations

from typing import Literal

from ivr.call import hearing, message
from ivr.call.arrival import Kind
from ivr.call.dialling import BUSY, drop
from ivr.call.state import Phase, State
from ivr.call.talking import stop_recording
from ivr.steps import Change
from routing import diallings
from routing.commit import Dequeue, Dialled

By = Literal["caller", "seat", "system"]


def reason_of_hangup(call: State) -> str:
    """What a hang-up means at this point."""
    if call.phase in (Phase.TALKING, Phase.TRANSFERRING, Phase.RATING):
        return "completed"
    if call.sent_away:
        return "time_limit"
    if call.phase in (Phase.QUEUED, Phase.OFFERED):
        return "abandoned"
    return "given_up" if call.phase in (Phase.SUMMONING, Phase.DIALLING, Phase.CONNECTING) else "hung_up_in_menu"


def end(call: State, by: By, reason: str, refusal: tuple[int, str] = BUSY) -> None:
    """Legs closed, queue left, seats freed, and one `ended` event. An INVITE that waits for our answer gets the `refusal`."""
    if call.phase is Phase.ENDED:
        return
    last, seat_served = call.phase, call.seat
    if last is Phase.RATING:  # the talk was the seat's to end, and is; what follows it takes nothing back
        by, reason, seat_served = "seat", "completed", call.underway.served
    message.cut(call)
    hearing.stop(call)
    if last in (Phase.TALKING, Phase.TRANSFERRING):
        stop_recording(call)
    if last is Phase.QUEUED:
        call.do(Change(Dequeue(call.queue)))
    if call.arrival.asked:
        became = diallings.outcome(last.value, reason, call.result)
        call.do(Change(Dialled("over", became, reason, call.talk_s())))
    for seat in tuple(call.taken):
        talked = last in (Phase.TALKING, Phase.TRANSFERRING)
        # Who called back in vain has a result to enter, before the next caller comes.
        tried = last is Phase.DIALLING and call.arrival.asked and call.arrival.callback_id != ""
        if seat == call.seat and (talked or tried):
            call.release(seat)
        else:
            call.free(seat)
    for leg in call.legs.values():
        drop(call, leg, refusal)
    outcome = {"result": call.result or "not_called"} if call.arrival.kind is Kind.OUTBOUND else {}
    call.emit(
        "ended",
        by=by,
        reason=reason,
        phase=last.value,
        queue=call.queue,
        seat=seat_served,
        wait_s=call.wait_s(),
        talk_s=call.talk_s(),
        **outcome,
    )
    call.go(Phase.ENDED)
    call.other = None
    call.timers.clear()
