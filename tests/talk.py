"""Callers and seats in the states that tests begin with."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from ivr.phones import audio
from ivr.phones.scripted import Call, ScriptedPhone
from ivr.phones.twilio import TwilioCall
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


async def still_talking(caller: Call | TwilioCall, agent: Call, within_s: float = 30) -> None:
    """Both hear new sound of the other, and new sound again: not what was under way before."""
    for mine, yours in ((500, 700), (440, 620)):
        caller.send_tone(mine)
        agent.send_tone(yours)
        await asyncio.gather(caller.wait_tone(yours, within_s), agent.wait_tone(mine, within_s))


def ever(heard: audio.Samples, hz: int) -> bool:
    """Whether some eighth of a second of it is this tone."""
    eighth = audio.RATE // 8
    return any(audio.tone_share(heard[at : at + eighth], hz) > 0.5 for at in range(0, len(heard) - eighth, eighth // 2))


def speaks(channel: audio.Samples, hz: int) -> bool:
    """Whether some quarter of a second within the last three of a recorded side is this tone: a telephone on a busy machine is
    late with its own."""
    last, quarter = channel[-3 * audio.RATE :], audio.RATE // 4
    return any(audio.tone_share(last[at : at + quarter], hz) > 0.9 for at in range(0, len(last) - quarter, 160))
