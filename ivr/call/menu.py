"""ARRIVED and MENU: the answer, and what the menu's interpreter wants done."""

from __future__ import annotations

from collections.abc import Sequence

from ivr.call.ending import end
from ivr.call.leg import Leg
from ivr.call.state import Phase, State
from ivr.call.waiting import back_to_queue, enter_queue
from ivr.flow.run import EnterQueue, FlowAction, HangUp, Play, Pressed, QueueReturned, StopPlay, Visit
from ivr.media import control as media
from ivr.sip import sdp
from ivr.steps import AnswerCaller, Change, PlayPrompts, Tell
from routing.commit import Dequeue

NO_PORT_PAUSE_S = 5.0


def answer(call: State, leg: Leg) -> None:
    """200 with our SDP; the menu begins with the ACK."""
    leg.sdp_version += 1
    if call.offer:
        try:
            text, leg.stream = sdp.answer(call.offer, **call.sdp_terms(leg))
        except sdp.SdpError:
            end(call, "system", "no_common_codec", (488, "Not Acceptable Here"))
            return
        call.do(call.remote(leg))
    else:
        text = sdp.offer(**call.sdp_terms(leg))
    leg.up = True
    call.do(AnswerCaller(leg.leg, text))
    call.emit("answered")


def leg_failed(call: State, name: str) -> None:
    """Media has no port. Without one for the caller there is no call; without one for a seat the caller waits on."""
    leg = call.caller_leg
    if call.is_offered(name):
        back_to_queue(call, "no_port", set_aside_s=NO_PORT_PAUSE_S)
    elif call.phase is Phase.ARRIVED and name == leg.leg and not leg.up:
        end(call, "system", "busy")
    elif name == leg.leg or (call.seat_leg is not None and name == call.seat_leg.leg):
        end(call, "system", "media_lost")


def acknowledged(call: State, answer: bytes) -> None:
    """The ACK came, with the peer's answer if the offer was ours: the menu begins."""
    leg = call.caller_leg
    if call.phase is not Phase.ARRIVED or not leg.up:
        return
    if answer and leg.stream is None:
        try:
            leg.stream = sdp.accept(answer)
        except sdp.SdpError:
            end(call, "system", "no_common_codec")
            return
        call.do(call.remote(leg))
    call.offer = b""
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


def time_limit(call: State) -> None:
    """The caller waited as long as the queue allows: back to the menu for a goodbye, and a return call is owed."""
    call.sent_away = True
    call.do(Change(Dequeue(call.queue)))
    call.emit("time_limit", queue=call.queue)
    call.go(Phase.MENU)
    flow(call, call.flow.receive(QueueReturned("time_limit"), call.now))
