"""[io] What people may change of queues and seats, for pages and API: kept in SQL beside the settings, told to the engines at
once, a line in the change log."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import structlog
from flask import abort
from redis.exceptions import RedisError

from console import changes
from console.gate import actor
from console.ground import ground
from console.options import QueueSetting, SeatSetting
from followup import edits
from followup.edits import Edit
from routing.limits import MAX_NAME, QUEUE_S, WORST_LEVEL
from storage.redis import StorageError, connect_sync
from storage.sql import reading, writing

log = structlog.get_logger()


class EditError(ValueError):
    """code: "number", "music", "name", "queue" or "level"; key: which field is wrong."""

    def __init__(self, code: str, key: str) -> None:
        super().__init__(f"{key}: {code}")
        self.code = code
        self.key = key


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue of the settings, its terms as they count now, and what is changed of them."""

    setting: QueueSetting
    present: Mapping[str, Any]
    edit: Edit


@dataclass(frozen=True, slots=True)
class Seat:
    """A seat of the settings as it is now: its queues to the level of its skill."""

    setting: SeatSetting
    name: str
    queues: Mapping[str, int]
    enabled: bool
    edit: Edit


def queues() -> list[Queue]:
    """All queues."""
    there = _edits()
    found = []
    for setting in ground().options.queues:
        edit = there.get(f"queue:{setting.name}", Edit())
        found.append(Queue(setting, {**setting.terms, **edit.values}, edit))
    return found


def seats() -> list[Seat]:
    """All seats."""
    there = _edits()
    found = []
    for setting in ground().options.seat_settings:
        edit = there.get(f"seat:{setting.number}", Edit())
        told = edit.values
        levels = told.get("queues", dict.fromkeys(setting.queues, 1))
        found.append(Seat(setting, told.get("name", setting.name), levels, told.get("enabled", True), edit))
    return found


def change_queue(name: str, terms: Mapping[str, Any], based_on: int) -> bool:
    """Have a queue go by these terms; whether the engines know by now. Raises EditError, followup.weeks.Changed; ends the
    request with 404 where there is none of this name."""
    queue = next((one for one in queues() if one.setting.name == name), None) or abort(404)
    for key, value in terms.items():
        if key in QUEUE_S:
            least, most = QUEUE_S[key]
            if not (math.isfinite(value) and least <= value <= most):
                raise EditError("number", key)
        elif key != "music" or (value not in ground().options.music and value != queue.setting.terms["music"]):
            raise EditError("music", key)
    values = {key: value for key, value in terms.items() if value != queue.setting.terms[key]}
    return _change("queue_changed", f"queue:{name}", values, based_on, dict(queue.present), {**queue.setting.terms, **values})


def change_seat(number: str, name: str, levels: Mapping[str, int], enabled: bool, based_on: int) -> bool:
    """Have a seat bear this name and serve these queues; whether the engines know by now. Raises EditError,
    followup.weeks.Changed; ends the request with 404 where there is no such seat."""
    seat = next((one for one in seats() if one.setting.number == number), None) or abort(404)
    known = {one.name for one in ground().options.queues}
    if len(name) > MAX_NAME or not name.isprintable():
        raise EditError("name", "name")
    for queue, level in levels.items():
        if queue not in known:
            raise EditError("queue", queue)
        if not 1 <= level <= WORST_LEVEL:
            raise EditError("level", queue)
    values: dict[str, Any] = {}
    if name != seat.setting.name:
        values["name"] = name
    if dict(levels) != dict.fromkeys(seat.setting.queues, 1):
        values["queues"] = dict(levels)
    if not enabled:
        values["enabled"] = False
    before = {"name": seat.name, "queues": _levels(seat.queues), "enabled": seat.enabled}
    after = {"name": name, "queues": _levels(levels), "enabled": enabled}
    return _change("seat_changed", f"{changes.SEAT}:{number}", values, based_on, before, after)


def give_back(name: str, based_on: int) -> bool:
    """Have the settings say again of "queue:service" or "seat:1026"; whether the engines know by now. Raises
    followup.weeks.Changed; ends the request with 404 where nothing is changed of it."""
    edit = _edits().get(name) or abort(404)
    return _change("setting_given_back", name, {}, based_on, dict(edit.values), {})


def _change(
    what: str, name: str, values: Mapping[str, Any], based_on: int, before: Mapping[str, Any], after: Mapping[str, Any]
) -> bool:
    differs = {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}
    with writing(ground().engine) as connection:
        edits.change(connection, name, values, actor().login, based_on)
        changes.write(
            connection,
            actor(),
            what,
            name,
            time.time(),
            before={key: value for key, value in before.items() if key in differs},
            after={key: value for key, value in after.items() if key in differs},
        )
    here = ground()
    try:
        with connect_sync(here.options.redis_url) as client:
            edits.publish(client, here.engine)
    except (StorageError, RedisError, OSError) as error:
        log.warning("console.setting_untold", why=str(error))
        return False
    return True


def _levels(levels: Mapping[str, int]) -> str:
    return ", ".join(f"{queue} {level}" for queue, level in sorted(levels.items()))


def _edits() -> dict[str, Edit]:
    with reading(ground().engine) as connection:
        return edits.edits(connection)
