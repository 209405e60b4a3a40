"""A return call by a click on a page: the seat's own telephone first, then the customer, with real telephones."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from redis import Redis
from sqlalchemy import Engine

from console import seatwork
from followup import returncalls
from ivr.phones import audio
from ivr.phones.scripted import Answer, Policy, Refuse, Ring, ScriptedPhone, Silent
from prompts import PATH
from routing.desk import Desk, desk, finish_wrap_up
from routing.diallings import Dialling
from routing.requests import Occupied, originate
from storage.embedded import EmbeddedRedis
from storage.redis import connect_sync
from tests.site import PATIENCE_S, Site, running
from tests.system.test_calls_out import trunk
from tests.talk import ever, queued, sound

CUSTOMER = "13912345678"
RINGBACK = PATH / "common" / "ringback.wav"


@dataclass
class Page:
    """What a seat's page does and sees."""

    site: Site
    redis: Redis
    steps: list[str] = field(default_factory=list)

    @property
    def books(self) -> Engine:
        assert self.site.database is not None
        return self.site.database

    def live(self) -> Desk:
        found = desk(self.redis, "1026")
        assert found is not None
        return found

    def dialling(self) -> Dialling:
        found = self.live().dialling
        assert found is not None
        return found

    def click(self, return_call_id: int) -> str:
        return seatwork.dial_return_call(self.books, self.redis, return_call_id, "wang", "1026", time.time())

    async def step(self, step: str) -> Dialling:
        await self.site.until(lambda: self.dialling().step == step, f"the dialling is {step}")
        return self.dialling()

    async def state(self, state: str) -> None:
        await self.site.until(lambda: self.live().seat.state == state, f"the seat is {state}")

    async def result(self) -> tuple[str, str]:
        over = await self.step("over")
        return over.outcome, over.reason


@contextlib.contextmanager
def page(site: Site) -> Iterator[Page]:
    with contextlib.closing(connect_sync(EmbeddedRedis(site.data_dir).foreign_url)) as redis:
        yield Page(site, redis)


@pytest.fixture
async def operator() -> AsyncIterator[ScriptedPhone]:
    """The operator's side, there before the hotline is."""
    async with ScriptedPhone(server=("127.0.0.1", 5060), user="operator") as phone:
        yield phone


def settings(operator: ScriptedPhone) -> str:
    """The operator's trunk; whoever hangs up in line is owed a call, however short they waited."""
    return trunk(operator.address[1]) + "[followup]\ngave_up_after_s = 0\n"


async def given_up(site: Site) -> int:
    """The id of a return call that is owed: its caller hung up in line."""
    caller = await queued(site, user=CUSTOMER)
    await caller.hang_up()
    [owed] = await site.until_some(site.return_calls, 1, "return calls")
    assert owed["number"] == CUSTOMER
    return int(owed["id"])


async def test_talked(tmp_path: Path, operator: ScriptedPhone) -> None:
    """Both telephones in their order, no other call meanwhile, one dialling at a time, time to write after it, in the books."""
    operator.on_invite = Ring()
    async with running(tmp_path, extra=settings(operator), wrap_up_s=60) as site:
        owed = await given_up(site)
        seat = await site.seat("1026")
        with page(site) as mine:
            call_id = mine.click(owed)
            with pytest.raises(Occupied) as again:
                mine.click(owed)
            assert (again.value.why, again.value.call_id) == ("dialling", call_id)
            own = await seat.incoming(PATIENCE_S)
            waiting = await queued(site, user="13900000001")
            await own.wait_answered(PATIENCE_S)
            customer = await operator.incoming(PATIENCE_S)
            assert customer.requests[0].first.startswith(f"INVITE sip:{CUSTOMER}@")
            await mine.step("ringing")
            await own.wait_like(sound(RINGBACK)[: audio.RATE], timeout_s=PATIENCE_S)
            assert mine.live().waiting == 1, "nobody was offered to a seat that dials"
            await customer.answer()
            customer.send_tone(600)
            await own.wait_tone(600, PATIENCE_S)
            await mine.step("talking")
            await mine.state("talking")
            await customer.hang_up()
            assert (await mine.result())[0] == "talked"
            assert mine.dialling().talk_s > 0
            await mine.state("wrap-up")
            live = mine.live()
            assert live.call is not None
            assert (live.seat.wraps, live.call.number, live.call.phase) == (call_id, CUSTOMER, "ENDED")
            assert len(seat.calls) == 1 + 1, "the code it signed on by, and this"
            assert finish_wrap_up(mine.redis, "1026", call_id)
            offered = await seat.incoming(PATIENCE_S)
            assert offered.caller == "13900000001"
            await waiting.hang_up()
            rows = {row["call_id"]: row for row in await site.ended(3)}
            row = rows[call_id]
            assert (row["kind"], row["caller"], row["seat"], row["result"]) == ("outbound", CUSTOMER, "1026", "reached")
            assert row["recording"]
            told = returncalls.history(mine.books, owed, time.time())
            assert [(one.call_id, one.role, one.result) for one in told.calls][-1] == (call_id, "dialled", "reached")
            assert (told.owed.state, told.owed.owner) == ("claimed", "wang"), "a person says how it went"
        assert not operator.complaints
        assert not seat.complaints


async def test_not_talked(tmp_path: Path, operator: ScriptedPhone) -> None:
    """The customer is busy, doesn't answer, has no such number, would not; the plan forbids; the seat's telephone won't."""
    async with running(tmp_path, extra=settings(operator), ring_timeout_s=4, wrap_up_s=60) as site:
        owed = await given_up(site)
        seat = await site.seat("1026")
        with page(site) as mine:
            tries: tuple[tuple[Policy, str], ...] = (
                (Refuse(486), "busy"),
                (Refuse(404, "Not Found"), "wrong_number"),
                (Refuse(484, "Address Incomplete"), "wrong_number"),
                (Refuse(603, "Decline"), "refused"),
                (Silent(), "no_answer"),
            )
            for policy, outcome in tries:
                operator.on_invite = policy
                call_id = mine.click(owed)
                own = await seat.incoming(PATIENCE_S)
                await own.wait_answered(PATIENCE_S)
                customer = await operator.incoming(PATIENCE_S)
                if outcome == "no_answer":  # its network says so, with sound, which nobody hears
                    customer.announce()
                    customer.send_tone(900)
                assert (await mine.result())[0] == outcome
                assert not ever(own.samples(), 900)
                await own.wait_ended(PATIENCE_S)
                await customer.wait_ended(PATIENCE_S)
                await mine.state("wrap-up")
                assert mine.live().seat.wraps == call_id, "there is time to enter the result"
            called = len(operator.calls)
            mine_own: tuple[tuple[Policy, str], ...] = (
                (Refuse(486), "seat_busy"),
                (Refuse(603, "Decline"), "seat_declined"),
                (Ring(), "seat_no_answer"),
            )
            for policy, outcome in mine_own:
                seat.on_invite = policy
                mine.click(owed)
                await seat.incoming(PATIENCE_S)
                assert (await mine.result())[0] == outcome
                await mine.state("idle")
            originate(mine.redis, "1026", "0085221234567", by="wang")
            assert await mine.result() == ("forbidden", "foreign")
            await mine.state("idle")
            await seat.unregister()
            mine.click(owed)
            assert (await mine.result())[0] == "seat_offline"
            await mine.state("idle")
            assert len(operator.calls) == called, "whose telephone doesn't answer calls nobody"
            seat.on_invite = Answer()
            await seat.register()
            operator.on_invite = Ring()
            mine.click(owed)
            own = await seat.incoming(PATIENCE_S)
            await own.wait_answered(PATIENCE_S)
            customer = await operator.incoming(PATIENCE_S)
            await mine.step("ringing")
            await own.hang_up()
            assert await mine.result() == ("given_up", "given_up")
            await customer.wait_ended(PATIENCE_S)
            rows = await site.ended(1 + 11)
            told = returncalls.history(mine.books, owed, time.time()).calls[1:]
            assert [one.result for one in told] == [
                *("busy", "invalid", "invalid", "refused", "no_answer"),
                *("not_called", "not_called", "not_called", "not_called", "not_called"),
            ]
            assert {row["result"] for row in rows if row["reason"] == "foreign"} == {"refused"}


@pytest.mark.parametrize("step", ["seat", "ringing"])
async def test_talked_though_the_engine_died_while_a_telephone_rang(tmp_path: Path, operator: ScriptedPhone, step: str) -> None:
    """The next engine calls again whoever was being called; the dialling goes on, and ends with its call."""
    operator.on_invite = Ring()
    async with running(tmp_path, extra=settings(operator), wrap_up_s=60) as site:
        owed = await given_up(site)
        seat = await site.seat("1026")
        with page(site) as mine:
            if step == "seat":
                seat.on_invite = Ring()
            call_id = mine.click(owed)
            own = await seat.incoming(PATIENCE_S)
            if step == "ringing":
                await own.wait_answered(PATIENCE_S)
                await operator.incoming(PATIENCE_S)
            await mine.step(step)
            await site.kill("engine")
            if step == "seat":
                own = await seat.incoming(PATIENCE_S)
                await own.answer()
            with pytest.raises(Occupied):
                originate(mine.redis, "1026", CUSTOMER)
            customer = await operator.incoming(PATIENCE_S)
            await customer.answer()
            customer.send_tone(600)
            await own.wait_tone(600, PATIENCE_S)
            await mine.step("talking")
            await own.hang_up()
            assert (await mine.result())[0] == "talked"
            [row] = [row for row in await site.ended(2) if row["call_id"] == call_id]
            assert row["result"] == "reached"
            await mine.state("wrap-up")
            assert finish_wrap_up(mine.redis, "1026", call_id)
            await mine.state("idle")
            seat.on_invite, operator.on_invite = Answer(), Refuse(486)
            mine.click(owed)
            assert (await mine.result())[0] == "busy", "the next one is not held up"
