"""Twilio callers are handed on to an outside number and to a mobile seat, both of which Twilio's API calls: two calls of
Twilio's for one of the hotline's. Status callbacks come late, early and again all the while."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio

from ivr.phones.scripted import Call, ScriptedPhone
from ivr.phones.twilio import TwilioCall
from tests.site import PATIENCE_S
from tests.twilio import MOBILE, MOBILE_SEAT, NUMBER, TwilioSite, twilio_site

pytestmark = pytest.mark.asyncio(loop_scope="module")

OUTSIDE = "+14155550177"
SPOILT = {
    "initiated": (),
    "ringing": ("ringing", "initiated", "ringing"),
    "in-progress": ("in-progress", "ringing", "initiated", "in-progress"),
    "completed": ("completed", "in-progress", "ringing", "completed"),
    "busy": ("busy", "ringing", "initiated", "busy"),
}
"""What is told in the place of a status."""


@dataclass
class Floor:
    """A hotline at Twilio, with one seat at a SIP telephone and one at a mobile."""

    both: TwilioSite
    seat: ScriptedPhone

    async def talking(self, number: str) -> tuple[TwilioCall, Call]:
        """A Twilio caller and the SIP seat hear each other."""
        caller = await self.both.twilio.call(number)
        await caller.wait_stream()
        await caller.wait_until(lambda: len(caller.heard) > 0, "sound")
        caller.send_tone(440)
        caller.press("1")
        agent = await self.seat.incoming(PATIENCE_S)
        await agent.wait_answered()
        agent.send_tone(620)
        await asyncio.gather(caller.wait_tone(620), agent.wait_tone(440, PATIENCE_S))
        return caller, agent

    async def called(self, number: str) -> TwilioCall:
        """Whom Twilio's API was asked to call."""
        party = await asyncio.wait_for(self.both.twilio.made.get(), PATIENCE_S)
        assert (party.called, party.caller) == (number, NUMBER)
        assert self.both.twilio.made.empty(), "once"
        return party

    async def row(self, caller: str) -> dict[str, Any]:
        """This caller's call, once it is over and in the books."""
        site = self.both.site

        def found() -> list[dict[str, Any]]:
            return [row for row in site.calls() if row["caller"] == caller and row["ended_at"] is not None]

        [row] = await site.until_some(found, 1, f"ended calls of {caller}")
        assert (row["reason"], row["trunk"]) == ("completed", "twilio")
        assert "owed" not in site.events(row["call_id"])
        return row


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[TwilioSite]:
    async with twilio_site(tmp_path_factory.mktemp("transfers"), extra=MOBILE_SEAT) as both:
        both.twilio.on_status = lambda status: SPOILT.get(status, (status,))
        yield both


@pytest_asyncio.fixture(loop_scope="module")
async def floor(house: TwilioSite) -> AsyncIterator[Floor]:
    """One for all tests; each finds it as if it were new."""
    yield Floor(house, await house.site.seat())
    await house.cleared()


async def hear_each_other(one: TwilioCall, other: TwilioCall) -> None:
    one.send_tone(500)
    other.send_tone(700)
    await asyncio.gather(one.wait_tone(700), other.wait_tone(500))


async def leave(first: TwilioCall, second: TwilioCall) -> None:
    """The first hangs up, and so Twilio is told to end the other's call."""
    await first.hang_up()
    assert await second.wait_ended() == "completed"
    assert first.failures == second.failures == []


@pytest.mark.parametrize(("number", "leaves"), [("+14155550121", "caller"), ("+14155550122", "party")])
async def test_to_an_outside_number(floor: Floor, number: str, leaves: str) -> None:
    caller, agent = await floor.talking(number)
    await agent.refer(OUTSIDE)
    party = await floor.called(OUTSIDE)
    assert await agent.wait_ended(PATIENCE_S) == "remote"
    assert agent.notified == ["SIP/2.0 100 Trying", "SIP/2.0 200 OK"]
    await hear_each_other(caller, party)
    await (leave(caller, party) if leaves == "caller" else leave(party, caller))
    row = await floor.row(number)
    assert floor.both.site.events(row["call_id"]).count("transferred") == 1


@pytest.mark.parametrize(("number", "leaves"), [("+14155550123", "caller"), ("+14155550124", "seat")])
async def test_to_a_mobile_seat(floor: Floor, number: str, leaves: str) -> None:
    caller, agent = await floor.talking(number)
    await agent.refer("1030")
    mobile = await floor.called(MOBILE)
    await mobile.wait_stream()
    await mobile.wait_until(lambda: len(mobile.heard) > 0, "who comes")
    assert not agent.ended.done(), "nobody has pressed 1 yet"
    mobile.press("1")
    assert await agent.wait_ended(PATIENCE_S) == "remote"
    await hear_each_other(caller, mobile)
    await (leave(caller, mobile) if leaves == "caller" else leave(mobile, caller))
    row = await floor.row(number)
    assert row["seat"] == "1030"
    assert floor.both.site.events(row["call_id"]).count("transferred") == 1


async def test_to_an_outside_number_that_is_busy(floor: Floor) -> None:
    """The seat has the caller again."""
    floor.both.twilio.on_call = "busy"
    caller, agent = await floor.talking("+14155550125")
    await agent.refer(OUTSIDE)
    party = await floor.called(OUTSIDE)
    assert await party.wait_ended() == "busy"
    caller.send_tone(500)
    agent.send_tone(700)
    await asyncio.gather(caller.wait_tone(700), agent.wait_tone(500, PATIENCE_S))
    await agent.wait_until(lambda: agent.notified[-1] == "SIP/2.0 486 Busy Here", "it is told")
    await caller.hang_up()
    assert await agent.wait_ended(PATIENCE_S) == "remote"
    assert (await floor.row("+14155550125"))["seat"] == "1026"


async def test_a_caller_who_leaves_while_the_outside_number_rings(floor: Floor) -> None:
    """Its call is ended at Twilio, before or just as it answers."""
    caller, agent = await floor.talking("+14155550126")
    await agent.refer(OUTSIDE)
    party = await floor.called(OUTSIDE)
    await caller.hang_up()
    assert await party.wait_ended() in ("canceled", "completed")
    assert await agent.wait_ended(PATIENCE_S) == "remote"
    await floor.row("+14155550126")
