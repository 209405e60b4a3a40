"""The gateway over real HTTP, WebSockets, SIP and RTP: who comes in, what is heard, and what a bad network does to it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ivr.phones import audio
from ivr.phones.scripted import Call, Refuse, Silent
from ivr.phones.twilio import TwilioCall, TwilioError
from ivr.phones.twilio_stream import MediaStream
from tests.ivr.gateway.conftest import Door
from tests.twilio import NUMBER, TOKEN

CALLER = "+8613912345678"
ROOT = Path(__file__).parents[3]


async def talking(door: Door, **options: Any) -> tuple[TwilioCall, Call]:
    """A caller and the engine in its place hear each other."""
    caller = await door.twilio.call(CALLER, **options)
    agent = await door.engine.incoming()
    await caller.wait_stream()
    await agent.wait_answered()
    agent.send_tone(620)
    caller.send_tone(440)
    await asyncio.gather(caller.wait_tone(620), agent.wait_tone(440, 30))
    return caller, agent


# Sound


async def test_both_hear_each_other_and_keys_arrive(door: Door) -> None:
    caller, agent = await talking(door)
    caller.press("12#4")
    await agent.wait_until(lambda: agent.digits == "12#4", "the keys", 20)
    assert caller.stream.complaints == []
    await caller.hang_up()
    assert await agent.wait_ended() == "remote"


async def test_the_caller_hears_the_engines_goodbye(door: Door) -> None:
    caller, agent = await talking(door)
    await agent.hang_up()
    assert await caller.wait_ended() == "completed"
    assert caller.verbs == ["Connect", "Redirect", "Hangup"]


async def test_frames_that_are_lost_doubled_and_swapped_outside(door: Door) -> None:
    waiting: list[dict[str, Any]] = []

    def spoil(message: dict[str, Any]) -> list[dict[str, Any]]:
        if message["event"] != "media":
            return [message]
        chunk = int(message["media"]["chunk"])
        if chunk % 10 == 3:
            waiting.append(message)  # it comes after the next one
            return []
        if chunk % 10 == 4:
            return [message, waiting.pop()]
        if chunk % 50 == 7:
            return []
        if chunk % 50 == 20:
            return [message, message]
        return [message]

    def on_stream(stream: MediaStream) -> None:
        stream.alter = spoil

    caller, agent = await talking(door, on_stream=on_stream)

    def in_their_places() -> bool:
        heard = agent.samples(time.monotonic() - 2.0)
        return len(heard) > 1.8 * audio.RATE and audio.tone_share(heard, 440) > 0.85

    # Two seconds will come in which this machine does not stand still.
    await agent.wait_until(in_their_places, "one frame in fifty is missing, the others are in their places")
    numbers = [packet.sequence for packet in agent.heard]
    assert any((b - a) & 0xFFFF > 0x8000 for a, b in pairwise(numbers)), "late ones are passed on late"
    await caller.hang_up()


async def test_messages_that_are_none_are_passed_over(door: Door) -> None:
    def spoil(message: dict[str, Any]) -> list[dict[str, Any]]:
        if message["event"] == "connected":
            return []  # missing
        if message["event"] == "media" and int(message["media"]["chunk"]) % 100 == 5:
            return [{"event": "news"}, {"no": "event"}, {"event": "media", "media": {"payload": "%"}}, message]
        message.pop("sequenceNumber", None)
        return [message]

    def on_stream(stream: MediaStream) -> None:
        stream.alter = spoil

    caller, agent = await talking(door, on_stream=on_stream)
    await caller.hang_up()
    assert await agent.wait_ended() == "remote"


async def test_a_slow_reader_hears_nothing_late(door: Door) -> None:
    caller, agent = await talking(door)
    caller.stream.reading.clear()
    await asyncio.sleep(4.0)
    agent.send_tone(800)
    await asyncio.sleep(3.5)  # FORGET_S and more than STALLED_S: the mark that is out is late, however little is on its way
    caller.stream.reading.set()
    await caller.wait_until(lambda: "clear" in caller.stream.received, "what had piled up was thrown away")
    await caller.wait_tone(800)
    caller.stream.measure()
    await asyncio.sleep(1.0)
    assert caller.stream.most_ahead_s < 2.0, "of seven seconds that were spoken meanwhile"
    agent.send_tone(620)
    await caller.wait_tone(620)
    await caller.hang_up()


async def test_a_stream_that_breaks_cuts_the_caller_off_who_comes_anew(door: Door) -> None:
    caller, agent = await talking(door)
    caller.stream.vanish()
    assert await agent.wait_ended() == "remote"
    again = await door.engine.incoming()
    await again.wait_answered()
    await caller.wait_stream(2)
    again.send_tone(700)
    await caller.wait_tone(700)
    assert caller.verbs == ["Connect", "Redirect", "Connect"]
    caller.stream.vanish()
    assert await caller.wait_ended() == "completed"
    assert caller.verbs[-2:] == ["Say", "Record"], "the second time a message is asked for"
    assert [kind for kind, _ in await door.told(caller.sid)] == ["arrived", "owed", "ended"]


async def test_a_stream_that_falls_silent_is_one_that_broke(door: Door) -> None:
    """Its connection stands, and nothing comes: of a caller who is silent there would be frames."""
    caller, agent = await talking(door)
    caller.stream.alter = lambda _: []
    assert await agent.wait_ended(30) == "remote"
    [bye] = [message for message in agent.requests if message.first.startswith("BYE ")]
    assert bye.get("Reason") == "Q.850;cause=38", "cut off, and so owed a call"
    again = await door.engine.incoming()
    await again.wait_answered()
    await caller.hang_up()


async def test_a_caller_whose_stop_is_lost_is_over_by_the_status_callback(door: Door) -> None:
    def without_stop(message: dict[str, Any]) -> list[dict[str, Any]]:
        return [] if message["event"] == "stop" else [message]

    def on_stream(stream: MediaStream) -> None:
        stream.alter = without_stop

    caller, agent = await talking(door, on_stream=on_stream)
    for status in ("completed", "in-progress", "ringing", "completed"):
        await door.twilio.post(f"{door.url}/twilio/status", caller.form(CallStatus=status))
    assert await agent.wait_ended() == "remote"
    [bye] = [message for message in agent.requests if message.first.startswith("BYE ")]
    assert bye.get("Reason") == "", "it hung up"
    assert await caller.wait_ended() == "completed"


async def test_a_stream_that_can_not_be_opened(door: Door) -> None:
    """A proxy that passes no WebSockets: the caller is asked for a message, and owed a call by the engine too."""

    def on_stream(stream: MediaStream) -> None:
        stream.url = f"{stream.url}/elsewhere"

    caller = await door.twilio.call(CALLER, on_stream=on_stream)
    assert await caller.wait_ended() == "completed"
    assert caller.verbs == ["Connect", "Redirect", "Connect", "Redirect", "Say", "Record"]
    for leg in door.engine.calls:
        assert await leg.wait_ended() == "remote"
    assert [kind for kind, _ in await door.told(caller.sid)] == ["arrived", "owed", "ended"]


async def test_a_stream_that_breaks_before_it_says_anything(door: Door) -> None:
    """The caller goes on as one whose stream could not be opened: anew."""

    def on_stream(stream: MediaStream) -> None:
        def breaks(message: dict[str, Any]) -> list[dict[str, Any]]:
            stream.vanish()
            return [message] * 10

        if len(door.twilio.calls[0].streams) == 0:
            stream.alter = breaks

    caller = await door.twilio.call(CALLER, on_stream=on_stream)
    await caller.wait_stream(2)
    assert caller.verbs == ["Connect", "Redirect", "Connect"]
    await caller.hang_up()


# Nobody there


@pytest.mark.parametrize(("status", "why"), [(503, "busy"), (404, "refused"), (480, "refused")])
async def test_whom_the_engine_does_not_take_leaves_a_message(door: Door, status: int, why: str) -> None:
    door.engine.on_invite = Refuse(status, "No")
    words = audio.tone(500, 3.0)
    caller = await door.twilio.call(CALLER, message=words)
    assert await caller.wait_ended() == "completed"
    assert caller.verbs == ["Say", "Record", "Say", "Hangup"]
    assert {language for language, _ in caller.said} == {"cmn-CN"}, "a number of +86"
    [arrived, owed, ended, voicemail] = await all_told(door, caller.sid, 4)
    assert arrived[0] == "arrived"
    assert arrived[1] | {"caller": "13912345678", "called": NUMBER, "trunk": "twilio", "hotline": "sample"} == arrived[1]
    assert owed == ("owed", {"reason": why})
    assert (ended[0], ended[1]["by"], ended[1]["reason"]) == ("ended", "system", why)
    assert (voicemail[0], voicemail[1]["seconds"]) == ("voicemail", 3.0)
    file = door.settings.recordings / voicemail[1]["path"]
    assert np.array_equal(audio.read_wav(file.read_bytes()).channels[0], words)


async def all_told(door: Door, subject: str, count: int) -> list[tuple[str, dict[str, Any]]]:
    async with asyncio.timeout(20):
        while len(told := await door.told(subject)) < count:  # noqa: ASYNC110 - nobody signals it
            await asyncio.sleep(0.05)
    return told


async def test_an_engine_that_is_away_is_waited_for_and_then_a_message_asked_for(door: Door) -> None:
    door.engine.on_invite = Silent()
    caller = await door.twilio.call("+14155550123")
    assert await caller.wait_ended() == "completed"
    assert caller.verbs == ["Say", "Record"]
    assert {language for language, _ in caller.said} == {"en-US"}
    told = await door.told(caller.sid)
    assert [kind for kind, _ in told] == ["arrived", "owed", "ended"], "who leaves no message is owed a call all the same"
    assert told[1][1]["reason"] == "engine_lost"


@pytest.mark.parametrize(("status", "reason"), [(603, "rejected"), (486, "busy")])
async def test_whom_the_block_list_keeps_out_costs_nothing(door: Door, status: int, reason: str) -> None:
    door.engine.on_invite = Refuse(status, "No")
    caller = await door.twilio.call(CALLER)
    assert await caller.wait_ended() == "busy"
    assert (caller.verbs, caller.rejected) == (["Reject"], reason)
    assert await door.told(caller.sid) == []


@pytest.mark.parametrize("door", [{"gateway": "max_calls = 1"}], indirect=True)
async def test_above_the_limit_a_message_is_asked_for(door: Door) -> None:
    first, _ = await talking(door)
    second = await door.twilio.call("+14155550199")
    assert await second.wait_ended() == "completed"
    assert second.verbs == ["Say", "Record"]
    assert (await door.told(second.sid))[1] == ("owed", {"reason": "busy"})
    await first.hang_up()


async def test_a_gateway_that_drains_lets_its_talks_end_and_owes_the_others(door: Door) -> None:
    first, agent = await talking(door)
    stopping = asyncio.create_task(door.stop(at_once=False))
    await asyncio.sleep(0.3)
    second = await door.twilio.call("+14155550199")
    assert await second.wait_ended() == "completed"
    assert (await door.told(second.sid))[1] == ("owed", {"reason": "shutdown"})
    agent.send_tone(700)
    await first.wait_tone(700)
    await first.hang_up()
    await stopping


async def test_a_recording_that_can_not_be_had_yet_is_fetched_later(door: Door) -> None:
    door.engine.on_invite = Refuse(503, "No")
    caller = await door.twilio.call(CALLER, message=audio.tone(500, 2.0))
    await caller.wait_until(lambda: "Say" in caller.verbs, "a message is asked for")
    door.twilio.rest.faults += [404, 0, 500]
    voicemail = (await all_told(door, caller.sid, 4))[3]
    assert (door.settings.recordings / voicemail[1]["path"]).is_file()


async def test_a_message_that_was_not_fetched_is_fetched_by_the_next_gateway(door: Door) -> None:
    door.engine.on_invite = Refuse(503, "No")
    door.twilio.rest.faults += [404] * 50
    caller = await door.twilio.call(CALLER, message=audio.tone(500, 2.0))
    assert await caller.wait_ended() == "completed"
    await door.stop()
    assert [kind for kind, _ in await door.told(caller.sid)] == ["arrived", "owed", "ended"]
    door.twilio.rest.faults.clear()
    await door.start()
    voicemail = (await all_told(door, caller.sid, 4))[3]
    assert (door.settings.recordings / voicemail[1]["path"]).is_file()


async def test_what_twilio_tells_twice_counts_once(door: Door) -> None:
    door.engine.on_invite = Refuse(503, "No")
    caller = await door.twilio.call(CALLER, message=audio.tone(500, 2.0))
    assert await caller.wait_ended() == "completed"
    await all_told(door, caller.sid, 4)
    await caller.tell("completed")
    await caller.tell("ringing")
    await door.twilio.post(f"{door.url}/twilio/voice", caller.form())
    assert len(await door.numbers(caller.sid)) == 4, "the same numbers again: the scribe books each once"


async def test_while_this_machine_is_away_twilios_side_answers(door: Door) -> None:
    """With the file that is shipped for that: both languages, one message, and an end."""
    door.twilio.fallback = (ROOT / "deploy" / "twilio" / "fallback.xml").read_text(encoding="utf-8")
    await door.stop()
    words = audio.tone(500, 2.0)
    caller = await door.twilio.call(CALLER, message=words)
    assert await caller.wait_ended() == "completed"
    assert caller.verbs == ["Say", "Say", "Record", "Say", "Say", "Hangup"], "asked once, however the message ended"
    assert [language for language, _ in caller.said] == ["cmn-CN", "en-US"] * 2
    [recording] = door.twilio.recordings.values()
    assert np.array_equal(audio.read_wav(recording).channels[0], words)
    silent = await door.twilio.call(CALLER)
    assert await silent.wait_ended() == "completed"
    assert silent.verbs == ["Say", "Say", "Record"]


# Calls out


async def test_a_call_out_rings_is_answered_and_ends(door: Door) -> None:
    call = await door.engine.dial("+14155550177", headers=[])
    party = await asyncio.wait_for(door.twilio.made.get(), 30)
    assert party.called == "+14155550177"
    await call.wait_answered()
    call.send_tone(620)
    party.send_tone(440)
    await asyncio.gather(party.wait_tone(620), call.wait_tone(440, 30))
    await call.hang_up()
    assert await party.wait_ended() == "completed"


async def test_a_party_that_hangs_up(door: Door) -> None:
    call = await door.engine.dial("+14155550177")
    party = await asyncio.wait_for(door.twilio.made.get(), 30)
    await call.wait_answered()
    await party.hang_up()
    assert await call.wait_ended() == "remote"


@pytest.mark.parametrize(("what", "status"), [("busy", "486"), ("no-answer", "480"), ("failed", "503")])
async def test_a_call_out_that_comes_to_nothing(door: Door, what: str, status: str) -> None:
    door.twilio.on_call = what
    call = await door.engine.dial("+14155550177")
    assert await call.wait_ended() == "refused"
    assert any(f"SIP/2.0 {status}" in line for line in door.engine.trace)


@pytest.mark.parametrize("what", ["answer", "busy"])
async def test_twilio_may_tell_of_a_call_before_its_api_has_named_it(door: Door, what: str) -> None:
    """The webhooks and the API's answer come by connections of their own: either may be first."""
    door.twilio.on_call, door.twilio.statuses = what, what == "busy"
    door.twilio.answers.clear()
    call = await door.engine.dial("+14155550177")
    party = await asyncio.wait_for(door.twilio.made.get(), 30)
    with contextlib.suppress(TwilioError):
        await party.wait_ended(2.0)
    door.twilio.answers.set()
    if what == "busy":
        assert await call.wait_ended() == "refused"
        assert any("SIP/2.0 486" in line for line in door.engine.trace)
        return
    await call.wait_answered()
    await call.hang_up()
    assert await party.wait_ended() == "completed"


async def test_a_call_out_that_is_given_up_is_ended_at_twilio(door: Door) -> None:
    door.twilio.on_call = "ring"
    call = await door.engine.dial("+14155550177")
    party = await asyncio.wait_for(door.twilio.made.get(), 30)
    await call.wait_ringing()
    await call.cancel()
    assert await party.wait_ended() == "canceled"


async def test_twilios_api_fails_and_it_is_told_once(door: Door) -> None:
    door.twilio.rest.faults += [503, 500]  # twice, then it works
    call = await door.engine.dial("+14155550177")
    await asyncio.wait_for(door.twilio.made.get(), 30)
    await call.wait_answered()
    await call.hang_up()
    assert await door.told("trunk:twilio-api") == [
        ("trunk", {"node": "node1", "trunk": "twilio-api", "up": True, "reason": ""})
    ]
    door.twilio.rest.faults += [503] * 4
    again = await door.engine.dial("+14155550177")
    assert await again.wait_ended(30) == "refused"
    door.twilio.rest.faults += [401]
    third = await door.engine.dial("+14155550177")
    assert await third.wait_ended(30) == "refused"
    told = [data for _, data in await door.told("trunk:twilio-api")]
    assert [(data["up"], data["reason"]) for data in told] == [(True, ""), (False, "api_unreachable")]


async def test_a_number_that_is_none_is_refused_as_such(door: Door, capfd: pytest.CaptureFixture[str]) -> None:
    call = await door.engine.dial("10086")
    assert await call.wait_ended() == "refused"
    assert any("SIP/2.0 404" in line for line in door.engine.trace)
    logged = "".join(capfd.readouterr())
    assert "docs/errors/21211" in logged
    assert "10086" not in logged, "numbers never reach a log"


async def test_a_gateway_that_ends_at_once_cuts_its_callers_off_properly(door: Door) -> None:
    caller, agent = await talking(door)
    await door.stop(at_once=True)
    assert await agent.wait_ended() == "remote", "a BYE, not silence"
    assert await caller.wait_ended() == "completed"


async def test_the_next_gateway_ends_what_a_dead_one_left(door: Door, tmp_path: Path) -> None:
    """Where the engine was away too, it has not seen the death: a BYE with cause 38 tells it."""
    await door.stop()
    environ = os.environ | {"HOTLINE_CONFIG": str(tmp_path / "hotline.toml"), "HOTLINE_TWILIO_AUTH_TOKEN": TOKEN}
    dead = await asyncio.create_subprocess_exec(sys.executable, "-m", "ivr.cli", "gateway", env=environ)
    await door.until(door.is_open, "the gateway serves")
    caller, agent = await talking(door)
    dead.kill()
    await dead.wait()
    await door.start()
    assert await agent.wait_ended() == "remote"
    [bye] = [message for message in agent.requests if message.first.startswith("BYE ")]
    assert bye.get("Reason") == "Q.850;cause=38"
    await caller.wait_ended()  # nobody held the webhooks' socket here
