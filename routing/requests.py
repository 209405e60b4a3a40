"""[io] What is asked of the engines from outside: that a seat call somebody, that a seat change its status. For tools and
pages, by a blocking client."""

from __future__ import annotations

import json
import secrets
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

import redis as blocking

from routing import link, scripts
from routing.seats import Status

ASKED_S = 15.0
"""So long a seat is kept for a call that no engine has taken yet."""

_ORIGINATE = scripts.load("originate")
_SET_STATUS = scripts.load("set_status")


@dataclass(frozen=True, slots=True)
class CallRequest:
    """The seat's telephone is called first, then `number` through `trunk` ("": the first that lets it out). callback_id: the
    return call it is made for, as the asker names it; the call's events bear it. at: when it was asked, epoch seconds."""

    call_id: str
    seat: str
    number: str
    trunk: str
    callback_id: str
    at: float


def new_call_id(at: datetime | None = None) -> str:
    """A call's id: the moment it began (UTC), and chance."""
    at = at or datetime.now(UTC)
    moment = f"{at.year}{at.month:02}{at.day:02}T{at.hour:02}{at.minute:02}{at.second:02}"  # in a third of strftime's time
    return f"{moment}-{secrets.token_hex(4)}"


class Occupied(Exception):
    """The seat can't dial now. why: "dialling" (one that was asked for goes on), "busy" (it has a call), "no_such_seat".
    call_id: the call it has, "" for none."""

    def __init__(self, why: str, call_id: str = "") -> None:
        super().__init__(why)
        self.why = why
        self.call_id = call_id


def originate(redis: blocking.Redis, seat: str, number: str, trunk: str = "", callback_id: str = "", by: str = "") -> str:
    """Have an engine call the seat, then the number. Returns the id of that call; routing.desk tells how far it is, and the
    call's events, the last of them "ended" with `result`, what became of it.

    From now on the seat is reserved for it and gets no other call, whatever its status; its wrap-up ends. One at a time: of
    several that are asked for at once one is taken. Where no engine takes it within ASKED_S, it is over, and the seat free.
    callback_id: the return call (its id as text) whose history the call is to stand in; by: the login of who asks.

    Raises Occupied, redis.exceptions.RedisError.
    """
    request = CallRequest(new_call_id(), seat, number, trunk, callback_id, time.time())
    asked = json.dumps(asdict(request))
    said = link.run_blocking(redis, _ORIGINATE, "", "0", request.call_id, seat, number, callback_id, by, repr(ASKED_S), asked)
    if said:
        raise Occupied(*said)
    return request.call_id


def set_status(redis: blocking.Redis, seat: str, status: Status, reason: str = "") -> bool:
    """The human's wish, as Store.set_status(). False when there is no such seat. Raises redis.exceptions.RedisError."""
    return bool(link.run_blocking(redis, _SET_STATUS, "", "0", seat, status, reason))
