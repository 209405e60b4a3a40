"""[io] The history of published menus, from their events."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import structlog
from sqlalchemy import Connection, Engine, select, tuple_
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from followup.events import StreamEvent, clean
from storage.menus import menu_version
from storage.sql import reading

EVENT = "menu_published"

log = structlog.get_logger(__name__)


def save(connection: Connection, events: Sequence[StreamEvent]) -> None:
    """Book the versions these events tell of; those that are there stay as they are."""
    rows = {(row["hotline"], row["version"]): row for event in events if (row := _row(event)) is not None}
    if not rows:
        return
    add: Any = {"sqlite": sqlite_insert, "postgresql": postgresql_insert}[connection.dialect.name]
    connection.execute(add(menu_version).on_conflict_do_nothing(), list(rows.values()))
    keys = tuple_(menu_version.c.hotline, menu_version.c.version)
    for there in connection.execute(select(menu_version).where(keys.in_(list(rows)))):
        if there.source != rows[there.hotline, there.version]["source"]:
            # Redis has lost its data, and numbers began again: what was booked first stays.
            log.error("menus.number_taken", hotline=there.hotline, version=there.version)


def _row(event: StreamEvent) -> dict[str, Any] | None:
    hotline, source = event.text("hotline"), event.data.get("source")
    if event.type != EVENT or not hotline or not isinstance(source, str) or not 0 < event.seq < 2**31:
        return None
    note = event.data.get("note")
    return {
        "hotline": hotline,
        "version": event.seq,
        "author": event.text("author"),
        "note": clean(note)[:500] if isinstance(note, str) else "",
        "at": event.at,
        "based_on": int(min(max(event.number("based_on") or 0, 0), 2**31 - 1)),
        "source": clean(source),
    }


def source_at(engine: Engine, hotline: str, at: float) -> str:
    """The text of the menu that new calls of a hotline began with at that time; "" where the books have none."""
    query = (
        select(menu_version.c.source)
        .where(menu_version.c.hotline == hotline, menu_version.c.at <= at)
        .order_by(menu_version.c.version.desc())
        .limit(1)
    )
    with reading(engine) as connection:
        return connection.execute(query).scalar_one_or_none() or ""
