"""[io] The tables of this room, as storage/migrations makes them (a test compares the two). Times are epoch seconds (UTC); keys
that people hold (sessions, tokens, links) are kept as their SHA-256 only."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    text,
)

metadata = MetaData()

SEAT_IN_USE = "seat <> '' AND disabled_at IS NULL"

person = Table(
    "person",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("login", String(64), nullable=False),
    Column("name", String(64), nullable=False),
    Column("role", String(16), nullable=False),
    Column("seat", String(64), nullable=False),
    Column("password", String(200), nullable=False),
    Column("created_at", Double, nullable=False),
    Column("password_at", Double),
    Column("disabled_at", Double),
    CheckConstraint("role IN ('seat', 'supervisor', 'administrator')", name="ck_person_role"),
    CheckConstraint("role <> 'seat' OR seat <> ''", name="ck_person_seat"),
    Index("uq_person_login", "login", unique=True),
    Index("uq_person_seat", "seat", unique=True, sqlite_where=text(SEAT_IN_USE), postgresql_where=text(SEAT_IN_USE)),
)
"""Who may log in: console.accounts.Person. `password` is an Argon2id hash, "" before there is one."""

login_session = Table(
    "login_session",
    metadata,
    Column("key_hash", String(64), primary_key=True),
    Column("person_id", Integer, ForeignKey("person.id"), nullable=False),
    Column("began_at", Double, nullable=False),
    Column("seen_at", Double, nullable=False),
    Column("address", String(64), nullable=False),
    Column("agent", String(200), nullable=False),
    Index("ix_login_session_person_id", "person_id"),
)
"""Browsers that are logged in; a row is gone when its session has ended."""

api_token = Table(
    "api_token",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("person_id", Integer, ForeignKey("person.id"), nullable=False),
    Column("name", String(64), nullable=False),
    Column("key_hash", String(64), nullable=False),
    Column("created_at", Double, nullable=False),
    Column("used_at", Double),
    Column("revoked_at", Double),
    Index("uq_api_token_key_hash", "key_hash", unique=True),
    Index("ix_api_token_person_id", "person_id"),
)
"""Keys by which programs work in a person's name."""

one_time_link = Table(
    "one_time_link",
    metadata,
    Column("key_hash", String(64), primary_key=True),
    Column("person_id", Integer, ForeignKey("person.id")),
    Column("expires_at", Double, nullable=False),
    Column("used_at", Double),
)
"""Links by which a person sets a password; without a person: by which the first administrator is created."""

login_tally = Table(
    "login_tally",
    metadata,
    Column("subject", String(100), primary_key=True),
    Column("tries", Integer, nullable=False),
    Column("since", Double, nullable=False),
    Column("locked_until", Double, nullable=False),
    Column("locks", Integer, nullable=False),
)
"""Tries of passwords, by "account:NAME" (whether there is one or not) and "address:NETWORK": console.lockout.Tally."""

change_log = Table(
    "change_log",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("at", Double, nullable=False),
    Column("by", String(64), nullable=False),
    Column("address", String(64), nullable=False),
    Column("what", String(32), nullable=False),
    Column("subject", String(128), nullable=False),
    Column("before", Text, nullable=False),
    Column("after", Text, nullable=False),
    Index("ix_change_log_subject", "subject"),
)
"""Who changed what of other people's: console.changes.Change. The database itself refuses to change or delete a line."""

console_secret = Table(
    "console_secret",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("value", String(64), nullable=False),
)
"""One row: what cookies are signed with, the same for all consoles of the installation."""
