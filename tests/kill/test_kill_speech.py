"""The speech process is killed, or stands still, while callers speak; and what it depends on is killed: no call is held, and
who comes back is heard again."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from bench.callers import word
from prompts import PATH
from tests.site import Site
from tests.stalls import again_where_late
from tests.system.hearing import (
    ORDERS,
    PAID,
    QUESTION,
    REFUND,
    answered,
    asked,
    connected,
    connections,
    counts,
    hearing,
    nobody_is_heard,
    say,
    timeline,
)
from tests.talk import sound

pytestmark = pytest.mark.asyncio(loop_scope="module")

LONG = "查询订单"
AWAY = sound(PATH / "zh" / "speech_away.wav")
"""Speech is away, and it says so."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    async with hearing(tmp_path_factory.mktemp("hearing")) as site:
        yield site


@pytest_asyncio.fixture(loop_scope="module")
async def site(house: Site) -> AsyncIterator[Site]:
    """One for all tests; each finds it as if it were new."""
    yield house
    await house.cleared()


async def kinds(site: Site, user: str) -> list[tuple[str, object]]:
    """What was heard and what not in this caller's call, once it is complete."""
    await site.until(lambda: any(r["caller"] == user and r["ended_at"] is not None for r in site.calls()), "it is booked")
    row = next(row for row in reversed(site.calls()) if row["caller"] == user)
    wanted = {"said": "text", "misheard": "why", "not_hearing": "why"}
    return [(kind, data[wanted[kind]]) for kind, data in timeline(site, row["call_id"]) if kind in wanted]


@again_where_late
async def test_a_speech_process_killed_in_mid_word_costs_one_more_question(site: Site) -> None:
    call = await asked(site, "13800000001")
    times, before = connections(site), (await counts(site))["began"]
    spoken = word(LONG)
    call.send_samples(spoken)
    while (await counts(site))["began"] == before:
        await call.wait_heard(0.02)
    await site.kill("speech-0")
    await connected(site, times + 1)
    await answered(call, QUESTION[-8000:])  # to its end: who was speaking is heard again after it
    await call.wait_heard(1.0)
    say(call, "退款")
    await answered(call, REFUND)
    await call.hang_up()
    assert await kinds(site, "13800000001") == [("not_hearing", "failed"), ("said", "退款")]
    await site.until(lambda: told(site)[-2:] == [False, True], "its death and return are events")


def told(site: Site) -> list[bool]:
    """Whether speech processes were told to be up, in order."""
    return [bool(data["up"]) for kind, data in timeline(site, "speech:node1:speech-0") if kind == "speech"]


@again_where_late
async def test_an_engine_that_dies_asks_again_and_hears(site: Site) -> None:
    call = await asked(site, "13800000002")
    await site.kill("engine")
    await answered(call, QUESTION[:8000])
    say(call, "订单")
    await answered(call, ORDERS)
    say(call, "付款")
    await answered(call, PAID)
    await call.hang_up()
    assert await kinds(site, "13800000002") == [("said", "订单"), ("said", "付款")]


@again_where_late
async def test_media_that_dies_asks_again_and_hears(site: Site) -> None:
    call = await asked(site, "13800000003")
    await site.kill("media-0")
    await answered(call, QUESTION[:8000])
    say(call, "订单")
    await answered(call, ORDERS)
    await call.hang_up()
    assert await kinds(site, "13800000003") == [("said", "订单")]
    await site.until(lambda: site.live_calls() == set(), "all calls are over")
    await nobody_is_heard(site)


@again_where_late
async def test_redis_away_holds_nobody_who_speaks(site: Site) -> None:
    call = await asked(site, "13800000004")
    await site.kill("redis")
    say(call, "订单")
    await answered(call, ORDERS)
    await call.hang_up()
    assert await kinds(site, "13800000004") == [("said", "订单")]


@again_where_late
async def test_a_speech_process_that_stands_still_holds_nobody(site: Site) -> None:
    call = await asked(site, "13800000005")
    pid, times = site.pid("speech-0"), connections(site)
    os.kill(pid, signal.SIGSTOP)
    say(call, "订单")
    await answered(call, AWAY)
    await answered(call, QUESTION[:8000])
    await call.press("1")
    await answered(call, ORDERS)
    other = await asked(site, "13800000006")
    await other.press("2")
    await answered(other, REFUND)
    await site.until(lambda: site.pid("speech-0") != pid, "it was killed and started again")
    await connected(site, times + 1)
    third = await asked(site, "13800000007")
    say(third, "退款")
    await answered(third, REFUND)
    for each in (call, other, third):
        await each.hang_up()
    assert ("not_hearing", "slow") in await kinds(site, "13800000005")
    assert await kinds(site, "13800000007") == [("said", "退款")]
