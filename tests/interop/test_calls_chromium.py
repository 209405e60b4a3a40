"""The calls' pages in a real browser, with a real call behind: found by filters, its story, its sound, its exports."""

from __future__ import annotations

import asyncio
import csv
import io
import re
from pathlib import Path

import openpyxl
import pytest
from playwright.async_api import Page, expect

from tests.interop.test_console_chromium import assert_nobody_complains, chromium, faults, follow, set_password, window
from tests.site import running
from tests.talk import talking

pytestmark = pytest.mark.interop(peer="chromium")

SHOWN = """player => {
  const wave = player.querySelector(".wave");
  window.shown = [];
  window.places = [];
  new MutationObserver(() => shown.push(player.textContent)).observe(player, { subtree: true, childList: true });
  new MutationObserver(() => places.push(wave.ariaValueNow)).observe(wave, { attributeFilter: ["aria-valuenow"] });
}"""
"""Keeps what the player has shown, and where it was: a busy machine looks again when it is elsewhere."""
REACHED = """async player => {
  const audio = player.querySelector("audio");
  if (audio.seeking) await new Promise(done => audio.addEventListener("seeked", done, { once: true }));
  await new Promise(done => setTimeout(done, 300));
}"""
"""Until the player is where it was led, and has told so."""
AGAIN_AND_AGAIN = "audio => { audio.loop = true }"
"""A short recording would be over before a busy machine has seen that it plays."""


async def position(page: Page) -> float:
    """Where the player is, in seconds."""
    return float(await page.locator(".wave").get_attribute("aria-valuenow") or "0")


async def saved(page: Page, name: str) -> bytes:
    """The file behind a link."""
    async with page.expect_download() as download:
        await page.get_by_role("link", name=name, exact=True).click()
    path = Path(await (await download.value).path())
    return await asyncio.to_thread(path.read_bytes)


async def test_a_call_is_found_told_heard_and_exported(tmp_path: Path) -> None:
    """A caller presses 1, one seat on break is passed over, another talks and holds; a supervisor finds the call, reads why it
    went there, hears it, and takes the list away as CSV and XLSX; axe finds no serious fault."""
    async with running(tmp_path) as site, chromium() as browser:
        status, link = await site.command("people", "add", "zhao", "--name", "赵主管", "--role", "supervisor")
        assert status == 0, link
        resting = await site.seat("1027")
        await site.code(resting, "*82")
        seat = await site.seat("1026")
        caller, agent = await talking(site, seat, user="13912345678")
        await agent.hold()
        await agent.resume()
        await asyncio.sleep(1.5)  # they talk on: what is said after the hold is to be listened to
        await caller.wait_tone(620, 30)
        await agent.hang_up()
        await caller.wait_ended(30)
        [row] = await site.ended()
        await site.recording(row)

        page = await window(browser, site)
        await set_password(page, link.strip())
        await follow(page.get_by_role("link", name="来电记录", exact=True))
        found = await faults(page)

        # Filters: those that the call passes, and one that it doesn't; all stand in the address.
        form = page.get_by_role("search")
        await form.get_by_label("号码").fill("5678")
        await form.get_by_label("坐席").select_option("1026")
        await form.get_by_label("结果").select_option(label="已接通")
        await form.get_by_label("有录音").check()
        await follow(form.get_by_role("button", name="查询"))
        await expect(page.locator("table.log tbody tr")).to_have_count(1)
        for part in ("number=5678", "seat=1026", "outcome=talked", "recorded=1"):
            assert part in page.url
        await form.get_by_label("方向").select_option(label="呼出")
        await follow(form.get_by_role("button", name="查询"))
        await expect(page.get_by_text("没有符合条件的来电")).to_be_visible()
        await page.go_back()
        await expect(page.locator("table.log tbody tr")).to_have_count(1)

        # Exports, read by a spreadsheet's library.
        head, line = csv.reader(io.StringIO((await saved(page, "CSV")).decode("utf-8-sig"), newline=""))
        assert (head[:3], line[2], line[12]) == (["来电时间", "方向", "对方号码"], "\t13912345678", "已接通")
        sheet = openpyxl.load_workbook(io.BytesIO(await saved(page, "Excel"))).active
        assert sheet is not None
        assert [cell.value for cell in sheet[1]] == head
        assert (sheet["C2"].value, sheet["C2"].data_type, sheet["A2"].data_type) == ("13912345678", "s", "d")

        # Why did it go there?
        await follow(page.locator("table.log tbody a").first)
        steps = page.locator(".timeline > li")
        whole = " | ".join(await steps.all_inner_texts())
        told = ["客户来电", "按键 1 → 走到 service（排队）", "进入队列", "分配坐席 1026", "跳过：小休（1027）", "接通坐席 1026"]
        places = [" ".join(whole.split()).find(step) for step in [*told, "保持", "取消保持", "坐席挂机 · 正常结束"]]
        assert places == sorted(places), whole
        assert places[0] >= 0, whole
        found += await faults(page)

        # The player: both sides are drawn, it plays, and a click, a key and a step of the story lead elsewhere.
        player = page.locator(".player")
        await expect(player).to_have_attribute("data-drawn", "2")
        assert "坐席" not in await player.locator(".who").inner_text()
        await player.locator("audio").evaluate(AGAIN_AND_AGAIN)
        await player.get_by_role("button", name="播放").click()
        await expect(player.get_by_role("button", name="暂停")).to_be_visible()
        wave = player.get_by_role("slider")
        await expect(wave).to_have_attribute("aria-valuenow", re.compile(r"^(0\.[3-9]|[1-9])"))
        await player.get_by_role("button", name="暂停").click()
        seconds = float(await wave.get_attribute("aria-valuemax") or "0")
        box = await wave.bounding_box()
        assert box is not None
        await wave.click(position={"x": box["width"] / 2, "y": box["height"] / 2})
        assert abs(await position(page) - seconds / 2) < 0.5
        await wave.press("Home")
        assert await position(page) == 0.0
        await player.locator(".sides").select_option(label="只听客户")
        await player.locator(".speed").select_option(label="2×")
        await player.evaluate(REACHED)
        await player.evaluate(SHOWN)
        await steps.filter(has_text="取消保持").get_by_role("button").click()
        assert float(await page.evaluate("places[0]")) > 0.0
        await page.wait_for_function("() => ['暂停', '正在说话'].every(what => shown.some(text => text.includes(what)))")
        found += await faults(page)
        assert await player.locator("audio").evaluate("audio => audio.playbackRate") == 2

        # That it was heard, and taken away, stands in the change log.
        status, said = await site.command("people", "add", "boss", "--name", "老板", "--role", "administrator")
        boss = await window(browser, site)
        await set_password(boss, said.strip())
        await boss.goto("/audit/?who=zhao")
        for what in ("收听录音", "导出通话记录"):
            await expect(boss.locator("table")).to_contain_text(what)
        await expect(boss.get_by_text("收听录音")).to_have_count(1)
        found += await faults(boss)
        assert not found, "\n".join(found)
        assert_nobody_complains()
