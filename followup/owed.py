"""Who is owed a return call (回电): decided once, when a call ends."""

from __future__ import annotations

from dataclasses import dataclass

from followup.calllog import CallRow

SENT_AWAY = frozenset({"time_limit", "engine_lost", "media_lost", "rtp_timeout", "busy"})
"""End reasons by which we, not the caller, ended the waiting."""

NO_NUMBER = "no_number"
"""Why a return call is waived at once: the caller hid the number, there is nothing to dial."""


@dataclass(frozen=True, slots=True)
class Owed:
    """A debt of one call. `waive_reason` is "" or why it can't be paid."""

    kind: str
    reason: str
    waive_reason: str = ""


def owed(row: CallRow, gave_up_after_s: float) -> Owed | None:
    """What the ended call `row` is owed; None for a call that goes on, was talked to, or never asked for a person.

    Owed is a caller who was promised a call, who waited and was sent away, or who hung up after `gave_up_after_s` seconds
    of waiting or more. `followup.callbacks.audit` says the same in SQL over the call log's facts.
    """
    if row.ended_at is None or row.talking_at is not None:
        return None
    if row.promised:
        reason = row.promised
    elif row.queued_at is None:
        return None
    elif row.ended_by == "system" or row.reason in SENT_AWAY:
        reason = row.reason
    elif (row.wait_s or 0.0) >= gave_up_after_s:
        reason = "abandoned"
    else:
        return None
    return Owed("return", reason, "" if row.dialable and row.caller else NO_NUMBER)
