"""[io] The change log (操作日志): who changed what of other people's, when, from where, and how it was before and after. Lines
are added in the transaction of the change itself."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, func, insert, select

from console.tables import change_log
from followup.events import clean
from storage.sql import reading, writing


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: a login name, "system", or "cli:USER" on the command line; and from which address, "" where there is none."""

    login: str
    address: str = ""


SYSTEM = Actor("system")

PERSON, SEAT, NUMBER, ADDRESS, RETURN_CALL, ACCOUNT = "person", "seat", "number", "address", "return_call", "account"
CALENDAR = "calendar"
MENU, PROMPT = "menu", "prompt"
CALL, CALLS = "call", "calls"
"""What the subjects of lines begin with: "person:wang"."""


@dataclass(frozen=True, slots=True)
class Change:
    """One line. what: a key of console.words.CHANGES; subject: KIND:NAME; before and after: what is told of it, {}: nothing."""

    id: int
    at: float
    by: str
    address: str
    what: str
    subject: str
    before: Mapping[str, Any]
    after: Mapping[str, Any]


def write(
    connection: Connection,
    by: Actor,
    what: str,
    subject: str,
    now: float,
    *,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    """Add a line, in the transaction of the change."""
    connection.execute(
        insert(change_log).values(
            at=now,
            by=by.login[:64],
            address=by.address[:64],
            what=what,
            subject=clean(subject)[:128],
            before=_text(before),
            after=_text(after),
        )
    )


def write_once(
    engine: Engine, by: Actor, what: str, subject: str, now: float, *, after: Mapping[str, Any], within_s: float
) -> None:
    """Add a line, unless the same person has the same one of the last so many seconds: a player asks for a recording piece by
    piece."""
    same = select(change_log.c.id).where(
        change_log.c.subject == clean(subject)[:128],
        change_log.c.by == by.login[:64],
        change_log.c.what == what,
        change_log.c.after == _text(after),
        change_log.c.at > now - within_s,
    )
    with reading(engine) as connection:
        if connection.execute(same.limit(1)).first() is not None:
            return
    with writing(engine) as connection:
        if connection.execute(same.limit(1)).first() is None:
            write(connection, by, what, subject, now, after=after)


@contextmanager
def told(
    engine: Engine, by: Actor, what: str, subject: str, now: float, after: Mapping[str, Any] | None = None
) -> Iterator[None]:
    """For a change that is made elsewhere (in Redis): the line is written, then what stands in the block is done, then both are
    kept. Where the block raises there is no line."""
    with writing(engine) as connection:
        write(connection, by, what, subject, now, after=after)
        yield


def latest(engine: Engine, *, limit: int = 50, offset: int = 0, who: str = "", subject: str = "") -> tuple[list[Change], int]:
    """One page of lines, the latest first, and how many there are; by who did it or what it was done to, "" for all."""
    where = []
    if who:
        where.append(change_log.c.by == who)
    if subject:
        where.append(change_log.c.subject.contains(subject, autoescape=True))
    query = select(change_log).where(*where).order_by(change_log.c.id.desc()).limit(limit).offset(offset)
    with reading(engine) as connection:
        total = connection.execute(select(func.count()).select_from(change_log).where(*where)).scalar_one()
        rows = connection.execute(query).all()
    return [
        Change(r.id, r.at, r.by, r.address, r.what, r.subject, json.loads(r.before), json.loads(r.after)) for r in rows
    ], int(total)


def _text(told: Mapping[str, Any] | None) -> str:
    return json.dumps(dict(told or {}), ensure_ascii=False, separators=(",", ":"))
