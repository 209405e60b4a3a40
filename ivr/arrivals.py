"""[io] The facts of a call that begins: its id, its moment, where it is recorded."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

from ivr.call import Arrival
from ivr.config import Settings
from ivr.sip.number import Caller
from routing.requests import new_call_id


def new_arrival(settings: Settings, caller: Caller, *, call_id: str = "", **known: Any) -> Arrival:
    """A call that begins now; `known` are more fields of Arrival."""
    started = datetime.now(UTC)
    call_id = call_id or new_call_id(started)
    return Arrival(
        call_id=call_id,
        caller=caller,
        started_at=time.time(),
        node=settings.node,
        media_host=settings.media.host,
        recordings=str(settings.recordings),
        recording=f"{started.year}/{started.month:02}/{started.day:02}/{call_id}",
        **known,
    )
