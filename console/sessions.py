"""[io] Browsers that are logged in, and tokens by which programs work in a person's name."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Engine, delete, insert, or_, select, update

from console import accounts, changes, keys
from console.accounts import AccountError, Person
from console.changes import PERSON, Actor
from console.sessionlimits import Limits
from console.tables import api_token, login_session, person
from followup.events import clean
from storage.sql import reading, writing

_NOTE_S = 60.0
"""A session's last use is written so often at most."""


@dataclass(frozen=True, slots=True)
class Token:
    """A token as its owner sees it."""

    id: int
    name: str
    created_at: float
    used_at: float | None


def begin(engine: Engine, who: Person, address: str, agent: str, limits: Limits, now: float) -> str:
    """Begin a session; returns its key. Old ones are cleared away."""
    key = keys.new_key()
    over = or_(login_session.c.seen_at < now - limits.idle_s, login_session.c.began_at < now - limits.whole_s)
    with writing(engine) as connection:
        connection.execute(delete(login_session).where(over))
        connection.execute(
            insert(login_session).values(
                key_hash=keys.hash_key(key),
                person_id=who.id,
                began_at=now,
                seen_at=now,
                address=address[:64],
                agent=clean(agent)[:200],
            )
        )
    return key


def whose(engine: Engine, key: str, limits: Limits, now: float, *, used: bool) -> Person | None:
    """Whose session this is, None when it has ended. used: the person did something, and is not idle."""
    hashed = keys.hash_key(key)
    joined = login_session.join(person, person.c.id == login_session.c.person_id)
    query = select(person, login_session.c.began_at, login_session.c.seen_at).select_from(joined)
    with reading(engine) as connection:
        row = connection.execute(query.where(login_session.c.key_hash == hashed, person.c.disabled_at.is_(None))).first()
    if row is None or now - row.seen_at >= limits.idle_s or now - row.began_at >= limits.whole_s:
        return None
    if used and now - row.seen_at >= _NOTE_S:
        with writing(engine) as connection:
            connection.execute(update(login_session).where(login_session.c.key_hash == hashed).values(seen_at=now))
    return accounts.read(row)


def end(engine: Engine, key: str) -> None:
    """Log this browser out."""
    with writing(engine) as connection:
        connection.execute(delete(login_session).where(login_session.c.key_hash == keys.hash_key(key)))


def end_all(engine: Engine, who: Person, by: Actor, now: float) -> None:
    """Log this person out everywhere."""
    with writing(engine) as connection:
        accounts.end_sessions(connection, who.id)
        changes.write(connection, by, "signed_out", f"{PERSON}:{who.login}", now)


def count(engine: Engine, who: Person, limits: Limits, now: float) -> int:
    """In how many browsers this person is logged in."""
    mine = (login_session.c.person_id == who.id, login_session.c.seen_at > now - limits.idle_s)
    with reading(engine) as connection:
        return len(connection.execute(select(login_session.c.key_hash).where(*mine)).all())


def change_password(engine: Engine, who: Person, old: str, new: str, by: Actor, now: float) -> bool:
    """Set a new password, where the old one is right; ends all sessions. False: it is not. Raises AccountError."""
    if accounts.check(engine, who.login, old) is None:
        return False
    with writing(engine) as connection:
        accounts.set_password(connection, accounts.row_of(connection, who.login), new, by, now)
    return True


def make_token(engine: Engine, who: Person, name: str, by: Actor, now: float) -> str:
    """A new token of this person; it can't be shown again. Raises AccountError("name_needed")."""
    name = clean(name).strip()
    if not 0 < len(name) <= accounts.MAX_NAME:
        raise AccountError("name_needed")
    key = keys.new_key(keys.TOKEN_PREFIX)
    values = {"person_id": who.id, "name": name, "key_hash": keys.hash_key(key), "created_at": now}
    with writing(engine) as connection:
        connection.execute(insert(api_token).values(**values))
        changes.write(connection, by, "token_made", f"{PERSON}:{who.login}", now, after={"name": name})
    return key


def tokens(engine: Engine, who: Person) -> list[Token]:
    """This person's tokens, the newest first."""
    mine = select(api_token).where(api_token.c.person_id == who.id, api_token.c.revoked_at.is_(None))
    with reading(engine) as connection:
        rows = connection.execute(mine.order_by(api_token.c.id.desc()))
        return [Token(row.id, row.name, row.created_at, row.used_at) for row in rows]


def revoke(engine: Engine, who: Person, token_id: int, by: Actor, now: float) -> bool:
    """End one of this person's tokens; False where there is none of this id."""
    mine = (api_token.c.id == token_id, api_token.c.person_id == who.id, api_token.c.revoked_at.is_(None))
    with writing(engine) as connection:
        gone = connection.execute(update(api_token).where(*mine).values(revoked_at=now).returning(api_token.c.name)).first()
        if gone is None:
            return False
        changes.write(connection, by, "token_revoked", f"{PERSON}:{who.login}", now, before={"name": gone.name})
        return True


def holder(engine: Engine, key: str, now: float) -> Person | None:
    """Whose token this is, None when it is none."""
    hashed = keys.hash_key(key)
    joined = api_token.join(person, person.c.id == api_token.c.person_id)
    query = select(person, api_token.c.used_at).select_from(joined)
    good = (api_token.c.key_hash == hashed, api_token.c.revoked_at.is_(None), person.c.disabled_at.is_(None))
    with reading(engine) as connection:
        row = connection.execute(query.where(*good)).first()
    if row is None:
        return None
    if row.used_at is None or now - row.used_at >= _NOTE_S:
        with writing(engine) as connection:
            connection.execute(update(api_token).where(api_token.c.key_hash == hashed).values(used_at=now))
    return accounts.read(row)
