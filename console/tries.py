"""[io] Tries of passwords, counted in SQL by console.lockout's rules: by account, whether it exists or not, and by address."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, Engine, delete, select, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from console import changes
from console.changes import SYSTEM, Actor
from console.lockout import ACCOUNT, ADDRESS, Policy, Tally, attempt, forgiven, locked, network_of
from console.tables import login_tally
from storage.sql import reading, writing


@dataclass(frozen=True, slots=True)
class Lock:
    """subject: "account:NAME" or "address:NETWORK"; until: epoch seconds."""

    subject: str
    until: float


def begin(engine: Engine, login: str, address: str, now: float) -> float | None:
    """Count a try that begins. None: go ahead; else the moment before which none is taken, the password unread."""
    until = None
    with writing(engine) as connection:
        for subject, policy in _subjects(login, address):
            after = _count(connection, subject, policy, now)
            if locked(after, now):
                until = max(until or 0.0, after.locked_until)
    return until


def succeeded(engine: Engine, login: str, address: str) -> None:
    """The password was right: the account's tries are forgotten, the address's was none."""
    (account, _), (network, _) = _subjects(login, address)
    with writing(engine) as connection:
        connection.execute(delete(login_tally).where(login_tally.c.subject == account))
        row = _row(connection, network)
        if row is not None:
            connection.execute(
                update(login_tally).where(login_tally.c.subject == network).values(tries=forgiven(_tally(row)).tries)
            )


def locks(engine: Engine, now: float) -> list[Lock]:
    """Who is locked out, the longest first."""
    query = select(login_tally).where(login_tally.c.locked_until > now).order_by(login_tally.c.locked_until.desc())
    with reading(engine) as connection:
        return [Lock(row.subject, row.locked_until) for row in connection.execute(query)]


def lift(engine: Engine, subject: str, by: Actor, now: float) -> bool:
    """Let them try again, and forget what was; False when it was not locked."""
    with writing(engine) as connection:
        mine = (login_tally.c.subject == subject, login_tally.c.locked_until > now)
        if connection.execute(delete(login_tally).where(*mine).returning(login_tally.c.subject)).first() is None:
            return False
        changes.write(connection, by, "lock_lifted", subject, now)
        return True


def _subjects(login: str, address: str) -> tuple[tuple[str, Policy], tuple[str, Policy]]:
    return (f"account:{login.strip().lower()[:64]}", ACCOUNT), (f"address:{network_of(address)}", ADDRESS)


def _count(connection: Connection, subject: str, policy: Policy, now: float) -> Tally:
    row = _row(connection, subject)
    if row is None:
        connection.execute(delete(login_tally).where(login_tally.c.locked_until < now - policy.forget_s, _stale(now, policy)))
        add: Any = {"sqlite": sqlite_insert, "postgresql": postgresql_insert}[connection.dialect.name]
        connection.execute(add(login_tally).values(subject=subject, **asdict(Tally())).on_conflict_do_nothing())
        row = _row(connection, subject)  # another's, perhaps, who tries at the same moment
    before = _tally(row)
    after = attempt(before, policy, now)
    if after != before:
        connection.execute(update(login_tally).where(login_tally.c.subject == subject).values(**asdict(after)))
    if after.locks != before.locks and locked(after, now):
        changes.write(connection, SYSTEM, "locked", subject, now, after={"until": round(after.locked_until)})
    return after


def _stale(now: float, policy: Policy) -> Any:
    return login_tally.c.since < now - policy.forget_s


def _row(connection: Connection, subject: str) -> Any:
    return connection.execute(select(login_tally).where(login_tally.c.subject == subject).with_for_update()).first()


def _tally(row: Any) -> Tally:
    return Tally(row.tries, row.since, row.locked_until, row.locks)
