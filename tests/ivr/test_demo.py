"""Which side of the demo's call is through first says nothing of the call: a caller and a seat, no hotline between them."""

from __future__ import annotations

import asyncio

import pytest

from ivr.config import SAMPLE, load
from ivr.demo import CALLER_HZ, SEAT_HZ, Demo, DemoFailed
from ivr.phones.scripted import Answer, Call, ScriptedPhone
from tests.ivr.phones.conftest import NOWHERE


def demo() -> tuple[Demo, list[str]]:
    """The demo, and what it says, without the seconds."""
    lines: list[str] = []
    return Demo(load(SAMPLE, {}), lambda line: lines.append(" ".join(line.split()[2:]))), lines


async def test_the_caller_may_be_through_before_the_seat_has_heard_of_it() -> None:
    show, lines = demo()

    async def be_caller(call: Call) -> None:
        await call.wait_tone(SEAT_HZ)
        call.send_tone(CALLER_HZ)

    async with ScriptedPhone(NOWHERE, "1026") as seat, ScriptedPhone(seat.address, "13912345678") as phone:
        seat.on_invite = Answer(after_s=0.0)
        call = await phone.dial("4001")
        caller = asyncio.create_task(be_caller(call))
        talk = asyncio.create_task(show.talk(seat, caller))
        await caller
        await call.wait_until(lambda: len(lines) == 3, "the seat has heard the caller")
        assert not talk.done(), lines
        await call.hang_up()
        await talk
    assert lines == ["seat rings", "seat answers", f"seat hears the caller's tone, {CALLER_HZ} Hz"]


async def test_a_caller_who_is_through_before_any_seat_rings_is_told() -> None:
    show, lines = demo()
    async with ScriptedPhone(NOWHERE, "1026") as seat:
        with pytest.raises(DemoFailed, match=r"^the call reaches the seat: the caller was through before$"):
            await show.talk(seat, asyncio.create_task(asyncio.sleep(0.1)))
    assert lines == []
