"""RATING: the seat has hung up, or handed the caller on to the rating; the menu goes on where the document says
(after_talk)."""

from __future__ import annotations

from ivr.call import menu, transferring
from ivr.call.arrival import Kind
from ivr.call.state import Phase, State
from ivr.media import control as media
from ivr.steps import Tell


def is_possible(call: State) -> bool:
    """Whether something follows when the seat leaves this talk."""
    inbound = call.arrival.kind is Kind.INBOUND
    return inbound and call.phase is Phase.TALKING and bool(call.seat) and call.flow.document.after_talk is not None


def begin(call: State) -> None:
    """The talk is over, and the seat free for its wrap-up; the caller stays."""
    if call.other is not None:
        transferring.lost(call, "declined", 480)
    seat = call.seat
    transferring.let_seat_go(call)
    call.stop_talking()
    call.underway.served = seat
    call.go(Phase.RATING)
    call.emit("after_talk", seat=seat, queue=call.queue)
    call.do(Tell(media.Stop(call.caller)))
    menu.flow(call, call.flow.after_talk(call.now))
