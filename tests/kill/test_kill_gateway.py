"""kill -9 with Twilio's callers on the line: the gateway's death touches nobody else, and its callers are owed a return call at
once; the death of engine and media is survived as by any trunk's callers."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from console import seatwork
from ivr.phones.scripted import Call, ScriptedPhone
from ivr.phones.twilio import TwilioCall
from ivr.watchdog import SILENT_S
from routing.desk import desk
from routing.diallings import Dialling
from storage.embedded import EmbeddedRedis
from storage.redis import connect_sync
from tests.site import MAIN_MENU, Site
from tests.talk import sound, still_talking, talking
from tests.twilio import MOBILE_SEAT, TwilioSite, twilio_site

CALLER, OTHER = "+14155550123", "+14155550124"
OUTSIDE = "+14155550177"
AT_ONCE_S = 10.0
"""Much sooner than a user agent is told that nobody answers its INVITE (32 s)."""


@pytest.fixture
async def both(tmp_path: Path) -> AsyncIterator[TwilioSite]:
    async with twilio_site(tmp_path, extra=MOBILE_SEAT) as both:
        yield both


async def joined(both: TwilioSite, seat: ScriptedPhone) -> tuple[TwilioCall, Call]:
    """A Twilio caller and a seat hear each other."""
    caller = await both.twilio.call(CALLER)
    await caller.wait_like(sound(MAIN_MENU))
    caller.send_tone(440)
    caller.press("1")
    agent = await seat.incoming(30)
    await agent.wait_answered()
    agent.send_tone(620)
    await asyncio.gather(caller.wait_tone(620), agent.wait_tone(440, 30))
    return caller, agent


async def test_the_gateway_dies_and_its_callers_are_owed_a_call_at_once(both: TwilioSite) -> None:
    site = both.site
    one, two = await site.seat("1026"), await site.seat("1027")
    sip_caller, sip_agent = await talking(site, one)
    talker, agent = await joined(both, two)
    chooser = await both.twilio.call(OTHER)
    await chooser.wait_like(sound(MAIN_MENU))  # in the menu: who hangs up here is owed nothing

    died = time.monotonic()
    await site.kill("gateway")
    assert await agent.wait_ended(30) == "remote"
    await site.until(lambda: len(site.return_calls()) == 2, "both are owed a return call", 30)
    print(f"owed after {time.monotonic() - died:.2f} s")  # noqa: T201
    owed = {row["number"]: row["reason"] for row in site.return_calls()}
    assert owed == {CALLER: "cut_off", OTHER: "cut_off"}
    rows = {row["caller"]: row for row in await site.ended(2)}
    assert {(row["reason"], row["ended_by"]) for row in rows.values()} == {("cut_off", "system")}

    # The SIP caller has noticed nothing.
    await still_talking(sip_caller, sip_agent)

    # Who is still there comes to the hotline anew.
    await chooser.wait_stream(2)
    await chooser.wait_like(sound(MAIN_MENU))
    await talker.wait_stream(2)
    await asyncio.gather(chooser.hang_up(), talker.hang_up())
    await sip_caller.hang_up()
    await site.ended(5)
    status, said = await site.command("followup", "audit")
    assert status == 0, said


async def test_a_gateway_that_nobody_starts_again_is_missed_at_once(both: TwilioSite) -> None:
    """Its callers need not be silent for 30 s before they are owed a return call; nor the mobile seat's caller."""
    site = both.site
    seat = await site.seat("1027")
    _, agent = await joined(both, seat)
    chooser = await both.twilio.call(OTHER)
    await chooser.wait_like(sound(MAIN_MENU))
    status, said = await site.command("seat", "1030", "ready")
    assert status == 0, said
    sip_caller = await (await site.phone()).dial("4001")
    await sip_caller.wait_answered()
    await sip_caller.press("1")
    mobile = await asyncio.wait_for(both.twilio.made.get(), 30)
    await mobile.wait_stream()
    sip_caller.send_tone(440)
    mobile.press("1")
    await mobile.wait_tone(440, 40)

    assert site.process is not None
    site.process.send_signal(signal.SIGSTOP)  # the supervisor: it starts nothing
    try:
        died = time.monotonic()
        os.kill(site.pid("gateway"), signal.SIGKILL)
        assert await agent.wait_ended(20) == "remote"
        assert await sip_caller.wait_ended(20) == "remote"
        await site.until(lambda: len(site.return_calls()) == 3, "all are owed a return call", 20)
        print(f"owed after {time.monotonic() - died:.2f} s")  # noqa: T201
        rows = await site.ended(3)
        assert {(row["reason"], row["ended_by"]) for row in rows} == {("cut_off", "system")}
        owed = {row["number"]: row["reason"] for row in site.return_calls()}
        assert owed == {CALLER: "cut_off", OTHER: "cut_off", "04714613311": "cut_off"}
    finally:
        site.process.send_signal(signal.SIGCONT)
    # The next one finds dialogs that are over, and takes callers again.
    await chooser.wait_stream(2, 40)
    await chooser.wait_like(sound(MAIN_MENU))
    await chooser.hang_up()
    status, said = await site.command("followup", "audit")
    assert status == 0, said


def dialling(site: Site) -> Dialling:
    """What the seat's page shows of its call out."""
    with contextlib.closing(connect_sync(EmbeddedRedis(site.data_dir).foreign_url)) as redis:
        found = desk(redis, "1026")
    assert found is not None
    assert found.dialling is not None
    return found.dialling


async def failed(site: Site) -> None:
    """A call out has come to nothing, which is our line's fault, and the page says so."""
    await site.until(lambda: dialling(site).step == "over", "it is over", AT_ONCE_S)
    assert (dialling(site).outcome, dialling(site).reason) == ("failed", "trunk_unreachable")


async def back_with_the_seat(caller: Call, agent: Call, within_s: float = AT_ONCE_S) -> None:
    """A transfer has failed: both talk again."""
    await agent.wait_until(lambda: agent.notified[-1:] == ["SIP/2.0 503 Service Unavailable"], "it is told", within_s)
    await still_talking(caller, agent)


async def test_calls_out_while_no_gateway_runs_are_refused_at_once(both: TwilioSite) -> None:
    """A transfer, a seat's call, and a return call, which stays owed; then a gateway is there again, and takes them."""
    site = both.site
    seat = await site.seat("1027")
    _, lost = await joined(both, seat)
    assert site.process is not None
    site.process.send_signal(signal.SIGSTOP)  # the supervisor: it starts nothing
    try:
        os.kill(site.pid("gateway"), signal.SIGKILL)
        assert await lost.wait_ended(30) == "remote"
        [owed] = await site.until_some(lambda: [row for row in site.return_calls() if row["number"] == CALLER], 1, "owed")
        one = await site.seat("1026")
        caller, agent = await talking(site, one)
        asked = time.monotonic()
        await agent.refer(OUTSIDE)
        await agent.wait_until(lambda: len(agent.notified) == 2, "it is told how it went", AT_ONCE_S)
        print(f"refused after {time.monotonic() - asked:.2f} s")  # noqa: T201
        await back_with_the_seat(caller, agent)
        await caller.hang_up()
        assert await agent.wait_ended(30) == "remote"

        assert site.database is not None
        with contextlib.closing(connect_sync(EmbeddedRedis(site.data_dir).foreign_url)) as redis:
            await site.until(lambda: desk(redis, "1026").seat.state == "idle", "the seat is free")  # type: ignore[union-attr]
            call_id = seatwork.dial_return_call(site.database, redis, owed["id"], "wang", "1026", time.time())
        own = await one.incoming(30)
        await own.wait_answered(30)
        assert await own.wait_ended(AT_ONCE_S) == "remote"
        await failed(site)
        await site.until(lambda: any(row["call_id"] == call_id and row["ended_at"] for row in site.calls()), "it is booked")
        ended = site.event_data(call_id, "ended")
        assert (ended["reason"], ended["result"]) == ("trunk_unreachable", "refused")
        [still] = [row for row in site.return_calls() if row["id"] == owed["id"]]
        assert (still["state"], still["attempts"]) == ("claimed", 0), "owed as before: nobody was rung"
    finally:
        site.process.send_signal(signal.SIGCONT)
    assert both.twilio.made.empty()

    chooser = await both.twilio.call(OTHER)
    await chooser.wait_like(sound(MAIN_MENU), 40)  # by the next gateway
    status, said = await site.command("call", "1026", OUTSIDE)
    assert status == 0, said
    own = await one.incoming(30)
    await own.wait_answered(30)
    party = await asyncio.wait_for(both.twilio.made.get(), 30)
    party.send_tone(440)
    await own.wait_tone(440, 30)
    await asyncio.gather(party.hang_up(), chooser.hang_up())
    assert await own.wait_ended(30) == "remote"


async def test_the_gateway_dies_while_the_party_rings(both: TwilioSite) -> None:
    site = both.site
    both.twilio.on_call = "ring"
    seat = await site.seat("1026")
    caller, agent = await talking(site, seat)
    await agent.refer(OUTSIDE)
    await asyncio.wait_for(both.twilio.made.get(), 30)
    await site.kill("gateway")
    await back_with_the_seat(caller, agent)
    await caller.hang_up()
    [row] = await site.ended()
    assert site.event_data(row["call_id"], "transfer_failed")["why"] == "trunk_unreachable"


async def test_a_gateway_that_stands_still_is_killed_and_its_callers_owed_a_call(both: TwilioSite) -> None:
    """And whoever was to be called meanwhile is not called later, for nobody."""
    site = both.site
    one, two = await site.seat("1026"), await site.seat("1027")
    sip_caller, sip_agent = await talking(site, one)
    _, silent = await joined(both, two)
    chooser = await both.twilio.call(OTHER)
    await chooser.wait_like(sound(MAIN_MENU))

    stopped = time.monotonic()
    os.kill(site.pid("gateway"), signal.SIGSTOP)
    await sip_agent.refer(OUTSIDE)
    await back_with_the_seat(sip_caller, sip_agent, 25)
    assert await silent.wait_ended(30) == "remote"
    print(f"found after {time.monotonic() - stopped:.2f} s")  # noqa: T201
    await site.until(lambda: len(site.return_calls()) == 2, "both are owed a return call", 30)
    assert {row["number"]: row["reason"] for row in site.return_calls()} == {CALLER: "cut_off", OTHER: "cut_off"}
    await site.until(lambda: len(site.pids("gateway")) == 2, "another one was started")
    await chooser.wait_stream(2, 30)
    await chooser.wait_like(sound(MAIN_MENU))
    assert both.twilio.made.empty()
    await asyncio.gather(chooser.hang_up(), sip_caller.hang_up())


async def test_a_moments_standstill_costs_nobody_the_call(both: TwilioSite) -> None:
    """Neither the gateway's own, nor a long one of the supervisor's, who hears no beats then."""
    site = both.site
    seat = await site.seat()
    caller, agent = await joined(both, seat)
    assert site.process is not None
    for pid, stands_s in ((site.pid("gateway"), SILENT_S / 4), (site.process.pid, 1.5 * SILENT_S)):
        os.kill(pid, signal.SIGSTOP)
        await asyncio.sleep(stands_s)
        os.kill(pid, signal.SIGCONT)
        await still_talking(caller, agent, 40)
    assert len(site.pids("gateway")) == 1
    await caller.hang_up()
    [row] = await site.ended()
    assert row["reason"] == "completed"


async def test_the_engine_dies_in_a_twilio_callers_talk(both: TwilioSite) -> None:
    site = both.site
    seat = await site.seat()
    caller, agent = await joined(both, seat)
    await site.kill("engine")
    await still_talking(caller, agent, 40)
    [live] = site.calls()
    await site.until(lambda: "engine_restarted" in site.events(live["call_id"]), "the next engine has the call")
    await caller.hang_up()
    assert await agent.wait_ended(30) == "remote"
    [row] = await site.ended()
    assert (row["reason"], row["trunk"]) == ("completed", "twilio")


async def test_media_dies_in_a_twilio_callers_talk(both: TwilioSite) -> None:
    site = both.site
    seat = await site.seat()
    caller, agent = await joined(both, seat)
    await site.kill("media-0")
    await still_talking(caller, agent, 40)
    await agent.hang_up()
    assert await caller.wait_ended() == "completed"
    [row] = await site.ended()
    assert row["reason"] == "completed"


async def test_a_caller_comes_while_the_engine_is_dead(both: TwilioSite) -> None:
    """The INVITE waits in the engine's socket; the caller hears a ringing tone a little longer."""
    site = both.site
    await site.kill("engine")  # the next one is started, and takes its time until it reads
    caller = await both.twilio.call(CALLER)
    await caller.wait_like(sound(MAIN_MENU), 40)
    await caller.hang_up()
    [row] = await site.ended()
    assert row["caller"] == CALLER
