"""QUEUED: music, a place in line, and the way back to that place."""

from __future__ import annotations

from ivr.call.dialling import drop
from ivr.call.leg import Leg
from ivr.call.state import MUSIC_PLAY, Phase, State
from ivr.steps import Change, PlayPrompts
from routing.commit import Enqueue, Requeue

MUSIC = "music"
"""Where no queue names its own."""


def enter_queue(call: State, queue: str) -> None:
    """The menu or a transfer led to a queue: a place in line, music, a limit."""
    call.queue = queue
    call.times.queued = call.now
    call.timers["queue"] = call.now + call.queues[queue].time_limit_s
    call.go(Phase.QUEUED)
    call.do(Change(Enqueue(queue)))
    call.emit("queued", queue=queue)
    music(call, call.caller_leg)


def music(call: State, leg: Leg) -> None:
    """The queue's music, for who waits."""
    queue = call.queues.get(call.queue)
    prompt = MUSIC if queue is None else queue.music
    call.do(PlayPrompts(leg.leg, MUSIC_PLAY, (prompt,), call.flow.language, loop=True))


def back_to_queue(call: State, why: str, *, set_aside_s: float = 0.0) -> None:
    """The caller keeps the place, at the head; the seat that was dialled gets no call for a while."""
    leg = call.seat_leg
    assert leg is not None
    drop(call, leg)
    call.free(call.seat, set_aside_s=set_aside_s, reason=why)
    call.seat = call.line = ""
    wait_again(call, why)


def wait_again(call: State, why: str) -> None:
    """Back in line, at the old place."""
    call.do(Change(Requeue(call.queue)))
    call.emit("requeued", queue=call.queue, why=why)
    call.go(Phase.QUEUED)
