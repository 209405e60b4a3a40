"""The end: one way out for every call."""

from __future__ import annotations

from typing import Literal

from ivr.call.dialling import BUSY, drop
from ivr.call.state import Kind, Phase, State
from ivr.call.talking import stop_recording
from ivr.steps import Change
from routing.commit import Dequeue

By = Literal["caller", "seat", "system"]


def reason_of_hangup(call: State) -> str:
    """What a hang-up means at this point."""
    if call.phase in (Phase.TALKING, Phase.TRANSFERRING):
        return "completed"
    if call.sent_away:
        return "time_limit"
    if call.phase in (Phase.QUEUED, Phase.OFFERED):
        return "abandoned"
    return "given_up" if call.phase in (Phase.SUMMONING, Phase.DIALLING) else "hung_up_in_menu"


def end(call: State, by: By, reason: str, refusal: tuple[int, str] = BUSY) -> None:
    """Legs closed, queue left, seats freed, and one `ended` event. An INVITE that waits for our answer gets the `refusal`."""
    if call.phase is Phase.ENDED:
        return
    last = call.phase
    if last in (Phase.TALKING, Phase.TRANSFERRING):
        stop_recording(call)
    if last is Phase.QUEUED:
        call.do(Change(Dequeue(call.queue)))
    for seat in tuple(call.taken):
        if seat == call.seat and last in (Phase.TALKING, Phase.TRANSFERRING):
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
        seat=call.seat,
        wait_s=call.wait_s(),
        talk_s=call.talk_s(),
        **outcome,
    )
    call.go(Phase.ENDED)
    call.other = None
    call.timers.clear()
