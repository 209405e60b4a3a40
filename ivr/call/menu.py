"""ARRIVED and MENU: the answer, and what the menu's interpreter wants done. RATING is a menu too (rating.py)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from ivr.call import connecting, early, hearing, message, waiting
from ivr.call.dialling import answer
from ivr.call.ending import end
from ivr.call.leg import Leg
from ivr.call.state import Phase, State
from ivr.flow.events import (
    Answer,
    AskQueue,
    Connect,
    Entered,
    EnterQueue,
    FlowAction,
    HangUp,
    Key,
    LeaveQueue,
    Listen,
    LookUp,
    NotHeard,
    NotUnderstood,
    Play,
    Pressed,
    Promise,
    Rated,
    RecordMessage,
    Said,
    StopListening,
    StopMessage,
    StopPlay,
    Unrecorded,
    Visit,
)
from ivr.media import control as media
from ivr.steps import PlayPrompts, Tell

OF_CUSTOMERS = ("name", "class", "tags", "calls")
"""What the customer file tells menus; the rest is known from the call itself."""


def take(call: State, leg: Leg) -> None:
    """The caller has a port: 200, and the menu begins with the ACK; or 183, with which it begins."""
    if early.wanted(call, leg):
        if early.begin(call, leg):
            begin(call)
        else:
            end(call, "system", "no_common_codec", (488, "Not Acceptable Here"))
    elif answer(call, leg):
        call.emit("answered")
    else:
        end(call, "system", "no_common_codec", (488, "Not Acceptable Here"))


def begin(call: State) -> None:
    """The ACK came, or the caller hears us before the answer."""
    call.go(Phase.MENU)
    start(call)


def start(call: State) -> None:
    """The menu begins, with what is known by now."""
    at = call.arrival.started_at + call.now - call.times.began
    flow(call, call.flow.start(call.now, facts(call), at, answered=not call.caller_leg.waits))


def facts(call: State) -> dict[str, str]:
    """What every menu knows of its call (flow.model.FACTS); what is unknown is left out."""
    arrival, caller = call.arrival, call.arrival.caller
    known = {name: text for name, text in call.underway.known.items() if name in OF_CUSTOMERS}
    of_call = {
        "caller": caller.number,
        "dialable": "yes" if caller.dialable else "no",
        "called": arrival.called,
        "trunk": arrival.trunk,
        "hotline": arrival.hotline,
        "province": caller.province,
        "city": caller.city,
    }
    return known | {name: text for name, text in of_call.items() if text}


def hear(call: State) -> None:
    """What happened for the menu to hear; to a caller who is elsewhere by now it means nothing."""
    while call.heard:
        event = call.heard.pop(0)
        if call.in_menu or isinstance(event, Key):
            flow(call, call.flow.receive(event, call.now))


def flow(call: State, actions: Sequence[FlowAction]) -> None:
    """What the menu wants, in the call's words."""
    for action in actions:
        _do(call, action)


def _do(call: State, action: FlowAction) -> None:
    caller = call.caller
    match action:
        case Play(play, prompts, language):
            call.playing = play
            call.do(PlayPrompts(caller, play, prompts, language))
        case StopPlay():
            call.playing = None
            call.do(Tell(media.Stop(caller)))
        case EnterQueue():
            waiting.wait_in_line(call, action)
        case LeaveQueue():
            waiting.leave_queue(call)
        case Connect():
            connecting.begin(call, action)
        case LookUp() | AskQueue():
            call.do(action)
        case RecordMessage():
            message.begin(call, action)
        case StopMessage(keep):
            message.stop(call, keep=keep)
        case HangUp(reason, refuse):
            end(call, "system", "time_limit" if call.sent_away else reason, (refuse or 480, ""))
        case Unrecorded():
            call.underway.unrecorded = True
            call.emit("unrecorded")
        case Promise(number, reason):
            call.emit("promised", number=number, reason=reason)
        case Visit(node, title):
            call.emit("menu", node=node, **({"title": title} if title else {}))
        case Pressed(node, digit):
            call.emit("key", node=node, digit=digit)
        case Said(node, text, confidence, alternatives):
            others = [[other.text, other.confidence] for other in alternatives]
            call.emit("said", node=node, text=text, confidence=confidence, **({"alternatives": others} if others else {}))
        case NotUnderstood(node, why):
            call.emit("misheard", node=node, why=why)
        case NotHeard(node, why):
            call.emit("not_hearing", node=node, why=why)
        case Listen():
            hearing.listen(call, action)
        case StopListening():
            hearing.stop(call)
        case Entered(node, variable, value, valid):
            call.emit("entered", node=node, variable=variable, value=value, **({} if valid else {"valid": False}))
        case Rated(key, meaning):
            call.emit("rated", key=key, meaning=meaning, seat=call.underway.served, queue=call.queue)
        case Answer():
            early.take(call)
        case _:  # pragma: no cover
            assert_never(action)
