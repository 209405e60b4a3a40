"""Who is owed a return call (回电): decided once, when a call ends."""

from __future__ import annotations

from dataclasses import dataclass

from followup.calllog import MIN_MESSAGE_S, CallRow

SENT_AWAY = frozenset({"time_limit", "engine_lost", "media_lost", "rtp_timeout", "busy"})
"""End reasons by which we, not the caller, ended the waiting."""

NO_NUMBER = "no_number"
"""Why a return call is waived at once: the caller hid the number and left no message, there is nothing to dial."""


@dataclass(frozen=True, slots=True)
class Owed:
    """A debt of one call. `number` is to be called, "" where only a message may tell it. `waive_reason` is "" or why it can't
    be paid."""

    kind: str
    reason: str
    number: str
    waive_reason: str = ""


def owed(row: CallRow, gave_up_after_s: float) -> Owed | None:
    """What the ended call `row` is owed; None for a call that goes on, was talked to, or never asked for a person.

    Owed is a caller who was promised a call or left a message, and was not talked to after that; who waited, or wanted to, and
    was sent away; or who hung up after `gave_up_after_s` seconds of waiting or more. `followup.audit` says the same in SQL over
    the call log's facts.
    """
    if row.ended_at is None:
        return None
    if row.talking_at is not None and (row.promised_at is None or row.promised_at < row.talking_at):
        return None
    if row.promised:
        reason = row.promised
    elif (row.message_s or 0.0) >= MIN_MESSAGE_S:
        reason = "voicemail"
    elif row.talking_at is not None or row.queued_at is None:
        return None
    elif row.ended_by == "system" or row.reason in SENT_AWAY:
        reason = row.reason
    elif (row.wait_s or 0.0) >= gave_up_after_s:
        reason = "abandoned"
    else:
        return None
    # Whoever hid their number may have said it in the message: a person listens to it before anything is waived.
    payable = bool(row.promised_number) or (row.message_s or 0.0) >= MIN_MESSAGE_S or (row.dialable and bool(row.caller))
    return Owed("return", reason, row.promised_number or row.caller, "" if payable else NO_NUMBER)
