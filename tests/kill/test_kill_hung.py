"""Processes that stand still (SIGSTOP) are found, killed and started again, with what follows a death; those that only get very
little of a processor are left alone."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ivr.phones.scripted import Call, ScriptedPhone
from ivr.watchdog import PATIENT_S, SILENT_S
from tests.kill.test_kill_seen import Supervisor
from tests.site import MAIN_MENU, Site, running
from tests.talk import queued, sound, still_talking, talking

FOUND_S = 25.0
"""A process that stands still is killed within SILENT_S and a bit; this is a bound for what follows from it."""


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with running(tmp_path) as site:
        yield site


def stop(site: Site, name: str) -> None:
    os.kill(site.pid(name), signal.SIGSTOP)


async def replaced(site: Site, name: str, within_s: float = FOUND_S) -> None:
    """It was found, the log says why it was killed, and another one was started."""
    await site.until(lambda: len(site.pids(name)) == 2, f"{name} was started again", within_s)
    assert f"{name:8} has stood still for " in site.said
    assert f"{name:8} ended with -9" in site.said


async def told(zhao: Supervisor, name: str, hung_s: float) -> None:
    """The health page's ground says it too."""
    seen = await zhao.sees(name, lambda one: (one["restarts"], one["state"]) == (1, "up"), "it is up again")
    assert (seen["status"], seen["hung_s"]) == (-9, hung_s)


async def the_next_is_served(seat: ScriptedPhone, caller: Call, agent: Call, waiting: Call) -> None:
    """The talk ends by the seat, and who waits, 13900000001, has kept the place: joined, and hangs up."""
    await agent.hang_up()
    assert await caller.wait_ended(FOUND_S) == "remote"
    next_one = await seat.incoming(FOUND_S)
    assert next_one.caller == "13900000001", "it has kept its place"
    await next_one.wait_answered()
    await waiting.hang_up()


async def test_an_engine_that_stands_still(site: Site) -> None:
    """Talks go on meanwhile; who calls, queues or is in a menu is served by the next one."""
    seat = await site.seat()
    caller, agent = await talking(site, seat)
    first = await queued(site, user="13900000001")
    stop(site, "engine")
    await still_talking(caller, agent)
    phone = await site.phone("13900000002")
    newcomer = await phone.dial("4001")
    await replaced(site, "engine")
    await newcomer.wait_answered(FOUND_S)
    await newcomer.wait_like(sound(MAIN_MENU), FOUND_S)
    await newcomer.hang_up()
    await still_talking(caller, agent)
    await the_next_is_served(seat, caller, agent, first)
    rows = {row["caller"]: row for row in await site.ended(3)}
    assert rows["04714613311"]["reason"] == rows["13900000001"]["reason"] == "completed"
    assert "engine_restarted" in site.events(rows["04714613311"]["call_id"])
    await told(Supervisor(site), "engine", SILENT_S)
    status, said = await site.command("followup", "audit")
    assert status == 0, said


async def test_a_media_process_that_stands_still(site: Site) -> None:
    """As after a death: sound comes back by re-INVITE, a new take of the recording begins."""
    seat = await site.seat()
    caller, agent = await talking(site, seat)
    stop(site, "media-0")
    await replaced(site, "media-0")
    await still_talking(caller, agent)
    await caller.hang_up()
    assert await agent.wait_ended(FOUND_S) == "remote"
    [row] = await site.ended()
    kinds = site.events(row["call_id"])
    assert kinds.index("media_lost") < kinds.index("media_back")
    assert kinds.count("recording") == 2
    await site.until(lambda: len(list(site.recordings.rglob("*.wav"))) == 2, "both takes are readable files")
    await told(Supervisor(site), "media-0", SILENT_S)


async def test_a_redis_that_stands_still(site: Site) -> None:
    """Talks go on meanwhile; who waits keeps the place, and nothing that happened is lost."""
    seat = await site.seat()
    caller, agent = await talking(site, seat)
    first = await queued(site, user="13900000001")
    stop(site, "redis")
    await still_talking(caller, agent)
    await replaced(site, "redis")
    await still_talking(caller, agent)
    await the_next_is_served(seat, caller, agent, first)
    rows = {row["caller"]: row for row in await site.ended(2)}
    assert rows["04714613311"]["reason"] == rows["13900000001"]["reason"] == "completed"
    await told(Supervisor(site), "redis", SILENT_S)
    status, said = await site.command("followup", "audit")
    assert status == 0, said


async def test_a_scribe_and_a_console_that_stand_still(site: Site) -> None:
    """No caller waits for them, so they have more time; nothing of what happens meanwhile is lost."""
    stop(site, "scribe")
    stop(site, "console")
    gave_up = await queued(site, user="13900000001")
    await gave_up.hang_up()
    seat = await site.seat()
    caller, agent = await talking(site, seat)
    await caller.hang_up()
    assert await agent.wait_ended() == "remote"
    for name in ("scribe", "console"):
        await replaced(site, name, PATIENT_S + FOUND_S)
    rows = await site.ended(2)
    assert sorted(row["reason"] for row in rows) == ["abandoned", "completed"]
    zhao = Supervisor(site)
    for name in ("scribe", "console"):
        await told(zhao, name, PATIENT_S)
    status, said = await site.command("followup", "audit")
    assert status == 0, said


async def test_who_gets_little_of_a_processor_is_left_alone(site: Site) -> None:
    """A tenth of the time, for longer than a process may say nothing; then a standstill of a quarter of that, and one of the
    supervisor's that is longer."""
    assert site.process is not None
    seat = await site.seat()
    caller, agent = await talking(site, seat)
    pids = [site.pid(name) for name in ("engine", "media-0", "scribe", "console")]

    async def stands(seconds: float, *stopped: int) -> None:
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)
        await asyncio.sleep(seconds)
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)

    for _ in range(round(1.5 * SILENT_S)):
        await stands(0.9, *pids)
        await asyncio.sleep(0.1)
    await still_talking(caller, agent)
    await stands(SILENT_S / 4, *pids)
    await stands(1.5 * SILENT_S, site.process.pid)
    await still_talking(caller, agent)
    assert [site.pid(name) for name in ("engine", "media-0", "scribe", "console")] == pids
    assert "has stood still" not in site.said
    await caller.hang_up()
    [row] = await site.ended()
    assert row["reason"] == "completed"
