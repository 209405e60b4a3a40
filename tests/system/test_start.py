"""A hotline that is started: what keeps it from being ready is told, and what works already goes on."""

from __future__ import annotations

import asyncio
from pathlib import Path

from storage.signs import Watch
from tests.site import MAIN_MENU, PATIENCE_S, Site
from tests.talk import sound

LONG_S = 90.0
"""Until `serve` tells what is missing, and a bit; also where the console was too busy to say it the first time."""


def without_sql(directory: Path) -> Site:
    """One that is started and not ready."""
    site = Site(directory)
    site.data_dir.mkdir()
    (site.data_dir / "hotline.db").mkdir()
    site.launch()
    return site


async def test_calls_come_while_sql_is_not_there_yet(tmp_path: Path) -> None:
    """For as long as that lasts; then they are in the books."""
    site = without_sql(tmp_path)
    try:
        caller = await (await site.phone("13900000001")).dial("4001")
        await caller.wait_answered(PATIENCE_S)
        await caller.wait_like(sound(MAIN_MENU), PATIENCE_S)
        await site.until(lambda: '"sql":false' in site.said, "it is told", LONG_S)
        assert "calls come, the rest is not ready after" in site.said
        assert "ready:" not in site.said
        later = await (await site.phone("13900000002")).dial("4001")
        await later.wait_answered(PATIENCE_S)
        await caller.hang_up()
        (site.data_dir / "hotline.db").rmdir()
        await site.opened()
        await later.wait_like(sound(MAIN_MENU), PATIENCE_S)
        await later.hang_up()
        assert {row["caller"] for row in await site.ended(2)} == {"13900000001", "13900000002"}
    finally:
        await site.close()


async def test_an_engine_that_cannot_work_with_its_settings_ends_the_start(tmp_path: Path) -> None:
    site = Site(tmp_path, extra='[[queues]]\nname = "loud"\nmusic = "nowhere"\n')
    site.launch()
    assert site.process is not None
    assert await asyncio.to_thread(site.process.wait, LONG_S) == 1
    [line] = [line for line in site.said.splitlines() if "the engine does not start" in line]
    assert "queues.loud.music" in line


async def test_a_start_that_is_stopped_leaves_nothing(tmp_path: Path) -> None:
    site = without_sql(tmp_path)
    await site.until(lambda: "engine   started" in site.said, "it has begun")
    await site.close()
    assert site.process is not None
    assert site.process.wait(PATIENCE_S) == 0
    assert "ready:" not in site.said
    assert not [one.name for one in Watch(site.run_dir).look() if one.up]
