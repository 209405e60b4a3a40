"""ARRIVED and MENU: the answer, and what the menu's interpreter wants done."""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from ivr.call.dialling import answer
from ivr.call.ending import end
from ivr.call.leg import Leg
from ivr.call.state import Phase, State
from ivr.call.waiting import enter_queue
from ivr.flow.run import EnterQueue, FlowAction, HangUp, Play, Pressed, QueueReturned, StopPlay, Visit
from ivr.media import control as media
from ivr.steps import Change, PlayPrompts, Tell
from routing.commit import Dequeue


def take(call: State, leg: Leg) -> None:
    """The caller has a port: 200. The menu begins with the ACK."""
    if answer(call, leg):
        call.emit("answered")
    else:
        end(call, "system", "no_common_codec", (488, "Not Acceptable Here"))


def begin(call: State) -> None:
    """The ACK came."""
    call.go(Phase.MENU)
    flow(call, call.flow.start(call.now))


def flow(call: State, actions: Sequence[FlowAction]) -> None:
    """What the menu wants, in the call's words."""
    caller = call.caller_leg.leg
    for action in actions:
        match action:
            case Play(play, prompts, language):
                call.do(PlayPrompts(caller, play, prompts, language))
            case StopPlay():
                call.do(Tell(media.Stop(caller)))
            case Visit(node):
                call.emit("menu", node=node)
            case Pressed(node, digit):
                call.emit("key", node=node, digit=digit)
            case EnterQueue(queue):
                enter_queue(call, queue)
            case HangUp(reason):
                end(call, "system", "time_limit" if call.sent_away else reason)
            case _:  # pragma: no cover
                assert_never(action)


def time_limit(call: State) -> None:
    """The caller waited as long as the queue allows: back to the menu for a goodbye, and a return call is owed."""
    call.sent_away = True
    call.do(Change(Dequeue(call.queue)))
    call.emit("time_limit", queue=call.queue)
    call.go(Phase.MENU)
    flow(call, call.flow.receive(QueueReturned("time_limit"), call.now))
