"""[io] What people have changed of queues and seats, beside the settings: who, and when; and how the engines are told."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from redis import Redis
from sqlalchemy import Connection, Engine, insert, select, update

from followup.tables import edited_setting
from followup.weeks import Changed
from storage import documents
from storage.sql import reading

KIND = "setting"
"""Of the documents that engines follow (ivr/edits.py)."""


@dataclass(frozen=True, slots=True)
class Edit:
    """What is changed of one queue or seat, {}: nothing. revision: 0 where nobody ever changed it; at: epoch seconds."""

    values: Mapping[str, Any] = field(default_factory=dict)
    revision: int = 0
    author: str = ""
    at: float = 0.0


def edits(connection: Connection) -> dict[str, Edit]:
    """By name: "queue:service", "seat:1026"."""
    found = connection.execute(select(edited_setting))
    return {row.name: Edit(json.loads(row.text), row.revision, row.author, row.at) for row in found}


def change(connection: Connection, name: str, values: Mapping[str, Any], author: str, based_on: int) -> Edit:
    """Have these values count beside the settings, {}: the settings alone. based_on: the revision that was read. Returns what
    was there before. Raises followup.weeks.Changed."""
    before = edits(connection).get(name, Edit())
    if before.revision != based_on:
        raise Changed(before.author, before.at)
    row = {"text": _text(values), "revision": before.revision + 1, "author": author, "at": time.time()}
    if before.revision:
        connection.execute(update(edited_setting).where(edited_setting.c.name == name).values(**row))
    else:
        connection.execute(insert(edited_setting).values(name=name, **row))
    return before


def publish(client: Redis, engine: Engine) -> None:
    """Tell the engines what stands in SQL, as often as you like: what they know is not told again. Raises
    redis.exceptions.RedisError, sqlalchemy.exc.DBAPIError."""

    def wanted() -> dict[str, str]:
        with reading(engine) as connection:
            return {name: _text(edit.values) for name, edit in edits(connection).items()}

    documents.keep_published(client, KIND, wanted)


def _text(values: Mapping[str, Any]) -> str:
    return json.dumps(dict(values), ensure_ascii=False, separators=(",", ":"), sort_keys=True)
