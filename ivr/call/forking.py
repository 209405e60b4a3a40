"""A seat that has several telephones: all of them ring at once, each on a leg of its own.

The first is the seat's leg, the others are its forks. The first 200 takes the call and the others are let go; a 2xx that
crosses our CANCEL gets ACK and BYE. A refusal ends its own telephone only, but for a 6xx, which speaks for the person (RFC
3261 16.7 step 5). The last refusal is the seat's: the best of all.
"""

from __future__ import annotations

from dataclasses import replace

from ivr.call.dialling import forks, let_go, new_leg, summon, take_place
from ivr.call.leg import Leg, LegState
from ivr.call.state import State

MAX_TELEPHONES = 5
_TRYING = frozenset({LegState.NEW, LegState.DIALLED, LegState.UP})
_SILENT = frozenset({408, 480, 487, 503})
"""Refusals that tell nothing of the person."""


def leader(call: State, leg: Leg) -> Leg:
    """The seat's leg, of which this one is a fork; else the leg itself."""
    return call.legs[leg.fork_of] if leg.fork_of else leg


def ring_too(call: State, leg: Leg, contacts: tuple[str, ...]) -> None:
    """The seat that is called here has more telephones: each gets a leg, and as long to take the call."""
    assert leg.callee is not None
    seconds = call.timers[f"ring:{leg.leg}"] - call.now
    for contact in contacts[: MAX_TELEPHONES - 1]:
        fork = new_leg(call, replace(leg.callee, contact=contact))
        fork.fork_of = leg.leg
        summon(call, fork, seconds)


def rings_first(call: State, leg: Leg) -> bool:
    """Whether no other telephone of the seat has rung before."""
    leg.rang = True
    first = leader(call, leg)
    return not any(each.rang for each in (first, *forks(call, first)) if each is not leg)


def won(call: State, leg: Leg) -> None:
    """The call was taken here: this is the seat's leg now, and the other telephones stop ringing."""
    first = leader(call, leg)
    others = [each for each in (first, *forks(call, first)) if each is not leg]
    leg.fork_of = ""
    if leg is not first:
        take_place(call, first, leg)
    for each in others:
        each.fork_of = ""
        if each.state in _TRYING:
            let_go(call, each)


def out(call: State, leg: Leg, why: str, status: int) -> tuple[str, int] | None:
    """Nobody takes the call at this telephone. None while it may be taken at another; else why the seat doesn't take it."""
    first = leader(call, leg)
    group = [first, *forks(call, first)]
    if len(group) == 1:
        return why, status
    answered = leg.stream is not None
    if status >= 600 and not answered:
        return why, status
    let_go(call, leg)
    leg.refusal = (why, status)
    if any(each.state in _TRYING for each in group):
        return None
    return min((each.refusal for each in group if each.refusal is not None), key=_rank)


def _rank(refusal: tuple[str, int]) -> tuple[int, int]:
    """Lower is better: busy, then rung and not taken, then by class (RFC 3261 16.7 step 6); last what tells nothing of the
    person."""
    why, status = refusal
    if why == "busy":
        return (0, status)
    if why == "no_answer":
        return (1, status)
    return (3 if status in _SILENT else 2, status)
