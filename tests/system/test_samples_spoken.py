"""The sample hotlines by words, and by words and keys mixed, in both languages: over real RTP, to a real speech process."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from bench.callers import VOICES, word
from prompts import PATH
from prompts.speech import Voice
from tests.site import PATIENCE_S, Site, running
from tests.stalls import again_where_late
from tests.system.hearing import connected, timeline
from tests.system.test_samples import SAMPLES, SETTINGS, row

pytestmark = pytest.mark.asyncio(loop_scope="module")

ENGLISH = Voice("en-us", 160, 45, 50)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    extra = SETTINGS + "".join(f'[[queues]]\nname = "{queue}"\n' for queue in ("repair", "complaint", "operator", "english"))
    for sample in SAMPLES:
        extra += f'[[hotlines]]\nname = "{sample}"\nmenu = "{PATH / "menus" / sample}.yaml"\n'
    numbers = {str(4002 + n): sample for n, sample in enumerate(SAMPLES)}
    extra += '[speech]\nenabled = "on"\n'
    async with running(tmp_path_factory.mktemp("spoken"), numbers=numbers, extra=extra) as site:
        await connected(site)
        yield site


@pytest_asyncio.fixture(loop_scope="module")
async def site(house: Site) -> AsyncIterator[Site]:
    """One for all tests; each finds it as if it were new."""
    yield house
    await house.cleared()


@pytest.mark.parametrize(
    ("number", "caller", "steps", "queue"),
    [
        ("4002", "13900000011", [("main", "订单")], "service"),
        ("4003", "13900000012", [("main", "报修"), ("repair_menu", "工业产品")], "repair"),
        ("4003", "13900000013", [("main", "1"), ("repair_menu", "家用产品")], "repair"),
        ("4004", "13900000014", [("language", "普通话"), ("main", "订单")], "service"),
        (
            "4004",
            "13900000015",
            [("language", "2"), ("main", "members"), ("ask_member:number", "123456"), ("entered", "1")],
            "english",
        ),
        (
            "4004",
            "13900000016",
            [("language", "1"), ("main", "会员"), ("ask_member:number", "123456"), ("entered", "是的")],
            "service",
        ),
    ],
)
@again_where_late
async def test_callers_reach_their_queue_by_words(
    site: Site, number: str, caller: str, steps: list[tuple[str, str]], queue: str
) -> None:
    call = await (await site.phone(caller)).dial(number)
    await call.wait_answered(PATIENCE_S)
    for place, does in steps:
        await site.until(lambda place=place: at(site, caller) == place, f"{caller} is at {place}")  # type: ignore[misc]
        if does.isdigit():
            for digit in does:
                await call.press(digit)
        else:
            call.send_samples(word(does, ENGLISH if does.isascii() else VOICES[0]))
    await site.until(lambda: bool(row(site, caller)) and row(site, caller)["queue"] == queue, f"{caller} waits for {queue}")
    await call.hang_up()
    await site.until(lambda: row(site, caller)["ended_at"] is not None, "the call is booked")
    said = [data["node"] for kind, data in events(site, caller) if kind == "said"]
    spoken = [place for place, does in steps if not does.isdigit()]
    assert said == [node.replace("entered", "ask_member:number") for node in spoken]


def events(site: Site, caller: str) -> list[tuple[str, dict[str, Any]]]:
    found = row(site, caller)
    return timeline(site, str(found["call_id"])) if found else []


def at(site: Site, caller: str) -> str:
    """The node where the caller is, or "entered" once a value was given there."""
    last = next(((kind, data) for kind, data in reversed(events(site, caller)) if kind in ("menu", "entered")), None)
    return "" if last is None else "entered" if last[0] == "entered" else str(last[1]["node"])
