"""Sound before the answer: a hotline's announcements in a reliable 183 (who owns a 400 number pays for each answered minute).

Where a menu begins with nodes that say so (`before_answer`), it begins with the 183. The call is answered at the first node
that needs an answered call. A menu that ends before that refuses the call."""

from __future__ import annotations

from ivr.call.dialling import answer
from ivr.call.leg import Leg
from ivr.call.state import State
from ivr.sip import sdp
from ivr.steps import ProgressCaller

LIMIT_S = 60.0
"""So long announcements last at most; then the call is answered, or the caller's network might give it up."""


def wanted(call: State, leg: Leg) -> bool:
    """Whether the menu begins before the answer. A late offer can't: nobody knows yet where the caller listens."""
    return call.arrival.early_media and leg.offer != b"" and call.flow.document.answers_later


def begin(call: State, leg: Leg) -> bool:
    """183 with our description. False where no codec is common."""
    leg.sdp_version += 1
    try:
        text, leg.stream = sdp.answer(leg.offer, **call.sdp_terms(leg))
    except sdp.SdpError:
        return False
    leg.early = True
    call.timers["early"] = call.now + LIMIT_S
    call.do(call.remote(leg))
    call.do(ProgressCaller(leg.leg, text))
    call.emit("early_media")
    return True


def take(call: State) -> None:
    """Now: 200, with what the 183 has said."""
    leg = call.caller_leg
    if leg.waits:
        call.timers.pop("early", None)
        answer(call, leg)
        call.emit("answered")
