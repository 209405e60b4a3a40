"""The chime of a seat's page in a real browser: who wishes it hears it while a call rings."""

from __future__ import annotations

import asyncio
import threading
import time
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from storage.embedded import EmbeddedRedis
from tests.interop import screens
from tests.interop.test_console_chromium import IN_TIME_MS
from tests.interop.test_seat_chromium import the_next_call
from tests.site import PATIENCE_S

pytestmark = pytest.mark.interop(peer="chromium")

TONES = """
window.tones = 0;
const made = OscillatorNode.prototype.start;
OscillatorNode.prototype.start = function (...when) { window.tones += 1; return made.apply(this, when); };
"""
"""Counts what is sounded: an oscillator of a page that the browser doesn't let be heard is never started."""


def sounded(page: Page, tones: int) -> None:
    """Until so many tones were sounded, or more."""
    end = time.monotonic() + PATIENCE_S
    while page.evaluate("tones") < tones:
        assert time.monotonic() < end, f"not so many tones: {tones}"
        page.wait_for_timeout(50)


def test_a_call_that_rings_is_heard_at_the_computer_by_who_wishes_it(tmp_path: Path) -> None:
    """Off to begin with; switched on it sounds once, then with each call until it is no longer there; the browser remembers it,
    and wants a key on the page before."""
    with screens.console(tmp_path) as (here, _), sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=screens.CHROMIUM, args=["--no-sandbox", "--autoplay-policy=document-user-activation-required"]
        )
        page = browser.new_context(locale="zh-CN", viewport={"width": 1366, "height": 768}).new_page()
        page.add_init_script(TONES)
        page.set_default_timeout(IN_TIME_MS)
        said: list[str] = []
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("console", lambda line: said.append(line.text) if line.type == "error" else None)
        screens.log_in(page, here, "wu")  # whose page rings
        switch, waits = page.get_by_label("来电时电脑也响提示音"), page.get_by_text("浏览器要您先点一下本页")
        expect(page.locator("#desk-call")).to_contain_text("来电振铃")
        expect(switch).not_to_be_checked()
        assert page.evaluate("tones") == 0
        switch.check()
        sounded(page, 2)
        sounded(page, 4)  # and again, while it rings

        page.goto(here + "/seat/")
        expect(switch).to_be_checked()
        expect(waits).to_be_visible()
        assert page.evaluate("tones") == 0, "the browser would not have let it be heard"
        page.keyboard.press("Shift")
        sounded(page, 2)
        expect(waits).to_be_hidden()
        switch.uncheck()
        page.reload()
        expect(switch).not_to_be_checked()
        assert not said, said

        # Who talks hears nothing until the next call rings.
        other = browser.new_context(locale="zh-CN", viewport={"width": 1366, "height": 768}).new_page()
        other.add_init_script(TONES)
        other.set_default_timeout(IN_TIME_MS)
        screens.log_in(other, here, "wang")
        other.get_by_label("来电时电脑也响提示音").check()
        sounded(other, 2)  # the one that shows how it sounds
        next_call = threading.Thread(target=asyncio.run, args=[the_next_call(EmbeddedRedis(tmp_path).foreign_url)])
        next_call.start()
        next_call.join()
        expect(other.locator("#desk-call")).to_contain_text("来电振铃")
        sounded(other, 4)
        browser.close()
