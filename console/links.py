"""[io] One-time links: by which a person sets the first password, or a new one; and by which, while there is no administrator,
the first one is created. Opening one uses it up only when its form is sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, insert, select, update

from console import accounts, keys
from console.accounts import AccountError, Person
from console.changes import Actor
from console.roles import Role
from console.tables import one_time_link, person
from storage.sql import reading, writing

VALID_S = 24 * 3600.0


class LinkSpent(Exception):
    """There is no such link, or it was used, or is too old."""


@dataclass(frozen=True, slots=True)
class Link:
    """Whose password it sets; None: it creates the first administrator."""

    person: Person | None


def first(engine: Engine, now: float) -> str | None:
    """A key by which the first administrator is created; None when there is one. Of several the first use ends all."""
    with writing(engine) as connection:
        if accounts.administered(connection):
            return None
        return _make(connection, None, now)


def for_person(engine: Engine, login: str, by: Actor, now: float, *, forget: bool) -> str:
    """A key by which this person sets a password; older ones end. forget: the present password is worth nothing from now on.
    Raises AccountError("not_found", "disabled")."""
    with writing(engine) as connection:
        row = accounts.row_of(connection, login)
        if row.disabled_at is not None:
            raise AccountError("disabled")
        if forget:
            accounts.forget_password(connection, row, by, now)
        _spend(connection, one_time_link.c.person_id == row.id, now)
        return _make(connection, row.id, now)


def look(engine: Engine, key: str, now: float) -> Link:
    """What this link is for. Raises LinkSpent."""
    with reading(engine) as connection:
        return _link(connection, key, now)


def set_password(engine: Engine, key: str, password: str, address: str, now: float) -> Person:
    """Use a person's link. Raises LinkSpent, AccountError; then it may be tried again."""
    with writing(engine) as connection:
        link = _link(connection, key, now)
        if link.person is None:
            raise LinkSpent
        row = accounts.row_of(connection, link.person.login)
        accounts.set_password(connection, row, password, Actor(row.login, address), now)
        _spend(connection, one_time_link.c.person_id == row.id, now)
        return link.person


def create_administrator(engine: Engine, key: str, login: str, name: str, password: str, address: str, now: float) -> Person:
    """Use the first link. Raises LinkSpent, AccountError; then it may be tried again."""
    with writing(engine) as connection:
        if _link(connection, key, now).person is not None:
            raise LinkSpent
        by = Actor(login.strip().lower(), address)
        made = accounts.insert_person(connection, login, name, Role.ADMINISTRATOR, "", by, now)
        accounts.set_password(connection, accounts.row_of(connection, made.login), password, by, now)
        _spend(connection, one_time_link.c.person_id.is_(None), now)
        return made


def _make(connection: Connection, person_id: int | None, now: float) -> str:
    key = keys.new_key()
    connection.execute(
        insert(one_time_link).values(key_hash=keys.hash_key(key), person_id=person_id, expires_at=now + VALID_S, used_at=None)
    )
    return key


def _spend(connection: Connection, which: Any, now: float) -> None:
    connection.execute(update(one_time_link).where(which, one_time_link.c.used_at.is_(None)).values(used_at=now))


def _link(connection: Connection, key: str, now: float) -> Link:
    row = connection.execute(
        select(one_time_link).where(one_time_link.c.key_hash == keys.hash_key(key)).with_for_update()
    ).first()
    if row is None or row.used_at is not None or row.expires_at <= now:
        raise LinkSpent
    if row.person_id is None:
        if accounts.administered(connection):
            raise LinkSpent
        return Link(None)
    found = accounts.read(connection.execute(select(person).where(person.c.id == row.person_id)).one())
    if not found.enabled:
        raise LinkSpent
    return Link(found)
