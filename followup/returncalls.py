"""[io] Return calls (回电) as people see them: lists by deadline, and the whole history of one."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from sqlalchemy import ColumnElement, Engine, Select, and_, bindparam, case, func, literal, or_, select

from followup.book import PENDING_STATES
from followup.tables import call_log, ledger, return_call, return_call_call
from storage.sql import Source, reading

_OF_CALL = ("arrived_at", "wait_s", "caller", "message_s", "seat", "talk_s", "result")
_DEBTS = ("owed", "agreed")

Which = Literal["", "free", "late", "again"]
"""Of those that are pending all, those that nobody has claimed, the overdue ones, those to be tried again."""


class NotFound(Exception):
    """There is no return call of this id."""


@dataclass(frozen=True, slots=True)
class OwedCall:
    """A return call as people see it. Times are epoch seconds; `calls` counts the calls that made the debt; `message_call` is
    the latest of them in which a message was left, "" when none was. `outcome` is how the last try went, a key of
    followup.callbacks.OUTCOMES; `next_at` when to try again; `deadline` the later one of that and `due_at`."""

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
    outcome: str
    result: str
    next_at: float | None
    closed_at: float | None
    closed_by: str
    waive_reason: str
    calls: int
    message_call: str
    overdue: bool

    @property
    def pending(self) -> bool:
        return self.state in PENDING_STATES

    @property
    def deadline(self) -> float:
        return max(self.due_at, self.next_at or 0.0)


@dataclass(frozen=True, slots=True)
class LedgerLine:
    """One line of a return call's history."""

    what: str
    by: str
    at: float
    note: str


@dataclass(frozen=True, slots=True)
class Attachment:
    """A call behind a return call; role "owed", "served", "dialled" (made by `seat` to pay it; `result` and `talk_s` say how it
    went) or "agreed" (in its talk a time was agreed on). `caller` is the customer's number, `message_s` how long a message they
    left, None without one."""

    call_id: str
    role: str
    arrived_at: float
    wait_s: float | None
    caller: str
    message_s: float | None
    seat: str = ""
    talk_s: float | None = None
    result: str = ""


@dataclass(frozen=True, slots=True)
class History:
    """All that is known of one return call."""

    owed: OwedCall
    ledger: tuple[LedgerLine, ...]
    calls: tuple[Attachment, ...]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which return calls to list; "" asks for all. number: a part of it; owner: who has claimed it (or who closed it)."""

    which: Which = ""
    owner: str = ""
    hotline: str = ""
    number: str = ""


ALL = Wanted()


@dataclass(frozen=True, slots=True)
class Tally:
    """How many are pending: all, free, overdue, to be tried again."""

    pending: int
    free: int
    late: int
    again: int


def list_open(engine: Engine, now: float, wanted: Wanted = ALL, *, limit: int = 500) -> list[OwedCall]:
    """What is still to be called, the earliest deadline first: so overdue ones stand on top."""
    query = _by_deadline().where(*_where(wanted, now)).limit(limit)
    with reading(engine) as connection:
        return [_owed_call(row, now) for row in connection.execute(query)]


def of_person(source: Source, login: str, now: float, *, limit: int) -> list[OwedCall]:
    """What somebody has claimed and is still to call, as list_open() has it."""
    with reading(source) as connection:
        return [_owed_call(row, now) for row in connection.execute(_of_person(), {"login": login, "most": limit})]


def of_number(source: Source, number: str, now: float) -> list[OwedCall]:
    """What is still to be called at this very number, in all hotlines."""
    with reading(source) as connection:
        return [_owed_call(row, now) for row in connection.execute(_of_number(), {"wanted": number})]


def count_free(source: Source) -> int:
    """How many nobody has claimed."""
    with reading(source) as connection:
        return int(connection.execute(_free()).scalar_one())


def list_done(engine: Engine, now: float, wanted: Wanted = ALL, *, limit: int = 200) -> list[OwedCall]:
    """What was closed or waived, the latest first."""
    query = (
        _owed_calls()
        .where(return_call.c.state.not_in(PENDING_STATES), *_where(wanted, now))
        .order_by(return_call.c.closed_at.desc(), return_call.c.id.desc())
        .limit(limit)
    )
    with reading(engine) as connection:
        return [_owed_call(row, now) for row in connection.execute(query)]


def tally(engine: Engine, now: float) -> Tally:
    """The counts of what is pending."""

    def count(condition: ColumnElement[bool]) -> Any:
        return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)

    query = select(
        func.count(),
        count(return_call.c.state == "open"),
        count(_deadline() < now),
        count(return_call.c.next_at.is_not(None)),
    ).where(return_call.c.state.in_(PENDING_STATES))
    with reading(engine) as connection:
        return Tally(*(int(n) for n in connection.execute(query).one()))


def history(engine: Engine, return_call_id: int, now: float) -> History:
    """One return call with its ledger and its calls. Raises NotFound."""
    with reading(engine) as connection:
        row = connection.execute(_owed_calls().where(return_call.c.id == return_call_id)).first()
        if row is None:
            raise NotFound
        lines = connection.execute(select(ledger).where(ledger.c.return_call_id == return_call_id).order_by(ledger.c.id))
        calls = connection.execute(
            select(return_call_call.c.call_id, return_call_call.c.role, *(call_log.c[name] for name in _OF_CALL))
            .join(call_log, call_log.c.call_id == return_call_call.c.call_id)
            .where(return_call_call.c.return_call_id == return_call_id)
            .order_by(call_log.c.arrived_at)
        )
        return History(
            _owed_call(row, now),
            tuple(LedgerLine(line.what, line.by, line.at, line.note) for line in lines),
            tuple(Attachment(*row) for row in calls),
        )


def touched(engine: Engine, after: int) -> tuple[int, frozenset[str]]:
    """The ledger's last line, and whom the lines after number `after` are about, by login: who has the return call now, who did
    something with it, to or from whom it went. Without a limit: ask often, beginning with last_line()."""
    lines = (
        select(ledger.c.id, ledger.c.what, ledger.c.by, ledger.c.note, return_call.c.owner)
        .join(return_call, return_call.c.id == ledger.c.return_call_id)
        .where(ledger.c.id > after)
    )
    with reading(engine) as connection:
        rows = connection.execute(lines).all()
    moved = {row.note for row in rows if row.what in ("handed_over", "released")}
    people = {name for row in rows for name in (row.by, row.owner)}
    return max((row.id for row in rows), default=after), frozenset((people | moved) - {""})


def last_line(engine: Engine) -> int:
    """The number of the ledger's last line, 0 for none."""
    with reading(engine) as connection:
        return int(connection.execute(select(func.coalesce(func.max(ledger.c.id), 0))).scalar_one())


@cache
def _deadline() -> ColumnElement[float]:
    later = return_call.c.next_at > return_call.c.due_at
    return case((later, return_call.c.next_at), else_=return_call.c.due_at)


def _where(wanted: Wanted, now: float) -> list[ColumnElement[bool]]:
    where: list[ColumnElement[bool]] = []
    match wanted.which:
        case "free":
            where.append(return_call.c.state == "open")
        case "late":
            where.append(_deadline() < now)
        case "again":
            where.append(return_call.c.next_at.is_not(None))
    if wanted.owner:
        done = and_(return_call.c.state.not_in(PENDING_STATES), return_call.c.closed_by == wanted.owner)
        where.append(or_(return_call.c.owner == wanted.owner, done))
    if wanted.hotline:
        where.append(return_call.c.hotline == wanted.hotline)
    if wanted.number:
        where.append(return_call.c.number.contains(wanted.number, autoescape=True))
    return where


@cache
def _by_deadline() -> Select[Any]:
    pending = _owed_calls().where(return_call.c.state.in_([literal(state) for state in PENDING_STATES]))
    return pending.order_by(_deadline(), return_call.c.opened_at, return_call.c.id)


@cache
def _of_person() -> Select[Any]:
    return _by_deadline().where(return_call.c.owner == bindparam("login")).limit(bindparam("most"))


@cache
def _of_number() -> Select[Any]:
    return _by_deadline().where(return_call.c.number == bindparam("wanted"))


@cache
def _free() -> Select[Any]:
    return select(func.count()).select_from(return_call).where(return_call.c.state == "open")


@cache  # to build it takes longer than SQL needs to answer
def _owed_calls() -> Select[Any]:
    of_this = and_(
        return_call_call.c.return_call_id == return_call.c.id, return_call_call.c.role.in_([literal(role) for role in _DEBTS])
    )
    calls = select(func.count()).select_from(return_call_call).where(of_this).scalar_subquery()

    joined = return_call_call.join(call_log, call_log.c.call_id == return_call_call.c.call_id)

    def of_call(column: str) -> Any:
        # Where another number was given than that of the call, nobody knows its place.
        its_own = call_log.c.caller == return_call.c.number
        return select(func.max(call_log.c[column])).select_from(joined).where(of_this, its_own).scalar_subquery()

    spoken = select(call_log.c.call_id).select_from(joined).where(of_this, call_log.c.message_path != "")
    message = spoken.order_by(call_log.c.arrived_at.desc()).limit(1).scalar_subquery()
    return select(
        return_call,
        calls.label("calls"),
        of_call("province").label("province"),
        of_call("city").label("city"),
        message.label("message_call"),
    )


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
        outcome=row.outcome,
        result=row.result,
        next_at=row.next_at,
        closed_at=row.closed_at,
        closed_by=row.closed_by,
        waive_reason=row.waive_reason,
        calls=row.calls,
        message_call=row.message_call or "",
        overdue=row.state in PENDING_STATES and max(row.due_at, row.next_at or 0.0) < now,
    )
