"""What the one claim decides: who answers whom.

The rule, as lua/claim.lua carries it out in one step: the first caller in line whose engine lives (higher priority first,
then longer wait); the seat of the queue that is ready, idle for longest, registered and not set aside. No caller and no seat
is ever in two claims.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

SkipReason = Literal["not_registered", "set_aside", "break", "off", "reserved", "ringing", "talking", "wrap-up"]
"""Why a seat of the queue did not get the call."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A caller and the seat reserved for it. `waited_s`: since it first joined the queue. `skipped`: up to 20 seats and why.
    `waiting`: callers still in line."""

    call_id: str
    seat: str
    waited_s: float
    skipped: tuple[tuple[str, SkipReason], ...] = ()
    waiting: int = 0
