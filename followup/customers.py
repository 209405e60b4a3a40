"""[io] What is known of callers (客户), and what of it menus may know: a hash a number in Redis, written from SQL.

    {hotline}:caller:<number>    calls   ended calls of this number that came in, in all hotlines, before the present one
                                 name, class, tags (joined by commas): as people have set them

A field without a value is absent, and so is the hash of a number that nothing is known of: its first call. Numbers are written
as the call log writes them. The hash goes CALLER_KEPT_S after the last call.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from redis import Redis
from sqlalchemy import Connection, Engine, func, select
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from followup.events import MAX_TEXT, clean
from followup.tables import call_log, customer
from storage.sql import reading, writing

CALLER = "{hotline}:caller:"
CALLER_KEPT_S = 400 * 86400
"""Privacy: who hasn't called for so long is forgotten there. What people have entered stays in SQL."""

MAX_TAGS = 500


class CustomerError(ValueError):
    """Something about a customer can't be kept as it is; the text says what."""


@dataclass(frozen=True, slots=True)
class Customer:
    """number: as the call log has it. class_ and tags: what a menu's conditions name. calls: that came in and have ended;
    last_at: when the last of them ended, None before there is one."""

    number: str
    name: str = ""
    class_: str = ""
    tags: tuple[str, ...] = ()
    calls: int = 0
    last_at: float | None = None


def show(engine: Engine, number: str) -> Customer:
    """What is known of a number; nothing but the number where nothing is."""
    with reading(engine) as connection:
        return _known(connection, [number])[0]


def change(
    engine: Engine,
    number: str,
    now: float,
    *,
    name: str | None = None,
    class_: str | None = None,
    tags: Iterable[str] | None = None,
) -> Customer:
    """Set what is given, "" and () for nothing; returns what is known then. Raises CustomerError."""
    number = _text("number", number)
    if not number:
        raise CustomerError("number: is missing")
    with writing(engine) as connection:
        [known] = _known(connection, [number])
        values = {
            "name": known.name if name is None else _text("name", name),
            "class": known.class_ if class_ is None else _text("class", class_),
            "tags": ",".join(known.tags if tags is None else _tags(tags)),
            "changed_at": now,
        }
        insert: Any = {"sqlite": sqlite_insert, "postgresql": postgresql_insert}[connection.dialect.name]
        connection.execute(
            insert(customer).values(number=number, **values).on_conflict_do_update(index_elements=["number"], set_=values)
        )
        return _known(connection, [number])[0]


def tell(redis: Redis, engine: Engine, numbers: Iterable[str], now: float) -> None:
    """Write what menus may know of these numbers, as SQL has it now; telling again changes nothing. Raises RedisError and
    DBAPIError."""
    wanted = sorted({number for number in numbers if number})
    if not wanted:
        return
    with reading(engine) as connection:
        found = _known(connection, wanted)
    with redis.pipeline(transaction=True) as pipe:
        for each in found:
            key = CALLER + each.number
            calls = str(each.calls) if each.calls else ""
            facts = {"calls": calls, "name": each.name, "class": each.class_, "tags": ",".join(each.tags)}
            pipe.delete(key)
            if any(facts.values()):
                pipe.hset(key, mapping={field: value for field, value in facts.items() if value})
                pipe.expireat(key, int((now if each.last_at is None else each.last_at) + CALLER_KEPT_S))
        pipe.execute()


def _known(connection: Connection, numbers: list[str]) -> list[Customer]:
    """In the order of `numbers`."""
    calls = {
        row.caller: (int(row.calls), float(row.last_at))
        for row in connection.execute(
            select(call_log.c.caller, func.count().label("calls"), func.max(call_log.c.ended_at).label("last_at"))
            .where(call_log.c.caller.in_(numbers), call_log.c.kind == "inbound", call_log.c.ended_at.is_not(None))
            .group_by(call_log.c.caller)
        )
    }
    rows = {row.number: row for row in connection.execute(select(customer).where(customer.c.number.in_(numbers)))}
    found = []
    for number in numbers:
        count, last_at = calls.get(number, (0, None))
        row = rows.get(number)
        if row is None:
            found.append(Customer(number, calls=count, last_at=last_at))
        else:
            kept = row._mapping
            tags = tuple(tag for tag in kept["tags"].split(",") if tag)
            found.append(Customer(number, kept["name"], kept["class"], tags, count, last_at))
    return found


def _text(what: str, text: str) -> str:
    text = clean(text).strip()
    if len(text) > MAX_TEXT or not text.isprintable():
        raise CustomerError(f"{what}: more than {MAX_TEXT} characters, or some that can't be printed")
    return text


def _tags(tags: Iterable[str]) -> tuple[str, ...]:
    found = tuple(dict.fromkeys(tag for tag in (_text("tag", each) for each in tags) if tag))
    if any("," in tag for tag in found):
        raise CustomerError("tag: a comma joins tags, none may have one")
    if len(",".join(found)) > MAX_TAGS:
        raise CustomerError(f"tags: more than {MAX_TAGS} characters in all")
    return found
