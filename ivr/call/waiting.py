"""QUEUED: music, a place in line, the way back to that place, and the ways out of the queue back to the menu."""

from __future__ import annotations

from typing import Literal

from ivr.call.dialling import drop
from ivr.call.leg import Leg
from ivr.call.state import MUSIC_PLAY, Phase, State
from ivr.flow.events import EnterQueue, QueueReturned
from ivr.media import control as media
from ivr.questions import AskRoom, RoomSeen
from ivr.steps import Change, PlayPrompts, Tell
from routing.commit import Dequeue, Enqueue, Requeue

MUSIC = "music"
"""Where no queue names its own."""


def enter_queue(call: State, queue: str) -> None:
    """A transfer led to a queue, on the queue's own terms."""
    wait_in_line(call, EnterQueue(queue))


def wait_in_line(call: State, terms: EnterQueue) -> None:
    """A place in line, music, a limit, announcements. Whether there is room is asked once Redis has, or has not, made some."""
    queue, settings, underway = terms.queue, call.queues[terms.queue], call.underway
    call.queue = queue
    call.times.queued = call.now
    call.timers["queue"] = call.now + (settings.time_limit_s if terms.time_limit_s is None else terms.time_limit_s)
    if terms.announce is not None:
        call.timers["announce"] = call.now + terms.announce.every_s
    underway.terms = terms
    underway.entries += 1
    call.go(Phase.QUEUED)
    call.do(Change(Enqueue(queue, terms.priority, terms.max_waiting)))
    call.emit("queued", queue=queue, **({"priority": terms.priority} if terms.priority else {}))
    if terms.max_waiting is not None:
        call.do(AskRoom(underway.entries, queue))
    music(call, call.caller_leg)


def music(call: State, leg: Leg) -> None:
    """The queue's music, or what the menu chose, for who waits."""
    settings, terms = call.queues.get(call.queue), call.underway.terms
    prompt = MUSIC if settings is None else settings.music
    if terms is not None and terms.queue == call.queue and terms.music is not None:
        prompt = terms.music
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
    requeue(call)
    call.emit("requeued", queue=call.queue, why=why)
    call.go(Phase.QUEUED)


def requeue(call: State) -> None:
    """Have the place in line that the call had, or else a new one."""
    terms = call.underway.terms
    call.do(Change(Requeue(call.queue, terms.priority if terms is not None and terms.queue == call.queue else 0)))


# Back to the menu


def is_way_out(call: State, digit: str) -> bool:
    """Whether the menu has a use for this key of who waits. Who is being offered keeps the offer."""
    terms = call.underway.terms
    return call.phase is Phase.QUEUED and terms is not None and terms.queue == call.queue and digit in terms.keys


def leave_queue(call: State) -> None:
    """The caller goes on in the menu instead."""
    if call.phase is Phase.QUEUED:
        _out(call, "queue_left")


def time_limit(call: State) -> None:
    """The caller waited as long as the queue allows: back to the menu for a goodbye, and a return call is owed."""
    call.sent_away = True
    _returned(call, "time_limit")


def room_seen(call: State, seen: RoomSeen) -> None:
    """Whether Redis had room in the line for this caller."""
    if call.phase is Phase.QUEUED and seen.entry == call.underway.entries and seen.full:
        _returned(call, "overflow")


def _returned(call: State, why: Literal["time_limit", "overflow"]) -> None:
    _out(call, why)
    call.hear(QueueReturned(why))


def _out(call: State, event: str) -> None:
    call.do(Change(Dequeue(call.queue)))
    call.emit(event, queue=call.queue)
    call.timers.pop("queue", None)
    call.timers.pop("announce", None)
    call.go(Phase.MENU)
    call.do(Tell(media.Stop(call.caller)))
