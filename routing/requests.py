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
from routing.scripts import PREFIX
from routing.seats import Status

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
    return f"{at or datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(4)}"


def originate(redis: blocking.Redis, seat: str, number: str, trunk: str = "", callback_id: str = "") -> str:
    """Have an engine call the seat, then the number. Returns the id of that call: its events tell what becomes of it, the last
    of them, "ended", with `result`. Raises redis.exceptions.RedisError."""
    request = CallRequest(new_call_id(), seat, number, trunk, callback_id, time.time())
    with redis.pipeline(transaction=True) as pipe:
        pipe.rpush(f"{PREFIX}requests", json.dumps(asdict(request)))
        pipe.publish(f"{PREFIX}requested", request.call_id)
        pipe.execute()
    return request.call_id


def set_status(redis: blocking.Redis, seat: str, status: Status, reason: str = "") -> bool:
    """The human's wish, as Store.set_status(). False when there is no such seat. Raises redis.exceptions.RedisError."""
    return bool(link.run_blocking(redis, _SET_STATUS, "", "0", seat, status, reason))
