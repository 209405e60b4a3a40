"""A side hangs up, falls silent, or its signalling breaks: what that means depends on which side it is."""

from __future__ import annotations

from ivr.call import answering, rating, transferring
from ivr.call.arrival import Kind
from ivr.call.ending import By, end, reason_of_hangup
from ivr.call.leg import Leg, LegState
from ivr.call.state import Phase, State
from ivr.steps import ConfirmBye

NETWORK_OUT_OF_ORDER = 38
"""Cause of Q.850: nobody hung up, the way between is gone."""


def hung_up(call: State, name: str, cause: int) -> None:
    """A BYE. A caller whose network says that it broke down is not let go: a return call is owed, whatever was going on."""
    call.do(ConfirmBye(name))
    leg = call.legs.get(name)
    if leg is None:
        return
    if name == call.caller and cause == NETWORK_OUT_OF_ORDER and call.phase not in (Phase.RATING, Phase.ENDED):
        leg.state = LegState.OVER
        cut_off(call, leg)
    else:
        left(call, leg)


def cut_off(call: State, leg: Leg) -> None:
    """The way to a side broke down. Its caller, or who was talking to it, is owed a return call."""
    calls = leg.leg == call.caller and call.phase not in (Phase.RATING, Phase.ENDED)
    talks = leg.leg == call.line and call.phase is Phase.TALKING
    if (calls or talks) and call.arrival.kind is Kind.INBOUND and call.arrival.logged:
        call.emit("owed", reason="cut_off")
    gone(call, leg, "system", "cut_off")


def cancelled(call: State, name: str) -> None:
    """Who called gave up before the answer."""
    leg = call.legs.get(name)
    if leg is not None:
        left(call, leg)


def left(call: State, leg: Leg) -> None:
    """A side has gone by its own wish."""
    leg.state = LegState.OVER
    if leg is call.seat_leg and rating.is_possible(call):
        rating.begin(call)
        return
    gone(call, leg, "caller" if leg.leg == call.caller else "seat", reason_of_hangup(call))


def broken(call: State, name: str, why: str) -> None:
    """A side died, or went silent in signalling (no ACK, no PRACK, no answer to a BYE or re-INVITE, dialog lost, session
    expired)."""
    leg = call.legs.get(name)
    if leg is None:
        return
    if why == "peer_died" and (leg.up or leg.state is LegState.INVITED):
        cut_off(call, leg)
    elif leg.up or leg.state is LegState.INVITED:
        gone(call, leg, "system", f"signalling_{why}")
    elif why == "no_bye_answer":
        leg.state = LegState.OVER


def silent(call: State, name: str) -> None:
    """No RTP came from this side for the time-out."""
    leg = call.legs.get(name)
    if leg is not None and leg.up and not leg.held:
        gone(call, leg, "system", "rtp_timeout")


def over(call: State, name: str) -> None:
    """Our BYE is answered: nothing more is to come on this leg."""
    leg = call.legs.get(name)
    if leg is not None:
        leg.state = LegState.OVER


def gone(call: State, leg: Leg, by: By, reason: str) -> None:
    """What the loss of a side means for the call; a leg that is still up is hung up."""
    other = call.other
    if call.phase is Phase.ENDED:
        return
    if answering.role(call, leg) in ("offered", "connecting", "summoned", "called"):
        answering.lost(call, leg, "declined", 603)
    elif other is not None and leg.leg in (other.leg, other.aside):
        transferring.lost(call, "declined", 480)
    elif call.phase is Phase.TRANSFERRING and leg is call.seat_leg:
        transferring.let_seat_go(call)
    elif leg.leg in (call.caller, call.line):
        end(call, by, reason)
