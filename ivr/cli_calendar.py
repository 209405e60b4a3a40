"""[io] `hotline calendar …`: when people work, and single days that are otherwise."""

from __future__ import annotations

import time
from datetime import date, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from ivr.cli_shell import database, fail, settings, user

if TYPE_CHECKING:
    from followup.calendar import Calendar

calendar = typer.Typer(help="Working hours.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="The calendar, as in the settings; `default` is always there.")]
Date = Annotated[str, typer.Argument(help="The day, as 2027-01-15.")]
Why = Annotated[str, typer.Option("--name", help="What the day is called (公司年会).")]
Author = Annotated[str, typer.Option(help="Who does it; else the user of this machine.")]


@calendar.command("show")
def show(name: Name, days: Annotated[int, typer.Option(min=1, max=400, help="So many days from today on.")] = 14) -> None:
    """The hours of the coming days; whoever set a day is named."""
    from followup.calendar import today
    from followup.days import days as edited_days
    from followup.days import overlay
    from storage.hours import WEEKDAYS, write_spans
    from storage.sql import reading

    chosen = _calendar(name)
    with database() as engine, reading(engine) as connection:
        edited = {one.date: one for one in edited_days(engine, name)}
        changed = overlay(connection, name)
    first = today(chosen, time.time())
    for day in (first + timedelta(days=offset) for offset in range(days)):
        found = chosen.day(day, changed)
        hours = ", ".join(write_spans(found.spans)) or "closed"
        by = f"(set by {edited[day].author})" if day in edited else ""
        typer.echo(f"{day} {WEEKDAYS[day.weekday()]}  {hours}  {found.name} {by}".rstrip())


@calendar.command("off")
def off(name: Name, day: Date, why: Why = "", author: Author = "") -> None:
    """Close a day."""
    _set(name, day, (), why, author)


@calendar.command("work")
def work(
    name: Name,
    day: Date,
    hours: Annotated[list[str], typer.Argument(help='"09:00-12:00" "13:30-18:00"')],
    why: Why = "",
    author: Author = "",
) -> None:
    """Open a day, at these hours."""
    _set(name, day, tuple(hours), why, author)


@calendar.command("unset")
def unset(name: Name, day: Date, author: Author = "") -> None:
    """Let week and holidays decide a day again."""
    from followup.days import unset_day
    from storage.sql import writing

    _calendar(name)
    with database() as engine, writing(engine) as connection:
        if unset_day(connection, name, _date(day), author or user()) is None:
            raise fail(f"{name}: {day} is not set")
    typer.echo(f"{name}: {day} is as the week and the holidays say")


def _set(name: str, day: str, hours: tuple[str, ...], why: str, author: str) -> None:
    from followup.days import set_day
    from storage.hours import parse_spans
    from storage.sql import writing

    _calendar(name)
    with database() as engine, writing(engine) as connection:
        try:
            set_day(connection, name, _date(day), parse_spans(hours), why, author or user())
        except ValueError as error:
            raise fail(str(error)) from None
    typer.echo(f"{name}: {day} is {', '.join(hours) or 'closed'}")


def _calendar(name: str) -> Calendar:
    from followup.calendar import Calendar

    known = {one.name: one for one in settings().all_calendars}
    if name not in known:
        raise fail(f"there is no calendar {name!r}; there are: {', '.join(known)}")
    try:
        return Calendar.read(known[name].model_dump())
    except ValueError as error:
        raise fail(str(error)) from None


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise fail(f"{text!r} is no day; write it as 2027-01-15") from None
