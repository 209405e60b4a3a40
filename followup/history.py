"""[io] Reading the call log: one call's timeline, and a day's figures. Lists of calls: followup/search.py."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, and_, bindparam, case, func, select

from followup import ratings
from followup.book import CALL_ROW, call_row
from followup.calllog import INBOUND, CallRow
from followup.quality import LegQuality, of_call
from followup.ratings import CallRating
from followup.tables import call_event, call_log, return_call, return_call_call
from storage.sql import Source, reading

_NUMBER = "number:"
"""What the subjects of a number's own events begin with."""


@dataclass(frozen=True, slots=True)
class LoggedCall:
    """A call of the log, and the return call it made owed, if any: its id and state."""

    row: CallRow
    return_call_id: int | None
    return_call_state: str

    @property
    def outcome(self) -> str:
        """One of followup.calllog.OUTCOMES."""
        return self.row.outcome


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
    rating: CallRating | None
    served: int | None = None
    """The return call that this call paid for: the caller rang again before anybody called back."""

    def seat(self, leg: int) -> str:
        """Whose telephone the leg of this number is; "" for the caller's."""
        seats = [str(event.data.get("seat", "")) for event in self.events if event.type == "offered"]
        return seats[leg - 1] if 0 < leg <= len(seats) else ""

    @property
    def takes(self) -> tuple[str, ...]:
        """The recordings in their order: one, and one more for each media process that died meanwhile."""
        return self._paths("recording")

    @property
    def messages(self) -> tuple[str, ...]:
        """The messages that the caller left, in their order."""
        return self._paths("voicemail")

    def _paths(self, kind: str) -> tuple[str, ...]:
        return tuple(str(event.data.get("path", "")) for event in self.events if event.type == kind)


@dataclass(frozen=True, slots=True)
class Figures:
    """Counts of calls: arrived, asked for a person (queued), were talked to, and waited in vain (ended calls); in_time: asked
    for a person and were talked to in time, which is within in_time_s, None where queues differ in that."""

    arrived: int
    queued: int
    talked: int
    missed: int
    in_time: int = 0
    in_time_s: float | None = 20.0

    @property
    def answered_share(self) -> float | None:
        """接通率: answered ÷ offered, of the calls that are decided; None before there is one."""
        decided = self.talked + self.missed
        return self.talked / decided if decided else None

    @property
    def service_level(self) -> float | None:
        """服务水平: answered in time ÷ offered, of the calls that are decided; None before there is one."""
        decided = self.talked + self.missed
        return self.in_time / decided if decided else None


@dataclass(frozen=True, slots=True)
class SeatDay:
    """A seat's talks: of calls that came in, of those it made, and their seconds in all."""

    came: int
    made: int
    talk_s: float


def details(engine: Engine, call_id: str) -> Details | None:
    """One call, or None where the log has none of this id."""
    with reading(engine) as connection:
        row = connection.execute(logged().where(call_log.c.call_id == call_id)).first()
        if row is None:
            return None
        call = logged_call(row)
        others: tuple[LoggedCall, ...] = ()
        if call.row.caller:
            same = logged().where(call_log.c.caller == call.row.caller, call_log.c.call_id != call_id)
            found = connection.execute(same.order_by(call_log.c.arrived_at.desc()).limit(10))
            others = tuple(logged_call(other) for other in found)
        paid = select(return_call_call.c.return_call_id)
        paid = paid.where(return_call_call.c.call_id == call_id, return_call_call.c.role == "served")
        return Details(
            call,
            _timeline(connection, call_id),
            others,
            of_call(connection, call_id),
            ratings.of_call(connection, call_id),
            connection.execute(paid.limit(1)).scalar_one_or_none(),
        )


def of_number(source: Source, number: str, limit: int, *, but: str = "") -> list[LoggedCall]:
    """A number's latest calls, in and out, without the call `but`."""
    with reading(source) as connection:
        rows = connection.execute(_of_number(), {"number": number, "but": but, "most": limit})
        return [logged_call(row) for row in rows]


@cache
def _of_number() -> Any:
    mine = logged().where(call_log.c.caller == bindparam("number"), call_log.c.call_id != bindparam("but"))
    return mine.order_by(call_log.c.arrived_at.desc()).limit(bindparam("most"))


def of_ids(source: Source, call_ids: Collection[str]) -> dict[str, LoggedCall]:
    """Calls by their ids, those that the log has."""
    if not call_ids:
        return {}
    with reading(source) as connection:
        found = [logged_call(row) for row in connection.execute(logged().where(call_log.c.call_id.in_(call_ids)))]
    return {each.row.call_id: each for each in found}


def of_seat(source: Source, seat: str, limit: int) -> list[LoggedCall]:
    """A seat's latest talks, in and out."""
    with reading(source) as connection:
        return [logged_call(row) for row in connection.execute(_of_seat(), {"seat": seat, "most": limit})]


@cache
def _of_seat() -> Any:
    talks = logged().where(call_log.c.seat == bindparam("seat"), call_log.c.talking_at.is_not(None))
    return talks.order_by(call_log.c.arrived_at.desc()).limit(bindparam("most"))


def seat_day(source: Source, seat: str, since: float, until: float) -> SeatDay:
    """A seat's talks that began to be calls in [since, until), those that have ended."""
    with reading(source) as connection:
        row = connection.execute(_seat_day(), {"seat": seat, "since": since, "until": until}).one()
        return SeatDay(int(row.came), int(row.made), float(row.talk_s))


@cache
def _seat_day() -> Any:

    def count(condition: ColumnElement[bool]) -> Any:
        return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)

    talked = call_log.c.talking_at.is_not(None)
    query = select(
        count(and_(talked, call_log.c.kind == INBOUND)).label("came"),
        count(and_(talked, call_log.c.kind == "outbound")).label("made"),
        func.coalesce(func.sum(call_log.c.talk_s), 0.0).label("talk_s"),
    ).where(call_log.c.seat == bindparam("seat"), call_log.c.ended_at.is_not(None))
    return query.where(call_log.c.arrived_at >= bindparam("since"), call_log.c.arrived_at < bindparam("until"))


def timelines(
    engine: Engine, hotline: str, since: float, until: float, limit: int
) -> Iterator[tuple[str, tuple[TimelineEvent, ...]]]:
    """The ended calls that came in to a hotline in that time, the latest first, with all their events."""
    wanted = (
        select(call_log.c.call_id)
        .where(call_log.c.hotline == hotline, call_log.c.kind == INBOUND, call_log.c.ended_at.is_not(None))
        .where(call_log.c.arrived_at >= since, call_log.c.arrived_at < until)
        .order_by(call_log.c.arrived_at.desc())
        .limit(limit)
    )
    with reading(engine) as connection:
        for call_id in connection.execute(wanted).scalars().all():
            yield call_id, _timeline(connection, call_id)


def _timeline(connection: Connection, call_id: str) -> tuple[TimelineEvent, ...]:
    events = connection.execute(select(call_event).where(call_event.c.subject == call_id).order_by(call_event.c.seq))
    return tuple(TimelineEvent(e.seq, e.type, e.at, json.loads(e.data)) for e in events)


def refusals(engine: Engine, limit: int = 50) -> list[Refused]:
    """The latest calls that were turned away, the last one first."""
    of_numbers = (call_event.c.subject >= _NUMBER, call_event.c.subject < _NUMBER[:-1] + ";")  # the range that the index knows
    query = select(call_event).where(*of_numbers, call_event.c.type == "refused").order_by(call_event.c.at.desc())
    with reading(engine) as connection:
        found = connection.execute(query.limit(limit)).all()
    return [_refused(row.subject.removeprefix(_NUMBER), row.at, json.loads(row.data)) for row in found]


def figures(
    engine: Engine, since: float, until: float, in_time_s: float = 20.0, of_queues: Mapping[str, float] | None = None
) -> Figures:
    """The counts of calls that came in in [since, until); answered within in_time_s of waiting is in time, for calls of some
    queues within their own."""
    differing = {queue: seconds for queue, seconds in (of_queues or {}).items() if seconds != in_time_s}
    goal = case(differing, value=call_log.c.queue, else_=in_time_s) if differing else in_time_s

    def count(condition: ColumnElement[bool]) -> Any:
        return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)

    query = select(
        func.count().label("arrived"),
        count(call_log.c.queued_at.is_not(None)).label("queued"),
        count(call_log.c.talking_at.is_not(None)).label("talked"),
        count(call_log.c.outcome == "missed").label("missed"),
        count(and_(call_log.c.talking_at.is_not(None), call_log.c.wait_s <= goal)).label("in_time"),
    ).where(call_log.c.arrived_at >= since, call_log.c.arrived_at < until, call_log.c.kind == INBOUND)
    with reading(engine) as connection:
        row = connection.execute(query).one()
        counts = (int(row.arrived), int(row.queued), int(row.talked), int(row.missed), int(row.in_time))
    return Figures(*counts, None if differing else in_time_s)


def _refused(number: str, at: float, data: Mapping[str, Any]) -> Refused:
    return Refused(number, at, str(data.get("why", "")), str(data.get("reason", "")))


@cache  # to build it takes longer than SQL needs to answer
def logged() -> Any:
    """The SELECT of calls with what they made owed; its rows are for logged_call()."""
    attached = and_(return_call_call.c.call_id == call_log.c.call_id, return_call_call.c.role == "owed")
    return select(
        *CALL_ROW, return_call.c.id.label("return_call_id"), return_call.c.state.label("return_call_state")
    ).select_from(
        call_log.outerjoin(return_call_call, attached).outerjoin(
            return_call, return_call.c.id == return_call_call.c.return_call_id
        )
    )


def logged_call(row: Any) -> LoggedCall:
    """The value of a row of logged()."""
    return LoggedCall(call_row(row), row.return_call_id, row.return_call_state or "")
