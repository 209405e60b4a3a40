"""[io] Reading the call log: search, one call's timeline, and a day's figures."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Engine, and_, case, func, select

from followup.book import call_row
from followup.calllog import CallRow
from followup.quality import LegQuality, of_call
from followup.tables import call_event, call_log, return_call, return_call_call
from storage.sql import reading

_NUMBER = "number:"
"""What the subjects of a number's own events begin with."""

INBOUND = "inbound"

OUTCOMES: Mapping[str, ColumnElement[bool]] = {
    "live": call_log.c.ended_at.is_(None),
    "talked": and_(call_log.c.ended_at.is_not(None), call_log.c.talking_at.is_not(None)),
    "missed": and_(call_log.c.ended_at.is_not(None), call_log.c.talking_at.is_(None), call_log.c.queued_at.is_not(None)),
    "menu": and_(
        call_log.c.ended_at.is_not(None),
        call_log.c.talking_at.is_(None),
        call_log.c.queued_at.is_(None),
        call_log.c.kind == INBOUND,
    ),
    "unreached": and_(
        call_log.c.ended_at.is_not(None),
        call_log.c.talking_at.is_(None),
        call_log.c.queued_at.is_(None),
        call_log.c.kind != INBOUND,
    ),
}
"""What became of a call: it lives, was talked to, waited in vain, never asked for a person; or a seat called, and nobody took
the call."""


@dataclass(frozen=True, slots=True)
class Search:
    """Which calls to list; "" and None ask for all. `number` is a part of the caller's number; times are epoch seconds."""

    number: str = ""
    outcome: str = ""
    since: float | None = None
    until: float | None = None


@dataclass(frozen=True, slots=True)
class LoggedCall:
    """A call of the log, and the return call it made owed, if any: its id and state."""

    row: CallRow
    return_call_id: int | None
    return_call_state: str

    @property
    def outcome(self) -> str:
        """A key of OUTCOMES."""
        if self.row.ended_at is None:
            return "live"
        if self.row.talking_at is not None:
            return "talked"
        if self.row.queued_at is not None:
            return "missed"
        return "menu" if self.row.kind == INBOUND else "unreached"


@dataclass(frozen=True, slots=True)
class TimelineEvent:
    """One step of a call."""

    seq: int
    type: str
    at: float
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Refused:
    """A call that was turned away before the answer. why: "blocked" or "too_many_calls"; reason: that of the block list."""

    number: str
    at: float
    why: str
    reason: str


@dataclass(frozen=True, slots=True)
class Details:
    """One call with its events in order, and the same number's latest other calls."""

    call: LoggedCall
    events: tuple[TimelineEvent, ...]
    others: tuple[LoggedCall, ...]
    quality: tuple[LegQuality, ...]

    def seat(self, leg: int) -> str:
        """Whose telephone the leg of this number is; "" for the caller's."""
        seats = [str(event.data.get("seat", "")) for event in self.events if event.type == "offered"]
        return seats[leg - 1] if 0 < leg <= len(seats) else ""

    @property
    def takes(self) -> tuple[str, ...]:
        """The recordings in their order: one, and one more for each media process that died meanwhile."""
        return tuple(str(event.data.get("path", "")) for event in self.events if event.type == "recording")


@dataclass(frozen=True, slots=True)
class Figures:
    """Counts of calls: arrived, asked for a person (queued), were talked to, and waited in vain (ended calls)."""

    arrived: int
    queued: int
    talked: int
    missed: int

    @property
    def answered_share(self) -> float | None:
        """接通率: answered ÷ offered, of the calls that are decided; None before there is one."""
        decided = self.talked + self.missed
        return self.talked / decided if decided else None


def search(engine: Engine, wanted: Search, *, limit: int = 50, offset: int = 0) -> tuple[list[LoggedCall], int]:
    """One page of the log, the latest call first, and how many calls there are in all."""
    where = _where(wanted)
    query = _logged().where(*where).order_by(call_log.c.arrived_at.desc(), call_log.c.call_id.desc())
    with reading(engine) as connection:
        total = connection.execute(select(func.count()).select_from(call_log).where(*where)).scalar_one()
        return [_logged_call(row) for row in connection.execute(query.limit(limit).offset(offset))], int(total)


def details(engine: Engine, call_id: str) -> Details | None:
    """One call, or None where the log has none of this id."""
    with reading(engine) as connection:
        row = connection.execute(_logged().where(call_log.c.call_id == call_id)).first()
        if row is None:
            return None
        call = _logged_call(row)
        events = connection.execute(select(call_event).where(call_event.c.subject == call_id).order_by(call_event.c.seq))
        timeline = tuple(TimelineEvent(e.seq, e.type, e.at, json.loads(e.data)) for e in events)
        others: tuple[LoggedCall, ...] = ()
        if call.row.caller:
            same = _logged().where(call_log.c.caller == call.row.caller, call_log.c.call_id != call_id)
            found = connection.execute(same.order_by(call_log.c.arrived_at.desc()).limit(10))
            others = tuple(_logged_call(other) for other in found)
        return Details(call, timeline, others, of_call(connection, call_id))


def refusals(engine: Engine, limit: int = 50) -> list[Refused]:
    """The latest calls that were turned away, the last one first."""
    of_numbers = (call_event.c.subject >= _NUMBER, call_event.c.subject < _NUMBER[:-1] + ";")  # the range that the index knows
    query = select(call_event).where(*of_numbers, call_event.c.type == "refused").order_by(call_event.c.at.desc())
    with reading(engine) as connection:
        found = connection.execute(query.limit(limit)).all()
    return [_refused(row.subject.removeprefix(_NUMBER), row.at, json.loads(row.data)) for row in found]


def figures(engine: Engine, since: float, until: float) -> Figures:
    """The counts of calls that came in in [since, until)."""

    def count(condition: ColumnElement[bool]) -> Any:
        return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)

    query = select(
        func.count().label("arrived"),
        count(call_log.c.queued_at.is_not(None)).label("queued"),
        count(call_log.c.talking_at.is_not(None)).label("talked"),
        count(OUTCOMES["missed"]).label("missed"),
    ).where(call_log.c.arrived_at >= since, call_log.c.arrived_at < until, call_log.c.kind == INBOUND)
    with reading(engine) as connection:
        row = connection.execute(query).one()
        return Figures(int(row.arrived), int(row.queued), int(row.talked), int(row.missed))


def _refused(number: str, at: float, data: Mapping[str, Any]) -> Refused:
    return Refused(number, at, str(data.get("why", "")), str(data.get("reason", "")))


def _where(wanted: Search) -> list[ColumnElement[bool]]:
    where: list[ColumnElement[bool]] = []
    if wanted.number:
        where.append(call_log.c.caller.contains(wanted.number, autoescape=True))
    if wanted.outcome:
        where.append(OUTCOMES[wanted.outcome])
    if wanted.since is not None:
        where.append(call_log.c.arrived_at >= wanted.since)
    if wanted.until is not None:
        where.append(call_log.c.arrived_at < wanted.until)
    return where


def _logged() -> Any:
    attached = and_(return_call_call.c.call_id == call_log.c.call_id, return_call_call.c.role == "owed")
    return select(
        call_log, return_call.c.id.label("return_call_id"), return_call.c.state.label("return_call_state")
    ).select_from(
        call_log.outerjoin(return_call_call, attached).outerjoin(
            return_call, return_call.c.id == return_call_call.c.return_call_id
        )
    )


def _logged_call(row: Any) -> LoggedCall:
    return LoggedCall(call_row(row), row.return_call_id, row.return_call_state or "")
