"""[io] Whether the books hold all that the event stream has told."""

from __future__ import annotations

from redis import Redis

from followup.scribe import GROUP
from routing.events import STREAM


def all_booked(redis: Redis) -> bool:
    """True when the scribe has read and acknowledged each event there is."""
    [group] = [group for group in redis.xinfo_groups(STREAM) if group["name"] == GROUP]
    last = redis.xinfo_stream(STREAM)["last-generated-id"]
    return bool(group["pending"] == 0 and group["last-delivered-id"] == last)
