"""Twilio's callers and SIP's through the same door: a whole hotline, its gateway, and a Twilio of one's own over real HTTP and
WebSockets."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ivr.phones import audio
from tests.site import MAIN_MENU, MUSIC, NOTICE
from tests.stalls import again_where_late
from tests.talk import sound
from tests.twilio import NUMBER, TwilioSite, twilio_site

CALLER = "+14155550123"


@pytest.fixture
async def both(tmp_path: Path) -> AsyncIterator[TwilioSite]:
    async with twilio_site(tmp_path) as both:
        yield both


@again_where_late
async def test_a_twilio_caller_and_a_sip_seat_talk(both: TwilioSite) -> None:
    site = both.site
    seat = await site.seat()
    call = await both.twilio.call(CALLER)
    await call.wait_like(sound(NOTICE))  # whole: nothing of the first prompt is lost on the way
    await call.wait_like(sound(MAIN_MENU))
    call.press("1")
    agent = await seat.incoming(30)
    assert agent.caller == CALLER
    await agent.wait_answered()
    agent.send_tone(620)
    call.send_tone(440)
    await asyncio.gather(call.wait_tone(620), agent.wait_tone(440, 30))  # both have heard the agent number
    until_now = len(call.heard)
    # Over and over: where this machine stands still for a moment, the next time is whole.
    agent.send_samples(sound(MUSIC)[: 4 * audio.RATE], loop=True)
    await call.wait_like(sound(MUSIC)[: 2 * audio.RATE], since=until_now)
    since = agent.heard[-1].at
    call.send_samples(sound(MAIN_MENU), loop=True)
    await agent.wait_like(sound(MAIN_MENU), since=since)
    await call.hang_up()
    assert await agent.wait_ended() == "remote"
    [row] = await site.ended()
    assert (row["trunk"], row["called"], row["caller"], row["reason"]) == ("twilio", NUMBER, CALLER, "completed")
    assert site.event_data(row["call_id"], "arrived")["reference"] == call.sid
    left, right = await site.recording(row)
    assert audio.similarity(left, sound(MAIN_MENU)) > 0.8
    assert audio.similarity(right, sound(MUSIC)[: 4 * audio.RATE]) > 0.8
    assert call.stream.complaints == []
    assert call.failures == []


async def test_the_demo(tmp_path: Path) -> None:
    """As `make run`'s, by a Twilio of its own."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "ivr.cli", "demo", "--trunk", "twilio"),
        cwd=tmp_path,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()
    assert "on trunk twilio for hotline sample" in said.decode()
    assert "all steps came true" in said.decode()


@again_where_late
async def test_the_hotline_hangs_up_when_its_goodbye_was_heard(both: TwilioSite) -> None:
    call = await both.twilio.call(CALLER)
    await call.wait_like(sound(NOTICE))
    call.press("2")
    assert await call.wait_ended() == "completed"
    assert audio.similarity(call.heard, sound(MAIN_MENU.with_name("goodbye.wav"))) > 0.8
    assert call.verbs == ["Connect", "Redirect", "Hangup"]
    [row] = await both.site.ended()
    assert row["reason"] == "menu_ended"


async def test_an_engine_that_stands_still_and_its_caller_leaves_a_message(both: TwilioSite) -> None:
    """In the caller's language; a return call is in the books before a word was spoken, and once, whatever the engine makes of
    the INVITE that waited for it."""
    site = both.site
    assert site.process is not None
    site.process.send_signal(signal.SIGSTOP)  # the supervisor would start another one
    engine = site.pid("engine")
    os.kill(engine, signal.SIGSTOP)
    try:
        words = audio.tone(500, 3.0)
        call = await both.twilio.call("+8613912345678", message=words)
        [owed] = await site.until_some(site.return_calls, 1, "return calls")
        assert (owed["number"], owed["reason"]) == ("13912345678", "engine_lost")
        assert await call.wait_ended() == "completed"
        assert call.verbs == ["Say", "Record", "Say", "Hangup"]
        assert {language for language, _ in call.said} == {"cmn-CN"}
        await site.until(lambda: "voicemail" in site.events(call.sid), "the message is in the books")
        left, *_ = site.calls()
        assert (left["call_id"], left["reason"], left["message_s"]) == (call.sid, "engine_lost", 3.0)
        assert audio.similarity(sound(site.recordings / left["message_path"]), words) > 0.8
    finally:
        os.kill(engine, signal.SIGCONT)
        site.process.send_signal(signal.SIGCONT)
    await site.until(lambda: not site.live_calls(), "nothing is left of it")
    late = await both.twilio.call(CALLER)
    await late.wait_like(sound(NOTICE), 40)
    await late.hang_up()
    assert len(site.return_calls()) == 1
    status, said = await site.command("followup", "audit")
    assert status == 0, said


async def test_a_seat_calls_out_by_twilio(both: TwilioSite) -> None:
    site = both.site
    seat = await site.seat()
    status, said = await site.command("call", "1026", "+14155550177")
    assert status == 0, said
    agent = await seat.incoming(30)
    await agent.wait_answered()
    agent.send_tone(620)
    party = await asyncio.wait_for(both.twilio.made.get(), 30)
    assert (party.called, party.caller) == ("+14155550177", NUMBER)
    party.send_tone(440)
    await asyncio.gather(party.wait_tone(620), agent.wait_tone(440, 30))
    await agent.hang_up()
    assert await party.wait_ended() == "completed"
    [row] = await site.ended()
    assert (row["kind"], row["trunk"]) == ("outbound", "twilio")
    assert site.event_data(row["call_id"], "ended")["result"] == "reached"


async def test_whom_twilio_finds_busy_is_busy(both: TwilioSite) -> None:
    both.twilio.on_call = "busy"
    seat = await both.site.seat()
    await both.site.command("call", "1026", "+14155550177")
    agent = await seat.incoming(30)
    await agent.wait_answered()
    assert await agent.wait_ended(30) == "remote"
    [row] = await both.site.ended()
    assert both.site.event_data(row["call_id"], "ended")["result"] == "busy"
