"""Callers and seats in the states that tests begin with."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from ivr.phones import audio
from ivr.phones.scripted import Call, ScriptedPhone
from tests.site import MUSIC, NOTICE, Site


def sound(path: Path) -> audio.Samples:
    return audio.read_wav(path.read_bytes()).channels[0]


async def queued(site: Site, **options: Any) -> Call:
    """A caller who heard the notice, pressed 1, and hears the music."""
    phone = await site.phone(**options)
    call = await phone.dial("4001")
    await call.wait_answered()
    await call.wait_like(sound(NOTICE))
    await call.press("1")
    await call.wait_like(sound(MUSIC)[: 2 * audio.RATE])
    return call


async def talking(site: Site, seat: ScriptedPhone, **options: Any) -> tuple[Call, Call]:
    """A caller and a seat who hear each other: 440 Hz from the caller, 620 Hz from the seat."""
    phone = await site.phone(**options)
    caller = await phone.dial("4001")
    await caller.wait_answered()
    caller.send_tone(440)
    await caller.press("1")
    agent = await seat.incoming(30)
    await agent.wait_answered()
    agent.send_tone(620)
    await asyncio.gather(caller.wait_tone(620, 30), agent.wait_tone(440, 30))
    return caller, agent
