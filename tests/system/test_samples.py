"""The sample hotlines, each called over SIP in working hours and out of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from prompts import PATH
from tests.site import PATIENCE_S, Site, running

pytestmark = pytest.mark.asyncio(loop_scope="module")

SAMPLES = ("shop", "aftersales", "bilingual")
DAY = 'name = "default"\nweek = { "mon-sun" = ["00:00-24:00"] }\ncountry = ""\n'
SETTINGS = f"""
[[lookups]]
name = "order"
url = "http://127.0.0.1:9/nobody"
[[calendars]]
{DAY}
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    extra = SETTINGS + "".join(f'[[queues]]\nname = "{queue}"\n' for queue in ("repair", "complaint", "operator", "english"))
    for sample in SAMPLES:
        extra += f'[[hotlines]]\nname = "{sample}"\nmenu = "{PATH / "menus" / sample}.yaml"\n'
    numbers = {str(4002 + n): sample for n, sample in enumerate(SAMPLES)}
    async with running(tmp_path_factory.mktemp("samples"), numbers=numbers, extra=extra) as site:
        yield site


@pytest_asyncio.fixture(loop_scope="module")
async def site(house: Site) -> AsyncIterator[Site]:
    """One for all tests; each finds it as if it were new."""
    yield house
    await house.cleared()


@pytest.mark.parametrize(
    ("number", "caller", "keys", "path", "queue"),
    [
        ("4002", "13900000001", ["1"], "hours > welcome > main > service", "service"),
        ("4003", "13900000002", ["1", "2"], "welcome > who > hours > main > repair_menu > repair_industry > repair", "repair"),
        ("4003", "13900000003", ["2", "20261130#", "1"], "welcome > who > hours > main > order > ask > repair", "repair"),
        ("4004", "13900000004", ["2", "0"], "language > welcome > hours > main > desk > english", "english"),
        ("4004", "13900000005", ["1", "1"], "language > welcome > hours > main > desk > service", "service"),
    ],
)
async def test_callers_reach_their_queue_by_keys(
    site: Site, number: str, caller: str, keys: list[str], path: str, queue: str
) -> None:
    call = await (await site.phone(caller)).dial(number)
    await call.wait_answered(PATIENCE_S)
    await call.wait_heard(0.5)
    for digits in keys:
        for digit in digits:
            await call.press(digit)
    await site.until(lambda: bool(row(site, caller)) and row(site, caller)["queue"] == queue, f"{caller} waits for {queue}")
    await call.hang_up()
    await site.until(lambda: row(site, caller)["ended_at"] is not None, "the call is booked")
    assert row(site, caller)["menu_path"] == path


def row(site: Site, caller: str) -> dict[str, object]:
    """The call of this number, {} before there is one."""
    return next((row for row in site.calls() if row["caller"] == caller), {})


async def test_the_samples_have_no_faults(site: Site, tmp_path: Path) -> None:
    for sample in SAMPLES:
        status, said = await site.command("flow", "check", str(PATH / "menus" / f"{sample}.yaml"))
        assert status == 0, said
