"""CONNECTING: the menu has the caller connected with a seat or an outside number; it rings there, and somebody takes the
call, or the menu goes on."""

from __future__ import annotations

from dataclasses import replace

from ivr.call.calling import RINGBACK
from ivr.call.dialling import drop, new_leg, want
from ivr.call.leg import Leg
from ivr.call.state import ANNOUNCEMENT_PLAY, MUSIC_PLAY, Phase, State
from ivr.call.talking import join, record
from ivr.call.underway import Connection
from ivr.dialplan import Refused
from ivr.flow.events import Connect, ConnectFailed
from ivr.media import control as media
from ivr.questions import CalleeFound, FindCallee
from ivr.steps import Change, PlayPrompts, Tell
from prompts.catalogue import agent_number
from routing.commit import SeatState

WHY = {
    "busy": "busy", "declined": "refused", "refused": "refused", "no_common_codec": "refused",
    "no_answer": "no_answer", "not_confirmed": "no_answer", "unreachable": "no_answer", "no_port": "no_answer",
    "trunk_unreachable": "no_answer",
}  # fmt: skip
"""What the menu is told of why nobody took the call."""
NO_SUCH_NUMBER = frozenset({404, 410, 484, 604})


def begin(call: State, wish: Connect) -> None:
    """The dial plan is asked; meanwhile the caller hears that it rings."""
    call.underway.connection = Connection(wish.kind, wish.to, wish.trunk, wish.ring_s)
    call.go(Phase.CONNECTING)
    call.emit("connecting", kind=wish.kind, to=wish.to)
    ask(call)
    ringback(call)


def ask(call: State) -> None:
    """Whom does that number reach?"""
    wish = call.underway.connection
    assert wish is not None
    call.do(FindCallee(wish.kind, wish.to, wish.trunk))


def ringback(call: State) -> None:
    """The caller hears it ring, not what the other network has to say: that is no answer."""
    call.do(PlayPrompts(call.caller, MUSIC_PLAY, (RINGBACK,), call.flow.language, loop=True))


def found(call: State, event: CalleeFound) -> None:
    """The dial plan's answer. An old one, to another question, is passed over."""
    wish = call.underway.connection
    if call.phase is not Phase.CONNECTING or wish is None or call.line or event.to != wish.to:
        return
    if isinstance(event.callee, Refused):
        failed(call, "unknown" if event.callee.why == "invalid" else "forbidden")
        return
    call.underway.connection = replace(wish, queue=event.queue)
    leg = new_leg(call, event.callee)
    call.seat, call.line = event.callee.seat, leg.leg
    want(call, leg)


def is_wanted(call: State, seat: str) -> bool:
    """Whether this seat is the one that the caller is being connected with, and not had yet."""
    return call.phase is Phase.CONNECTING and call.seat == seat and seat not in call.taken


def seat_had(call: State) -> None:
    """The seat is free for this call."""
    leg = call.seat_leg
    assert leg is not None
    want(call, leg)


def rings(call: State) -> None:
    """It rings there."""
    call.emit("ringing", seat=call.seat)


def taken(call: State, leg: Leg) -> None:
    """Both are joined, hear the agent number of a seat, and are recorded as the seat's queue is."""
    wish = call.underway.connection
    assert wish is not None
    call.underway.connection = None
    call.queue = wish.queue or call.queue
    call.go(Phase.TALKING)
    call.times.talking = call.now
    call.do(Tell(media.Stop(call.caller)))
    if call.seat:
        call.do(Change(SeatState(call.seat, "talking")))
    call.emit("talking", seat=call.seat, wait_s=call.wait_s(), **({} if call.seat else {"to": wish.to}))
    join(call)
    if call.seat:
        for each in (call.caller_leg, leg):
            call.do(PlayPrompts(each.leg, ANNOUNCEMENT_PLAY, agent_number(call.seat), call.flow.language))
    record(call)


def lost(call: State, why: str, status: int) -> None:
    """Nobody takes the call there."""
    let_go(call)
    failed(call, "unknown" if status in NO_SUCH_NUMBER else WHY.get(why, "no_answer"))


def let_go(call: State) -> None:
    """Whoever is called is not wanted any more."""
    leg = call.seat_leg
    if leg is not None:
        drop(call, leg)
    if call.seat in call.taken:
        call.free(call.seat)
    call.seat = call.line = ""


def failed(call: State, why: str) -> None:
    """The menu goes on."""
    back_to_menu(call, why)
    call.do(Tell(media.Stop(call.caller)))
    call.hear(ConnectFailed(why))


def back_to_menu(call: State, why: str) -> None:
    """It is over; what the menu does then is another matter."""
    wish = call.underway.connection
    assert wish is not None
    call.underway.connection = None
    call.emit("connect_failed", to=wish.to, why=why)
    call.go(Phase.MENU)
