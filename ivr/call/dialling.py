"""Verbs for one telephone: ask for its port, call it, answer it, let it go."""

from __future__ import annotations

from ivr.call.leg import Leg, LegState
from ivr.call.state import Phase, State
from ivr.dialplan import Callee
from ivr.media import control as media
from ivr.sip import sdp
from ivr.steps import AnswerCaller, CancelDial, Change, Dial, HangUpLeg, OpenLeg, RejectCaller, TakeSeat, Tell
from routing.commit import SeatState

RING_S = 45.0
"""How long a telephone rings where no queue says it."""
BUSY = (503, "Service Unavailable")


def new_leg(call: State, callee: Callee) -> Leg:
    """A leg for somebody who is to be called."""
    call.dials += 1
    leg = Leg(f"{call.call_id}.s{call.dials}", callee.seat, callee=callee)
    call.legs[leg.leg] = leg
    return leg


def want(call: State, leg: Leg) -> None:
    """Call this leg's party; a seat must be had first."""
    if leg.seat and leg.seat not in call.taken:
        call.do(TakeSeat(leg.seat))
    else:
        summon(call, leg, ring_s(call))


def summon(call: State, leg: Leg, seconds: float) -> None:
    """Ask for a port, to call this leg's party; it has so long to take the call."""
    call.timers[f"ring:{leg.leg}"] = call.now + seconds
    call.do(OpenLeg(leg.leg))


def ring_s(call: State) -> float:
    """How long a telephone rings."""
    wish = call.underway.connection
    if call.phase is Phase.CONNECTING and wish is not None:
        return wish.ring_s
    queue = call.queues.get(call.queue)
    return RING_S if queue is None else queue.ring_timeout_s


def dial(call: State, leg: Leg) -> None:
    """Media gave the leg a port: INVITE."""
    assert leg.callee is not None
    leg.sdp_version += 1
    first = call.legs[leg.fork_of] if leg.fork_of else leg
    rings = any(each.state is LegState.DIALLED for each in (first, *forks(call, first)))
    leg.state = LegState.DIALLED
    if leg.seat and not rings:
        call.do(Change(SeatState(leg.seat, "ringing")))
    call.do(Dial(leg.leg, leg.callee, sdp.offer(**call.sdp_terms(leg))))


def redial(call: State, leg: Leg, callee: Callee) -> None:
    """The same party once more, by another address or after a restart: a new leg in the old one's place."""
    let_go(call, leg)
    new = new_leg(call, callee)
    new.tried, new.targets = leg.tried, leg.targets
    take_place(call, leg, new)
    want(call, new)


def next_target(call: State, leg: Leg) -> None:
    """By the next target of a redirection."""
    callee, *rest = leg.targets
    leg.targets = tuple(rest)
    redial(call, leg, callee)


def take_place(call: State, leg: Leg, new: Leg) -> None:
    """What the call knew as `leg` is `new` from now on."""
    if leg.fork_of:
        new.fork_of, leg.fork_of = leg.fork_of, ""
        return
    for fork in forks(call, leg):
        fork.fork_of = new.leg
    if call.line == leg.leg:
        call.line = new.leg
    elif call.caller == leg.leg:
        call.caller = new.leg
    else:
        assert call.other is not None
        call.other.leg = new.leg


def forks(call: State, leg: Leg) -> list[Leg]:
    """The legs of the further telephones of the seat that is called here."""
    return [each for each in call.legs.values() if each.fork_of == leg.leg]


def answer(call: State, leg: Leg) -> bool:
    """200 with our SDP to the leg's INVITE. False where no codec is common."""
    if leg.early:
        text, _ = sdp.answer(leg.offer, **call.sdp_terms(leg))  # the same once more (RFC 3261 13.2.1)
        leg.state = LegState.UP
        call.do(AnswerCaller(leg.leg, text))
        return True
    leg.sdp_version += 1
    if leg.offer:
        try:
            text, leg.stream = sdp.answer(leg.offer, **call.sdp_terms(leg))
        except sdp.SdpError:
            return False
        call.do(call.remote(leg))
    else:
        text = sdp.offer(**call.sdp_terms(leg))
    leg.state = LegState.UP
    call.do(AnswerCaller(leg.leg, text))
    return True


def drop(call: State, leg: Leg, refusal: tuple[int, str] = BUSY) -> None:
    """Let a leg go, and with it all other telephones of that seat which are called."""
    for fork in forks(call, leg):
        fork.fork_of = ""
        let_go(call, fork)
    let_go(call, leg, refusal)


def let_go(call: State, leg: Leg, refusal: tuple[int, str] = BUSY) -> None:
    """One leg, wherever it is: BYE, CANCEL, or the `refusal` of its INVITE. It is kept until the last answer."""
    if leg.state is LegState.UP:
        call.do(HangUpLeg(leg.leg))
        leg.state = LegState.CLOSING
    elif leg.state is LegState.DIALLED:
        call.do(CancelDial(leg.leg))
        leg.state = LegState.CLOSING
    elif leg.state is LegState.INVITED:
        call.do(RejectCaller(leg.leg, *refusal))
        leg.state = LegState.OVER
    elif leg.state is LegState.NEW:
        leg.state = LegState.OVER
    call.timers.pop(f"ring:{leg.leg}", None)
    call.do(Tell(media.Close(leg.leg)))
