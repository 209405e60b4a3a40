"""The next engine can't read what the last one stored of a call: that call alone ends, and its caller is owed one."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from pathlib import Path

from tests.site import Site, running
from tests.talk import queued, talking


async def test_a_call_that_cannot_be_read_costs_no_other_call_anything(tmp_path: Path) -> None:
    async with running(tmp_path) as site:
        seat = await site.seat()
        damaged, agent = await talking(site, seat, user="13900000001")
        older, goes_on = await queued(site, user="13900000002"), await queued(site, user="13900000003")
        os.kill(site.pid("engine"), signal.SIGSTOP)  # it stores nothing more
        spoil(site)
        await site.kill("engine")
        assert await older.wait_ended(30) == "remote", "its telephone is told"
        again = await seat.incoming(30)
        assert again.caller == "13900000003", "the seat is free again, and who waits keeps its place"
        await again.wait_answered()
        again.send_tone(620)
        await goes_on.wait_tone(620, 30)
        await asyncio.gather(damaged.hang_up(), agent.hang_up(), goes_on.hang_up())
        rows = {row["caller"]: row["reason"] for row in await site.ended(3)}
        assert rows == {"13900000001": "engine_lost", "13900000002": "engine_lost", "13900000003": "completed"}
        [owed] = await site.until_some(site.return_calls, 1, "who waited is owed a call")
        assert (owed["number"], owed["reason"]) == ("13900000002", "engine_lost")
        assert site.logs().count("what is stored of it can't be read") == 2


def spoil(site: Site) -> None:
    """The first caller's state is no JSON any more, the second's lacks what our version looks for."""
    with site.redis() as redis:
        for call_id in site.live_calls():
            key = f"{{hotline}}:call:{call_id}"
            text = str(redis.hget(key, "state"))
            state = json.loads(text)
            match state["call"]["caller"]["number"]:
                case "13900000001":
                    redis.hset(key, "state", text[:100])
                case "13900000002":
                    del state["call"]["phase"]
                    redis.hset(key, "state", json.dumps(state))
