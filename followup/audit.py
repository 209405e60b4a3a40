"""[io] The audit that no return call has vanished: opened = open + closed + waived, and nothing owed outside of the books."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Engine, ScalarSelect, Select, and_, case, func, not_, or_, select

from followup import calllog, ratings
from followup.owed import SENT_AWAY
from followup.tables import call_event, call_log, ledger, rating, return_call, return_call_call, wrap_up
from storage.sql import reading


@dataclass(frozen=True, slots=True)
class Audit:
    """opened = open + closed + waived, and nothing owed outside of it.

    `opened` counts the ledger, `open` (claimed ones too), `closed` and `waived` the return calls. `unattached` are calls that
    the call log's facts say are owed, or in whose talk a time was agreed on, and that belong to no return call; `contradicted`
    are return calls whose state the ledger does not bear out; `unlogged` are calls that have events but no row in the call log;
    `unkept` are calls whose events tell of a message, a promise or a rating that neither the call log nor the ratings have;
    `misdirected` are calls whose return call goes to another number than the one that was promised.
    """

    opened: int
    open: int
    closed: int
    waived: int
    unattached: int
    contradicted: int
    unlogged: int
    unkept: int
    misdirected: int

    @property
    def ok(self) -> bool:
        balanced = self.opened == self.open + self.closed + self.waived
        return balanced and not any((self.unattached, self.contradicted, self.unlogged, self.unkept, self.misdirected))

    def __str__(self) -> str:
        balance = f"opened {self.opened} = closed {self.closed} + open {self.open} + waived {self.waived}"
        if self.ok:
            return f"{balance}: ok"
        faults = (
            f"owed without a return call {self.unattached}, unproven {self.contradicted}, not in the call log {self.unlogged}, "
            f"messages, promises or ratings lost {self.unkept}, to a wrong number {self.misdirected}"
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
            unattached=count(select(func.count()).select_from(call_log).where(_is_owed(), not_(_is_attached())))
            + count(select(func.count()).select_from(wrap_up).where(_is_agreed(), not_(_is_kept()))),
            contradicted=count(select(func.count()).select_from(return_call).where(not_(_is_borne_out()))),
            unlogged=count(
                select(func.count(call_event.c.subject.distinct()))
                .select_from(call_event.outerjoin(call_log, call_log.c.call_id == call_event.c.subject))
                .where(call_log.c.call_id.is_(None), call_event.c.subject.not_like("%:%"))
            ),
            unkept=count(
                select(func.count(call_event.c.subject.distinct()))
                .select_from(call_event.join(call_log, call_log.c.call_id == call_event.c.subject))
                .where(_is_lost())
            ),
            misdirected=count(
                select(func.count())
                .select_from(_OWED_CALLS)
                .where(return_call_call.c.role == "owed", call_log.c.promised_number != "")
                .where(return_call.c.number != call_log.c.promised_number)
            ),
        )


_OWED_CALLS = return_call_call.join(call_log, call_log.c.call_id == return_call_call.c.call_id).join(
    return_call, return_call.c.id == return_call_call.c.return_call_id
)


def _is_lost() -> ColumnElement[bool]:
    """An event of the call's time whose effect is nowhere. What a call said after its end, but for a message, is void."""
    kind = call_event.c.type
    in_time = or_(call_log.c.ended_at.is_(None), call_event.c.seq < _ended_seq())
    promises = kind.in_((*calllog.SENT_AWAY, "owed", "promised"))
    rated = select(rating.c.call_id).where(rating.c.call_id == call_event.c.subject).exists()
    return or_(
        and_(kind == "voicemail", call_log.c.message_s.is_(None)),
        and_(promises, in_time, call_log.c.promised == ""),
        and_(kind == ratings.EVENT, not_(rated)),
    )


def _ended_seq() -> ScalarSelect[Any]:
    ends = call_event.alias("ends")
    first = select(func.min(ends.c.seq)).where(ends.c.subject == call_event.c.subject, ends.c.type == "ended")
    return first.correlate(call_event).scalar_subquery()


def _is_owed() -> ColumnElement[bool]:
    """followup.owed.owed(), said over the call log's facts."""
    waited = func.coalesce(call_log.c.wait_s, 0.0) >= call_log.c.gave_up_after_s
    sent_away = or_(call_log.c.ended_by == "system", call_log.c.reason.in_(SENT_AWAY))
    untalked = call_log.c.talking_at.is_(None)
    promised = or_(call_log.c.promised != "", call_log.c.message_s >= calllog.MIN_MESSAGE_S)
    return and_(
        call_log.c.ended_at.is_not(None),
        or_(
            and_(promised, or_(untalked, call_log.c.promised_at >= call_log.c.talking_at)),
            and_(untalked, call_log.c.queued_at.is_not(None), or_(sent_away, waited)),
        ),
    )


def _is_attached() -> ColumnElement[bool]:
    return (
        select(return_call_call.c.call_id)
        .where(return_call_call.c.call_id == call_log.c.call_id, return_call_call.c.role == "owed")
        .exists()
    )


def _is_agreed() -> ColumnElement[bool]:
    return and_(wrap_up.c.done_at.is_not(None), wrap_up.c.wanted_at.is_not(None))


def _is_kept() -> ColumnElement[bool]:
    calls = return_call_call.c
    kept = and_(calls.call_id == wrap_up.c.call_id, calls.return_call_id == wrap_up.c.return_call_id)
    return select(calls.call_id).where(kept).exists()


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
