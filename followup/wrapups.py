"""[io] What a seat writes of a talk (小结): notes from the first ring on, then why the customer called, whether it is resolved,
and whether a call back was agreed, which is owed from the same transaction on.

A draft is kept as it is written: a page may be loaded anew, or on another screen, and goes on. Each save names the revision
that it goes on from; what another screen has written meanwhile is not overwritten.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Connection, Engine, bindparam, insert, select, update
from sqlalchemy.exc import IntegrityError

from followup.book import PENDING_STATES, SYSTEM, write_ledger
from followup.callbacks import Closing, close_in, may_settle
from followup.events import MAX_TEXT, clean
from followup.tables import call_log, return_call, return_call_call, wrap_up
from storage.sql import Source, reading, writing

MAX_NOTES = 4000
LATEST_S = 90 * 86400.0
"""A call is agreed on for no later than that."""

AGREED = "agreed"
"""Reason of a return call that seat and customer have agreed on, role of the call in which they did, and the ledger's word."""


@dataclass(frozen=True, slots=True)
class Draft:
    """What a page sends. reason: a code of the settings, "" not said yet; resolved: None not said yet; wanted_at: when the
    customer wants to be called, epoch seconds, None for not at all; wanted_number: at which number, "" for the call's."""

    reason: str = ""
    resolved: bool | None = None
    notes: str = ""
    wanted_at: float | None = None
    wanted_number: str = ""


@dataclass(frozen=True, slots=True)
class WrapUp:
    """A draft as it is kept, or what was said in the end (done_at). revision: to be named at the next save; return_call_id: the
    return call that was agreed on."""

    call_id: str
    seat: str
    by: str
    draft: Draft
    revision: int
    saved_at: float
    done_at: float | None = None
    return_call_id: int | None = None


@dataclass(frozen=True, slots=True)
class Talk:
    """What the page knows of a call that the log may not have yet: the outside party's number, the hotline ("" for a call out),
    and the return call that it was made for (0 for none)."""

    number: str = ""
    hotline: str = ""
    return_call_id: int = 0


class WrapUpError(Exception):
    """It can't be stored so; each kind is a class of its own."""


class Changed(WrapUpError):
    """Another screen has written it meanwhile; `current` is what stands there now."""

    def __init__(self, current: WrapUp) -> None:
        super().__init__("changed meanwhile")
        self.current = current


class Done(WrapUpError):
    """It is done already."""


class Foreign(WrapUpError):
    """It is another seat's."""


class TooLong(WrapUpError):
    """Notes of more than MAX_NOTES characters, or a number that is none."""


class ReasonMissing(WrapUpError):
    """No reason of the settings was chosen."""


class ResolvedMissing(WrapUpError):
    """Whether it is resolved was not said."""


class WrongTime(WrapUpError):
    """The agreed time is over, or more than LATEST_S away."""


class NumberMissing(WrapUpError):
    """The customer hid their number and gave none to call."""


def of_call(engine: Engine, call_id: str) -> WrapUp | None:
    """What is kept of a call."""
    with reading(engine) as connection:
        return _of_call(connection, call_id)


def seat_of(engine: Engine, call_id: str) -> str:
    """The seat that talked in a call, as the log has it; "" for none."""
    with reading(engine) as connection:
        talked = select(call_log.c.seat).where(call_log.c.call_id == call_id, call_log.c.talking_at.is_not(None))
        return str(connection.execute(talked).scalar() or "")


def drafts(source: Source, seat: str, limit: int = 20) -> list[WrapUp]:
    """What a seat has begun and not done, the latest first."""
    with reading(source) as connection:
        return [_wrap_up(row) for row in connection.execute(_drafts(), {"seat": seat, "most": limit})]


@cache
def _drafts() -> Any:
    mine = select(wrap_up).where(wrap_up.c.seat == bindparam("seat"), wrap_up.c.done_at.is_(None))
    return mine.order_by(wrap_up.c.saved_at.desc()).limit(bindparam("most"))


def of_calls(source: Source, call_ids: Collection[str]) -> dict[str, WrapUp]:
    """What is kept of several calls, by their ids."""
    if not call_ids:
        return {}
    with reading(source) as connection:
        return {row.call_id: _wrap_up(row) for row in connection.execute(_of_calls(), {"call_ids": list(call_ids)})}


@cache
def _of_calls() -> Any:
    return select(wrap_up).where(wrap_up.c.call_id.in_(bindparam("call_ids", expanding=True)))


def save(engine: Engine, call_id: str, seat: str, who: str, draft: Draft, revision: int, now: float) -> WrapUp:
    """Keep a draft, which goes on from `revision` (0: there was none). Saving what stands there already changes nothing.

    Raises Changed, Done, Foreign, TooLong.
    """
    draft = _clean(draft)
    return _again(engine, lambda connection: _save(connection, call_id, seat, who, draft, revision, now))


def finish(
    engine: Engine,
    call_id: str,
    seat: str,
    who: str,
    draft: Draft,
    revision: int,
    now: float,
    *,
    reasons: Collection[str],
    talk: Talk | None = None,
    closing: Closing | None = None,
    mine: bool = True,
) -> WrapUp:
    """Say the last word of a talk. reasons: the codes of the settings, none: a reason is not asked for.

    A time that was agreed (wanted_at) opens a return call in the same transaction, due then, `who`'s if `mine`. Where one is
    pending for this number and hotline already, it waits for that time instead: its ledger tells. closing: how the return call
    went that this call was dialled for, which is closed so (None: it is left as it is; but with a new time it was "reached").

    Raises Changed, Done, Foreign, TooLong, ReasonMissing, ResolvedMissing, WrongTime, NumberMissing, and what
    followup.callbacks.settle() raises.
    """
    draft, talk = _clean(draft), talk or Talk()
    if reasons and draft.reason not in reasons:
        raise ReasonMissing
    if draft.resolved is None:
        raise ResolvedMissing
    if draft.wanted_at is not None and not now < draft.wanted_at <= now + LATEST_S:
        raise WrongTime

    def last_word(connection: Connection) -> WrapUp:
        kept = _save(connection, call_id, seat, who, draft, revision, now)
        dialled = _dialled_for(connection, call_id) or talk.return_call_id
        outcome = closing
        if draft.wanted_at is not None and outcome is None and dialled and may_settle(connection, dialled, who):
            outcome = "reached"
        if outcome is not None and dialled:
            close_in(connection, dialled, who, outcome, "", now)
        agreed = None
        if draft.wanted_at is not None:
            agreed = _agree(connection, call_id, who, draft, _known(connection, call_id, dialled, talk), now, mine=mine)
        done = {"done_at": now, "return_call_id": agreed}
        connection.execute(update(wrap_up).where(wrap_up.c.call_id == call_id).values(**done))
        return WrapUp(call_id, seat, kept.by, draft, kept.revision, kept.saved_at, now, agreed)

    return _again(engine, last_word)


def _again(engine: Engine, write: Callable[[Connection], WrapUp]) -> WrapUp:
    """Where another has made the same row at the same time (a second screen, the scribe), it is there the second time."""
    try:
        with writing(engine) as connection:
            return write(connection)
    except IntegrityError:
        with writing(engine) as connection:
            return write(connection)


def _save(connection: Connection, call_id: str, seat: str, who: str, draft: Draft, revision: int, now: float) -> WrapUp:
    current = _of_call(connection, call_id, lock=True)
    if current is not None and current.seat != seat:
        raise Foreign
    if current is not None and current.done_at is not None:
        raise Done
    if current is not None and current.draft == draft:
        return current
    if current is not None and current.revision != revision:
        raise Changed(current)
    values = {
        "by": who,
        "reason": draft.reason,
        "resolved": draft.resolved,
        "notes": draft.notes,
        "wanted_at": draft.wanted_at,
        "wanted_number": draft.wanted_number,
        "saved_at": now,
    }
    if current is None:
        connection.execute(insert(wrap_up).values(call_id=call_id, seat=seat, revision=1, **values))
        return WrapUp(call_id, seat, who, draft, 1, now)
    connection.execute(update(wrap_up).where(wrap_up.c.call_id == call_id).values(revision=revision + 1, **values))
    return WrapUp(call_id, seat, who, draft, revision + 1, now)


def _agree(connection: Connection, call_id: str, who: str, draft: Draft, talk: Talk, now: float, *, mine: bool) -> int:
    number = draft.wanted_number or talk.number
    if not number:
        raise NumberMissing
    pending = connection.execute(
        select(return_call)
        .where(return_call.c.hotline == talk.hotline, return_call.c.number == number)
        .where(return_call.c.state.in_(PENDING_STATES))
        .with_for_update()
    ).first()
    at = draft.wanted_at
    assert at is not None
    if pending is None:
        found = connection.execute(
            insert(return_call)
            .values(
                kind="return",
                state="open",
                hotline=talk.hotline,
                number=number,
                reason=AGREED,
                opened_at=now,
                due_at=at,
                owner="",
                attempts=0,
                result="",
                closed_by="",
                waive_reason="",
            )
            .returning(return_call.c.id)
        ).scalar_one()
        write_ledger(connection, found, "opened", by=SYSTEM, at=now, note=call_id)
    else:
        found = pending.id
        waits = {"due_at": min(pending.due_at, at), "next_at": at}
        connection.execute(update(return_call).where(return_call.c.id == found).values(**waits))
    write_ledger(connection, found, AGREED, by=who, at=now, note=call_id)
    if mine and (pending is None or pending.owner == ""):
        claimed = {"state": "claimed", "owner": who, "claimed_at": now}
        connection.execute(update(return_call).where(return_call.c.id == found).values(**claimed))
        write_ledger(connection, found, "claimed", by=who, at=now)
    attached = select(return_call_call.c.role).where(
        return_call_call.c.return_call_id == found, return_call_call.c.call_id == call_id
    )
    if connection.execute(attached).first() is None:
        connection.execute(insert(return_call_call).values(return_call_id=found, call_id=call_id, role=AGREED))
    return int(found)


def _known(connection: Connection, call_id: str, dialled: int, talk: Talk) -> Talk:
    """Number and hotline: of the return call that was being paid, else of the log, else as the page knows them."""
    if dialled:
        row = connection.execute(select(return_call.c.number, return_call.c.hotline).where(return_call.c.id == dialled)).first()
        if row is not None:
            return Talk(row.number or talk.number, row.hotline, dialled)
    logged = connection.execute(
        select(call_log.c.caller, call_log.c.dialable, call_log.c.hotline).where(call_log.c.call_id == call_id)
    ).first()
    if logged is None:
        return talk
    return Talk(logged.caller if logged.dialable else "", logged.hotline)


def _dialled_for(connection: Connection, call_id: str) -> int:
    """The return call that this call was made to pay, 0 for none."""
    wanted = select(return_call_call.c.return_call_id).where(return_call_call.c.call_id == call_id)
    found = connection.execute(wanted.where(return_call_call.c.role == "dialled")).scalar()
    return int(found or 0)


def _of_call(connection: Connection, call_id: str, *, lock: bool = False) -> WrapUp | None:
    query = select(wrap_up).where(wrap_up.c.call_id == call_id)
    row = connection.execute(query.with_for_update() if lock else query).first()
    return None if row is None else _wrap_up(row)


def _wrap_up(row: Any) -> WrapUp:
    draft = Draft(row.reason, row.resolved, row.notes, row.wanted_at, row.wanted_number)
    return WrapUp(row.call_id, row.seat, row.by, draft, row.revision, row.saved_at, row.done_at, row.return_call_id)


def _clean(draft: Draft) -> Draft:
    reason, notes, number = clean(draft.reason).strip(), clean(draft.notes), clean(draft.wanted_number).strip()
    if len(reason) > MAX_TEXT or len(notes) > MAX_NOTES or len(number) > MAX_TEXT:
        raise TooLong
    if not all(character in "0123456789+" for character in number):
        raise TooLong
    return Draft(reason, draft.resolved, notes, draft.wanted_at, number)
