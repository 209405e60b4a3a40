"""Callers are heard, over real RTP by a real speech process: words lead on, cut prompts short, and never hold a call."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.site import PATIENCE_S, Site
from tests.stalls import again_where_late
from tests.system.hearing import (
    MISHEARD,
    ORDERS,
    PAID,
    QUESTION,
    REFUND,
    answered,
    asked,
    hearing,
    nobody_is_heard,
    say,
    timeline,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    async with hearing(tmp_path_factory.mktemp("hearing")) as site:
        yield site


@pytest_asyncio.fixture(loop_scope="module")
async def site(house: Site) -> AsyncIterator[Site]:
    """One for all tests; each finds it as if it were new."""
    yield house
    await house.cleared()


async def last(site: Site, user: str) -> list[tuple[str, dict[str, object]]]:
    """The timeline of this caller's call, once it is complete."""
    await site.until(lambda: any(r["caller"] == user and r["ended_at"] is not None for r in site.calls()), "it is booked")
    row = next(row for row in reversed(site.calls()) if row["caller"] == user)
    return timeline(site, row["call_id"])


@again_where_late
async def test_a_menu_goes_on_by_spoken_words(site: Site) -> None:
    call = await asked(site, "13800000001")
    await call.wait_like(QUESTION, PATIENCE_S)
    say(call, "订单")
    await answered(call, ORDERS)
    say(call, "付款", voice=1)
    await answered(call, PAID)
    assert await call.wait_ended(PATIENCE_S) == "remote"
    said = [data for kind, data in await last(site, "13800000001") if kind == "said"]
    assert [(each["node"], each["text"]) for each in said] == [("main", "订单"), ("orders", "付款")]
    assert all(0.5 < float(str(each["confidence"])) <= 1 for each in said)


@again_where_late
async def test_words_cut_the_prompt_short(site: Site) -> None:
    call = await asked(site, "13800000002")
    say(call, "退款")
    await answered(call, REFUND)
    assert call.liked_until - call.heard[0].at < len(QUESTION) / 8000, "the question was not heard to its end"
    await call.hang_up()


@again_where_late
async def test_keys_work_beside_words(site: Site) -> None:
    call = await asked(site, "13800000003")
    await call.press("1")
    await answered(call, ORDERS)
    say(call, "付款")
    await answered(call, PAID)
    await call.hang_up()


@again_where_late
async def test_other_words_are_misheard_and_asked_again(site: Site) -> None:
    call = await asked(site, "13800000004")
    say(call, "天气预报")
    await answered(call, MISHEARD)
    await answered(call, QUESTION[:8000])
    say(call, "订单")
    await answered(call, ORDERS)
    await call.hang_up()
    kinds = [(kind, data.get("why")) for kind, data in await last(site, "13800000004") if kind in ("misheard", "said")]
    assert kinds == [("misheard", "unknown"), ("said", None)]


@again_where_late
async def test_no_turn_outlives_its_call(site: Site) -> None:
    call = await asked(site, "13800000005")
    say(call, "查询订单")
    await call.hang_up()  # in the middle of the word
    again = await asked(site, "13800000006")
    await again.press("3")
    assert await again.wait_ended(PATIENCE_S) == "remote"
    await site.until(lambda: site.live_calls() == set(), "all calls are over")
    await nobody_is_heard(site)
