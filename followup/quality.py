"""[io] How the sound of each leg of a call was (RFC 3550 reports): booked once a leg, read by call and as the sum of all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, case, func, insert, select, tuple_

from followup.events import StreamEvent
from followup.tables import call_log, call_quality
from storage.sql import reading

EVENT, FIRST_SEQ, MAX_LEGS = "quality", 2**52, 1000
"""The event's type, and the seq of the caller's leg; that of the n-th telephone called is n higher."""


@dataclass(frozen=True, slots=True)
class LegQuality:
    """leg: 0 is the caller, n the n-th telephone that was called. Packets `sent` by us and `received`; of the peer's stream
    `lost`, `duplicates`, `reordered` and its jitter. What only the peer's reports tell is None where it sent none: the round
    trip, and what was lost of ours (remote_lost may be below 0: the peer counts duplicates as gain)."""

    call_id: str
    leg: int
    at: float
    sent: int
    received: int
    lost: int
    duplicates: int
    reordered: int
    jitter_ms: float
    rtt_ms: float | None
    remote_lost: int | None
    remote_jitter_ms: float | None

    @property
    def loss(self) -> float:
        """The share of the peer's packets that were lost, 0 to 1."""
        return self.lost / max(1, self.lost + self.received)

    @property
    def remote_loss(self) -> float | None:
        """The share of ours, None where the peer doesn't say."""
        return None if self.remote_lost is None else max(0, self.remote_lost) / max(1, self.sent)


@dataclass(frozen=True, slots=True)
class Histogram:
    """Of all legs of the log. buckets: (upper bound, legs up to it), the last bound is "+Inf"; total: the sum of values."""

    name: str
    help: str
    buckets: tuple[tuple[str, float], ...]
    total: float


_COLUMNS = tuple(field.name for field in fields(LegQuality))
_LOSS = 1.0 * call_quality.c.lost / (call_quality.c.lost + call_quality.c.received)
_HISTOGRAMS: Mapping[str, tuple[str, ColumnElement[Any], ColumnElement[bool], tuple[float, ...]]] = {
    "hotline_leg_loss_ratio": (
        "Share of a leg's packets that did not arrive",
        _LOSS,
        call_quality.c.lost + call_quality.c.received > 0,
        (0.0, 0.001, 0.005, 0.01, 0.02, 0.05, 0.1),
    ),
    "hotline_leg_jitter_seconds": (
        "Jitter of a leg's arriving packets",
        call_quality.c.jitter_ms / 1000.0,
        call_quality.c.received > 0,
        (0.001, 0.005, 0.01, 0.02, 0.04, 0.08, 0.16),
    ),
    "hotline_leg_round_trip_seconds": (
        "Round trip to a leg's telephone",
        call_quality.c.rtt_ms / 1000.0,
        call_quality.c.rtt_ms.is_not(None),
        (0.01, 0.025, 0.05, 0.1, 0.2, 0.4, 0.8),
    ),
}


def save(connection: Connection, events: Sequence[StreamEvent]) -> int:
    """Book those of these events that were not booked before; returns how many. Calls that the log doesn't have (a seat's own
    codes) are passed over."""
    legs = {(found.call_id, found.leg): found for event in events if (found := _read(event)) is not None}
    if not legs:
        return 0
    calls = {call_id for call_id, _ in legs}
    logged = set(connection.execute(select(call_log.c.call_id).where(call_log.c.call_id.in_(calls))).scalars())
    keys = tuple_(call_quality.c.call_id, call_quality.c.leg)
    known = {tuple(row) for row in connection.execute(select(keys.clauses[0], keys.clauses[1]).where(keys.in_(list(legs))))}
    new = [asdict(leg) for key, leg in legs.items() if key not in known and leg.call_id in logged]
    if new:
        connection.execute(insert(call_quality), new)
    return len(new)


def of_call(connection: Connection, call_id: str) -> tuple[LegQuality, ...]:
    """The legs of a call that have ended, the caller first."""
    found = connection.execute(
        select(*(call_quality.c[name] for name in _COLUMNS))
        .where(call_quality.c.call_id == call_id)
        .order_by(call_quality.c.leg)
    )
    return tuple(LegQuality(*row) for row in found)


def histograms(engine: Engine) -> list[Histogram]:
    """All legs ever logged, counted by their loss, jitter and round trip. Reads the whole table."""
    columns = []
    for _, value, applies, bounds in _HISTOGRAMS.values():
        columns += [func.coalesce(func.sum(case((applies & (value <= bound), 1), else_=0)), 0) for bound in bounds]
        columns += [func.coalesce(func.sum(case((applies, part), else_=0.0)), 0) for part in (1.0, value)]
    with reading(engine) as connection:
        row = list(connection.execute(select(*columns)).one())
    found = []
    for name, (text, _, _, bounds) in _HISTOGRAMS.items():
        *counts, count, total = (float(row.pop(0)) for _ in range(len(bounds) + 2))
        named = [*zip(map(str, bounds), counts, strict=True), ("+Inf", count)]
        found.append(Histogram(name, text, tuple(named), total))
    return found


def _read(event: StreamEvent) -> LegQuality | None:
    leg = event.seq - FIRST_SEQ
    if not 0 <= leg < MAX_LEGS:
        return None

    def count(key: str) -> int | None:
        number = event.number(key)
        return None if number is None else int(min(max(number, -(2.0**53)), 2.0**53))

    return LegQuality(
        event.subject,
        leg,
        event.at,
        sent=count("sent") or 0,
        received=count("received") or 0,
        lost=count("lost") or 0,
        duplicates=count("duplicates") or 0,
        reordered=count("reordered") or 0,
        jitter_ms=event.number("jitter_ms") or 0.0,
        rtt_ms=event.number("rtt_ms"),
        remote_lost=count("remote_lost"),
        remote_jitter_ms=event.number("remote_jitter_ms"),
    )
