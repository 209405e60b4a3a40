"""[io] Lists of calls: filters, four orders, and pages by key, so that the thousandth page costs what the first one does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, get_args

from sqlalchemy import Column, ColumnElement, Connection, Engine, Select, func, select, text, tuple_

from followup.book import PENDING_STATES
from followup.history import LoggedCall, logged, logged_call
from followup.notes import noted
from followup.tables import LEFT_A_MESSAGE, OWES, call_log, return_call, return_call_call
from storage.sql import reading

Sort = Literal["newest", "oldest", "talk", "wait"]
SORTS: tuple[Sort, ...] = get_args(Sort)
"""The latest first, the oldest first, the longest talk first, the longest wait first: these two list calls that have one."""

Owed = Literal["", "any", "open", "done"]
OWED: tuple[Owed, ...] = get_args(Owed)

SHORTEST_TAIL = 3
"""Last digits of a number that can be looked for; of fewer there are too many."""

COUNTED = 10_000
"""More calls than this are not counted: reading them would take longer than reading the page."""

_WALKED = 1000
_ORDERS: dict[Sort, tuple[Column[Any], bool]] = {
    "newest": (call_log.c.arrived_at, True),
    "oldest": (call_log.c.arrived_at, False),
    "talk": (call_log.c.talk_s, True),
    "wait": (call_log.c.wait_s, True),
}


@dataclass(frozen=True, slots=True)
class Search:
    """Which calls to list; "", None and False ask for all. `number`: the whole of the other side's number, or its last digits;
    `outcome`: one of followup.calllog.OUTCOMES; `kind`: inbound, outbound or internal; `owed`: made a return call owed, which
    is still owed (open), or is done with; `recorded`: with a recording; `message`: with a message left; `min_talk_s`: talked to
    for so long at least; `note`: a part of what people wrote about it; came in at since or later, before until (epoch seconds).
    """

    number: str = ""
    hotline: str = ""
    queue: str = ""
    seat: str = ""
    outcome: str = ""
    kind: str = ""
    owed: Owed = ""
    recorded: bool = False
    message: bool = False
    min_talk_s: float | None = None
    note: str = ""
    since: float | None = None
    until: float | None = None


@dataclass(frozen=True, slots=True)
class Key:
    """A call's place in an order: what it is sorted by, and its id, which decides between equals."""

    value: float
    call_id: str

    def __str__(self) -> str:
        return f"{self.value!r}~{self.call_id}"

    @classmethod
    def read(cls, written: str) -> Key | None:
        """The key that str() wrote, None for anything else."""
        value, _, call_id = written.partition("~")
        try:
            return cls(float(value), call_id) if call_id and len(written) <= 100 else None
        except ValueError:
            return None


@dataclass(frozen=True, slots=True)
class Page:
    """Some calls in their order; `before` and `after` are the keys of the pages around it, None where there is none."""

    calls: tuple[LoggedCall, ...]
    before: Key | None
    after: Key | None


def page(
    engine: Engine,
    wanted: Search,
    sort: Sort = "newest",
    *,
    after: Key | None = None,
    before: Key | None = None,
    limit: int = 50,
) -> Page:
    """The first page, the one after a key, or the one before it."""
    with reading(engine) as connection:
        found = _read(connection, wanted, sort, after or before, limit + 1, back=after is None and before is not None)
    more, calls = len(found) > limit, found[:limit]
    if after is None and before is not None:
        calls.reverse()
        return _page(calls, sort, earlier=more, later=True)
    return _page(calls, sort, earlier=after is not None, later=more)


def count(engine: Engine, wanted: Search, sort: Sort = "newest", most: int = COUNTED) -> int:
    """How many calls there are; `most` + 1: more than that."""
    some = _keys(wanted, sort).limit(most + 1).subquery()
    with reading(engine) as connection:
        return int(connection.execute(select(func.count()).select_from(some)).scalar_one())


def walk(engine: Engine, wanted: Search, sort: Sort, most: int) -> Iterator[LoggedCall]:
    """At most so many calls in their order, read in short transactions: nobody's writing waits for a long list."""
    key, left = None, most
    while left > 0:
        with reading(engine) as connection:
            found = _read(connection, wanted, sort, key, min(_WALKED, left), back=False)
        yield from found
        if len(found) < min(_WALKED, left):
            return
        left -= len(found)
        key = _key(found[-1], sort)


def tail_of(number: str) -> str:
    """What people type or paste as a number, as the call log writes numbers: digits, without China's code, and without the 0
    before a mobile number."""
    digits = "".join(c for c in number if c in "0123456789*#+")
    for code in ("+86", "0086"):
        if digits.startswith(code):
            digits = digits.removeprefix(code)
            return digits if digits.startswith(("1", "0")) or not digits else "0" + digits
    return digits[1:] if len(digits) == 12 and digits.startswith("01") else digits


def _read(connection: Connection, wanted: Search, sort: Sort, key: Key | None, limit: int, *, back: bool) -> list[LoggedCall]:
    """Which calls: by the indexes alone; then what is shown of those few."""
    column, down = _ORDERS[sort]
    down = down != back
    chosen = _keys(wanted, sort)
    if key is not None:
        place, at = tuple_(column, call_log.c.call_id), tuple_(key.value, key.call_id)
        chosen = chosen.where(place < at if down else place > at)
    order = [each.desc() if down else each.asc() for each in (column, call_log.c.call_id)]
    ids = [row.call_id for row in connection.execute(chosen.order_by(*order).limit(limit))]
    rows = {row.call_id: logged_call(row) for row in connection.execute(logged().where(call_log.c.call_id.in_(ids)))}
    return [rows[call_id] for call_id in ids]


def _keys(wanted: Search, sort: Sort) -> Select[Any]:
    return select(call_log.c.call_id).where(*_where(wanted, sort))


def _where(wanted: Search, sort: Sort) -> list[ColumnElement[bool]]:
    log = call_log.c
    where: list[ColumnElement[bool]] = []
    if wanted.number:
        backwards = wanted.number[::-1]
        where += (log.caller_back >= backwards, log.caller_back < backwards + ":")  # ":" follows "9"
    if wanted.hotline:  # SQLite takes a name in an index for rare, and would read all calls of a hotline by ix_call_log_caller
        where.append(log.hotline.concat("") == wanted.hotline)
    same = ((log.queue, wanted.queue), (log.seat, wanted.seat), (log.outcome, wanted.outcome))
    where += (column == value for column, value in (*same, (log.kind, wanted.kind)) if value)
    if wanted.owed:
        where.append(_owed(wanted.owed))
    if wanted.recorded:
        where.append(log.recorded)
    if wanted.message:
        where.append(text(LEFT_A_MESSAGE))  # type: ignore[arg-type] # as its index says it
    if wanted.min_talk_s is not None:
        where.append(log.talk_s >= wanted.min_talk_s)
    if wanted.note:
        where.append(log.call_id.in_(noted(wanted.note)))
    if wanted.since is not None:
        where.append(log.arrived_at >= wanted.since)
    if wanted.until is not None:
        where.append(log.arrived_at < wanted.until)
    column, _ = _ORDERS[sort]
    if column.nullable:
        where.append(column.is_not(None))
    return where


def _owed(which: Owed) -> ColumnElement[bool]:
    """Few calls are owed one: those are found from the debts. Many were: each call is asked."""
    owes = select(return_call_call.c.call_id).where(text(OWES))
    if which == "any":
        return owes.where(return_call_call.c.call_id == call_log.c.call_id).exists()
    owes = owes.join(return_call, return_call.c.id == return_call_call.c.return_call_id)
    if which == "open":
        return call_log.c.call_id.in_(owes.where(return_call.c.state.in_(PENDING_STATES)))
    done = owes.where(return_call_call.c.call_id == call_log.c.call_id)
    return done.where(return_call.c.state.not_in(PENDING_STATES)).exists()


def _page(calls: list[LoggedCall], sort: Sort, *, earlier: bool, later: bool) -> Page:
    before = _key(calls[0], sort) if calls and earlier else None
    return Page(tuple(calls), before, _key(calls[-1], sort) if calls and later else None)


def _key(call: LoggedCall, sort: Sort) -> Key:
    column, _ = _ORDERS[sort]
    return Key(float(getattr(call.row, str(column.name))), call.row.call_id)
