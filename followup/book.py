"""[io] Books a batch of events into SQL: the events, the call log, and what is owed, in the caller's one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, bindparam, insert, not_, select, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from followup import menus, quality, ratings, trunks
from followup.calendar import Calendar, due_at
from followup.calllog import CallRow, project
from followup.days import overlay
from followup.events import StreamEvent
from followup.owed import Owed, owed
from followup.tables import call_event, call_log, ledger, return_call, return_call_call

SYSTEM = "system"
"""Who acts in the ledger when no person does."""

SERVED = "served"
"""Result of a return call whose caller rang again and was talked to before anybody called back."""

PENDING_STATES = ("open", "claimed")

CALL_ROW = tuple(call_log.c[name] for name in CallRow._fields)
"""The columns of call_log, in the order of CallRow."""
_SEARCHED = ("outcome", "recorded", "caller_back")
_CHANGE = (
    update(call_log)
    .where(call_log.c.call_id == bindparam("new_call_id"))
    .values({name: bindparam(f"new_{name}") for name in (*CallRow._fields, *_SEARCHED) if name != "call_id"})
)
"""A row's statement, which is built once."""


@dataclass(frozen=True, slots=True)
class Rules:
    """When a waiting caller is owed a return call, and how soon, in working seconds, it is due."""

    gave_up_after_s: float = 5.0
    due_working_s: float = 2 * 3600.0
    calendar: Calendar = field(default_factory=Calendar)


def book(connection: Connection, events: Sequence[StreamEvent], rules: Rules) -> int:
    """Book those of `events` (in stream order) that were not booked before; returns how many were new.

    Booking the same events again, whole or in part, changes nothing: (subject, seq) is unique.
    """
    new = _keep(connection, [event for event in events if event.type != quality.EVENT])
    if new:
        trunks.save(connection, new)
        _follow(connection, new, rules)
    menus.save(connection, events)
    # After the steps, among which may be the one that puts the call into the log.
    return len(new) + quality.save(connection, [event for event in events if event.type == quality.EVENT])


def _follow(connection: Connection, new: Sequence[StreamEvent], rules: Rules) -> None:
    """What these events make of the call log, and of what is owed."""
    known = _rows(connection, {e.subject for e in new if e.is_call})
    folded = dict(known)
    turns: list[CallRow] = []
    """Calls as they were when a talk began, at their end, and when a message became known after it."""
    for event in new:
        if not event.is_call:
            continue
        before = folded.get(event.subject)
        after = project(before, event)
        ends = after.ended_at is not None and (before is None or before.ended_at is None)
        talks = after.talking_at is not None and (before is None or before.talking_at is None)
        late = before is not None and before.ended_at is not None and after.promised_at != before.promised_at
        if ends:
            after = after._replace(gave_up_after_s=rules.gave_up_after_s)
        if ends or talks or late:
            turns.append(after)
        folded[event.subject] = after
    _save(connection, folded, known)
    for event in new:
        if event.is_call and event.type == "outbound_started":
            _dialled(connection, event)
    ratings.save(connection, [event for event in new if event.is_call and event.type == ratings.EVENT])
    for row in turns:
        debt = owed(row, rules.gave_up_after_s)
        if debt is not None:
            _owe(connection, row, debt, rules)
        elif row.talking_at is not None:
            _serve(connection, row)


def write_ledger(connection: Connection, return_call_id: int, what: str, *, by: str, at: float, note: str = "") -> None:
    """Add one line to the ledger; nothing in it is ever changed."""
    connection.execute(insert(ledger).values(return_call_id=return_call_id, what=what, by=by, at=at, note=note))


def _keep(connection: Connection, events: Iterable[StreamEvent]) -> list[StreamEvent]:
    """Insert the events that are not there yet; returns those, in their order."""
    once: dict[tuple[str, int], StreamEvent] = {}
    for event in events:
        once.setdefault((event.subject, event.seq), event)
    if not once:
        return []
    add: Any = {"sqlite": sqlite_insert, "postgresql": postgresql_insert}[connection.dialect.name]
    added = connection.execute(
        add(call_event).on_conflict_do_nothing().returning(call_event.c.subject, call_event.c.seq),
        [{"subject": e.subject, "seq": e.seq, "type": e.type, "at": e.at, "data": e.raw} for e in once.values()],
    )
    new = {(row.subject, row.seq) for row in added}
    return [event for key, event in once.items() if key in new]


def _rows(connection: Connection, call_ids: set[str]) -> dict[str, CallRow]:
    found = connection.execute(select(*CALL_ROW).where(call_log.c.call_id.in_(call_ids)))
    return {row.call_id: call_row(row) for row in found}


def call_row(row: Row[Any]) -> CallRow:
    """The value of a row that begins with the columns of CALL_ROW."""
    return CallRow(*row[: len(CALL_ROW)])


def _values(row: CallRow) -> dict[str, Any]:
    """A row's columns, and those beside them that lists are searched by."""
    return row._asdict() | {"outcome": row.outcome, "recorded": row.recording != "", "caller_back": row.caller[::-1]}


def _save(connection: Connection, rows: Mapping[str, CallRow], known: Mapping[str, CallRow]) -> None:
    fresh = [_values(row) for call_id, row in rows.items() if call_id not in known]
    changed = [
        {f"new_{name}": value for name, value in _values(row).items()} for call_id, row in rows.items() if call_id in known
    ]
    if fresh:
        connection.execute(insert(call_log), fresh)
    if changed:
        connection.execute(_CHANGE, changed)


def _owe(connection: Connection, row: CallRow, debt: Owed, rules: Rules) -> None:
    """Open a return call for the ended call `row`, or attach it to the one this number is owed already."""
    owes = select(return_call_call.c.call_id)
    if connection.execute(owes.where(return_call_call.c.call_id == row.call_id, return_call_call.c.role == "owed")).first():
        return  # it was owed before its message was known
    at = row.ended_at or row.arrived_at
    pending = None
    if debt.number and not debt.waive_reason:
        pending = connection.execute(
            select(return_call.c.id)
            .where(return_call.c.hotline == row.hotline, return_call.c.number == debt.number)
            .where(return_call.c.state.in_(PENDING_STATES))
            .with_for_update()
        ).scalar_one_or_none()
    if pending is not None:
        _attach(connection, pending, row.call_id, "owed")
        write_ledger(connection, pending, "attached", by=SYSTEM, at=at, note=row.call_id)
        return
    opened = connection.execute(
        insert(return_call)
        .values(
            kind=debt.kind,
            state="waived" if debt.waive_reason else "open",
            hotline=row.hotline,
            number=debt.number,
            reason=debt.reason,
            opened_at=at,
            due_at=due_at(at, rules.calendar, rules.due_working_s, overlay(connection, rules.calendar.name)),
            owner="",
            attempts=0,
            result="",
            closed_at=at if debt.waive_reason else None,
            closed_by=SYSTEM if debt.waive_reason else "",
            waive_reason=debt.waive_reason,
        )
        .returning(return_call.c.id)
    ).scalar_one()
    _attach(connection, opened, row.call_id, "owed")
    write_ledger(connection, opened, "opened", by=SYSTEM, at=at, note=row.call_id)
    if debt.waive_reason:
        write_ledger(connection, opened, "waived", by=SYSTEM, at=at, note=debt.waive_reason)
        return
    # A node that was cut off tells of its calls late: the caller may have been talked to since.
    later = connection.execute(
        select(*CALL_ROW)
        .where(call_log.c.hotline == row.hotline, call_log.c.caller == debt.number, call_log.c.talking_at >= at)
        .order_by(call_log.c.talking_at)
        .limit(1)
    ).first()
    if later is not None:
        _serve(connection, call_row(later))


def _serve(connection: Connection, row: CallRow) -> None:
    """The caller is being talked to: what they were owed before is paid, but for a time that was agreed on."""
    if not row.caller or row.talking_at is None:
        return
    paid = connection.execute(
        update(return_call)
        .where(return_call.c.hotline == row.hotline, return_call.c.number == row.caller)
        .where(return_call.c.state.in_(PENDING_STATES), return_call.c.opened_at <= row.talking_at)
        .where(not_(_is_agreed()))
        .values(state="closed", result=SERVED, closed_at=row.talking_at, closed_by=SYSTEM)
        .returning(return_call.c.id)
    ).scalar_one_or_none()
    if paid is not None:
        _attach(connection, paid, row.call_id, SERVED)
        write_ledger(connection, paid, "closed", by=SYSTEM, at=row.talking_at, note=row.call_id)


def _is_agreed() -> ColumnElement[bool]:
    """Whether a seat and the customer have agreed on a time for this return call."""
    calls = return_call_call.c
    return select(calls.call_id).where(calls.return_call_id == return_call.c.id, calls.role == "agreed").exists()


def _dialled(connection: Connection, event: StreamEvent) -> None:
    """The call is made to pay a return call: it stands in its history."""
    number = event.text("callback_id")
    if not (number.isascii() and number.isdigit() and int(number) < 2**31):
        return
    found = connection.execute(select(return_call.c.id).where(return_call.c.id == int(number))).first()
    if found is not None:
        _attach(connection, found.id, event.subject, "dialled")


def _attach(connection: Connection, return_call_id: int, call_id: str, role: str) -> None:
    connection.execute(insert(return_call_call).values(call_id=call_id, return_call_id=return_call_id, role=role))
