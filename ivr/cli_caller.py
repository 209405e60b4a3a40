"""[io] `hotline caller …`: what is known of a caller."""

from __future__ import annotations

import time
from datetime import datetime
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

from ivr.cli_shell import database, fail, redis, settings

if TYPE_CHECKING:
    from followup.customers import Customer

app = typer.Typer(help="What is known of callers; menus may ask for class, tags and number of calls.", no_args_is_help=True)

Number = Annotated[str, typer.Argument(help="As people write it.")]


@app.command("show")
def show(number: Number) -> None:
    """What is known of a number."""
    from followup import customers

    with database() as engine:
        _print(customers.show(engine, _as_logged(number)))


@app.command("set")
def change(
    number: Number,
    name: Annotated[str | None, typer.Option(help="Who calls.")] = None,
    class_: Annotated[str | None, typer.Option("--class", help="Such as vip.")] = None,
    tag: Annotated[list[str] | None, typer.Option(help="Once for each; they replace all that were there.")] = None,
) -> None:
    """Set what is given; "" takes it away. The next call of this number knows it."""
    from followup import customers

    number = _as_logged(number)
    with redis() as client, database() as engine:
        try:
            known = customers.change(engine, number, time.time(), name=name, class_=class_, tags=tag)
        except customers.CustomerError as error:
            raise fail(str(error)) from None
        customers.tell(client, engine, [number], time.time())
    _print(known)


def _as_logged(text: str) -> str:
    """As the call log has it; a number without area code is of the first trunk's area."""
    from ivr.sip.number import normalise

    number = normalise(text, next((trunk.home_area_code for trunk in settings().trunks), None)).number
    if not number:
        raise fail(f"{text!r} is no number")
    return number


def _print(known: Customer) -> None:
    zone = ZoneInfo(settings().calendar("default").time_zone)
    last = "" if known.last_at is None else datetime.fromtimestamp(known.last_at, zone).strftime(", the last on %Y-%m-%d %H:%M")
    typer.echo(f"number  {known.number}")
    typer.echo(f"name    {known.name}")
    typer.echo(f"class   {known.class_}")
    typer.echo(f"tags    {', '.join(known.tags)}")
    typer.echo(f"calls   {known.calls}{last}")
