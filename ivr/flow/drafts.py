"""[io] Menus in SQL: the draft of each hotline, and the history of what was published. The engine never loads this."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass

from sqlalchemy import Engine, func, insert, select, update

from routing.menus import MAX_BYTES, Published, moment
from storage.menus import menu_draft, menu_version
from storage.sql import reading, writing

MAX_AUTHOR, MAX_NOTE = 64, 500


@dataclass(frozen=True, slots=True)
class Draft:
    """A menu that somebody works on; comments and order as written. revision: rises from 1 with each saving; based_on: the
    published version it was made from, 0 for none."""

    hotline: str
    source: str
    author: str
    saved_at: float
    revision: int
    based_on: int


class Edited(Exception):
    """Somebody else has saved the draft since it was read. `there`: the draft as it is now, None when there is none."""

    def __init__(self, hotline: str, there: Draft | None) -> None:
        self.hotline = hotline
        self.there = there
        if there is None:
            super().__init__(f"{hotline}: there is no draft yet: save it with revision 0")
        else:
            super().__init__(
                f"{hotline}: the draft was saved by {there.author} at {moment(there.saved_at)}, as revision {there.revision}"
            )


def load_draft(engine: Engine, hotline: str) -> Draft | None:
    """The hotline's draft. Raises sqlalchemy.exc.DBAPIError."""
    with reading(engine) as connection:
        row = connection.execute(select(menu_draft).where(menu_draft.c.hotline == hotline)).first()
        return None if row is None else Draft(*row)


def save_draft(engine: Engine, hotline: str, source: str, author: str, revision: int, based_on: int | None = None) -> int:
    """Save over the revision that was read (0: there was none); returns the new one.

    based_on: the published version it is made from; None leaves it as it is (0 in a new draft). Raises Edited when somebody
    else has saved meanwhile, ValueError for a text or author that can't be kept, sqlalchemy.exc.DBAPIError.
    """
    check_text(source)
    check_author(author)
    now = time.time()
    with writing(engine) as connection:
        if revision == 0:
            there = connection.execute(select(menu_draft).where(menu_draft.c.hotline == hotline)).first()
            if there is not None:
                raise Edited(hotline, Draft(*there))
            new = Draft(hotline, source, author, now, 1, based_on or 0)
            connection.execute(insert(menu_draft).values(asdict(new)))
            return 1
        given = {} if based_on is None else {"based_on": based_on}
        saved = connection.execute(
            update(menu_draft)
            .where(menu_draft.c.hotline == hotline, menu_draft.c.revision == revision)
            .values(source=source, author=author, saved_at=now, revision=revision + 1, **given)
        )
        if saved.rowcount == 0:
            there = connection.execute(select(menu_draft).where(menu_draft.c.hotline == hotline)).first()
            raise Edited(hotline, None if there is None else Draft(*there))
        return revision + 1


def rebase_draft(engine: Engine, draft: Draft, version: int) -> None:
    """This revision of the draft was published as `version`: what is saved next is made from that."""
    with writing(engine) as connection:
        connection.execute(
            update(menu_draft)
            .where(menu_draft.c.hotline == draft.hotline, menu_draft.c.based_on == draft.based_on)
            .values(based_on=version)
        )


def history(engine: Engine, hotline: str) -> list[Published]:
    """All versions that are booked, the newest first. Raises sqlalchemy.exc.DBAPIError."""
    mine = select(menu_version).where(menu_version.c.hotline == hotline).order_by(menu_version.c.version.desc())
    with reading(engine) as connection:
        return [
            Published(row.hotline, row.version, row.author, row.note, row.at, row.based_on, row.source)
            for row in connection.execute(mine)
        ]


def newest(engine: Engine, hotline: str) -> int:
    """The highest number that is booked, 0 for none. Raises sqlalchemy.exc.DBAPIError."""
    with reading(engine) as connection:
        query = select(func.max(menu_version.c.version)).where(menu_version.c.hotline == hotline)
        return int(connection.execute(query).scalar_one() or 0)


def check_author(author: str) -> None:
    """Raises ValueError for a name that can't stand in the history."""
    if not author.strip() or len(author) > MAX_AUTHOR or not author.isprintable():
        raise ValueError(f"author: {author!r} is no name: 1 to {MAX_AUTHOR} letters")


def check_text(source: str) -> None:
    """Raises ValueError for a text that is too large, or that SQL can't keep."""
    if len(source.encode("utf-8", "replace")) > MAX_BYTES:
        raise ValueError(f"the menu is too large: {MAX_BYTES} bytes are the most")
    if "\0" in source:
        raise ValueError("the menu contains a NUL character")
