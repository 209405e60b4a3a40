"""A seat with a desk telephone and a softphone, through a whole hotline."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from ivr.phones.scripted import Answer, Call, Refuse, Ring
from tests.site import PATIENCE_S, Site, running
from tests.talk import talking

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    async with running(tmp_path_factory.mktemp("forks"), ring_timeout_s=4, set_aside_s=1) as site:
        yield site


@pytest_asyncio.fixture(loop_scope="module")
async def site(house: Site) -> AsyncIterator[Site]:
    """One for all tests; each finds it as if it were new."""
    yield house
    await house.cleared()


async def in_line(site: Site) -> Call:
    """A caller who has asked for a person."""
    phone = await site.phone()
    caller = await phone.dial("4001")
    await caller.wait_answered()
    await caller.press("1")
    return caller


async def test_both_ring_and_the_one_that_answers_talks(site: Site) -> None:
    desk, soft = await site.seat(), await site.seat(sign_on=False)
    desk.on_invite, soft.on_invite = Ring(), Answer(after_s=0.5)
    caller, agent = await talking(site, soft)
    ringing = await desk.incoming(PATIENCE_S)
    assert await ringing.wait_ended(PATIENCE_S) == "cancelled"
    assert agent.caller == ringing.caller == "04714613311"
    await caller.hang_up()
    assert await agent.wait_ended(PATIENCE_S) == "remote"
    [row] = await site.ended()
    assert (row["reason"], row["seat"]) == ("completed", "1026")
    assert site.events(row["call_id"]).count("talking") == 1
    assert desk.complaints == soft.complaints == []


async def test_answers_at_once_one_has_the_call_and_the_other_is_hung_up(site: Site) -> None:
    desk, soft = await site.seat(), await site.seat(sign_on=False)
    desk.on_invite = soft.on_invite = Answer(after_s=0.0, ring=False)
    caller = await in_line(site)
    calls = [await phone.incoming(PATIENCE_S) for phone in (desk, soft)]
    ended = [asyncio.ensure_future(call.wait_ended(PATIENCE_S)) for call in calls]
    done, _ = await asyncio.wait(ended, return_when=asyncio.FIRST_COMPLETED)
    assert {task.result() for task in done} <= {"remote", "cancelled"}
    [agent] = [call for call, task in zip(calls, ended, strict=True) if not task.done()]
    agent.send_tone(620)
    await caller.wait_tone(620, PATIENCE_S)
    await caller.hang_up()
    await asyncio.gather(*ended)
    [row] = await site.ended()
    assert row["reason"] == "completed"


async def test_a_busy_desk_telephone_leaves_the_softphone_and_a_603_ends_both(site: Site) -> None:
    desk, soft = await site.seat(), await site.seat(sign_on=False)
    desk.on_invite, soft.on_invite = Refuse(486), Ring()
    caller = await in_line(site)
    ringing = await soft.incoming(PATIENCE_S)
    await (await desk.incoming(PATIENCE_S)).wait_ended(PATIENCE_S)
    assert ringing.phase == "ringing"
    desk.on_invite, soft.on_invite = Ring(), Refuse(603, "Decline", after_s=0.3)  # the next time
    assert await ringing.wait_ended(PATIENCE_S) == "cancelled"
    again, _ = await desk.incoming(PATIENCE_S), await soft.incoming(PATIENCE_S)
    soft.on_invite = Ring()  # from then on
    assert await again.wait_ended(PATIENCE_S) == "cancelled"
    await caller.hang_up()
    [row] = await site.ended()
    kinds = site.events(row["call_id"])
    assert kinds.count("refused") == 2
    assert site.event_data(row["call_id"], "refused")["status"] == 603
    assert desk.complaints == soft.complaints == []
