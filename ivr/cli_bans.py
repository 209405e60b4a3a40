"""[io] `hotline bans …`: addresses that are kept out, and letting them in again, as on the console's page /strangers/."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from ivr.cli_shell import database, fail, redis, settings, user

app = typer.Typer(help="Banned addresses.", no_args_is_help=True)


@app.command("list")
def show() -> None:
    """Every address that is banned now, the latest first: since when, until when, why, and by which node."""
    from routing import bans

    zone = ZoneInfo(settings().calendar("default").time_zone)
    with redis() as client:
        for bar in bans.listed(client, "address"):
            assert bar.left_s is not None, "addresses are never banned for ever"
            since, until = datetime.fromtimestamp(bar.at, zone), datetime.fromtimestamp(time.time() + bar.left_s, zone)
            typer.echo(f"{bar.entry:24} {since:%Y-%m-%d %H:%M:%S}  until {until:%Y-%m-%d %H:%M:%S}  {bar.reason:10} {bar.by}")


@app.command()
def lift(address: Annotated[str, typer.Argument(help="As `list` shows it.")]) -> None:
    """Let an address in again at once, on all nodes. It is a line in the console's change log."""
    from console import changes
    from routing import bans
    from storage.sql import migrate

    by = changes.Actor(f"cli:{user()}")
    with redis() as client, database() as engine:
        migrate(settings().database_url)
        with changes.told(engine, by, "ban_lifted", f"{changes.ADDRESS}:{address}", time.time()):
            if not bans.lift(client, "address", address, by=by.login):
                raise fail(f"{address} is not banned", 1)
