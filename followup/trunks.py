"""[io] When trunks came and went: booked once a change, read for people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from sqlalchemy import Connection, Engine, func, insert, select

from followup.events import StreamEvent
from followup.tables import trunk_change
from storage.sql import reading

EVENT = "trunk"
"""The event's type; its subject is "trunk:<name>"."""


@dataclass(frozen=True, slots=True)
class TrunkChange:
    """At `at` (epoch seconds, UTC) a node saw the trunk come `up`, or go, for a `reason` (ivr.trunks.Trunks.faults)."""

    at: float
    node: str
    trunk: str
    up: bool
    reason: str


def save(connection: Connection, new: Sequence[StreamEvent]) -> None:
    """Book these events, which must not have been booked before."""
    rows = [
        asdict(TrunkChange(one.at, one.text("node"), one.text("trunk"), one.data.get("up") is True, one.text("reason")))
        for one in new
        if one.type == EVENT and not one.is_call
    ]
    if rows:
        connection.execute(insert(trunk_change), rows)


def changes(engine: Engine, limit: int = 50) -> list[TrunkChange]:
    """The last ones, the latest first."""
    table = trunk_change.c
    query = select(table.at, table.node, table.trunk, table.up, table.reason).order_by(table.at.desc(), table.id.desc())
    with reading(engine) as connection:
        return [TrunkChange(*row) for row in connection.execute(query.limit(limit))]


def latest(engine: Engine) -> dict[tuple[str, str], TrunkChange]:
    """The last change of each (node, trunk)."""
    table = trunk_change.c
    newest = select(func.max(table.id)).group_by(table.node, table.trunk)
    query = select(table.at, table.node, table.trunk, table.up, table.reason).where(table.id.in_(newest))
    with reading(engine) as connection:
        found = [TrunkChange(*row) for row in connection.execute(query)]
    return {(one.node, one.trunk): one for one in found}
