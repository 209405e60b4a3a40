"""QUEUED: music, a place in line, and the way back to that place."""

from __future__ import annotations

from ivr.call.leg import Leg
from ivr.call.state import MUSIC_PLAY, Phase, State
from ivr.media import control as media
from ivr.steps import Change, PlayPrompts, Tell
from routing.commit import Enqueue, FreeSeat, Requeue


def enter_queue(call: State, queue: str) -> None:
    """The menu led to a queue: a place in line, music, a limit."""
    call.queue = queue
    call.times.queued = call.now
    call.timers["queue"] = call.now + call.queues[queue].time_limit_s
    call.go(Phase.QUEUED)
    call.do(Change(Enqueue(queue)))
    call.emit("queued", queue=queue)
    music(call, call.caller_leg)


def music(call: State, leg: Leg) -> None:
    """The queue's music, for who waits."""
    call.do(PlayPrompts(leg.leg, MUSIC_PLAY, (call.queues[call.queue].music,), call.flow.language, loop=True))


def back_to_queue(call: State, why: str, *, set_aside_s: float) -> None:
    """The caller keeps the place, at the head; the seat gets no call for a while."""
    leg = call.seat_leg
    if leg is not None:
        call.do(Tell(media.Close(leg.leg)))
    call.do(Change(FreeSeat(call.seat, set_aside_s=set_aside_s, reason=why)))
    call.do(Change(Requeue(call.queue)))
    call.emit("requeued", queue=call.queue, why=why)
    call.timers.pop("ring", None)
    call.seat = ""
    call.go(Phase.QUEUED)
