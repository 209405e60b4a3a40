"""[io] The tables of menus, as storage/migrations makes them: the scribe writes the history, editors write drafts. They stand
here because those two rooms know nothing of each other. Times are epoch seconds (UTC)."""

from __future__ import annotations

from sqlalchemy import Column, Double, Integer, MetaData, String, Table, Text

metadata = MetaData()

menu_version = Table(
    "menu_version",
    metadata,
    Column("hotline", String(64), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("author", String(64), nullable=False),
    Column("note", String(500), nullable=False),
    Column("at", Double, nullable=False),
    Column("based_on", Integer, nullable=False),
    Column("source", Text, nullable=False),
)
"""Every version that was ever published: made from the event "menu_published". `source` is YAML, as it was written."""

menu_draft = Table(
    "menu_draft",
    metadata,
    Column("hotline", String(64), primary_key=True),
    Column("source", Text, nullable=False),
    Column("author", String(64), nullable=False),
    Column("saved_at", Double, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("based_on", Integer, nullable=False),
)
"""One draft a hotline. `revision` rises with each saving: who saves names the one that was read."""
