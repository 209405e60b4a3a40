"""[io] What a seat does on its page, beside the return calls of console/returning.py: it calls a customer, rests, writes. Plain
functions over Redis and SQL, for pages and programs; each raises what stands in the way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from followup import callbacks, returncalls, wrapups
from routing.desk import desk
from routing.requests import originate

if TYPE_CHECKING:
    from redis import Redis
    from sqlalchemy import Engine


class NothingToDial(Exception):
    """The return call has no number: somebody must hear the message first."""


def dial_return_call(engine: Engine, redis: Redis, return_call_id: int, who: str, seat: str, now: float) -> str:
    """Claim a return call for `who`, if it is free, and have the seat call it. Returns the call's id. Where the seat can't
    dial, the claim stays: it is `who`'s to try again.

    Raises followup.returncalls.NotFound, callbacks.AlreadyClaimed, AlreadyDone, NothingToDial, routing.requests.Occupied,
    RedisError, DBAPIError.
    """
    owed = returncalls.history(engine, return_call_id, now).owed
    if owed.pending and not owed.number:
        raise NothingToDial
    callbacks.claim(engine, return_call_id, who, now)
    return originate(redis, seat, owed.number, callback_id=str(return_call_id), by=who)


def may_write(engine: Engine, redis: Redis, seat: str, call_id: str) -> bool:
    """Whether a call is this seat's to write of: it has it now, has begun to write, or talked in it. Raises RedisError,
    DBAPIError."""
    live = desk(redis, seat)
    if live is not None and live.call is not None and live.call.call_id == call_id:
        return True
    kept = wrapups.of_call(engine, call_id)
    if kept is not None:
        return kept.seat == seat
    return wrapups.seat_of(engine, call_id) == seat
