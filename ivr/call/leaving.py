"""A side hangs up, falls silent, or its signalling breaks: what that means depends on which side it is."""

from __future__ import annotations

from ivr.call import answering, transferring
from ivr.call.ending import By, end, reason_of_hangup
from ivr.call.leg import Leg, LegState
from ivr.call.state import Phase, State
from ivr.steps import ConfirmBye


def hung_up(call: State, name: str) -> None:
    """A BYE."""
    call.do(ConfirmBye(name))
    leg = call.legs.get(name)
    if leg is not None:
        left(call, leg)


def cancelled(call: State, name: str) -> None:
    """Who called gave up before the answer."""
    leg = call.legs.get(name)
    if leg is not None:
        left(call, leg)


def left(call: State, leg: Leg) -> None:
    """A side has gone by its own wish."""
    leg.state = LegState.OVER
    gone(call, leg, "caller" if leg.leg == call.caller else "seat", reason_of_hangup(call))


def broken(call: State, name: str, why: str) -> None:
    """A side went silent in signalling (no ACK, no PRACK, no answer to a BYE or re-INVITE, dialog lost, session expired)."""
    leg = call.legs.get(name)
    if leg is None:
        return
    if leg.up or leg.state is LegState.INVITED:
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
    if answering.role(call, leg) in ("offered", "summoned", "called"):
        answering.lost(call, leg, "declined", 603)
    elif other is not None and leg.leg in (other.leg, other.aside):
        transferring.lost(call, "declined", 480)
    elif call.phase is Phase.TRANSFERRING and leg is call.seat_leg:
        transferring.let_seat_go(call)
    elif leg.leg in (call.caller, call.line):
        end(call, by, reason)
