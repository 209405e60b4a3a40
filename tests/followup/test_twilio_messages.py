"""A caller who was asked for a message in the engine's place: in the log, owed once, and the message known when it comes."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Engine

from followup.audit import audit
from followup.events import StreamEvent
from followup.history import details
from followup.returncalls import list_open

Story = Callable[..., list[StreamEvent]]
Write = Callable[..., int]
SID = "CA" + "1" * 32


def test_owed_at_once_and_once(engine: Engine, story: Story, write: Write) -> None:
    *begin, message = story(
        SID,
        ("arrived", 100.0, {"trunk": "twilio", "reference": SID}),
        ("owed", 100.0, {"reason": "engine_lost"}),
        ("ended", 100.0, {"by": "system", "reason": "engine_lost", "phase": "ARRIVED", "wait_s": None, "talk_s": 0.0}),
        ("voicemail", 160.0, {"seconds": 7.0, "path": "2026/01/01/m.wav"}),
        caller="+14155550123",
    )
    write(begin)
    [debt] = list_open(engine, 200.0)
    assert (debt.number, debt.reason) == ("+14155550123", "engine_lost")
    write([message], begin, [message])  # fetched later, and told twice
    assert len(list_open(engine, 200.0)) == 1
    found = details(engine, SID)
    assert found is not None
    assert (found.call.row.message_path, found.call.row.message_s) == ("2026/01/01/m.wav", 7.0)
    assert audit(engine).ok
