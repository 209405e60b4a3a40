"""[io] The floor as the console shows it: live calls, seats and queues at one instant."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from redis import Redis

from routing import link, scripts
from routing.seats import SeatView, view

_FLOOR = scripts.load("floor")
_OF_A_SEAT = tuple(each.name for each in fields(SeatView) if each.name != "queues")


@dataclass(frozen=True, slots=True)
class Floor:
    """One instant. Times are seconds since the epoch; durations end in _s.

    calls: {call_id, node, alive (its engine lives), and the call's summary: phase, trunk, hotline, caller, …}, oldest first.
    seats: {number, name, queues: list, status, reason, state, call_id, since, until, aside_until, registered: bool}, by number;
    a time that does not apply is None. queues: {name, seats, ready, waiting: [{call_id, position from 1, waited_s}]}, by name.
    trunks: {node, name, up: bool} of living engines, those that are pinged or registered with; speech: {node, name, up: bool,
    reason} of their speech processes; lines: {node, name, registered, refused, addresses} of their trunks
    (ivr.trunks.Trunks.report). menus: {node, hotline, version} that new calls have on living engines; published: the version of
    each hotline's menu that they should have.
    """

    calls: list[dict[str, Any]]
    seats: list[dict[str, Any]]
    queues: list[dict[str, Any]]
    trunks: list[dict[str, Any]]
    at: float
    menus: list[dict[str, Any]] = field(default_factory=list)
    published: dict[str, int] = field(default_factory=dict)
    speech: list[dict[str, Any]] = field(default_factory=list)
    lines: list[dict[str, Any]] = field(default_factory=list)


def snapshot(redis: Redis) -> Floor:
    """Read the floor in one script. The client is a blocking one whose answers are str (storage.redis.connect_sync).

    Raises redis.exceptions.RedisError when Redis is away.
    """
    at, calls, told, queues, engines, published = link.run_blocking(redis, _FLOOR)
    seats = [_seat(*seat) for seat in told]
    ready = Counter(queue for seat in seats if _is_ready(seat, float(at)) for queue in seat["queues"])
    return Floor(
        calls=sorted((_call(*call) for call in calls), key=lambda call: str(call["call_id"])),
        seats=sorted(seats, key=lambda seat: str(seat["number"])),
        queues=sorted(
            (_queue(name, members, waiting, ready) for name, members, waiting in queues), key=lambda queue: str(queue["name"])
        ),
        trunks=[
            {"node": node, "name": name, "up": up}
            for node, states, *_ in sorted(engines)
            for name, up in sorted(json.loads(states).items())
        ],
        menus=[
            {"node": node, "hotline": hotline, "version": version}
            for node, _, versions, *_ in sorted(engines)
            for hotline, version in sorted(json.loads(versions).items())
        ],
        published={hotline: int(version) for hotline, version in zip(published[::2], published[1::2], strict=True)},
        speech=[
            {"node": node, "name": name, "up": not fault, "reason": fault}
            for node, _, _, processes, _ in sorted(engines)
            for name, fault in sorted(json.loads(processes).items())
        ],
        lines=[
            {"node": node, "name": name, **told}
            for node, *_, lines in sorted(engines)
            for name, told in sorted(json.loads(lines).items())
        ],
        at=float(at),
    )


def _call(call_id: str, node: str, alive: str, summary: str) -> dict[str, Any]:
    return {**json.loads(summary), "call_id": call_id, "node": node, "alive": alive == "1"}


def _seat(number: str, registered: str, flat: list[str]) -> dict[str, Any]:
    seat = view(number, registered == "1", dict(zip(flat[::2], flat[1::2], strict=True)))
    return {**{name: getattr(seat, name) for name in _OF_A_SEAT}, "queues": list(seat.queues)}  # asdict(): 5 times as long


def _is_ready(seat: Mapping[str, Any], now: float) -> bool:
    """Whether it could take a call: what ready_seats() of lua/common.lua counts."""
    free = seat["state"] == "idle" and seat["status"] == "ready"
    return free and seat["registered"] and (seat["aside_until"] or 0.0) <= now


def _queue(name: str, seats: int, waiting: list[list[str]], ready: Mapping[str, int]) -> dict[str, Any]:
    line = [{"call_id": call, "position": i, "waited_s": float(waited)} for i, (call, waited) in enumerate(waiting, 1)]
    return {"name": name, "seats": seats, "ready": ready.get(name, 0), "waiting": line}
