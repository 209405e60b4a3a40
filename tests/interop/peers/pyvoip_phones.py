"""pyVoIP as a caller (the probe of `hotline probe`) and as a seat's telephone."""

from __future__ import annotations

import asyncio

from ivr.phones import audio
from ivr.phones.probe import probe
from tests.interop.pyvoip import pyvoip_seat
from tests.interop.scenario import Desk, Floor, scenario
from tests.site import MUSIC, NOTICE, PATIENCE_S
from tests.talk import sound


@scenario("pyVoIP", "a caller", keys=True)
async def caller(floor: Floor, desk: Desk) -> None:
    """Hears the notice, presses 1 (RFC 4733), hears the queue's music."""
    uri = f"sip:{desk.number}@127.0.0.1:{floor.site.sip_port}"
    music = floor.new_directory("pyvoip-caller") / "music.wav"
    music.write_bytes(audio.write_wav(sound(MUSIC)[: 2 * audio.RATE]))
    report = await asyncio.to_thread(probe, uri, keys="1", caller=desk.caller, expect=(NOTICE, music), seconds=6.0)
    assert report.ok, report
    [row] = await floor.ended(desk)
    assert (row["reason"], row["queue"]) == ("abandoned", desk.queue)


@scenario("pyVoIP", "a seat", listens=True)
async def seat(floor: Floor, desk: Desk) -> None:
    """As it comes, with µ-law: registers, is called by the queue, answers, is heard by the caller, sees the end."""
    async with pyvoip_seat(floor.site.sip_port, desk.seat, desk.password, floor.directory, sip_port=desk.port) as phone:
        await floor.sign_on(desk)
        caller = await floor.dial(desk)
        caller.send_tone(440)
        await phone.until_said("ringing", PATIENCE_S)
        await phone.tell("answer")
        await caller.wait_tone(620, PATIENCE_S)
        await caller.wait_heard(0.5)
        await caller.hang_up()
        await phone.until_said("ended")
    [row] = await floor.ended(desk)
    assert (row["reason"], row["seat"]) == ("completed", desk.seat)
