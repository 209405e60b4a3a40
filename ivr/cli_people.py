"""[io] `hotline people …`: who may log in to the console. Passwords are set by their owners, by one-time links."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Literal
from zoneinfo import ZoneInfo

import typer

from ivr.cli_console import welcome
from ivr.cli_shell import database, fail, settings, user

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from console.changes import Actor

app = typer.Typer(help="Who may log in to the console.", no_args_is_help=True)

Login = Annotated[str, typer.Argument(help="The login name.")]

_FAULTS = {
    "login_wrong": "a login name has 2 to 32 small letters, digits or . _ - and begins with a letter or digit",
    "login_taken": "somebody has this login name already",
    "name_needed": "a name has 1 to 64 characters",
    "seat_needed": "a seat needs its agent number: --seat",
    "seat_taken": "this agent number is somebody else's",
    "not_found": "there is nobody of this login name",
    "last_administrator": "this is the only administrator",
    "disabled": "this account is disabled",
}


@app.command()
def add(
    login: Login,
    name: Annotated[str, typer.Option(help="As others see it.")],
    role: Annotated[Literal["seat", "supervisor", "administrator"], typer.Option(help="What they may do.")] = "seat",
    seat: Annotated[str, typer.Option(help="Their agent number (工号).")] = "",
) -> None:
    """Add a person. Prints the link by which they set their password."""
    from console import accounts, links
    from console.roles import Role

    found = settings()
    if seat and seat not in {one.number for one in found.seats}:
        raise fail(f"seat: the settings have no seat {seat!r}")
    with _accounts() as (engine, by):
        person = accounts.add(engine, login, name, Role(role), seat, by, time.time())
        typer.echo(welcome(found, links.for_person(engine, person.login, by, time.time(), forget=False)))


@app.command("list")
def show() -> None:
    """Everybody, and who is locked out."""
    from console import accounts, tries

    zone = ZoneInfo(settings().calendar("default").time_zone)
    with _accounts() as (engine, _):
        for one in accounts.people(engine):
            state = "disabled" if not one.enabled else "no password yet" if one.password_at is None else ""
            typer.echo(f"{one.login:16} {one.role:14} {one.seat:8} {one.name}  {state}".rstrip())
        for lock in tries.locks(engine, time.time()):
            typer.echo(f"locked: {lock.subject} until {datetime.fromtimestamp(lock.until, zone):%H:%M}")


@app.command()
def reset(login: Login) -> None:
    """End a person's password and sessions. Prints the link by which they set a new one."""
    from console import links

    with _accounts() as (engine, by):
        typer.echo(welcome(settings(), links.for_person(engine, login, by, time.time(), forget=True)))


@app.command()
def disable(login: Login) -> None:
    """Let a person in no more; their sessions end at once."""
    from console import accounts

    with _accounts() as (engine, by):
        accounts.disable(engine, login, by, time.time())


@app.command()
def enable(login: Login) -> None:
    """Let a person in again."""
    from console import accounts

    with _accounts() as (engine, by):
        accounts.enable(engine, login, by, time.time())


@app.command()
def unlock(subject: Annotated[str, typer.Argument(help="As `list` shows it: account:NAME or address:NETWORK.")]) -> None:
    """Let somebody try again who was locked out after wrong passwords."""
    from console import tries

    with _accounts() as (engine, by):
        if not tries.lift(engine, subject, by, time.time()):
            raise fail(f"{subject} is not locked", 1)


@contextmanager
def _accounts() -> Iterator[tuple[Engine, Actor]]:
    """The migrated database, and who types; a refusal is told and ends the command with exit status 1."""
    from console.accounts import AccountError
    from console.changes import Actor
    from storage.sql import migrate

    with database() as engine:
        migrate(settings().database_url)
        try:
            yield engine, Actor(f"cli:{user()}")
        except AccountError as error:
            raise fail(_FAULTS.get(error.code, error.code), 1) from None
