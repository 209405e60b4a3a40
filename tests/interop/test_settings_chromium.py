"""The settings in a real browser, over a whole hotline: a supervisor changes working hours, and the next caller meets them."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.interop.test_console_chromium import (
    assert_nobody_complains,
    chromium,
    faults,
    follow,
    set_password,
    window,
)
from tests.site import Site, running

pytestmark = pytest.mark.interop(peer="chromium")

MENU = """
start: welcome
nodes:
  welcome: {kind: say, prompt: for_english, notice: true, then: hours}
  hours: {kind: hours, open: main, closed: bye}
  main: {kind: menu, prompt: no_input, timeout_s: 20, keys: {"1": service}}
  service: {kind: queue, queue: service}
  bye: {kind: hangup, prompt: goodbye}
"""
OFFICE = """
[[hotlines]]
name = "office"
menu = "office.yaml"
[[calendars]]
name = "default"
time_zone = "{zone}"
"""


def where_it_is_noon() -> str:
    """A time zone in which today doesn't end during the test."""
    return f"Etc/GMT{time.gmtime().tm_hour - 12:+d}"  # POSIX: west of Greenwich is +


async def called(site: Site) -> str:
    """Call the office; where the menu led."""
    before = len(site.calls())
    caller = await site.phone("13912345678")
    call = await caller.dial("4002")
    await call.wait_answered(30)

    def decided() -> bool:
        calls = site.calls()
        return len(calls) > before and str(calls[-1]["menu_path"]).endswith(("main", "bye"))

    await site.until(decided, "the hours are asked")
    await caller.close()
    return str(site.calls()[-1]["menu_path"])


async def test_working_hours_are_changed_and_the_next_caller_meets_them(tmp_path: Path) -> None:
    """A day is closed, opened and given back, the week is changed, two editors are told of each other; axe finds no fault."""
    (tmp_path / "office.yaml").write_text(MENU, encoding="utf-8")
    async with (
        running(tmp_path, numbers={"4002": "office"}, extra=OFFICE.format(zone=where_it_is_noon())) as site,
        chromium() as browser,
    ):
        pages = []
        for login in ("zhao", "qian"):
            status, link = await site.command("people", "add", login, "--name", f"{login}主管", "--role", "supervisor")
            assert status == 0, link
            pages.append(await window(browser, site))
            await set_password(pages[-1], link.strip())
        zhao, qian = pages
        await follow(zhao.get_by_role("link", name="设置", exact=True))
        await expect(zhao.get_by_role("heading", name="工作时间", exact=True)).to_be_visible()
        found = await faults(zhao)

        # Today is closed: who calls now hears so.
        await zhao.get_by_label("名称").fill("公司年会")
        await follow(zhao.get_by_role("button", name="这天休息"))
        await expect(zhao.get_by_role("status")).to_have_text("已保存，从下一通来电起生效。")
        await expect(zhao.get_by_text("现在下班")).to_be_visible()
        await expect(zhao.locator("td.chosen")).to_contain_text("公司年会")
        assert (await called(site)).endswith("bye")

        # Hours that are none are told in the page, and kept.
        day = zhao.locator("#day")
        await day.get_by_label("工作时间").fill("9-12")
        await follow(day.get_by_role("button", name="这天上班"))
        await expect(zhao.get_by_role("alert")).to_contain_text("“9-12”不是时间段")
        found += await faults(zhao)

        # Open all day: the next caller comes through. The other supervisor, who had the page open, is told.
        await qian.goto("/settings/hours/")
        await day.get_by_label("工作时间").fill("0:00~24:00")
        await follow(day.get_by_role("button", name="这天上班"))
        await expect(zhao.get_by_text("现在上班")).to_be_visible()
        assert (await called(site)).endswith("main")
        await follow(qian.get_by_role("button", name="这天休息"))
        await expect(qian.get_by_role("alert")).to_contain_text("没有保存：zhao主管 在")

        # The week, by the keyboard alone.
        await qian.get_by_label("周三").focus()
        await qian.keyboard.press("Control+A")
        await qian.keyboard.type("9:00-12:00,13:30-18:00")
        async with qian.expect_event("load"):
            await qian.keyboard.press("Enter")
        await expect(qian.get_by_label("周三")).to_have_value("09:00-12:00, 13:30-18:00")
        await expect(qian.get_by_text(re.compile("qian主管 改于"))).to_be_visible()

        # Given back; then another month, and a day of it.
        await follow(zhao.get_by_role("button", name="恢复默认").first)
        await expect(zhao.get_by_role("status")).to_contain_text("已保存")
        await follow(zhao.get_by_role("link", name="下个月"))
        await follow(zhao.locator(".month td a").nth(20))
        await expect(zhao.locator("td.chosen")).to_have_count(1)
        found += await faults(zhao)
        status, said = await site.command("calendar", "show", "default")
        assert (status, "09:00-12:00, 13:30-18:00" in said) == (0, True)
        assert not found, "\n".join(found)
        assert_nobody_complains()


async def test_what_administrators_see_of_trunks(tmp_path: Path) -> None:
    """The trunk that only brings calls, its landing numbers, and where it is changed."""
    async with running(tmp_path) as site, chromium() as browser:
        boss = await window(browser, site)
        status, link = await site.command("people", "add", "boss", "--name", "老板", "--role", "administrator")
        assert status == 0, link
        await set_password(boss, link.strip())
        await follow(boss.get_by_role("link", name="设置", exact=True))
        await follow(boss.get_by_role("link", name="线路", exact=True))
        await expect(boss.get_by_role("heading", name="local")).to_contain_text("不检测")
        await expect(boss.get_by_text("hotline.toml")).to_be_visible()
        found = await faults(boss)
        for path in ("/people/", "/strangers/", "/health", "/audit/"):
            await boss.goto(path)
            await expect(boss.locator("nav.side [aria-current]")).to_have_count(1)
            found += await faults(boss)
        await boss.goto("/health")
        media = boss.get_by_role("row", name=re.compile("^media-0"))
        await expect(media).to_contain_text("正常")
        await site.kill("media-0")
        await expect(media).to_contain_text("信号 9（SIGKILL）")
        found += await faults(boss)
        assert not found, "\n".join(found)
        assert_nobody_complains()
