"""[io] The floor as the console shows it: live calls, seats and queues at one instant."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

from redis import Redis

from routing import link, scripts
from routing.seats import view

_FLOOR = scripts.load("floor")


@dataclass(frozen=True, slots=True)
class Floor:
    """One instant. Times are seconds since the epoch; durations end in _s.

    calls: {call_id, node, alive (its engine lives), and the call's summary: phase, trunk, hotline, caller, …}, oldest first.
    seats: {number, name, queues: list, status, reason, state, call_id, since, until, aside_until, registered: bool}, by number;
    a time that does not apply is None. queues: {name, seats, ready, waiting: [{call_id, position from 1, waited_s}]}, by name.
    trunks: {node, name, up: bool} of living engines, those that are pinged or registered with.
    """

    calls: list[dict[str, Any]]
    seats: list[dict[str, Any]]
    queues: list[dict[str, Any]]
    trunks: list[dict[str, Any]]
    at: float


def snapshot(redis: Redis) -> Floor:
    """Read the floor in one script. The client is a blocking one whose answers are str (storage.redis.connect_sync).

    Raises redis.exceptions.RedisError when Redis is away.
    """
    at, calls, seats, queues, trunks = link.run_blocking(redis, _FLOOR)
    return Floor(
        calls=sorted((_call(*call) for call in calls), key=lambda call: str(call["call_id"])),
        seats=sorted((_seat(*seat) for seat in seats), key=lambda seat: str(seat["number"])),
        queues=sorted((_queue(*queue) for queue in queues), key=lambda queue: str(queue["name"])),
        trunks=[
            {"node": node, "name": name, "up": up}
            for node, states in sorted(trunks)
            for name, up in sorted(json.loads(states).items())
        ],
        at=float(at),
    )


def _call(call_id: str, node: str, alive: str, summary: str) -> dict[str, Any]:
    return {**json.loads(summary), "call_id": call_id, "node": node, "alive": alive == "1"}


def _seat(number: str, registered: str, flat: list[str]) -> dict[str, Any]:
    fields = dict(zip(flat[::2], flat[1::2], strict=True))
    seat = asdict(view(number, registered == "1", fields))
    return {**seat, "queues": list(seat["queues"])}


def _queue(name: str, seats: int, ready: int, waiting: list[list[str]]) -> dict[str, Any]:
    line = [{"call_id": call, "position": i, "waited_s": float(waited)} for i, (call, waited) in enumerate(waiting, 1)]
    return {"name": name, "seats": seats, "ready": ready, "waiting": line}
