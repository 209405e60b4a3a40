"""kill -9 in mid-call: the talk goes on, queued callers keep their place, and every call ends with a complete record."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ivr.phones import audio
from ivr.phones.scripted import Answer, Call, Ring, ScriptedPhone
from tests.site import MAIN_MENU, MUSIC, Site, running
from tests.stalls import Stalls
from tests.talk import queued, sound, speaks, still_talking, talking

GAP_S = 0.1
"""The longest silence that the death of an engine may cause: media alone goes on."""


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with running(tmp_path) as site:
        yield site


async def talk_through(site: Site, caller: Call, agent: Call, *parts: str) -> None:
    """Kill these parts in a talk: both go on hearing each other, without a gap that the hotline made (and neither the machine,
    standing still, nor the telephones, sending late)."""
    with Stalls(site.pid("media-0")) as stalls:
        # Starting the watcher held this process up, and the telephones in it; let that pass.
        await asyncio.gather(caller.wait_heard(0.4), agent.wait_heard(0.4))
        since = caller.heard[-1].at
        await asyncio.gather(*(site.kill(part) for part in parts))
        await still_talking(caller, agent)
        gap_s = max(caller.largest_gap(since), agent.largest_gap(since))
        pause_s = max(caller.largest_pause(since), agent.largest_pause(since))
    print(f"{parts}: gap {gap_s:.3f} s, machine {stalls.worst_s:.3f} s, telephones {pause_s:.3f} s")  # noqa: T201
    assert gap_s < GAP_S + stalls.worst_s + max(0.0, pause_s - 0.02)


async def free_again(site: Site, seat: ScriptedPhone) -> None:
    """The seat is not stuck: the next caller reaches it."""
    caller, agent = await talking(site, seat, user="13900000009")
    await agent.hang_up()
    assert await caller.wait_ended() == "remote"


async def audited(site: Site) -> None:
    status, said = await site.command("followup", "audit")
    assert status == 0, said


async def test_a_talk_outlives_console_scribe_and_redis(site: Site) -> None:
    seat = await site.seat()
    caller, agent = await talking(site, seat)
    for part in ("console", "scribe", "redis"):
        await talk_through(site, caller, agent, part)
    await caller.hang_up()
    assert await agent.wait_ended() == "remote"
    [row] = await site.ended()
    assert row["reason"] == "completed"
    assert len((await site.recording(row))[0]) > audio.RATE
    await free_again(site, seat)
    await audited(site)


async def test_redis_dies_while_a_caller_waits_and_its_place_is_kept(site: Site) -> None:
    first, second = await queued(site, user="13900000001"), await queued(site, user="13900000002")
    await site.kill("redis")
    seat = await site.seat()
    agent = await seat.incoming(30)
    assert agent.caller == "13900000001"
    await agent.wait_answered()
    await first.hang_up()
    agent = await seat.incoming(30)
    assert agent.caller == "13900000002"
    await second.hang_up()
    await site.ended(2)


async def test_the_engine_dies_in_a_talk(site: Site) -> None:
    seat = await site.seat()
    caller, agent = await talking(site, seat)
    await talk_through(site, caller, agent, "engine")
    # The old dialogs go on: hold and resume by re-INVITE, then BYE.
    await agent.hold()
    await caller.wait_like(sound(MUSIC)[: 2 * audio.RATE], since=caller.heard[-1].at)
    await agent.resume()
    await still_talking(caller, agent)
    await asyncio.gather(caller.wait_heard(1.0, 30), agent.wait_heard(1.0, 30))  # enough to be found in the recording
    await caller.hang_up()
    assert await agent.wait_ended() == "remote"
    [row] = await site.ended()
    assert (row["reason"], row["ended_by"]) == ("completed", "caller")
    assert "engine_restarted" in site.events(row["call_id"])
    left, right = await site.recording(row)
    assert speaks(left, 440)
    assert speaks(right, 620)
    await free_again(site, seat)


async def test_the_engine_dies_in_the_menu(site: Site) -> None:
    phone = await site.phone()
    caller = await phone.dial("4001")
    await caller.wait_answered()
    await caller.wait_like(sound(MAIN_MENU))
    since = caller.heard[-1].at
    await site.kill("engine")
    await caller.wait_like(sound(MAIN_MENU), since=since, timeout_s=30)
    await caller.press("2")
    assert await caller.wait_ended(30) == "remote"
    [row] = await site.ended()
    assert row["reason"] == "menu_ended"


async def test_the_engine_dies_with_callers_queued(site: Site) -> None:
    first, second = await queued(site, user="13900000001"), await queued(site, user="13900000002")
    await site.kill("engine")
    seat = await site.seat()
    agent = await seat.incoming(30)
    assert agent.caller == "13900000001", "the first in line is first"
    await agent.wait_answered()
    await agent.hang_up()
    assert await first.wait_ended() == "remote"
    agent = await seat.incoming(30)
    assert agent.caller == "13900000002"
    await agent.wait_answered()
    await agent.hang_up()
    assert await second.wait_ended() == "remote"
    rows = await site.ended(2)
    assert {row["reason"] for row in rows} == {"completed"}


async def test_the_engine_dies_while_a_seat_rings(site: Site) -> None:
    caller = await queued(site)
    seat = await site.seat(sign_on=False)
    seat.on_invite = Ring()
    await site.code(seat, "*81")
    ringing = await seat.incoming(30)
    seat.on_invite = Answer()
    await site.kill("engine")
    assert await ringing.wait_ended(30) == "cancelled", "by its saved branch"
    agent = await seat.incoming(30)
    await agent.wait_answered()
    agent.send_tone(620)
    await caller.wait_tone(620, 30)
    await caller.hang_up()
    [row] = await site.ended()
    assert (row["reason"], row["seat"]) == ("completed", "1026")
    assert site.events(row["call_id"]).count("offered") == 2


async def test_the_engine_dies_while_two_telephones_of_a_seat_ring(site: Site) -> None:
    caller = await queued(site)
    desk, soft = await site.seat(sign_on=False), await site.seat(sign_on=False)
    desk.on_invite = soft.on_invite = Ring()
    await site.code(desk, "*81")
    ringing = [await phone.incoming(30) for phone in (desk, soft)]
    await site.kill("engine")
    for call in ringing:
        assert await call.wait_ended(30) == "cancelled", "by its saved branch"
    again = [await phone.incoming(30) for phone in (desk, soft)]
    await again[1].answer()
    assert await again[0].wait_ended(30) == "cancelled"
    again[1].send_tone(620)
    await caller.wait_tone(620, 30)
    await caller.hang_up()
    [row] = await site.ended()
    assert (row["reason"], row["seat"]) == ("completed", "1026")
    assert site.events(row["call_id"]).count("offered") == 2
    assert desk.complaints == soft.complaints == []


async def test_the_seat_answers_while_the_engine_is_dead(site: Site) -> None:
    """The next engine takes the answer, or hangs it up and offers the caller again: both talk, and the seat is not stuck."""
    caller = await queued(site)
    seat = await site.seat(sign_on=False)
    seat.on_invite = Ring()
    await site.code(seat, "*81")
    first = await seat.incoming(30)
    seat.on_invite = Answer()
    killing = asyncio.create_task(site.kill("engine"))
    await first.answer()
    first.send_tone(620)
    again = asyncio.create_task(seat.incoming(30))
    await killing
    await caller.wait_until(lambda: caller.hears(620) or again.done(), "the seat's tone, or another ring", 30)
    if again.done():
        await first.wait_ended()
        second = await again
        await second.wait_answered()
        second.send_tone(620)
        await caller.wait_tone(620, 30)
    await asyncio.gather(again, return_exceptions=True) if again.done() else again.cancel()
    await caller.hang_up()
    await site.ended()
    await free_again(site, seat)


async def test_the_caller_hangs_up_while_the_engine_is_dead(site: Site) -> None:
    seat = await site.seat()
    caller, agent = await talking(site, seat)
    killing = asyncio.create_task(site.kill("engine"))
    await caller.hang_up()
    await killing
    assert await agent.wait_ended(30) == "remote"
    [row] = await site.ended()
    assert row["reason"] == "completed"
    await free_again(site, seat)


async def test_engine_and_redis_die_together(site: Site) -> None:
    seat = await site.seat()
    caller, agent = await talking(site, seat)
    await talk_through(site, caller, agent, "redis", "engine")
    await agent.hang_up()
    assert await caller.wait_ended(30) == "remote"
    [row] = await site.ended()
    assert row["reason"] == "completed"


async def test_media_dies_in_a_talk_and_sound_comes_back_by_reinvite(site: Site) -> None:
    seat = await site.seat()
    caller, agent = await talking(site, seat)
    await site.kill("media-0")
    await still_talking(caller, agent)
    await caller.hang_up()
    assert await agent.wait_ended() == "remote"
    [row] = await site.ended()
    kinds = site.events(row["call_id"])
    assert kinds.index("media_lost") < kinds.index("media_back")
    assert kinds.count("recording") == 2
    await site.until(lambda: len(list(site.recordings.rglob("*.wav"))) == 2, "both takes are readable files")
    for path in site.recordings.rglob("*.wav"):
        assert audio.read_wav(path.read_bytes()).seconds > 0.1
    await free_again(site, seat)


async def test_media_dies_while_callers_are_in_menu_and_queue(site: Site) -> None:
    waiting = await queued(site, user="13900000001")
    phone = await site.phone("13900000002")
    choosing = await phone.dial("4001")
    await choosing.wait_answered()
    await choosing.wait_like(sound(MAIN_MENU))
    since = choosing.heard[-1].at
    await site.kill("media-0")
    await asyncio.gather(
        choosing.wait_like(sound(MAIN_MENU), since=since, timeout_s=30),
        waiting.wait_like(sound(MUSIC)[: 2 * audio.RATE], since=since, timeout_s=30),
    )
    await choosing.press("2")
    assert await choosing.wait_ended(30) == "remote"
    await waiting.hang_up()
    rows = await site.ended(2)
    assert sorted(row["reason"] for row in rows) == ["abandoned", "menu_ended"]


async def test_serve_itself_is_killed_and_leaves_no_orphan(site: Site) -> None:
    assert site.process is not None
    pids = [site.pid(name) for name in ("redis", "media-0", "scribe", "engine", "console")]
    site.process.kill()
    site.process.wait()

    def alive(pid: int) -> bool:
        stat = Path(f"/proc/{pid}/stat")
        try:
            return stat.read_text().rpartition(")")[2].split()[0] != "Z"
        except (FileNotFoundError, ProcessLookupError):
            return False

    site.process = None
    await site.until(lambda: not any(alive(pid) for pid in pids), "all parts have ended")
