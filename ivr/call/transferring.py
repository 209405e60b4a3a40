"""A talking seat consults somebody on a second line, and hands the caller on: to whom it consulted or, without asking, to a
seat, a queue, a hotline or an outside number.

    TALKING ──second line──▶ TALKING, with a third party ──REFER with Replaces──▶ TALKING with that party
       └─────REFER──▶ TRANSFERRING ──answer──▶ TALKING with that party; refused: back with the seat, or in line when it has left
"""

from __future__ import annotations

from dataclasses import replace

from ivr.call import menu, rating
from ivr.call.dialling import answer, drop, new_leg, want
from ivr.call.ending import end
from ivr.call.leg import Leg, LegState
from ivr.call.state import Other, Phase, State
from ivr.call.talking import connect, join, part, record, stop_recording
from ivr.call.waiting import enter_queue, music, wait_again
from ivr.dialplan import Callee, Refused, ToQueue, ToRating
from ivr.flow.model import Document
from ivr.flow.run import FlowRun
from ivr.media import control as media
from ivr.steps import (
    AcceptRefer,
    Change,
    Consulting,
    NotifyRefer,
    OpenLeg,
    RefuseRefer,
    RingCaller,
    Tell,
    TransferAsked,
)
from routing.commit import SeatState

# A second line


def consult(call: State, asked: Consulting) -> None:
    """The seat dials somebody from its second line."""
    leg = Leg(asked.leg, call.seat, LegState.INVITED, offer=asked.offer)
    call.legs[leg.leg] = leg
    if call.phase is not Phase.TALKING or call.other is not None or asked.callee.seat == call.seat or not call.media_there:
        drop(call, leg, (486, ""))
        return
    third = new_leg(call, asked.callee)
    call.other = Other(third.leg, call.seat, aside=leg.leg)
    call.emit("consulting", seat=call.seat, to=asked.callee.name)
    call.do(OpenLeg(leg.leg))
    want(call, third)


def rings(call: State) -> None:
    """The third party's telephone rings: the second line hears it."""
    aside = call.aside
    if aside is not None and aside.state is LegState.INVITED:
        call.do(RingCaller(aside.leg))


def taken(call: State) -> None:
    """The third party has answered: to the caller, or to the seat that asks it first. That one's 200 waits for its port."""
    third, aside = call.other_leg, call.aside
    assert third is not None
    if call.phase is Phase.TRANSFERRING or aside is None:
        complete(call)
    elif aside.port:
        if aside.state is LegState.INVITED and not answer(call, aside):
            lost(call, "no_common_codec", 488)
            return
        if third.seat:
            call.do(Change(SeatState(third.seat, "talking")))
        connect(call, aside, third)


def seat_had(call: State) -> None:
    """The third party's seat is free for it."""
    third = call.other_leg
    assert third is not None
    want(call, third)


# A transfer


def asked(call: State, event: TransferAsked) -> None:
    """A REFER. Only the seat that talks may transfer: an outside party who could, could call out at our cost."""
    leg, to = event.leg, event.destination
    lines = (call.line, call.other.aside if call.other is not None else "")
    if call.phase is not Phase.TALKING or not call.seat or leg not in lines:
        call.do(RefuseRefer(leg, event.refer, 603))
    elif event.replaces:
        hand_over(call, event)
    elif isinstance(to, Refused):
        call.do(RefuseRefer(leg, event.refer, to.status))
        call.emit("transfer_refused", seat=call.seat, to=event.to, why=to.why)
    elif isinstance(to, ToRating):
        to_rating(call, event)
    elif call.other is not None or (isinstance(to, Callee) and to.seat == call.seat):
        call.do(RefuseRefer(leg, event.refer, 603))
    elif isinstance(to, Callee):
        call.do(AcceptRefer(leg, event.refer))
        call.other = Other(new_leg(call, to).leg, call.seat, refer=event.refer, by=leg)
        wait(call)
        third = call.other_leg
        assert third is not None
        want(call, third)
    else:
        call.do(AcceptRefer(leg, event.refer))
        call.do(NotifyRefer(leg, event.refer, 200))
        name = to.queue if isinstance(to, ToQueue) else to.hotline
        call.emit("transferred", **{"from": call.seat, "to": name, "kind": "queue" if isinstance(to, ToQueue) else "hotline"})
        let_seat_go(call)
        call.stop_talking()
        if isinstance(to, ToQueue):
            call.do(Tell(media.Stop(call.caller)))
            enter_queue(call, to.queue)
        else:
            assert event.document is not None
            to_menu(call, to.hotline, event.document, event.menu_version)


def hand_over(call: State, event: TransferAsked) -> None:
    """A REFER with Replaces: the caller is for whom the seat consults, also when that one's telephone still rings."""
    other, third = call.other, call.other_leg
    if other is None or third is None or {event.leg, event.replaces} != {call.line, other.aside}:
        call.do(RefuseRefer(event.leg, event.refer, 603))
        return
    call.do(AcceptRefer(event.leg, event.refer))
    other.refer, other.by = event.refer, event.leg
    if call.has_taken(third):
        complete(call)
    else:
        wait(call)


def wait(call: State) -> None:
    """The caller hears music until the third party answers; the seat that transfers waits for the result."""
    assert call.other is not None
    third = call.legs[call.other.leg].callee
    assert third is not None
    call.go(Phase.TRANSFERRING)
    call.emit("transferring", **{"from": call.seat, "to": third.name})
    part(call)
    music(call, call.caller_leg)


def complete(call: State) -> None:
    """The caller is the third party's now."""
    other, third = call.other, call.other_leg
    assert other is not None
    assert third is not None
    assert third.callee is not None
    call.do(NotifyRefer(other.by, other.refer, 200))
    kind = "attended" if other.aside else "blind"
    call.emit("transferred", **{"from": other.seat, "to": third.callee.name, "kind": kind, "seat": third.seat})
    aside = call.aside
    if aside is not None:
        drop(call, aside)
    let_seat_go(call)
    call.seat, call.line, call.other = third.seat, third.leg, None
    if call.phase is Phase.TRANSFERRING:
        call.go(Phase.TALKING)
    if call.seat:
        call.do(Change(SeatState(call.seat, "talking")))
    for each in (call.caller, call.line):
        call.do(Tell(media.Stop(each)))
    join(call)
    record(call)


def let_seat_go(call: State) -> None:
    """The seat has transferred the caller, or left while it did: its take ends, and its wrap-up begins."""
    leg = call.seat_leg
    if leg is None:
        return
    stop_recording(call)
    drop(call, leg)
    call.release(call.seat)
    call.seat = call.line = ""


def lost(call: State, why: str, status: int) -> None:
    """No third party: the seat has the caller again. When it has left, the caller goes back in line."""
    other, third = call.other, call.other_leg
    assert other is not None
    assert third is not None
    assert third.callee is not None
    drop(call, third)
    if third.seat in call.taken:
        call.free(third.seat)
    aside = call.aside
    if aside is not None:
        drop(call, aside, (status, ""))
    call.other = None
    if call.phase is not Phase.TRANSFERRING:
        call.emit("consult_ended", seat=other.seat, to=third.callee.name, why=why)
        return
    call.do(NotifyRefer(other.by, other.refer, status))
    call.emit("transfer_failed", **{"from": other.seat, "to": third.callee.name, "why": why})
    seat = call.seat_leg
    if seat is not None:
        call.go(Phase.TALKING)
        call.do(Tell(media.Stop(call.caller)))
        join(call)
    elif call.queue:
        call.timers["queue"] = call.now + call.queues[call.queue].time_limit_s
        call.stop_talking()
        call.times.queued = call.now
        wait_again(call, "transfer_failed")
    else:
        end(call, "system", "transfer_failed")


def to_menu(call: State, hotline: str, document: Document, version: int) -> None:
    """The caller begins anew, in another hotline's menu."""
    call.arrival = replace(call.arrival, hotline=hotline, menu_version=version)
    call.flow = FlowRun(document, call.openings, call.ears)
    call.queue = ""
    call.go(Phase.MENU)
    menu.start(call)


def to_rating(call: State, event: TransferAsked) -> None:
    """The seat asks the caller to rate it, and leaves."""
    if not rating.is_possible(call):
        call.do(RefuseRefer(event.leg, event.refer, 404))
        call.emit("transfer_refused", seat=call.seat, to=event.to, why="no_rating")
        return
    call.do(AcceptRefer(event.leg, event.refer))
    call.do(NotifyRefer(event.leg, event.refer, 200))
    call.emit("transferred", **{"from": call.seat, "to": event.to, "kind": "rating"})
    rating.begin(call)
