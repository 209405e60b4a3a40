"""[io] `hotline flow …`: menus, from their drafts to what callers hear, and back."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

from ivr.cli_shell import database, fail, redis, settings, user

if TYPE_CHECKING:
    from ivr.flow.desk import Desk

CONFLICT = 3
"""Exit status: somebody else was faster."""

flow = typer.Typer(help="Menus.", no_args_is_help=True)

Hotline = Annotated[str, typer.Argument(help="Name of the hotline, as in the settings.")]
Author = Annotated[str, typer.Option(help="Who does it; else the user of this machine.")]
Note = Annotated[str, typer.Option(help="Why, in a few words.")]
Base = Annotated[int | None, typer.Option(help="The version it was made from; else the one that is published now.")]


@flow.command("publish")
def publish(
    hotline: Hotline,
    file: Annotated[Path | None, typer.Argument(help="The menu; without it the saved draft is published.")] = None,
    author: Author = "",
    note: Note = "",
    based_on: Base = None,
) -> None:
    """Have new calls hear this menu; running calls end on theirs. Exit status 2: it has errors, 3: somebody was faster."""
    with _desk(hotline) as desk:
        if file is not None:
            base = desk.current(hotline) if based_on is None else based_on
            version = desk.publish(hotline, _read(file), author or user(), note, base)
        else:
            draft = desk.draft(hotline)
            if draft is None:
                raise fail(f"{hotline}: there is no draft: name a file, or save one with `hotline flow draft {hotline} FILE`")
            version = desk.publish_draft(hotline, draft.revision, author or user(), note)
        typer.echo(f"{hotline}: version {version} is published")


@flow.command("draft")
def draft(
    hotline: Hotline,
    file: Annotated[Path | None, typer.Argument(help="What to save; without it the draft is shown.")] = None,
    author: Author = "",
    revision: Annotated[int | None, typer.Option(help="The revision it replaces; else your own latest one.")] = None,
    based_on: Base = None,
) -> None:
    """Save a draft, which callers don't hear, and say what is wrong with it. Exit status 3: somebody else has saved."""
    with _desk(hotline) as desk:
        there = desk.draft(hotline)
        if file is None:
            if there is None:
                raise fail(f"{hotline}: there is no draft")
            typer.echo(there.source, nl=False)
            return
        source, who = _read(file), author or user()
        if revision is None:
            revision = there.revision if there is not None and there.author == who else 0
        saved = desk.save_draft(hotline, source, who, revision, based_on)
        for finding in desk.check(hotline, source):
            typer.echo(str(finding))
        typer.echo(f"{hotline}: the draft is saved as revision {saved}")


@flow.command("versions")
def versions(hotline: Hotline) -> None:
    """All versions, the newest first; * marks the one that new calls hear."""
    with _desk(hotline) as desk:
        zone = ZoneInfo(settings().calendar("default").time_zone)
        current = desk.current(hotline)
        for one in desk.versions(hotline):
            mark = "*" if one.version == current else " "
            at = f"{datetime.fromtimestamp(one.at, zone):%Y-%m-%d %H:%M:%S}"
            typer.echo(f"{mark} {one.version:>4}  {at}  {one.author}  from {one.based_on or '-'}  {one.note}".rstrip())


@flow.command("show")
def show(hotline: Hotline, version: Annotated[int | None, typer.Option(help="Else the published one.")] = None) -> None:
    """Print a version as it was written."""
    with _desk(hotline) as desk:
        version = desk.current(hotline) if version is None else version
        if version == 0:
            raise fail(f"{hotline}: no menu is published")
        typer.echo(desk.source(hotline, version), nl=False)


@flow.command("diff")
def diff(hotline: Hotline, old: int, new: int) -> None:
    """What changed from one version to another."""
    with _desk(hotline) as desk:
        typer.echo(desk.diff(hotline, old, new), nl=False)


@flow.command("rollback")
def rollback(hotline: Hotline, version: int, author: Author = "", note: Note = "") -> None:
    """Publish an old version's text as a new version."""
    with _desk(hotline) as desk:
        new = desk.rollback(hotline, version, author or user(), note)
        typer.echo(f"{hotline}: version {new} is published, with the text of version {version}")


@contextlib.contextmanager
def _desk(hotline: str) -> Iterator[Desk]:
    """The desk, for a hotline that there is; its refusals as exit status."""
    from ivr.flow.desk import Desk, Unfit, UnknownVersion
    from ivr.flow.drafts import Edited
    from ivr.menus import facts_of_authors
    from routing.menus import Conflict

    found = settings()
    names = [one.name for one in found.hotlines]
    if hotline not in names:
        raise fail(f"there is no hotline {hotline!r}; the settings have: {', '.join(names) or 'none'}")
    with redis() as client, database() as engine:
        try:
            yield Desk(client, engine, facts_of_authors(found))
        except (Conflict, Edited) as error:
            raise fail(str(error), CONFLICT) from None
        except Unfit as error:
            raise fail("\n".join(str(finding) for finding in error.findings)) from None
        except (UnknownVersion, ValueError) as error:
            raise fail(str(error)) from None


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise fail(f"{file}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise fail(f"{file}: not UTF-8 text") from None
