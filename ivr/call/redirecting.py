"""A 3xx: whoever is called can be had elsewhere. Its targets are tried one after the other, each once (RFC 3261 8.1.3.4); those
of a further 3xx come after them."""

from __future__ import annotations

from ivr.call import answering
from ivr.call.leg import LegState
from ivr.call.state import State
from ivr.dialplan import Callee

MAX_TARGETS = 5
"""So many targets are tried for one party, however often it redirects."""


def redirected(call: State, name: str, status: int, targets: tuple[Callee, ...]) -> None:
    """`targets`: those that may be tried, the best first."""
    leg = call.legs.get(name)
    if leg is None or leg.callee is None:
        return
    if leg.state is LegState.DIALLED and answering.role(call, leg):
        tried = leg.tried or (leg.callee.place,)
        for target in targets:
            if target.place not in tried and len(tried) <= MAX_TARGETS:
                tried += (target.place,)
                leg.targets += (target,)
        leg.tried = tried
        call.emit("redirected", seat=leg.seat, status=status, to=", ".join(one.number for one in leg.targets))
    answering.refused(call, name, status)
