"""A supervisor edits a menu, in headless Chromium over a whole hotline: what is published is what the next caller hears."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from playwright.async_api import Locator, Page, expect

from prompts import PATH
from prompts.sound import wav_bytes
from tests.interop.test_console_chromium import assert_nobody_complains, chromium, faults, follow, set_password, window
from tests.site import MAIN_MENU, Site, running
from tests.talk import sound

pytestmark = pytest.mark.interop(peer="chromium")

NEW_MENU = PATH / "zh" / "goodbye.wav"


async def employed(site: Site, page: Page, login: str, name: str) -> None:
    """A supervisor, logged in."""
    status, link = await site.command("people", "add", login, "--name", name, "--role", "supervisor")
    assert status == 0, link
    await set_password(page, link.strip())
    await expect(page.get_by_role("heading", name="坐席")).to_be_visible()


def line(page: Page, text: str) -> Locator:
    """A line of the editor."""
    return page.locator(".cm-line").filter(has_text=re.compile(text))


async def retype(page: Page, where: str, old: str, new: str) -> None:
    """Type another word over one in a line of the editor."""
    await line(page, where).get_by_text(old, exact=True).first.dblclick()
    await page.keyboard.type(new)


async def plays(page: Page) -> None:
    """The player has another sound than before, that lasts, and goes on."""
    await page.wait_for_function(
        """() => {
          const audio = document.querySelector("#player audio");
          if (audio.src === window.heard || !(audio.currentTime > 0 && audio.duration > 0.3)) return false;
          window.heard = audio.src;
          return true;
        }"""
    )


async def published(page: Page, version: int) -> None:
    await expect(page.get_by_text(f"已发布第 {version} 版")).to_be_visible()


async def hears(site: Site, version: int, caller: str, prompt: Path) -> None:
    """A caller of this version comes to the menu and hears it."""
    log = site.data_dir / "log" / "engine.log"
    mark = re.compile(rf"['\"]sample['\"]: {version}\b")
    await site.until(lambda: bool(mark.search(log.read_text(encoding="utf-8"))), "it is in use")
    call = await (await site.phone(caller)).dial("4001")
    await call.wait_answered(30)
    await call.wait_like(sound(prompt))
    await call.hang_up()


async def test_a_supervisor_edits_the_menu(tmp_path: Path) -> None:
    """Broken YAML is told beside its line, mended, heard, simulated, published with a note; the next caller hears it; a second
    editor loses nothing and overwrites nothing; rolled back, callers hear the old menu; axe finds no serious fault."""
    async with running(tmp_path) as site, chromium() as browser:
        zhao, qian = await window(browser, site), await window(browser, site)
        await employed(site, zhao, "zhao", "赵主管")
        await employed(site, qian, "qian", "钱主管")
        found: list[str] = []
        await follow(zhao.get_by_role("link", name="菜单", exact=True))
        found += await faults(zhao)
        await follow(zhao.get_by_role("link", name="打开"))
        await published(zhao, 1)
        await expect(zhao.locator(".tree")).to_contain_text("按 2")

        await qian.goto("/menus/sample")

        # Broken: the finding stands below its line, in Chinese; and mended.
        await retype(zhao, "^start: welcome$", "welcome", "welcom")
        finding = zhao.locator(".cm-finding-error").first
        await expect(finding).to_contain_text("welcom")
        await expect(finding).to_have_attribute("data-line", "2")
        above, below = await line(zhao, "^start: welcom$").bounding_box(), await line(zhao, "^nodes:$").bounding_box()
        note = await finding.bounding_box()
        assert above
        assert below
        assert note
        assert above["y"] < note["y"] < below["y"]
        assert re.search("[\u4e00-\u9fff]", await finding.inner_text())
        await expect(zhao.locator("#findings")).to_contain_text("第 2 行")
        found += await faults(zhao)
        await zhao.get_by_role("button", name="发布", exact=True).click()
        await expect(zhao.get_by_role("alert")).to_contain_text("处错误")
        await retype(zhao, "^start: welcom$", "welcom", "welcome")
        await expect(zhao.locator(".cm-finding-error")).to_have_count(0)

        # Changed; the tree follows; a prompt is heard, a text is spoken.
        await retype(zhao, "main: {kind: menu", "no_input", "goodbye")
        await expect(zhao.locator("#node-main")).to_be_visible()
        await expect(zhao.locator(".tree")).to_contain_text("感谢您的来电")
        await zhao.locator("a.hear").first.click()
        await plays(zhao)
        await zhao.get_by_role("tab", name="试读").click()
        await zhao.get_by_label("一段文字").fill("今天下午三点到五点系统维护。")
        await zhao.get_by_role("button", name="读给我听").click()
        await plays(zhao)

        # Simulated, by the keyboard alone.
        await zhao.get_by_role("tab", name="试读").focus()
        await zhao.keyboard.press("ArrowLeft")
        await expect(zhao.locator("#pane-changes")).to_contain_text("+  main:")
        await zhao.keyboard.press("ArrowLeft")
        await expect(zhao.locator("#talk")).to_contain_text("welcome → main")
        await zhao.get_by_role("button", name="1", exact=True).focus()
        await zhao.keyboard.press("Enter")
        await expect(zhao.locator("#talk")).to_contain_text("进入队列：service")
        await zhao.get_by_role("button", name="等太久").click()
        await expect(zhao.locator("#talk")).to_contain_text("挂机，通话结束")
        found += await faults(zhao)

        # Somebody else, who has opened the same menu before, is at work on it too.
        await retype(qian, "service: {kind: queue", "service", "helpdesk")

        # Published with a note: the next caller hears it.
        await zhao.get_by_label("发布说明").fill("换一句话")
        await follow(zhao.get_by_role("button", name="发布", exact=True))
        await published(zhao, 2)
        await hears(site, 2, "13900000002", NEW_MENU)

        # The other one is told, keeps what was typed, sees the difference, and goes on over it.
        await qian.get_by_role("button", name="保存草稿").click()
        await expect(qian.get_by_role("alert")).to_contain_text("赵主管 在")
        await expect(line(qian, "helpdesk")).to_have_count(1)
        await qian.get_by_role("button", name="看我和对方的差别").click()
        await expect(qian.locator("#pane-changes .add").filter(has_text="helpdesk")).to_have_count(1)
        found += await faults(qian)
        await retype(qian, "helpdesk: {kind: queue", "helpdesk", "service")
        await qian.get_by_role("button", name="差别已并入我的内容，保存").click()
        await expect(qian.locator("#saved")).to_contain_text("已保存")
        await qian.get_by_role("button", name="发布", exact=True).click()
        await expect(qian.get_by_role("alert")).to_contain_text("发布了第 2 版")

        # History, and back to the first version.
        await follow(zhao.get_by_role("link", name="历史和恢复"))
        await expect(zhao.locator("table")).to_contain_text("换一句话")
        found += await faults(zhao)
        await follow(zhao.get_by_role("link", name="第 1 版").first)
        found += await faults(zhao)
        zhao.on("dialog", lambda dialog: dialog.accept())
        await zhao.get_by_label("说明").fill("太突然了")
        await follow(zhao.get_by_role("button", name="恢复，发布为新的一版"))
        await expect(zhao.locator("tbody tr").first).to_contain_text("太突然了")
        await hears(site, 3, "13900000003", MAIN_MENU)

        # A recording of one's own is a prompt for the next caller.
        recording = site.directory / "mine.wav"
        recording.write_bytes(wav_bytes(0.3 * np.sin(np.arange(8000) * 2 * np.pi * 440 / 8000)))
        await zhao.goto("/prompts/")
        found += await faults(zhao)
        await zhao.get_by_label("录音文件").set_input_files(recording)
        await zhao.get_by_label("名称", exact=True).fill("no_input")
        await follow(zhao.get_by_role("button", name="上传"))
        await expect(zhao.get_by_role("status")).to_contain_text("no_input 已存好")
        await zhao.get_by_role("status").get_by_role("link", name="试听").click()
        await plays(zhao)
        await hears(site, 3, "13900000004", site.data_dir / "prompts" / "zh" / "no_input.wav")
        assert not found, "\n".join(found)
        assert_nobody_complains()
