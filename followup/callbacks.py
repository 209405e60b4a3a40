"""[io] What people do with return calls (回电): look, claim, call, close or waive."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, Select, and_, func, select, update

from followup.book import PENDING_STATES, write_ledger
from followup.events import clean
from followup.tables import call_log, ledger, return_call, return_call_call
from storage.sql import reading, writing

MAX_NOTE = 500
MAX_NAME = 64


class CallbackError(Exception):
    """A person asked for something that can't be done now; each kind is a class of its own."""


class NotFound(CallbackError):
    """There is no return call of this id."""


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


@dataclass(frozen=True, slots=True)
class OwedCall:
    """A return call as people see it. Times are epoch seconds; `calls` counts the calls that made the debt."""

    id: int
    kind: str
    state: str
    hotline: str
    number: str
    province: str
    city: str
    reason: str
    opened_at: float
    due_at: float
    owner: str
    claimed_at: float | None
    attempts: int
    result: str
    closed_at: float | None
    closed_by: str
    waive_reason: str
    calls: int
    overdue: bool

    @property
    def pending(self) -> bool:
        return self.state in PENDING_STATES


@dataclass(frozen=True, slots=True)
class LedgerLine:
    """One line of a return call's history."""

    what: str
    by: str
    at: float
    note: str


@dataclass(frozen=True, slots=True)
class Attachment:
    """A call behind a return call; role "owed" or "served"."""

    call_id: str
    role: str
    arrived_at: float
    wait_s: float | None


@dataclass(frozen=True, slots=True)
class History:
    """All that is known of one return call."""

    owed: OwedCall
    ledger: tuple[LedgerLine, ...]
    calls: tuple[Attachment, ...]


def list_open(engine: Engine, now: float, *, limit: int = 500) -> list[OwedCall]:
    """What is still to be called, the earliest deadline first."""
    query = (
        _owed_calls()
        .where(return_call.c.state.in_(PENDING_STATES))
        .order_by(return_call.c.due_at, return_call.c.opened_at)
        .limit(limit)
    )
    with reading(engine) as connection:
        return [_owed_call(row, now) for row in connection.execute(query)]


def list_done(engine: Engine, now: float, *, limit: int = 200) -> list[OwedCall]:
    """What was closed or waived, the latest first."""
    query = (
        _owed_calls()
        .where(return_call.c.state.not_in(PENDING_STATES))
        .order_by(return_call.c.closed_at.desc(), return_call.c.id.desc())
        .limit(limit)
    )
    with reading(engine) as connection:
        return [_owed_call(row, now) for row in connection.execute(query)]


def history(engine: Engine, return_call_id: int, now: float) -> History:
    """One return call with its ledger and its calls. Raises NotFound."""
    with reading(engine) as connection:
        row = connection.execute(_owed_calls().where(return_call.c.id == return_call_id)).first()
        if row is None:
            raise NotFound
        lines = connection.execute(select(ledger).where(ledger.c.return_call_id == return_call_id).order_by(ledger.c.id))
        calls = connection.execute(
            select(return_call_call.c.call_id, return_call_call.c.role, call_log.c.arrived_at, call_log.c.wait_s)
            .join(call_log, call_log.c.call_id == return_call_call.c.call_id)
            .where(return_call_call.c.return_call_id == return_call_id)
            .order_by(call_log.c.arrived_at)
        )
        return History(
            _owed_call(row, now),
            tuple(LedgerLine(line.what, line.by, line.at, line.note) for line in lines),
            tuple(Attachment(c.call_id, c.role, c.arrived_at, c.wait_s) for c in calls),
        )


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


def release(engine: Engine, return_call_id: int, who: str, now: float) -> None:
    """Give a claim back. Anybody may, so that no return call waits for someone who went home; the ledger tells who did.

    Raises NotFound, NotClaimed, AlreadyDone, NameNeeded.
    """
    who = _name(who)
    with writing(engine) as connection:
        row = _pending(connection, return_call_id)
        if row.state != "claimed":
            raise NotClaimed
        _set(connection, return_call_id, state="open", owner="", claimed_at=None)
        write_ledger(connection, return_call_id, "released", by=who, at=now, note=row.owner)


def record_result(engine: Engine, return_call_id: int, who: str, result: str, now: float) -> None:
    """Note a call that did not settle it (no answer, asked to ring later): it stays owed.

    Raises NotFound, AlreadyClaimed (by another), AlreadyDone, NameNeeded, ReasonNeeded.
    """
    who, result = _name(who), _reason(result)
    with writing(engine) as connection:
        _mine(connection, return_call_id, who)
        _set(connection, return_call_id, attempts=return_call.c.attempts + 1, result=result)
        write_ledger(connection, return_call_id, "result", by=who, at=now, note=result)


def close(engine: Engine, return_call_id: int, who: str, result: str, now: float) -> None:
    """The caller was reached: paid. Raises as record_result does."""
    who, result = _name(who), _reason(result)
    with writing(engine) as connection:
        _mine(connection, return_call_id, who)
        _set(
            connection,
            return_call_id,
            state="closed",
            attempts=return_call.c.attempts + 1,
            result=result,
            closed_at=now,
            closed_by=who,
        )
        write_ledger(connection, return_call_id, "closed", by=who, at=now, note=result)


def waive(engine: Engine, return_call_id: int, who: str, reason: str, now: float) -> None:
    """Decide, with a reason, that nobody will call. Raises as record_result does."""
    who, reason = _name(who), _reason(reason)
    with writing(engine) as connection:
        _mine(connection, return_call_id, who)
        _set(connection, return_call_id, state="waived", waive_reason=reason, closed_at=now, closed_by=who)
        write_ledger(connection, return_call_id, "waived", by=who, at=now, note=reason)


def _owed_calls() -> Select[Any]:
    of_this = and_(return_call_call.c.return_call_id == return_call.c.id, return_call_call.c.role == "owed")
    calls = select(func.count()).select_from(return_call_call).where(of_this).scalar_subquery()

    def of_call(column: str) -> Any:
        joined = return_call_call.join(call_log, call_log.c.call_id == return_call_call.c.call_id)
        return select(func.max(call_log.c[column])).select_from(joined).where(of_this).scalar_subquery()

    return select(return_call, calls.label("calls"), of_call("province").label("province"), of_call("city").label("city"))


def _owed_call(row: Any, now: float) -> OwedCall:
    return OwedCall(
        id=row.id,
        kind=row.kind,
        state=row.state,
        hotline=row.hotline,
        number=row.number,
        province=row.province or "",
        city=row.city or "",
        reason=row.reason,
        opened_at=row.opened_at,
        due_at=row.due_at,
        owner=row.owner,
        claimed_at=row.claimed_at,
        attempts=row.attempts,
        result=row.result,
        closed_at=row.closed_at,
        closed_by=row.closed_by,
        waive_reason=row.waive_reason,
        calls=row.calls,
        overdue=row.state in PENDING_STATES and row.due_at < now,
    )


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


def _reason(text: str) -> str:
    text = clean(text).strip()
    if not 0 < len(text) <= MAX_NOTE:
        raise ReasonNeeded
    return text
