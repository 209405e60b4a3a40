"""[io] The people who may log in: added, changed, disabled; each sets the own password, by a one-time link
or with the old one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Connection, Engine, delete, func, insert, select, update

from console import changes, keys, passwords
from console.changes import PERSON, Actor
from console.roles import Role
from console.tables import login_session, person
from followup.events import clean
from storage.sql import reading, writing

MAX_NAME = 64
_LOGIN = re.compile(r"[a-z0-9][a-z0-9._-]{1,31}")

Code = Literal[
    "login_wrong", "login_taken", "name_needed", "seat_needed", "seat_taken", "seat_unknown", "not_found", "last_administrator",
    "disabled", "differs",
] | passwords.Fault  # fmt: skip


class AccountError(Exception):
    """It can't be done; `code` says why."""

    def __init__(self, code: Code) -> None:
        super().__init__(code)
        self.code: Code = code


@dataclass(frozen=True, slots=True)
class Person:
    """login: by which they log in, and by which they stand in books and logs; seat: the agent number (工号) that is theirs, ""
    for none. Times are epoch seconds, None: never."""

    id: int
    login: str
    name: str
    role: Role
    seat: str
    created_at: float
    password_at: float | None
    disabled_at: float | None

    @property
    def enabled(self) -> bool:
        return self.disabled_at is None


def people(engine: Engine) -> list[Person]:
    """Everybody, those who may log in first, by login."""
    with reading(engine) as connection:
        found = [read(row) for row in connection.execute(select(person).order_by(person.c.login))]
    return sorted(found, key=lambda one: not one.enabled)


def find(engine: Engine, login: str) -> Person:
    """One of them. Raises AccountError("not_found")."""
    with reading(engine) as connection:
        return read(_row(connection, login))


def administered(connection: Connection) -> bool:
    """Whether there is anybody who may administer: an enabled administrator with a password."""
    return _administrators(connection) > 0


def check(engine: Engine, login: str, password: str) -> Person | None:
    """Who this is, None where name or password are wrong or the person is disabled; as slow for one as for the other."""
    with reading(engine) as connection:
        row = connection.execute(select(person).where(person.c.login == login.strip().lower())).first()
    hashed = row.password if row is not None and row.disabled_at is None else ""
    if not keys.right(hashed, password) or row is None:
        return None
    if keys.outdated(hashed):
        fresh = keys.hash_password(password)
        with writing(engine) as connection:
            connection.execute(update(person).where(person.c.id == row.id, person.c.password == hashed).values(password=fresh))
    return read(row)


def add(engine: Engine, login: str, name: str, role: Role, seat: str, by: Actor, now: float) -> Person:
    """Add a person, who has no password yet. Raises AccountError."""
    with writing(engine) as connection:
        return insert_person(connection, login, name, role, seat, by, now)


def insert_person(connection: Connection, login: str, name: str, role: Role, seat: str, by: Actor, now: float) -> Person:
    """add() in the caller's transaction."""
    login = login.strip().lower()
    if not _LOGIN.fullmatch(login):
        raise AccountError("login_wrong")
    if connection.execute(select(person.c.id).where(person.c.login == login)).first() is not None:
        raise AccountError("login_taken")
    values = _checked(connection, name, role, seat)
    added = connection.execute(
        insert(person).values(login=login, password="", created_at=now, **values).returning(person.c.id)
    ).scalar_one()
    changes.write(connection, by, "person_added", f"{PERSON}:{login}", now, after=values)
    return read(connection.execute(select(person).where(person.c.id == added)).one())


def change(engine: Engine, login: str, name: str, role: Role, seat: str, by: Actor, now: float) -> Person:
    """Change name, role and seat; what role they have holds from their next request on. Raises AccountError."""
    with writing(engine) as connection:
        row = _row(connection, login, lock=True)
        values = _checked(connection, name, role, seat, of=row.id)
        before = {key: getattr(row, key) for key in values}
        if before == values:
            return read(row)
        if role is not Role.ADMINISTRATOR:
            _keep_one_administrator(connection, row)
        connection.execute(update(person).where(person.c.id == row.id).values(**values))
        changes.write(connection, by, "person_changed", f"{PERSON}:{login}", now, before=before, after=values)
        return read(_row(connection, login))


def disable(engine: Engine, login: str, by: Actor, now: float) -> None:
    """Let them in no more: their sessions end, their tokens are worth nothing. Raises AccountError."""
    with writing(engine) as connection:
        row = _row(connection, login, lock=True)
        if row.disabled_at is not None:
            return
        _keep_one_administrator(connection, row)
        connection.execute(update(person).where(person.c.id == row.id).values(disabled_at=now))
        end_sessions(connection, row.id)
        changes.write(connection, by, "person_disabled", f"{PERSON}:{login}", now)


def enable(engine: Engine, login: str, by: Actor, now: float) -> None:
    """Let them in again. Raises AccountError."""
    with writing(engine) as connection:
        row = _row(connection, login, lock=True)
        if row.disabled_at is None:
            return
        _checked(connection, row.name, Role(row.role), row.seat, of=row.id)
        connection.execute(update(person).where(person.c.id == row.id).values(disabled_at=None))
        changes.write(connection, by, "person_enabled", f"{PERSON}:{login}", now)


def forget_password(connection: Connection, row: Any, by: Actor, now: float) -> None:
    """The password is worth nothing any more, and the sessions end; a link sets a new one (console.links)."""
    connection.execute(update(person).where(person.c.id == row.id).values(password="", password_at=None))
    end_sessions(connection, row.id)
    changes.write(connection, by, "password_reset", f"{PERSON}:{row.login}", now)


def set_password(connection: Connection, row: Any, password: str, by: Actor, now: float) -> None:
    """Set it and end all sessions. Raises AccountError: what is wrong with it."""
    fault = passwords.fault(password, row.login)
    if fault is not None:
        raise AccountError(fault)
    connection.execute(
        update(person).where(person.c.id == row.id).values(password=keys.hash_password(password), password_at=now)
    )
    end_sessions(connection, row.id)
    changes.write(connection, by, "password_set", f"{PERSON}:{row.login}", now)


def end_sessions(connection: Connection, person_id: int) -> None:
    """Sign this person out everywhere."""
    connection.execute(delete(login_session).where(login_session.c.person_id == person_id))


def read(row: Any) -> Person:
    """A person of a row of the table."""
    return Person(row.id, row.login, row.name, Role(row.role), row.seat, row.created_at, row.password_at, row.disabled_at)


def row_of(connection: Connection, login: str) -> Any:
    """The row, locked until the transaction's end. Raises AccountError("not_found")."""
    return _row(connection, login, lock=True)


def _row(connection: Connection, login: str, *, lock: bool = False) -> Any:
    query = select(person).where(person.c.login == login)
    row = connection.execute(query.with_for_update() if lock else query).first()
    if row is None:
        raise AccountError("not_found")
    return row


def _checked(connection: Connection, name: str, role: Role, seat: str, of: int = 0) -> dict[str, str]:
    name, seat = clean(name).strip(), seat.strip()
    if not 0 < len(name) <= MAX_NAME or not name.isprintable():
        raise AccountError("name_needed")
    if role is Role.SEAT and not seat:
        raise AccountError("seat_needed")
    if seat:
        same = select(person.c.id).where(person.c.seat == seat, person.c.disabled_at.is_(None), person.c.id != of)
        if connection.execute(same).first() is not None:
            raise AccountError("seat_taken")
    return {"name": name, "role": role.value, "seat": seat}


def _keep_one_administrator(connection: Connection, row: Any) -> None:
    if row.role == Role.ADMINISTRATOR and row.disabled_at is None and row.password and _administrators(connection) < 2:
        raise AccountError("last_administrator")


def _administrators(connection: Connection) -> int:
    able = (person.c.role == Role.ADMINISTRATOR.value, person.c.disabled_at.is_(None), person.c.password != "")
    return int(connection.execute(select(func.count()).select_from(person).where(*able)).scalar_one())
