"""A telephone that we call rings, answers, is confirmed by a key, refuses, or lets it ring: the same for a seat that is offered
a caller, one that is to make a call, whom it calls, and a third party."""

from __future__ import annotations

from typing import Literal

from ivr.call import calling, connecting, forking, offering, transferring
from ivr.call.dialling import next_target, redial
from ivr.call.leg import Leg, LegState
from ivr.call.state import MUSIC_PLAY, Phase, State
from ivr.sip import sdp
from ivr.steps import HangUpLeg, PlayPrompts
from prompts.catalogue import say_digits

REASONS = {408: "unreachable", 480: "unreachable", 486: "busy", 503: "unreachable", 600: "busy", 603: "declined"}
"""Why nobody took a call, by the status of the refusal."""
NEXT_ADDRESS = frozenset({408, 503})
"""Refusals after which the next address of a trunk is tried (RFC 3263 4.3)."""
CONFIRM_KEY = "1"
CONFIRM_S = 20.0
"""So long a telephone behind a trunk may take to confirm; a mailbox never does."""

Role = Literal["offered", "connecting", "summoned", "called", "third", ""]


def role(call: State, leg: Leg | None) -> Role:
    """What this leg, not part of a talk yet, is called for; "" when for nothing any more."""
    if leg is None or call.phase is Phase.ENDED:
        return ""
    leg = forking.leader(call, leg)
    if leg is call.other_leg:
        return "third"
    if call.phase is Phase.DIALLING:
        return "called" if leg is calling.far(call) else ""
    if leg is call.seat_leg and call.phase is Phase.OFFERED:
        return "offered"
    if leg is call.seat_leg and call.phase is Phase.CONNECTING:
        return "connecting"
    return "summoned" if leg is call.seat_leg and call.phase is Phase.SUMMONING else ""


def rings(call: State, name: str) -> None:
    """180 or 183. Sound that comes with it is an announcement of the network's; nobody hears it."""
    leg = call.legs.get(name)
    called_for = role(call, leg)
    if leg is None or (leg.seat and not forking.rings_first(call, leg)):
        return
    match called_for:
        case "offered" | "summoned":
            call.emit("ringing", seat=call.seat)
        case "connecting":
            connecting.rings(call)
        case "called":
            calling.rings(call)
        case "third":
            transferring.rings(call)


def answered(call: State, name: str, answer: bytes) -> None:
    """A 200. Behind a trunk that may be a mailbox: somebody has to press a key."""
    leg = call.legs.get(name)
    if leg is None or leg.state is not LegState.DIALLED:
        call.do(HangUpLeg(name))
        return
    leg.state = LegState.UP
    try:
        leg.accept(answer)
    except sdp.SdpError:
        lost(call, leg, "no_common_codec", 488)
        return
    call.do(call.remote(leg))
    if leg.callee is not None and leg.callee.confirm:
        announce(call, leg)
    else:
        taken(call, leg)


def announce(call: State, leg: Leg) -> None:
    """Who is coming, and which key takes the call."""
    call.timers[f"ring:{leg.leg}"] = call.now + CONFIRM_S
    call.emit("answer_unconfirmed", seat=leg.seat)
    prompts = ("call_for_you", *say_digits(call.arrival.caller.number), "press_1_to_take")
    call.do(PlayPrompts(leg.leg, MUSIC_PLAY, prompts, call.flow.language, loop=True))


def pressed(call: State, name: str, digit: str) -> None:
    """A key on a telephone that has to confirm."""
    leg = call.legs.get(name)
    if leg is not None and digit == CONFIRM_KEY and leg.up and not call.has_taken(leg):
        taken(call, leg)


def taken(call: State, leg: Leg) -> None:
    """A person has taken the call."""
    forking.won(call, leg)
    call.timers.pop(f"ring:{leg.leg}", None)
    match role(call, leg):
        case "offered":
            offering.taken(call, leg)
        case "connecting":
            connecting.taken(call, leg)
        case "summoned":
            calling.seat_answered(call)
        case "called":
            calling.taken(call)
        case _:
            transferring.taken(call)


def refused(call: State, name: str, status: int, rest_s: float = 0.0) -> None:
    """A final refusal, nobody spoke (408), our CANCEL is confirmed (487), or there is no address to dial. rest_s: so long the
    telephone wishes not to be called again."""
    leg = call.legs.get(name)
    if leg is None:
        return
    leg.state, leg.rest_s = LegState.OVER, rest_s
    callee = leg.callee
    if not role(call, leg) or callee is None:
        return
    if callee.by_trunk and status in NEXT_ADDRESS:
        redial(call, leg, callee.next())
    elif leg.targets and status < 600:
        next_target(call, leg)
    else:
        lost(call, leg, REASONS.get(status, "refused"), status)


def unreachable(call: State, name: str) -> None:
    """There is no (further) address to dial."""
    leg = call.legs.get(name)
    if leg is None or not role(call, leg):
        return
    leg.state = LegState.OVER
    if leg.targets:
        next_target(call, leg)
    elif leg.callee is not None and leg.callee.by_trunk:
        lost(call, leg, "trunk_unreachable", 503)
    else:
        lost(call, leg, "unreachable", 480)


def more_telephones(call: State, name: str, contacts: tuple[str, ...]) -> None:
    """The seat that is called has more of them."""
    leg = call.legs.get(name)
    if leg is not None and leg.state is LegState.NEW and role(call, leg) and f"ring:{name}" in call.timers:
        forking.ring_too(call, leg, contacts)


def no_answer(call: State, name: str) -> None:
    """The time is over."""
    leg = call.legs[name]
    lost(call, leg, "not_confirmed" if leg.up else "no_answer", 480)


def lost(call: State, leg: Leg, why: str, status: int) -> None:
    """Nobody takes the call there: the leg is let go. With the last telephone of a seat the seat is lost."""
    verdict = forking.out(call, leg, why, status)
    if verdict is None:
        return
    why, status = verdict
    match role(call, leg):
        case "offered":
            offering.lost(call, why, status)
        case "connecting":
            connecting.lost(call, why, status)
        case "summoned" | "called":
            calling.lost(call, why, status)
        case _:
            transferring.lost(call, why, status)


def seat_had(call: State, seat: str) -> None:
    """Redis holds the seat for this call. One that is no longer wanted is given back."""
    third = call.other_leg
    if third is not None and third.seat == seat:
        call.taken.append(seat)
        transferring.seat_had(call)
    elif call.phase in (Phase.SUMMONING, Phase.DIALLING):
        call.taken.append(seat)
        calling.seat_had(call)
    elif connecting.is_wanted(call, seat):
        call.taken.append(seat)
        connecting.seat_had(call)
    else:
        call.free(seat)


def seat_busy(call: State, seat: str) -> None:
    """The seat can't be had."""
    third = call.other_leg
    if third is not None and third.seat == seat:
        lost(call, third, "busy", 486)
    elif call.phase in (Phase.SUMMONING, Phase.DIALLING):
        calling.lost(call, "busy", 486)
    elif connecting.is_wanted(call, seat):
        connecting.lost(call, "busy", 486)
