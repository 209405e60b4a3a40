"""[io] `hotline twilio`: is Twilio set up as our settings want it?"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import typer

from ivr.cli_shell import fail, settings

if TYPE_CHECKING:
    from ivr.gateway.twilio.check import Finding

app = typer.Typer(help="Calls by Twilio.", no_args_is_help=True)


@app.callback()
def twilio() -> None:
    """Calls by Twilio."""


@app.command()
def check() -> None:
    """Ask Twilio's API whether account, numbers and webhooks are as the settings say. Exit status 1 when something is to be
    fixed."""
    from ivr.gateway.twilio.check import check as look

    found = settings()
    if found.twilio is None:
        raise fail("there is no [twilio] in the settings")
    try:
        token = found.twilio.token()
    except (ValueError, OSError) as error:
        raise fail(str(error)) from error
    findings = asyncio.run(look(found.twilio, token))
    for finding in findings:
        _tell(finding)
    if not all(finding.ok for finding in findings):
        raise typer.Exit(1)


def _tell(finding: Finding) -> None:
    typer.echo(f"{'ok ' if finding.ok else 'FIX'}  {finding.what}{'' if finding.ok else f': {finding.remedy}'}")
