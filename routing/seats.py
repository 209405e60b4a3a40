"""Seats as others see them: what is configured, what the human wishes (status) and what the system knows (state)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, cast

Status = Literal["ready", "break", "off"]
"""The human's wish: calls, none for a while, none."""

State = Literal["idle", "reserved", "ringing", "talking", "wrap-up"]
"""The system's fact: reserved is claimed for a caller, not yet dialled."""


@dataclass(frozen=True, slots=True)
class SeatProfile:
    """A configured seat: agent number (工号), which is its SIP user too, name, and the queues it serves. fixed: its telephone
    is dialled without being registered."""

    number: str
    name: str = ""
    queues: tuple[str, ...] = ()
    fixed: bool = False
    levels: tuple[int, ...] = ()
    """Of its skill for each of the queues, 1 (the best) where none are named: who has the best is asked first."""


@dataclass(frozen=True, slots=True)
class SeatView:
    """A seat now. Times are seconds since the epoch; None does not apply.

    since: when the state began; until: when wrap-up or reservation ends; aside_until: no calls before that; wraps: the call
    that is wrapped up, "" but in wrap-up; status_since: when the human wished so.
    """

    number: str
    name: str
    queues: tuple[str, ...]
    status: Status
    reason: str
    state: State
    call_id: str
    since: float | None
    until: float | None
    aside_until: float | None
    registered: bool
    wraps: str = ""
    status_since: float | None = None


def view(number: str, registered: bool, fields: Mapping[str, str]) -> SeatView:
    """A seat from the fields of its hash (lua/common.lua)."""
    return SeatView(
        number=number,
        name=fields.get("name", ""),
        queues=tuple(json.loads(fields.get("queues", "[]"))),
        status=cast(Status, fields.get("status", "off")),
        reason=fields.get("reason", ""),
        state=cast(State, fields.get("state", "idle")),
        call_id=fields.get("call", ""),
        since=_time(fields.get("since")),
        until=_time(fields.get("until")),
        aside_until=_time(fields.get("aside_until")),
        registered=registered,
        wraps=fields.get("wraps", ""),
        status_since=_time(fields.get("status_since")),
    )


def _time(text: str | None) -> float | None:
    return float(text) if text else None
