"""[io] `hotline flow check` and `hotline flow schema`: menus as their authors see them."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated

import typer

from ivr import config
from ivr.config import ConfigError, Settings
from ivr.flow.parts import Language


def add_to(flow: typer.Typer) -> None:
    """Make these commands of `hotline flow`."""
    flow.command("check")(check)
    flow.command("schema")(schema)


def check(
    file: Path,
    language: Annotated[Language | None, typer.Option(help="Of what is said; else the console's, or that of LANG.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="A list of findings, for editors.")] = False,
) -> None:
    """Find what is wrong with a menu; exit status 1 when there is an error."""
    from ivr.menus import findings_of

    try:
        settings = config.load()
    except ConfigError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from error
    findings = findings_of(file, settings)
    spoken = language or _language(settings)
    if as_json:
        typer.echo(json.dumps([finding.to_json(spoken) for finding in findings], ensure_ascii=False, indent=1))
    else:
        for finding in findings:
            typer.echo(finding.text(spoken))
    if any(finding.severity == "error" for finding in findings):
        raise typer.Exit(1)
    if not as_json:
        typer.echo(f"{file}: 可以发布" if spoken == "zh" else f"{file}: fit for publishing")


def schema() -> None:
    """Print the JSON Schema of menus, for editors."""
    from ivr.flow.schema import schema as menu_schema

    typer.echo(json.dumps(menu_schema(), ensure_ascii=False, indent=1))


def _language(settings: Settings) -> Language:
    if "language" in settings.console.model_fields_set:
        return settings.console.language
    return "en" if os.environ.get("LANG", "").startswith("en") else settings.console.language
