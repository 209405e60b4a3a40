"""A seat's morning at its page, in a real browser, with real calls behind: seat and customer have pyVoIP's telephones, or a
scripted one that rings until it is picked up; the operator's side is scripted."""

from __future__ import annotations

import asyncio
import contextlib
import re
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import pytest
from playwright import sync_api
from playwright.async_api import Locator, Page, expect
from playwright.sync_api import Route, sync_playwright
from playwright.sync_api import expect as soon

from followup import callbacks
from ivr.phones.scripted import Refuse, Ring, ScriptedPhone
from routing.commit import Commit, Enqueue, FreeSeat, SeatState
from routing.store import Store
from storage.embedded import EmbeddedRedis
from storage.journal import Journal
from storage.redis import connect
from tests.interop import screens, screens_seat
from tests.interop.line import Line, line
from tests.interop.pyvoip import pyvoip_caller, pyvoip_seat
from tests.interop.test_console_chromium import (
    COMPLAINTS,
    IN_TIME_MS,
    assert_nobody_complains,
    chromium,
    faults,
    set_password,
    window,
)
from tests.site import PATIENCE_S, Site, running
from tests.system.test_calls_out import trunk
from tests.talk import queued

pytestmark = pytest.mark.interop(peer="chromium")

CUSTOMER = "13912345678"

LOST = """() => {
  const stale = document.getElementById("stale");
  window.wasLost = false;
  new MutationObserver(() => { window.wasLost ||= !stale.hidden; }).observe(stale, { attributes: true });
}"""
"""Keeps that the page has said that it is cut off: a console that was killed may be back before a busy machine looks again."""

WRITTEN = """() => {
  window.written = new Set();
  new MutationObserver(() => written.add(document.getElementById("notes")?.value)).observe(
    document.getElementById("desk-work"), { subtree: true, childList: true }
  );
}"""
"""Keeps what stood in the notes at each drawing of them."""


@pytest.fixture
async def operator() -> AsyncIterator[ScriptedPhone]:
    """The operator's side, there before the hotline is."""
    async with ScriptedPhone(server=("127.0.0.1", 5060), user="operator") as phone:
        yield phone


class Desk:
    """What the seat sees."""

    def __init__(self, page: Page, wire: Line) -> None:
        self.page = page
        self.wire = wire
        self.now, self.call, self.work, self.due, self.latest = (
            page.locator(f"#desk-{name}") for name in ("now", "call", "work", "due", "latest")
        )

    async def shows(self, place: Locator, *texts: str) -> None:
        """Live, and after the page was loaded anew."""
        for text in texts:
            await expect(place).to_contain_text(text)
        await self.page.reload()
        for text in texts:
            await expect(place).to_contain_text(text)

    async def press(self, name: str, place: Locator | None = None) -> None:
        """A button, by keyboard."""
        button = (place or self.page).get_by_role("button", name=name, exact=True)
        await button.focus()
        await button.press("Enter")


@contextlib.asynccontextmanager
async def at_work(directory: Path, operator: ScriptedPhone) -> AsyncIterator[tuple[Site, Desk]]:
    """A hotline whose calls out the operator gets, and its seat 1026 at the page, still without a telephone."""
    extra = trunk(operator.address[1]) + "[followup]\ngave_up_after_s = 0\n"
    async with (
        running(directory, extra=extra, seats=("1026",), wrap_up_s=600, ring_timeout_s=120) as site,
        chromium() as browser,
        line(site.console_port) as wire,
    ):
        status, link = await site.command("people", "add", "wang", "--name", "小王", "--seat", "1026")
        assert status == 0, link
        page = await window(browser, site, port=wire.port)
        page.on("dialog", lambda dialog: dialog.accept())  # in the customers' rest it asks before it dials
        await set_password(page, urlsplit(link.strip()).path)
        await expect(page).to_have_url(re.compile("/seat/$"))
        desk = Desk(page, wire)
        await desk.shows(desk.now, "未签入", "话机离线")
        yield site, desk
        assert not operator.complaints


async def test_a_seats_morning(tmp_path: Path, operator: ScriptedPhone) -> None:
    """Sign on; a call with notes and wrap-up; the call back that was agreed, tried in vain; a break. Seat and customer have
    pyVoIP's telephones. At each stage the page is loaded anew and has lost nothing."""
    found: list[str] = []
    async with (
        at_work(tmp_path, operator) as (site, desk),
        pyvoip_seat(site.sip_port, "1026", "pw-1026", tmp_path) as seat,
        pyvoip_caller(site.sip_port, CUSTOMER, "4001", tmp_path) as caller,
    ):
        page = desk.page
        await expect(desk.now).to_contain_text("话机在线")
        await desk.press("签入")
        await desk.shows(desk.now, "空闲")

        # A call rings: who it is and what was pressed, before it is picked up.
        await caller.tell("press 1")
        await seat.until_said("ringing", PATIENCE_S)
        await desk.shows(desk.call, "来电振铃", "139 1234 5678", "第一次来电", "main", "按 1")
        await expect(page).to_have_title(re.compile("来电 139 1234 5678"))
        found += await faults(page)
        await seat.tell("answer")
        await desk.shows(desk.now, "通话")
        await page.locator("#notes").fill("空调不制冷")
        await expect(desk.work).to_contain_text("已保存")
        await page.locator("#notes").press_sequentially(",明天上门")
        await page.reload()  # within the second in which it would have been saved
        await expect(page.locator("#notes")).to_have_value("空调不制冷,明天上门")

        # The caller hangs up. The form is filled in by keyboard.
        await caller.tell("hang up")
        await desk.shows(desk.now, "整理")
        await seat.until_said("ended")
        await expect(page.locator("#notes")).to_have_value("空调不制冷,明天上门")
        for name in ("报修", "未解决", "客户要求回电"):
            await page.get_by_label(name).focus()
            await page.keyboard.press("Space")
        await expect(page.locator("#wanted_at")).not_to_have_value("")
        await page.reload()
        for name in ("报修", "未解决", "客户要求回电"):
            await expect(page.get_by_label(name)).to_be_checked()
        found += await faults(page)
        await page.locator("#notes").focus()
        await page.keyboard.press("Control+Enter")
        await desk.shows(desk.now, "空闲")
        await desk.shows(desk.due, "139 1234 5678", "与客户约好回电")
        await expect(desk.latest).to_contain_text("报修")
        [owed] = site.return_calls()
        assert (owed["number"], owed["owner"], owed["reason"]) == (CUSTOMER, "wang", "agreed")

        # It is dialled: one's own telephone first. The customer is busy, and stays owed.
        operator.on_invite = Refuse(486)
        await desk.press("拨打 139 1234 5678")
        await seat.until_said("ringing", PATIENCE_S, times=2)
        await desk.shows(desk.call, "您的话机在振铃")
        await seat.tell("answer")
        await operator.incoming(PATIENCE_S)
        await desk.shows(desk.call, "对方忙", "登记结果")
        await expect(desk.call.get_by_label("无人接听")).to_be_checked()
        await desk.press("登记结果", desk.call)
        await desk.shows(desk.due, "已拨 1 次", "再拨")

        # A break by the page, the return by the telephone: the page shows the truth either way.
        await page.locator("#break summary").focus()
        await page.keyboard.press("Enter")
        await desk.press("用餐")
        await desk.shows(desk.now, "小休 · 用餐")
        found += await faults(page)
        await site.code(await site.phone("1026", password="pw-1026"), "*83")
        await desk.shows(desk.now, "空闲")
        assert not found, "\n".join(found)
        assert_nobody_complains()


async def test_a_return_call_is_paid_and_the_connection_is_lost(tmp_path: Path, operator: ScriptedPhone) -> None:
    """A caller gave up; the seat calls back, and one form closes the wrap-up and the return call. Then the network is away, and
    the console dies: the page says so, and comes back with the truth."""
    found: list[str] = []
    async with at_work(tmp_path, operator) as (site, desk):
        page = desk.page
        seat = await site.seat("1026", sign_on=False)
        seat.on_invite = Ring()
        await expect(desk.now).to_contain_text("话机在线")
        caller = await queued(site, user=CUSTOMER)
        await caller.hang_up()
        [owed] = await site.until_some(site.return_calls, 1, "return calls")
        assert site.database is not None
        callbacks.claim(site.database, owed["id"], "wang", time.time())
        await expect(desk.due).to_contain_text("139 1234 5678")
        operator.on_invite = Ring()
        await desk.press("拨打 139 1234 5678")
        own = await seat.incoming(PATIENCE_S)
        await own.answer()
        customer = await operator.incoming(PATIENCE_S)
        await desk.shows(desk.call, "对方在振铃")
        found += await faults(page)
        await customer.answer()
        await desk.shows(desk.work, "这条回电")
        await page.locator("#notes").fill("已说清楚")
        await customer.hang_up()
        await desk.shows(desk.now, "整理")
        await expect(page.locator("#notes")).to_have_value("已说清楚")
        await page.get_by_label("咨询").check()
        await page.get_by_label("已解决", exact=True).check()
        await desk.press("完成小结，接下一通")
        await desk.shows(desk.due, "您名下没有欠着的回电")
        [owed] = site.return_calls()
        assert (owed["state"], owed["outcome"], owed["attempts"]) == ("closed", "reached", 1)
        assert_nobody_complains()

        desk.wire.cut()
        await page.context.set_offline(True)
        await expect(page.locator("#stale")).to_be_visible()
        await desk.press("签入")
        await expect(page.locator("#fault")).to_contain_text("控制台没有回音")
        await expect(desk.now).to_contain_text("未签入")
        await site.code(seat, "*81")
        desk.wire.mend()
        await page.context.set_offline(False)
        await expect(page.locator("#stale")).to_be_hidden()
        await expect(desk.now).to_contain_text("空闲")
        await page.evaluate(LOST)
        await site.kill("console")
        await page.wait_for_function("() => wasLost")
        await expect(page.locator("#stale")).to_be_hidden()
        await desk.press("签退")
        await desk.shows(desk.now, "未签入")
        COMPLAINTS.clear()  # that the network was away
        assert not seat.complaints
        assert not found, "\n".join(found)


@contextlib.contextmanager
def wangs_page(directory: Path) -> Iterator[sync_api.Page]:
    """A seat's page in a browser, over a real console with made-up calls."""
    with screens.console(directory) as (here, _), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=screens.CHROMIUM, args=["--no-sandbox"])
        page = browser.new_context(locale="zh-CN", viewport={"width": 1366, "height": 768}).new_page()
        page.set_default_timeout(IN_TIME_MS)
        screens.log_in(page, here, "wang")
        yield page
        browser.close()


def test_what_is_being_written_stays_where_it_is(tmp_path: Path) -> None:
    """The next call rings while somebody writes of the last one: the page tells of it, and not a letter goes to its notes."""
    with wangs_page(tmp_path) as page:
        notes = page.locator("#notes")
        with page.expect_response("**/draft"):
            notes.fill("第一通")
        soon(page.locator(".work .saved")).to_have_text("已保存")
        next_call = threading.Thread(target=asyncio.run, args=[the_next_call(EmbeddedRedis(tmp_path).foreign_url)])
        next_call.start()
        next_call.join()
        soon(page.locator("#desk-call")).to_contain_text("来电振铃")
        soon(page.locator(".work")).to_have_attribute("data-draft", "live1")
        page.keyboard.type(",还在写")
        soon(notes).to_have_value("第一通,还在写")
        page.locator("#number").focus()  # done with it
        soon(page.locator(".work h2")).to_contain_text("139 1234 5678")
        soon(notes).to_have_value("")


def test_an_answer_that_the_stream_has_overtaken_is_not_shown(tmp_path: Path) -> None:
    """A button's answer is drawn, then the next call rings, and the page knows it before that answer arrives."""
    with wangs_page(tmp_path) as page:
        soon(page.locator("#desk-now")).to_contain_text("通话")
        answers: list[str] = []

        def overtaken(route: Route) -> None:
            answer = route.fetch()
            answers.append(answer.text())
            thread = threading.Thread(target=asyncio.run, args=[the_next_call(EmbeddedRedis(tmp_path).foreign_url)])
            thread.start()
            thread.join()
            soon(page.locator("#desk-call")).to_contain_text("来电振铃")
            route.fulfill(response=answer)

        page.route("**/seat/status", overtaken)
        # The stream takes it out of the page meanwhile.
        form = page.locator("form", has=page.locator("#wish-off")).element_handle()
        page.locator("#wish-off").click()
        page.wait_for_function("form => form.ariaBusy !== 'true'", arg=form)
        assert "来电振铃" not in answers[0]
        soon(page.locator("#desk-call")).to_contain_text("来电振铃")


def test_nothing_that_is_written_is_lost_to_a_slow_network(tmp_path: Path) -> None:
    """What is typed while the answer to a button is on its way is saved after it; what the stream told before something was
    saved, and comes after, isn't drawn; and a form that leaves the page is sent once, however often it is pressed."""
    with wangs_page(tmp_path) as page:
        notes = page.locator("#notes")
        before = page.evaluate("document.getElementById('seat-page').outerHTML")

        def typed_on(route: Route) -> None:
            answer = route.fetch()
            page.keyboard.type(",还在写")
            route.fulfill(response=answer)

        page.route("**/seat/calls/live1", typed_on)
        with page.expect_response("**/draft"):
            notes.fill("说到一半")
        form = page.locator(".work").element_handle()
        notes.press("Control+Enter")
        page.wait_for_function("form => form.ariaBusy !== 'true'", arg=form)
        soon(notes).to_have_value("说到一半,还在写")
        soon(notes).to_be_focused()
        page.wait_for_function("() => document.querySelector('.work').dataset.saved.includes(encodeURIComponent('还在写'))")
        page.evaluate("sessionStorage.clear()")
        page.reload()
        soon(notes).to_have_value("说到一半,还在写")

        page.evaluate(WRITTEN)
        told = f"event: seat\ndata: <div data-now='0'>{' '.join(before.splitlines())}</div>\n\n"
        page.route("**/seat/events", lambda route: route.fulfill(body=told, content_type="text/event-stream"), times=1)
        with page.expect_request(lambda request: "x-background" in request.headers):  # it sees that this is old, and asks
            page.evaluate("dispatchEvent(new Event('offline'))")
        assert set(page.evaluate("[...written]")) <= {"说到一半,还在写"}
        soon(notes).to_have_value("说到一半,还在写")

        page.goto(urljoin(page.url, "/callbacks/?owner=wang"))
        with page.expect_event("load"):  # with the script that minds it
            page.locator("tbody a").first.click()
        posts: list[str] = []
        page.on("request", lambda request: posts.append(request.url) if request.method == "POST" else None)
        page.get_by_label("无人接听").check()
        button = page.get_by_role("button", name="登记结果")
        button.hover()  # scrolls to it
        box = button.bounding_box()
        assert box is not None

        def pressed_again(route: Route) -> None:
            page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
            route.continue_()

        page.route("**/callbacks/*", pressed_again, times=1)
        with page.expect_event("load"):
            button.click()
        assert len(posts) == 1, posts


async def the_next_call(redis_url: str) -> None:
    """Of the seat 1026 of the pictures the talk ends, and the next caller rings."""
    async with contextlib.aclosing(connect(redis_url)) as redis:
        with tempfile.TemporaryDirectory() as directory:
            store = Store(redis, node="node2", journal=Journal(Path(directory) / "journal"), lease_s=3600.0)
            await store.start()
            await store.commit(Commit("live1", 9, None, {}, (), (FreeSeat("1026"),)))
            await store.set_status("1026", "ready")
            about = screens_seat.summary(CUSTOMER, time.time(), "1026") | {"phase": "OFFERED"}
            await store.commit(Commit("next", 1, {"x": 1}, about, (), (Enqueue("service", priority=5),)))
            claim = await store.claim("service")
            assert claim is not None
            assert (claim.call_id, claim.seat) == ("next", "1026")
            await store.commit(Commit("next", 2, {"x": 1}, about, (), (SeatState("1026", "ringing"),)))
