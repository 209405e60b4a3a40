"""[io] `hotline flow simulate` and `replay`: menus tried out by hand, by cases, by the calls of the past."""

from __future__ import annotations

import time
from datetime import datetime
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from ivr.cli_shell import fail, settings


def add_to(flow: typer.Typer) -> None:
    """Give `hotline flow` these commands."""
    flow.command("simulate")(simulate)
    flow.command("replay")(replay)


def simulate(
    file: Path,
    script: Annotated[Path | None, typer.Option(help="Cases to let happen; exit status 1 when one comes otherwise.")] = None,
    closed: Annotated[bool, typer.Option(help="By hand: outside of working hours.")] = False,
    fact: Annotated[list[str] | None, typer.Option(help="By hand: what is known, e.g. caller=13912345678.")] = None,
) -> None:
    """Be a caller of this menu, in the terminal; or let the cases of a script be callers."""
    from ivr import rehearsal
    from ivr.flow.simulate import Always, Calendars, World
    from prompts import PATH

    facts = dict(each.partition("=")[::2] for each in fact or ())
    try:
        document = rehearsal.document_of(file)
        texts = rehearsal.texts_of(PATH, settings().prompts)
        if script is None:
            world = World(facts, time.time(), Calendars({}, Always(not closed)))
            rehearsal.by_hand(document, texts, world, typer.echo, _ask)
        elif not rehearsal.run_cases(document, script, texts, typer.echo):
            raise typer.Exit(1)
    except rehearsal.RehearsalFailed as error:
        raise fail(str(error)) from error


def replay(
    menu: Annotated[Path, typer.Option(help="The draft.")],
    since: Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M"], help="Calls since then.")],
    until: Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M"])] = None,
    hotline: Annotated[str, typer.Option(help="Whose calls; by default the first hotline's.")] = "",
    most: Annotated[int, typer.Option(min=1, help="At most so many calls, the latest.")] = 10_000,
    calls: Annotated[bool, typer.Option(help="Each call that would come out elsewhere, too.")] = False,
) -> None:
    """Lead the calls of the past through a draft: where would their callers come out instead?"""
    from followup.history import timelines
    from ivr import rehearsal
    from ivr.flow import replay as past
    from storage.sql import open_database

    terms = settings()
    zone = ZoneInfo(terms.calendar("default").time_zone)
    begin = since.replace(tzinfo=zone).timestamp()
    end = until.replace(tzinfo=zone).timestamp() if until is not None else time.time()
    try:
        document = rehearsal.document_of(menu)
    except rehearsal.RehearsalFailed as error:
        raise fail(str(error)) from error
    database = open_database(terms.database_url)
    name = hotline or terms.hotlines[0].name
    replayed = [
        past.replay(document, call_id, [past.Happened(event.type, event.at, event.data) for event in events])
        for call_id, events in timelines(database, name, begin, end, most)
    ]
    database.dispose()
    typer.echo(f"{len(replayed)} calls of {name}, {sum(each.changed for each in replayed)} would come out elsewhere")
    for before, after, count in past.moves(replayed):
        typer.echo(f"{count:6}  {before}" + ("" if before == after else f"  →  {after}"))
    for each in replayed:
        if each.note or (calls and each.changed):
            typer.echo(
                f"{each.call_id}: {each.before} → {each.after} ({' > '.join(each.path)}){each.note and '; ' + each.note}"
            )


def _ask() -> str | None:
    """A line that is typed, None at the end of the input."""
    try:
        return input("> ")
    except EOFError:
        return None
