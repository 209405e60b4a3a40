"""A call that a seat is making because somebody asked for it (click-to-dial): how far it is, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, cast

Step = Literal["asked", "seat", "customer", "ringing", "talking", "over"]
"""asked: no engine has it yet; seat: the seat's own telephone is called; customer: it has answered, and the other is called;
ringing: the other's telephone rings."""

Outcome = Literal[
    "",
    "talked",
    "busy",
    "no_answer",
    "refused",
    "wrong_number",
    "forbidden",
    "given_up",
    "seat_busy",
    "seat_no_answer",
    "seat_declined",
    "seat_offline",
    "failed",
]
"""What became of it, "" before it is over. The other was talked to, is busy (486, 600), did not answer (also 480, and a network
that only announces), would not (any other refusal), has no such number (404, 410, 484, 604); the dial plan forbids the number
(`reason` says why); the seat hung up before the other answered; the seat's own telephone is busy, was not answered, declined,
is not registered; something of ours or of the network failed (`reason`)."""

_SEAT = {
    "busy": "seat_busy",
    "no_answer": "seat_no_answer",
    "not_confirmed": "seat_no_answer",
    "declined": "seat_declined",
    "refused": "seat_declined",
    "given_up": "seat_declined",
    "unreachable": "seat_offline",
    "no_such_seat": "seat_offline",
}
_CUSTOMER = {"busy": "busy", "no_answer": "no_answer", "refused": "refused", "invalid": "wrong_number"}
_OURS = frozenset({"no_port", "no_common_codec", "trunk_unreachable"})
"""No fault of whom we call."""
_PLAN = frozenset({"not_allowed", "premium", "foreign", "caller_id", "no_trunk"})


@dataclass(frozen=True, slots=True)
class Dialling:
    """One click-to-dial. callback_id: the return call it is made for, "" for a plain number; by: the login of who asked. Times
    are epoch seconds; `since`: when the step began. talk_s: of a talk, seconds. `reason` is a code of the console's
    REASONS."""

    call_id: str
    seat: str
    number: str
    callback_id: str
    by: str
    at: float
    step: Step
    since: float
    outcome: Outcome = ""
    reason: str = ""
    talk_s: float = 0.0

    @property
    def live(self) -> bool:
        """Whether it goes on: the seat can't begin another one."""
        return self.step != "over"


def read(call_id: str, fields: Mapping[str, str]) -> Dialling | None:
    """A dialling from the fields of its hash (lua/common.lua), None where there is none."""
    if not fields:
        return None
    return Dialling(
        call_id=call_id,
        seat=fields["seat"],
        number=fields["number"],
        callback_id=fields.get("callback_id", ""),
        by=fields.get("by", ""),
        at=float(fields["at"]),
        step=cast(Step, fields["step"]),
        since=float(fields["since"]),
        outcome=cast(Outcome, fields.get("outcome", "")),
        reason=fields.get("reason", ""),
        talk_s=float(fields.get("talk_s", "0")),
    )


def outcome(phase: str, reason: str, result: str) -> Outcome:
    """What became of it, from the call's last phase, and the `reason` and `result` of its end."""
    if result == "reached":
        return "talked"
    if reason in _PLAN:
        return "forbidden"
    if result == "invalid":
        return "wrong_number"
    if phase == "SUMMONING":
        return cast(Outcome, _SEAT.get(reason, "failed"))
    if reason == "given_up":
        return "given_up"
    if reason in _OURS:
        return "failed"
    return cast(Outcome, _CUSTOMER.get(result, "failed"))
