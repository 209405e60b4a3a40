"""A seat whose telephone refuses and names a time is not called before it (RFC 3261 20.33), at a whole hotline."""

from __future__ import annotations

import time
from pathlib import Path

from ivr.phones.scripted import Refuse
from tests.site import PATIENCE_S, Site, running


async def test_a_telephone_that_names_a_time_is_left_alone_and_another_seat_takes_the_call(tmp_path: Path) -> None:
    async with running(tmp_path, set_aside_s=1) as site:
        tired = await site.seat("1026")
        tired.on_invite = Refuse(480, "Temporarily Unavailable", retry_after_s=600)
        before = time.time()
        caller = await (await site.phone()).dial("4001")
        await caller.wait_answered(PATIENCE_S)
        await caller.press("1")
        await tired.incoming(PATIENCE_S)
        await site.until(lambda: rests_until(site, "1026") >= before + 600, "the seat rests")
        fresh = await site.seat("1027")
        agent = await fresh.incoming(PATIENCE_S)
        await agent.wait_answered(PATIENCE_S)
        await agent.hang_up()
        assert await caller.wait_ended(PATIENCE_S) == "remote"
        [row] = await site.ended()
        assert row["seat"] == "1027"
        assert len([call for call in tired.calls if call.incoming]) == 1


def rests_until(site: Site, seat: str) -> float:
    with site.redis() as redis:
        return float(str(redis.hget(f"{{hotline}}:seat:{seat}", "aside_until") or 0))
