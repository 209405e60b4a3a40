"""A menu is published under fifty live calls: none of them notices, and the next one hears it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.interop import sipp
from tests.site import MENU, running

pytestmark = [pytest.mark.interop(peer="SIPp"), pytest.mark.skipif(sipp.SIPP is None, reason="sipp is not installed")]

CALLERS = 50
SECOND = MENU.replace('"2": bye', '"2": service')


async def test_fifty_callers_end_in_the_menu_they_began_in(tmp_path: Path) -> None:
    async with running(tmp_path) as site:
        old = asyncio.create_task(
            sipp.run("patient", site.server, calls=CALLERS, rate=25, key="2", before_key_s=40, timeout_s=150)
        )
        await site.until(lambda: len([row for row in site.calls() if row["answered_at"]]) == CALLERS, "all are in the menu")
        assert not [(row["reason"], row["ended_by"]) for row in site.calls() if row["ended_at"]]
        menu = site.directory / "second.yaml"
        menu.write_text(SECOND, encoding="utf-8")
        status, said = await site.command("flow", "publish", "sample", str(menu), "--author", "小王")
        assert status == 0, said
        await site.until(lambda: '"sample": 2' in log(site.data_dir) or "'sample': 2" in log(site.data_dir), "it is in use")
        new = asyncio.create_task(
            sipp.run("caller", site.server, calls=1, key="2", before_key_s=4, hold_s=4, first_caller=13800000000)
        )
        result, later = await asyncio.gather(old, new)
        assert result.ok, result.errors
        assert result.successful == CALLERS
        assert later.ok, later.errors
        rows = await site.ended(CALLERS + 1)
        ends = {(row["ended_by"], row["reason"], row["queue"]) for row in rows if row["caller"] != "13800000000"}
        assert ends == {("system", "menu_ended", "")}, "the key meant what it did when they began"
        assert [row["queue"] for row in rows if row["caller"] == "13800000000"] == ["service"]


def log(data_dir: Path) -> str:
    """What the engine said of menus."""
    lines = (data_dir / "log" / "engine.log").read_text(encoding="utf-8").splitlines()
    return "\n".join(line for line in lines if "menus are published" in line)
