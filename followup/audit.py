"""[io] The audit that no return call has vanished: opened = open + closed + waived, and nothing owed outside of the books."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Engine, Select, and_, case, func, not_, or_, select

from followup.owed import SENT_AWAY
from followup.tables import call_event, call_log, ledger, return_call, return_call_call
from storage.sql import reading


@dataclass(frozen=True, slots=True)
class Audit:
    """opened = open + closed + waived, and nothing owed outside of it.

    `opened` counts the ledger, `open` (claimed ones too), `closed` and `waived` the return calls. `unattached` are calls that
    the call log's facts say are owed and that belong to no return call; `contradicted` are return calls whose state the
    ledger does not bear out; `unlogged` are calls that have events but no row in the call log.
    """

    opened: int
    open: int
    closed: int
    waived: int
    unattached: int
    contradicted: int
    unlogged: int

    @property
    def ok(self) -> bool:
        balanced = self.opened == self.open + self.closed + self.waived
        return balanced and not (self.unattached or self.contradicted or self.unlogged)

    def __str__(self) -> str:
        balance = f"opened {self.opened} = closed {self.closed} + open {self.open} + waived {self.waived}"
        if self.ok:
            return f"{balance}: ok"
        faults = (
            f"owed without a return call {self.unattached}, unproven {self.contradicted}, not in the call log {self.unlogged}"
        )
        return f"{balance}: NOT IN ORDER ({faults})"


def audit(engine: Engine) -> Audit:
    """Count the books against the facts, in one view of the database. Reads the whole call log."""
    with reading(engine) as connection:

        def count(query: Select[Any]) -> int:
            return int(connection.execute(query).scalar_one())

        by_state = connection.execute(select(return_call.c.state, func.count().label("n")).group_by(return_call.c.state))
        states: dict[str, int] = {row.state: row.n for row in by_state}
        return Audit(
            opened=count(select(func.count(ledger.c.return_call_id.distinct())).where(ledger.c.what == "opened")),
            open=states.get("open", 0) + states.get("claimed", 0),
            closed=states.get("closed", 0),
            waived=states.get("waived", 0),
            unattached=count(select(func.count()).select_from(call_log).where(_is_owed(), not_(_is_attached()))),
            contradicted=count(select(func.count()).select_from(return_call).where(not_(_is_borne_out()))),
            unlogged=count(
                select(func.count(call_event.c.subject.distinct()))
                .select_from(call_event.outerjoin(call_log, call_log.c.call_id == call_event.c.subject))
                .where(call_log.c.call_id.is_(None), call_event.c.subject.not_like("%:%"))
            ),
        )


def _is_owed() -> ColumnElement[bool]:
    """followup.owed.owed(), said over the call log's facts."""
    waited = func.coalesce(call_log.c.wait_s, 0.0) >= call_log.c.gave_up_after_s
    sent_away = or_(call_log.c.ended_by == "system", call_log.c.reason.in_(SENT_AWAY))
    return and_(
        call_log.c.ended_at.is_not(None),
        call_log.c.talking_at.is_(None),
        or_(call_log.c.promised != "", and_(call_log.c.queued_at.is_not(None), or_(sent_away, waited))),
    )


def _is_attached() -> ColumnElement[bool]:
    return (
        select(return_call_call.c.call_id)
        .where(return_call_call.c.call_id == call_log.c.call_id, return_call_call.c.role == "owed")
        .exists()
    )


def _is_borne_out() -> ColumnElement[bool]:
    def said(what: str) -> ColumnElement[bool]:
        return select(ledger.c.id).where(ledger.c.return_call_id == return_call.c.id, ledger.c.what == what).exists()

    state = return_call.c.state
    return and_(
        said("opened"),
        case(
            (state == "closed", and_(said("closed"), not_(said("waived")))),
            (state == "waived", and_(said("waived"), not_(said("closed")), return_call.c.waive_reason != "")),
            else_=not_(or_(said("closed"), said("waived"))),
        ),
    )
