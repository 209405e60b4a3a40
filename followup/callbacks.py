"""[io] What people do with return calls (回电): claim, hand over, call, close or waive."""

from __future__ import annotations

from typing import Any, Literal

from sqlalchemy import Connection, Engine, select, update

from followup.book import PENDING_STATES, write_ledger
from followup.days import overlay
from followup.events import clean
from followup.returncalls import NotFound
from followup.tables import return_call
from followup.windows import Window, next_try
from storage.sql import writing

MAX_NOTE = 500
MAX_NAME = 64

Outcome = Literal["reached", "done", "wrong_number", "no_answer"]
"""How a try went: the customer was reached; the matter was settled otherwise; nobody has this number; no answer, which settles
nothing."""

Closing = Literal["reached", "done", "wrong_number"]
"""Those that close it."""


class CallbackError(Exception):
    """A person asked for something that can't be done now; each kind is a class of its own."""


class AlreadyClaimed(CallbackError):
    """Somebody else has taken it; `owner` tells who."""

    def __init__(self, owner: str) -> None:
        super().__init__(f"claimed by {owner}")
        self.owner = owner


class AlreadyDone(CallbackError):
    """It is closed or waived already."""


class NotClaimed(CallbackError):
    """There is no claim to release."""


class NameNeeded(CallbackError):
    """Who does it was not said, or in more than 64 characters."""


class ReasonNeeded(CallbackError):
    """The reason or result was not said, or in more than 500 characters."""


class NotYours(CallbackError):
    """It is `owner`'s, and who asks may not take it from them."""

    def __init__(self, owner: str) -> None:
        super().__init__(f"claimed by {owner}")
        self.owner = owner


def claim(engine: Engine, return_call_id: int, who: str, now: float) -> None:
    """Take it: the others see that `who` calls. Claiming one's own again does nothing.

    Raises NotFound, AlreadyClaimed, AlreadyDone, NameNeeded.
    """
    who = _name(who)
    with writing(engine) as connection:
        if _mine(connection, return_call_id, who).owner == who:
            return
        _set(connection, return_call_id, state="claimed", owner=who, claimed_at=now)
        write_ledger(connection, return_call_id, "claimed", by=who, at=now)


def release(engine: Engine, return_call_id: int, who: str, now: float, *, others: bool = False) -> str:
    """Give a claim back. others: also one of somebody else, so that no return call waits for who went home; the ledger tells.
    Returns whose it was.

    Raises NotFound, NotClaimed, NotYours, AlreadyDone, NameNeeded.
    """
    who = _name(who)
    with writing(engine) as connection:
        row = _pending(connection, return_call_id)
        if row.state != "claimed":
            raise NotClaimed
        _refuse_others(row, who, others)
        _set(connection, return_call_id, state="open", owner="", claimed_at=None)
        write_ledger(connection, return_call_id, "released", by=who, at=now, note=row.owner)
        return str(row.owner)


def hand_over(engine: Engine, return_call_id: int, who: str, to: str, now: float, *, others: bool = False) -> str:
    """Make it `to`'s, claimed. others: also one that is nobody's, or another's, to begin with. Returns whose it was, "" for
    nobody's; to whom it is already it is not handed.

    Raises NotFound, NotClaimed, NotYours, AlreadyDone, NameNeeded.
    """
    who, to = _name(who), _name(to)
    with writing(engine) as connection:
        row = _pending(connection, return_call_id)
        if row.state != "claimed" and not others:
            raise NotClaimed
        _refuse_others(row, who, others)
        if row.owner != to:
            _set(connection, return_call_id, state="claimed", owner=to, claimed_at=now)
            write_ledger(connection, return_call_id, "handed_over", by=who, at=now, note=to)
        return str(row.owner)


def settle(
    engine: Engine, return_call_id: int, who: str, outcome: Outcome, note: str, now: float, window: Window
) -> float | None:
    """Tell how a try went. "no_answer" leaves it owed, and it is `who`'s to try again at the moment that is returned
    (followup.windows); all else closes it. `note` may be empty, but for "done".

    Raises NotFound, AlreadyClaimed (by another), AlreadyDone, NameNeeded, ReasonNeeded.
    """
    who, note = _name(who), _reason(note, may_be_empty=outcome != "done")
    with writing(engine) as connection:
        if outcome == "no_answer":
            row = _mine(connection, return_call_id, who)
            tried = row.attempts + 1
            told = f"{outcome}: {note}" if note else outcome
            again_at = next_try(window, now, tried, overlay(connection, window.calendar.name))
            values = {"state": "claimed", "owner": who, "claimed_at": row.claimed_at or now, "next_at": again_at}
            _set(connection, return_call_id, attempts=tried, outcome=outcome, result=note, **values)
            write_ledger(connection, return_call_id, "result", by=who, at=now, note=told[:MAX_NOTE])
            return again_at
        close_in(connection, return_call_id, who, outcome, note, now)
        return None


def may_settle(connection: Connection, return_call_id: int, who: str) -> bool:
    """Whether it is pending, and `who`'s or nobody's."""
    row = connection.execute(select(return_call).where(return_call.c.id == return_call_id)).first()
    return row is not None and row.state in PENDING_STATES and row.owner in ("", who)


def close_in(connection: Connection, return_call_id: int, who: str, outcome: Closing, note: str, now: float) -> None:
    """What settle() does where it closes a return call, in a transaction that does more. Raises as it does."""
    who, note = _name(who), _reason(note, may_be_empty=outcome != "done")
    row = _mine(connection, return_call_id, who)
    values = {"state": "closed", "next_at": None, "closed_at": now, "closed_by": who}
    _set(connection, return_call_id, attempts=row.attempts + 1, outcome=outcome, result=note, **values)
    told = f"{outcome}: {note}" if note else outcome
    write_ledger(connection, return_call_id, "closed", by=who, at=now, note=told[:MAX_NOTE])


def waive(engine: Engine, return_call_id: int, who: str, reason: str, now: float, *, others: bool = False) -> None:
    """Decide, with a reason, that nobody will call. others: also what somebody else has claimed.

    Raises NotFound, NotYours, AlreadyDone, NameNeeded, ReasonNeeded.
    """
    who, reason = _name(who), _reason(reason)
    with writing(engine) as connection:
        _refuse_others(_pending(connection, return_call_id), who, others)
        _set(connection, return_call_id, state="waived", waive_reason=reason, next_at=None, closed_at=now, closed_by=who)
        write_ledger(connection, return_call_id, "waived", by=who, at=now, note=reason)


def _refuse_others(row: Any, who: str, others: bool) -> None:
    if row.owner not in ("", who) and not others:
        raise NotYours(row.owner)


def _pending(connection: Connection, return_call_id: int) -> Any:
    row = connection.execute(select(return_call).where(return_call.c.id == return_call_id).with_for_update()).first()
    if row is None:
        raise NotFound
    if row.state not in PENDING_STATES:
        raise AlreadyDone
    return row


def _mine(connection: Connection, return_call_id: int, who: str) -> Any:
    row = _pending(connection, return_call_id)
    if row.owner not in ("", who):
        raise AlreadyClaimed(row.owner)
    return row


def _set(connection: Connection, return_call_id: int, **values: Any) -> None:
    connection.execute(update(return_call).where(return_call.c.id == return_call_id).values(**values))


def _name(text: str) -> str:
    text = clean(text).strip()
    if not 0 < len(text) <= MAX_NAME:
        raise NameNeeded
    return text


def _reason(text: str, *, may_be_empty: bool = False) -> str:
    text = clean(text).strip()
    if len(text) > MAX_NOTE or not (text or may_be_empty):
        raise ReasonNeeded
    return text
