"""The console in a real browser, headless Chromium, over a whole hotline with real calls."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright import sync_api
from playwright.async_api import Browser, Locator, Page, async_playwright, expect

from tests.console.browser import PASSWORD
from tests.interop.line import line
from tests.interop.pyvoip import pyvoip_caller, pyvoip_seat
from tests.interop.screens import CHROMIUM
from tests.site import PATIENCE_S, Site, running
from tests.talk import queued

pytestmark = pytest.mark.interop(peer="chromium")

IN_TIME_MS = 60_000
"""A bound for what must come to be seen: Playwright's own, 5 s, is too short for a busy machine."""
expect.set_options(timeout=IN_TIME_MS)
sync_api.expect.set_options(timeout=IN_TIME_MS)
SERIOUS = {"serious", "critical"}
COMPLAINTS: list[str] = []
"""What the browsers of the present test had to complain of: failed scripts, breaches of the content security policy."""


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    COMPLAINTS.clear()  # an earlier test's page may have had some to the last
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--lang=zh-CN"])
        try:
            yield browser
        finally:
            await browser.close()


# What page.wait_for_function() waits for is written as a function: an expression is evaluated anew at each look, and that the
# content security policy allows at the first one only.


async def window(browser: Browser, site: Site, *, port: int | None = None) -> Page:
    """A browser of its own. `port`: where it finds the console, if not where that listens."""
    context = await browser.new_context(
        locale="zh-CN",
        base_url=f"http://127.0.0.1:{port or site.console_port}",
        viewport={"width": 1366, "height": 768},
    )
    context.set_default_timeout(IN_TIME_MS)
    page = await context.new_page()
    page.on("pageerror", lambda error: COMPLAINTS.append(f"{page.url}: {error}"))
    page.on("console", lambda said: COMPLAINTS.append(f"{page.url}: {said.text}") if said.type == "error" else None)
    return page


def assert_nobody_complains() -> None:
    """No script failed, and nothing that a page asked for was refused, but what the browser was told as a status (4xx)."""
    told = [said for said in COMPLAINTS if "the server responded with a status of" not in said]
    COMPLAINTS.clear()
    assert not told, "\n".join(told)


async def follow(place: Locator) -> None:
    """Press what leads to another page, until that is loaded with its scripts: it is seen before, and then a link of it, or a
    button, does what it does without them."""
    async with place.page.expect_event("load"):
        await place.click()


async def log_in(page: Page, login: str, password: str = PASSWORD) -> None:
    await page.goto("/login")
    await page.get_by_label("登录名").fill(login)
    await page.get_by_label("密码").fill(password)
    await follow(page.get_by_role("button", name="登录"))


async def set_password(page: Page, link: str) -> None:
    await page.goto(link)
    await page.get_by_label(re.compile("新密码")).fill(PASSWORD)
    await page.get_by_label("再输一遍").fill(PASSWORD)
    await follow(page.get_by_role("button", name="设置并登录"))


async def add(page: Page, login: str, name: str, role: str, seat: str) -> str:
    """The administrator adds a person; the link for the password."""
    await follow(page.get_by_role("link", name="设置", exact=True))
    await follow(page.get_by_role("link", name="人员", exact=True))
    await page.get_by_label("姓名").fill(name)
    await page.get_by_label("登录名").fill(login)
    await page.get_by_label("角色").select_option(label=role)
    await page.get_by_label("工号").select_option(value=seat)
    await follow(page.get_by_role("button", name="添加"))
    return await page.locator("code").inner_text()


async def faults(page: Page) -> list[str]:
    """What axe-core finds here that is serious or worse, by day and by night."""
    found = []
    for scheme in ("dark", "light"):
        await page.emulate_media(color_scheme=scheme)
        results = await Axe().run(page)
        found += [
            f"{page.url} ({scheme}): {one['id']}: {node['html']}"
            for one in results.response["violations"]
            if one["impact"] in SERIOUS
            for node in one["nodes"]
        ]
    return found


async def test_the_first_morning_of_a_department(tmp_path: Path) -> None:
    """The first link, three people, a seat that takes a call and is signed off, a lost caller seen live, claimed, called and
    closed; seat and callers have pyVoIP's telephones. axe finds no serious fault."""
    # A caller who hangs up at once is owed a call, too, so that the test doesn't wait.
    environ = {"HOTLINE_FOLLOWUP_GAVE_UP_AFTER_S": "0.1"}
    async with running(tmp_path, environ=environ) as site, chromium() as browser:
        boss = await window(browser, site)
        first = re.search(r"^log in: +(\S+)", site.said, re.MULTILINE)
        assert first, site.said
        found: list[str] = []
        await boss.goto(first[1])
        found += await faults(boss)
        await boss.get_by_label("登录名").fill("boss")
        await boss.get_by_label("姓名").fill("老板")
        await boss.get_by_label(re.compile("新密码")).fill(PASSWORD)
        await boss.get_by_label("再输一遍").fill(PASSWORD)
        await follow(boss.get_by_role("button", name="建立并登录"))
        await expect(boss.get_by_role("heading", name="坐席")).to_be_visible()
        for_zhao = await add(boss, "zhao", "赵主管", "主管", "")
        for_wang = await add(boss, "wang", "小王", "坐席", "1026")
        zhao, wang = await window(browser, site), await window(browser, site)
        await set_password(zhao, for_zhao)
        await set_password(wang, for_wang)
        await expect(wang.get_by_text("没有欠着的回电")).to_be_visible()

        # The floor, live: a seat signs on and talks; signed off, the next caller waits, and gives up.
        await expect(zhao.get_by_text("现在没有来电")).to_be_visible()
        async with pyvoip_seat(site.sip_port, "1026", "pw-1026", tmp_path) as seat:
            await wang.goto("/seat/")
            await wang.get_by_role("button", name="签入", exact=True).click()
            await expect(zhao.locator(".seat.idle")).to_contain_text("1026")
            async with pyvoip_caller(site.sip_port, "13800138000", "4001", tmp_path) as caller:
                await caller.tell("press 1")
                await seat.until_said("ringing", PATIENCE_S)
                await expect(zhao.locator(".seat.ringing")).to_contain_text("138 0013 8000")
                await seat.tell("answer")
                await expect(zhao.locator(".seat.talking")).to_contain_text("138 0013 8000")
                await expect(zhao.locator("table .tag")).to_have_text("通话")
                await seat.tell("hang up")
                await caller.until_said("ended")
            await expect(zhao.locator(".seat.idle")).to_contain_text("1026")
            zhao.on("dialog", lambda dialog: dialog.accept())
            await follow(zhao.get_by_role("button", name="签退 1026"))
            await expect(zhao.locator(".seat", has_text="1026")).to_contain_text("签出")
        async with pyvoip_caller(site.sip_port, "13912345678", "4001", tmp_path) as caller:
            await expect(zhao.locator("table")).to_contain_text("139 1234 5678")
            await expect(zhao.locator("table .tag")).to_have_text("语音菜单")
            await caller.tell("press 1")
            await expect(zhao.locator("table .tag")).to_have_text("排队")
            await expect(zhao.locator(".queue .line")).to_contain_text("139 1234 5678")
            found += await faults(zhao)
            await caller.tell("hang up")
            await caller.until_said("ended")
        await expect(zhao.get_by_text("现在没有来电")).to_be_visible()
        await site.until(lambda: len(site.return_calls()) == 1, "a call is owed")

        # The supervisor claims it, calls in vain, hands it to the seat, who settles it.
        await follow(zhao.get_by_role("link", name="回电", exact=True))
        await follow(zhao.get_by_role("button", name="认领"))
        await zhao.get_by_label("无人接听").check()
        await follow(zhao.get_by_role("button", name="登记结果"))
        await expect(zhao.get_by_text("下次拨打")).to_be_visible()
        found += await faults(zhao)
        await zhao.get_by_label("转交给").select_option(value="wang")
        await follow(zhao.get_by_role("button", name="转交"))
        await expect(zhao.locator(".timeline")).to_contain_text("转交")
        await wang.goto("/callbacks/?owner=wang")
        found += await faults(wang)
        await follow(wang.get_by_role("link", name="139 1234 5678"))
        await wang.get_by_label("已联系上").check()
        await wang.get_by_label(re.compile("^说明")).fill("问题已解决")
        await follow(wang.get_by_role("button", name="登记结果"))
        await expect(wang.locator("h1 ~ .tag").first).to_have_text("已回电")
        await wang.goto("/callbacks/")
        await expect(wang.locator(".balance")).to_contain_text("应回 1 = 待回 0 + 已回 1 + 免回 0")
        [row] = site.return_calls()
        assert (row["state"], row["closed_by"], row["attempts"], row["result"]) == ("closed", "wang", 2, "问题已解决")
        status, said = await site.command("followup", "audit")
        assert (status, said.strip()) == (0, "opened 1 = closed 1 + open 0 + waived 0: ok")

        # What happened stands in the change log, and every page is readable for everybody.
        await boss.goto("/audit/")
        for what in ("签退坐席", "登记回电结果", "转交回电", "添加人员"):
            await expect(boss.locator("table")).to_contain_text(what)
        talk, lost = await site.ended(2)
        assert (talk["reason"], talk["seat"], lost["reason"]) == ("completed", "1026", "abandoned")
        pages = ["/floor/", "/calls/", f"/calls/{talk['call_id']}", "/callbacks/?done=1", "/callbacks/1", "/strangers/"]
        for path in [*pages, "/health", "/people/", "/people/wang", "/audit/", "/me", "/nowhere"]:
            await boss.goto(path)
            found += await faults(boss)
        await follow(boss.get_by_role("button", name="登出"))
        found += await faults(boss)
        assert not found, "\n".join(found)
        assert_nobody_complains()


async def test_the_floor_says_when_it_hears_nothing_more(tmp_path: Path) -> None:
    """The supervisor's network is gone, and nobody says so: what stands there is old, and the page tells. Then it shows what
    came meanwhile."""
    async with running(tmp_path) as site, chromium() as browser, line(site.console_port) as wire:
        status, link = await site.command("people", "add", "zhao", "--name", "赵主管", "--role", "supervisor")
        assert status == 0, link
        zhao = await window(browser, site, port=wire.port)
        await set_password(zhao, urlsplit(link.strip()).path)
        await expect(zhao.get_by_text("现在没有来电")).to_be_visible()
        await expect(zhao.locator("#stale")).to_be_hidden()
        wire.hold()
        caller = await queued(site, user="13912345678")
        await expect(zhao.locator("#stale")).to_be_visible()
        await expect(zhao.get_by_text("现在没有来电")).to_be_visible()
        wire.mend()
        await expect(zhao.locator("table")).to_contain_text("139 1234 5678")
        await expect(zhao.locator("#stale")).to_be_hidden()
        await caller.hang_up()
        await expect(zhao.get_by_text("现在没有来电")).to_be_visible()
        assert_nobody_complains()


async def test_a_lock_out_is_told_and_a_session_ends_everywhere(tmp_path: Path) -> None:
    """Wrong passwords lock the account, which the command line lifts; disabled, an open live page leads to the login."""
    async with running(tmp_path) as site, chromium() as browser:
        status, link = await site.command("people", "add", "zhao", "--name", "赵主管", "--role", "supervisor")
        assert status == 0, link
        page = await window(browser, site)
        await set_password(page, link.strip())
        await expect(page.get_by_role("heading", name="坐席")).to_be_visible()
        other = await window(browser, site)
        for _ in range(8):
            await log_in(other, "zhao", "wrong password")
            await expect(other.get_by_role("alert")).to_have_text("登录名或密码不对。")
        await log_in(other, "zhao")
        await expect(other.get_by_role("alert")).to_contain_text("登录已锁定到")
        assert not await faults(other)
        await page.reload()
        await expect(page.get_by_role("heading", name="坐席")).to_be_visible()  # who is in stays in
        status, said = await site.command("people", "list")
        assert "locked: account:zhao until " in said
        assert (await site.command("people", "unlock", "account:zhao"))[0] == 0
        await log_in(other, "zhao")
        await expect(other.get_by_role("heading", name="坐席")).to_be_visible()
        await follow(other.get_by_role("link", name="English"))
        await expect(other.get_by_role("button", name="Log out")).to_be_visible()
        assert (await site.command("people", "disable", "zhao"))[0] == 0
        for each in (page, other):
            # Its stream ends at the next look at the session; it asks again, and is told.
            await each.wait_for_url("**/login*", timeout=IN_TIME_MS)
        assert_nobody_complains()
