"""Whole calls through a whole hotline: real SIP, RTP, Redis and SQL; the telephones share no code with it."""

from __future__ import annotations

import asyncio
import re
import urllib.request
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from followup.quality import LegQuality, of_call
from ivr.phones import audio
from ivr.phones.scripted import Answer, PhoneError, Refuse, Refused, Ring
from tests.site import MUSIC, Site, running
from tests.talk import queued, sound, speaks, talking

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    async with running(tmp_path_factory.mktemp("calls"), ring_timeout_s=3, set_aside_s=2, media_processes=2) as site:
        yield site


@pytest_asyncio.fixture(loop_scope="module")
async def site(house: Site) -> AsyncIterator[Site]:
    """One for all tests; each finds it as if it were new."""
    yield house
    await house.cleared()


async def test_a_caller_reaches_a_seat_and_the_call_is_on_record(site: Site) -> None:
    seat = await site.seat(codecs=("PCMA",))
    caller, agent = await talking(site, seat, codecs=("PCMU",))
    assert agent.caller == "04714613311"
    await asyncio.gather(caller.wait_heard(1.0), agent.wait_heard(1.0))  # some seconds of both for the recording
    await caller.hang_up()
    assert await agent.wait_ended() == "remote"
    [row] = await site.ended()
    assert (row["hotline"], row["caller"], row["queue"], row["seat"]) == ("sample", "04714613311", "service", "1026")
    assert (row["province"], row["city"]) == ("内蒙古", "呼和浩特市")
    assert (row["ended_by"], row["reason"], row["menu_path"]) == ("caller", "completed", "welcome > main > service")
    assert row["wait_s"] > 0
    assert row["talk_s"] > 1
    left, right = await site.recording(row)
    assert speaks(left, 440)
    assert speaks(right, 620)
    kinds = [
        "arrived",
        "answered",
        "menu",
        "menu",
        "key",
        "menu",
        "queued",
        "offered",
        "ringing",
        "talking",
        "recording",
        "ended",
    ]
    assert site.events(row["call_id"]) == kinds
    assert site.return_calls() == []
    assert not seat.complaints
    await site.until(lambda: not site.live_calls(), "the seat's code call left nothing either")
    legs = await site.until_some(lambda: sounded(site, row["call_id"]), 2, "reports of how legs sounded")
    for leg in legs:
        assert min(leg.sent, leg.received) > 50
        assert leg.jitter_ms > 0
        assert leg.loss < 0.1
    told = await asyncio.to_thread(figures, site)
    assert told["hotline_leg_loss_ratio_count"] == 2
    assert told["hotline_leg_jitter_seconds_sum"] > 0


def sounded(site: Site, call_id: str) -> list[LegQuality]:
    """How each leg of this call was heard, in the books."""
    assert site.database is not None
    with site.database.connect() as connection:
        return list(of_call(connection, call_id))


def figures(site: Site) -> dict[str, float]:
    """What Prometheus is told, of what has no labels."""
    with urllib.request.urlopen(f"http://127.0.0.1:{site.console_port}/metrics", timeout=30) as answer:
        return {name: float(value) for name, value in re.findall(r"^(\w+) (\S+)$", answer.read().decode(), re.MULTILINE)}


async def test_refusal_and_no_answer_return_the_caller_to_the_queue(site: Site) -> None:
    first, second = await site.seat("1026"), await site.seat("1027")
    first.on_invite, second.on_invite = Refuse(486), Ring()
    phone = await site.phone()
    caller = await phone.dial("4001")
    await caller.wait_answered()
    await caller.press("1")
    refused = await first.incoming(30)
    await refused.wait_ended()
    first.on_invite = Answer()  # its turn may come in the moment in which the other's ends
    ringing = await second.incoming(30)
    await ringing.wait_ended(30)
    agent = await first.incoming(30)
    await agent.wait_answered()
    await caller.hang_up()
    [row] = await site.ended()
    assert row["seat"] == "1026"
    assert row["reason"] == "completed"
    kinds = site.events(row["call_id"])
    assert kinds.count("offered") == 3
    assert kinds.count("requeued") == 2
    assert "refused" in kinds
    assert "no_answer" in kinds


async def test_a_caller_who_gives_up_is_owed_a_return_call_and_a_served_one_is_not(tmp_path: Path) -> None:
    async with running(tmp_path, extra="[followup]\ngave_up_after_s = 0.5\n") as site:
        for _ in range(2):
            caller = await queued(site)
            await caller.hang_up()
        await site.ended(2)
        [owed] = site.return_calls()
        assert (owed["number"], owed["state"], owed["kind"]) == ("04714613311", "open", "return")
        anonymous = await queued(site, user="anonymous")
        await anonymous.hang_up()
        await site.ended(3)
        assert [row["state"] for row in site.return_calls()] == ["open", "waived"]
        assert site.return_calls()[1]["waive_reason"] == "no_number"
        status, said = await site.command("followup", "audit")
        assert status == 0, said
        seat = await site.seat()
        caller, _ = await talking(site, seat)
        await caller.hang_up()
        await site.ended(4)
        assert [row["state"] for row in site.return_calls()] == ["closed", "waived"]
        status, said = await site.command("followup", "audit")
        assert status == 0, said


async def test_the_time_limit_says_sorry_and_owes_a_return_call(tmp_path: Path) -> None:
    async with running(tmp_path, time_limit_s=2) as site:
        phone = await site.phone()
        caller = await phone.dial("4001")
        await caller.wait_answered()
        await caller.press("1")
        assert await caller.wait_ended(40) == "remote"
        [row] = await site.ended()
        assert (row["reason"], row["ended_by"]) == ("time_limit", "system")
        assert [owed["reason"] for owed in site.return_calls()] == ["time_limit"]


async def test_the_caller_may_hang_up_while_the_seat_rings(site: Site) -> None:
    caller = await queued(site)
    seat = await site.seat(sign_on=False)
    seat.on_invite = Ring()
    await site.code(seat, "*81")
    ringing = await seat.incoming(30)
    await caller.hang_up()
    assert await ringing.wait_ended() == "cancelled"
    [row] = await site.ended()
    assert (row["reason"], row["phase"]) == ("abandoned", "OFFERED")
    seat.on_invite = Answer()
    caller, _ = await talking(site, seat)
    await caller.hang_up()
    await site.ended(2)


async def test_a_break_keeps_calls_away_until_the_seat_returns(site: Site) -> None:
    seat = await site.seat()
    await site.code(seat, "*82")
    caller = await queued(site)
    await caller.wait_heard(1.5)
    assert not caller.hears(620)
    await site.code(seat, "*83")
    agent = await seat.incoming(30)
    await agent.wait_answered()
    await agent.hang_up()
    assert await caller.wait_ended() == "remote"
    [row] = await site.ended()
    assert row["ended_by"] == "seat"
    offered = site.event_data(row["call_id"], "offered")
    assert offered["seat"] == "1026"


async def test_hold_and_resume(site: Site) -> None:
    seat = await site.seat()
    caller, agent = await talking(site, seat)
    await agent.hold()
    await caller.wait_like(sound(MUSIC)[: 2 * audio.RATE], since=caller.heard[-1].at)
    await agent.resume()
    await asyncio.gather(caller.wait_tone(620), agent.wait_tone(440))
    await agent.hang_up()
    [row] = await site.ended()
    assert site.events(row["call_id"])[-3:] == ["held", "unheld", "ended"]


async def test_digits_by_info_and_cancel_and_strangers(site: Site) -> None:
    phone = await site.phone()
    caller = await phone.dial("4001")
    await caller.wait_answered()
    await caller.press("2", how="info")
    assert await caller.wait_ended(30) == "remote", "2 leads to a hang-up node"
    [row] = await site.ended()
    assert row["reason"] == "menu_ended"


async def test_two_callers_and_one_seat_are_served_one_after_the_other(site: Site) -> None:
    first = await queued(site, user="13900000001")
    second = await queued(site, user="13900000002")
    seat = await site.seat()
    agent = await seat.incoming(30)
    assert agent.caller == "13900000001"
    await agent.wait_answered()
    await first.hang_up()
    agent = await seat.incoming(30)
    assert agent.caller == "13900000002"
    await agent.wait_answered()
    await second.hang_up()
    await site.ended(2)


async def test_a_seat_that_refused_is_set_aside_and_comes_back_by_its_code(tmp_path: Path) -> None:
    async with running(tmp_path, set_aside_s=600) as site:
        seat = await site.seat()
        seat.on_invite = Refuse(603)
        phone = await site.phone()
        caller = await phone.dial("4001")
        await caller.wait_answered()
        await caller.press("1")
        refused = await seat.incoming(30)
        await refused.wait_ended()
        seat.on_invite = Answer()
        await caller.wait_like(sound(MUSIC)[: 2 * audio.RATE])
        assert len(seat.calls) == 2, "the code call and the refused one"
        await site.code(seat, "*83")
        agent = await seat.incoming(30)
        await agent.wait_answered()
        await caller.hang_up()
        [row] = await site.ended()
        assert site.event_data(row["call_id"], "requeued")["why"] == "declined"


async def test_strangers_get_no_answer(tmp_path: Path) -> None:
    async with running(tmp_path, networks="192.0.2.0/24") as site:
        stranger = await site.phone()
        call = await stranger.dial("4001")
        with pytest.raises(PhoneError):
            await call.wait_answered(3)
        assert call.provisional == []
        guesser = await site.phone("1026", password="wrong")
        with pytest.raises(Refused) as refused:
            await guesser.register()
        assert refused.value.status in (401, 403)
        assert site.calls() == []
        seat = await site.seat()
        internal = await seat.dial("4001")
        await internal.wait_answered()
        await internal.hang_up()
        [row] = await site.ended()
        assert (row["caller"], row["trunk"]) == ("1026", ""), "a seat may dial any hotline"
