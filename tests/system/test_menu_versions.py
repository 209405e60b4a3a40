"""Menus are published under live calls, with all parts running: SIP, RTP, Redis, SQL; and published while SQL is away."""

from __future__ import annotations

import asyncio
import json
import re
import urllib.request
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ivr.flow.drafts import history
from prompts import PATH
from routing.menus import Published
from storage.redis import connect_sync
from tests.site import MAIN_MENU, MENU, NOTICE, Site, running
from tests.talk import sound, talking

NEW_MENU = PATH / "zh" / "goodbye.wav"
SECOND = MENU.replace("prompt: no_input", "prompt: goodbye").replace('"3": main', '"3": service')


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with running(tmp_path) as site:
        yield site


async def publish(site: Site, source: str, *options: str) -> str:
    file = site.directory / "new.yaml"
    file.write_text(source, encoding="utf-8")
    status, said = await site.command("flow", "publish", "sample", str(file), *options)
    assert status == 0, said
    return said


async def in_use(site: Site, version: int) -> None:
    """Until new calls have this version."""
    await site.until(
        lambda: f"'sample': {version}" in engine_log(site) or f'"sample": {version}' in engine_log(site), "it is in use"
    )


def engine_log(site: Site) -> str:
    lines = (site.data_dir / "log" / "engine.log").read_text(encoding="utf-8").splitlines()
    return "\n".join(line for line in lines if "menus are published" in line)


def booked(site: Site) -> list[Published]:
    assert site.database is not None
    return history(site.database, "sample")


async def test_a_menu_is_published_under_live_calls(site: Site) -> None:
    seat = await site.seat()
    talker, agent = await talking(site, seat)
    waiting = await (await site.phone("13900000001")).dial("4001")
    await waiting.wait_answered()
    await waiting.wait_like(sound(MAIN_MENU))
    said = await publish(site, SECOND, "--author", "小王", "--note", "新菜单")
    assert said.strip() == "sample: version 2 is published"
    await in_use(site, 2)

    later = await (await site.phone("13900000002")).dial("4001")
    await later.wait_answered()
    await later.wait_like(sound(NOTICE))
    await later.wait_like(sound(NEW_MENU))

    await waiting.press("3")  # again the same menu, in its own version; in the new one it leads to the queue
    await waiting.wait_like(sound(MAIN_MENU))
    await site.kill("engine")  # the next engine knows only the new one, and takes the old one from Redis
    await waiting.wait_like(sound(MAIN_MENU))
    await later.wait_like(sound(NEW_MENU))
    await waiting.press("3")
    await waiting.wait_like(sound(MAIN_MENU))
    talker.send_tone(500)
    await agent.wait_tone(500, 30)
    for call in (talker, waiting, later):
        await call.hang_up()
    rows = {row["caller"]: row for row in await site.ended(3)}
    assert {row["ended_by"] for row in rows.values()} == {"caller"}
    assert rows["13900000001"]["queue"] == ""
    await site.until(lambda: len(booked(site)) == 2, "both versions are booked")
    second, first = booked(site)
    assert [(one.version, one.author, one.note, one.based_on, one.source) for one in (first, second)] == [
        (1, "file", "menu.yaml", 0, MENU),
        (2, "小王", "新菜单", 1, SECOND),
    ]
    assert not seat.complaints


async def test_menus_are_published_while_sql_is_away_and_the_history_arrives_later(site: Site) -> None:
    await site.until(lambda: len(booked(site)) == 1, "the seed is booked")
    assert site.database is not None
    site.database.dispose()
    files = [path for ending in ("", "-wal", "-shm") if (path := site.data_dir / f"hotline.db{ending}").exists()]
    for path in files:
        path.rename(path.with_name(f"away-{path.name}"))
    (site.data_dir / "hotline.db").mkdir()
    await site.kill("scribe")

    await publish(site, SECOND, "--author", "小王")
    await in_use(site, 2)
    status, said = await site.command("flow", "rollback", "sample", "1", "--author", "小李", "--note", "退回")
    assert (status, said.strip()) == (0, "sample: version 3 is published, with the text of version 1")
    await publish(site, SECOND, "--author", "小王")
    await in_use(site, 4)
    caller = await (await site.phone()).dial("4001")
    await caller.wait_answered()
    await caller.wait_like(sound(NEW_MENU))
    await caller.hang_up()

    (site.data_dir / "hotline.db").rmdir()
    for path in files:
        path.with_name(f"away-{path.name}").rename(path)
    await site.until(lambda: [one.version for one in booked(site)] == [4, 3, 2, 1], "the history has arrived")
    assert [(one.author, one.note) for one in booked(site)][1] == ("小李", "退回")
    await site.ended(1)


async def test_an_unreadable_menu_leaves_the_last_good_one_and_can_be_seen(site: Site) -> None:
    """Published by a later release, say: its text is nothing this one knows."""
    url = re.findall(r"unix://\S+", site.said)[-1]
    with connect_sync(url) as redis:
        redis.hset("{hotline}:document:menu:sample", "2", json.dumps({"start": "a", "nodes": {"a": {"kind": "hologram"}}}))
        redis.hset("{hotline}:versions:menu", "sample", "2")
        redis.publish("{hotline}:published", "menu:sample")
    await site.until(
        lambda: "can't be read" in (site.data_dir / "log" / "engine.log").read_text(encoding="utf-8"), "it is told"
    )
    caller = await (await site.phone()).dial("4001")
    await caller.wait_answered()
    await caller.wait_like(sound(MAIN_MENU))
    await caller.hang_up()
    metrics = await asyncio.to_thread(fetch, site)
    assert 'hotline_menu_version{hotline="sample",node="node1"} 1.0' in metrics
    assert 'hotline_menu_published_version{hotline="sample"} 2.0' in metrics
    await publish(site, SECOND, "--based-on", "2")
    await in_use(site, 3)


def fetch(site: Site) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{site.console_port}/metrics", timeout=30) as answer:
        return str(answer.read().decode())
