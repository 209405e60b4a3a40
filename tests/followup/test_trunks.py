"""When trunks came and went."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from sqlalchemy import Engine

from followup.events import StreamEvent
from followup.trunks import TrunkChange, changes


def change(seq: int, at: float, *, up: bool, reason: str = "", trunk: str = "carrier") -> StreamEvent:
    data: dict[str, Any] = {"node": "n1", "trunk": trunk, "up": up, "reason": reason}
    return StreamEvent(f"trunk:{trunk}", seq, "trunk", at, data, json.dumps(data))


def test_each_change_is_booked_once(engine: Engine, write: Callable[..., int]) -> None:
    events = [change(1, 100.0, up=True), change(2, 200.0, up=False, reason="no_answer")]
    assert write(events) == 2
    assert write([*events, change(3, 300.0, up=True)], events) == 1
    assert changes(engine) == [
        TrunkChange(300.0, "n1", "carrier", True, ""),
        TrunkChange(200.0, "n1", "carrier", False, "no_answer"),
        TrunkChange(100.0, "n1", "carrier", True, ""),
    ]
    assert [one.at for one in changes(engine, 1)] == [300.0]


def test_a_call_of_that_name_and_rubbish_are_no_trunks(engine: Engine, write: Callable[..., int]) -> None:
    write([StreamEvent("c1", 1, "trunk", 1.0, {"up": True}), StreamEvent("trunk:x", 1, "trunk", 2.0, {"up": "yes"})])
    assert changes(engine) == [TrunkChange(2.0, "", "", False, "")]
