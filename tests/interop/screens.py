"""[io] Pictures of every page for docs/screens, at 1366×768 and 1920×1080, by headless Chromium over a real console with
made-up calls: `python -m tests.interop.screens [DIRECTORY [NAME …]]`."""

from __future__ import annotations

import io
import logging
import os
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright
from werkzeug.serving import make_server

from console.app import create_app
from console.options import ConsoleOptions, QueueSetting, SeatSetting
from ivr.desksettings import Desks
from storage.embedded import EmbeddedRedis
from storage.sql import migrate, open_database
from tests.console.browser import PASSWORD
from tests.console.workshop import workshop
from tests.interop import screens_seat
from tests.interop.screens_data import CALENDARS, SEATS, TERMS, TRUNKS, furnish

CHROMIUM = "/usr/bin/chromium"
CHINESE: dict[str, str | float | bool] = {**os.environ, **{"LANGUAGE": "zh_CN", "LANG": "zh_CN.UTF-8"}}
"""The browser's own words (what a date field says) are Chinese then, with Debian's chromium-l10n."""
SIZES = ((1366, 768, ""), (1920, 1080, "-1920"))
MAX_BYTES = 150_000


@dataclass(frozen=True, slots=True)
class Shot:
    """A page, as whom it is seen, and in which language."""

    name: str
    path: str
    login: str = "root"
    language: str = "zh"
    clicks: tuple[str, ...] = ()
    """What is clicked before the picture is taken."""


def shots(link: str) -> tuple[Shot, ...]:
    """All pages. `link`: a one-time link's path."""
    return (
        Shot("login", "/login", ""),
        Shot("welcome", link, ""),
        Shot("seat", "/seat/", "chen"),
        Shot("seat-ringing", "/seat/", "wu"),
        Shot("seat-talking", "/seat/", "wang"),
        Shot("seat-wrap-up", "/seat/", "zheng"),
        Shot("seat-dialling", "/seat/", "sun"),
        Shot("seat-talking-en", "/seat/", "wang", language="en"),
        Shot("floor", "/floor/"),
        Shot("floor-en", "/floor/", language="en"),
        Shot("calls", "/calls/"),
        Shot("calls-found", "/calls/?outcome=talked&recorded=1&talk=180&sort=talk"),
        Shot("calls-en", "/calls/?kind=inbound", language="en"),
        Shot("call", "/calls/story"),
        Shot("call-en", "/calls/story", language="en"),
        Shot("callbacks", "/callbacks/", "zhao"),
        Shot("callback", "/callbacks/2", "zhao"),
        Shot("callbacks-seat", "/callbacks/?owner=wang", "wang"),
        Shot("callback-seat", "/callbacks/3", "wang"),
        Shot("callbacks-done", "/callbacks/?done=1", "zhao"),
        Shot("hours", "/settings/hours/?month=2026-10&day=2026-10-10", "zhao"),
        Shot("hours-en", "/settings/hours/?month=2026-10&day=2026-10-10", "zhao", "en"),
        Shot("seats", "/settings/seats/?seat=1027", "zhao"),
        Shot("queues", "/settings/queues/", "zhao"),
        Shot("trunks", "/settings/trunks/"),
        Shot("menus", "/menus/", "zhao"),
        Shot("menu", "/menus/sample", "zhao"),
        Shot("menu-en", "/menus/sample", "zhao", "en"),
        Shot("menu-try", "/menus/sample", "zhao", clicks=("#tab-try", "[data-key='1']")),
        Shot("menu-changes", "/menus/sample", "zhao", clicks=("#tab-changes",)),
        Shot("menu-broken", "/menus/aftersales", "zhao", clicks=(".findings li:nth-child(3) a",)),
        Shot("menu-history", "/menus/sample/versions", "zhao"),
        Shot("menu-version", "/menus/sample/versions/2", "zhao"),
        Shot("prompts", "/prompts/", "zhao"),
        Shot("strangers", "/strangers/", "zhao"),
        Shot("health", "/health"),
        Shot("health-en", "/health", language="en"),
        Shot("queues-en", "/settings/queues/", "zhao", "en"),
        Shot("people", "/people/"),
        Shot("person", "/people/wang"),
        Shot("audit", "/audit/"),
        Shot("account", "/me", "zhao"),
        Shot("problem", "/nowhere"),
    )


@contextmanager
def console(directory: Path) -> Iterator[tuple[str, str]]:
    """The console, furnished: its address, and the path of a one-time link."""
    sql_url, recordings = f"sqlite:///{directory}/hotline.db", directory / "recordings"
    recordings.mkdir()
    migrate(sql_url)
    engine = open_database(sql_url)
    with EmbeddedRedis(directory) as redis:
        link = furnish(engine, redis.url, recordings)
        options = ConsoleOptions(
            redis.url,
            sql_url,
            recordings,
            hotline_titles={"sample": "安岚电器服务热线", "aftersales": "安岚电器售后热线"},
            queue_titles={"service": "客户服务", "repair": "维修"},
            seats=SEATS,
            break_reasons=screens_seat.reasons(Desks().break_reasons),
            wrap_up_reasons=screens_seat.reasons(Desks().wrap_up_reasons),
            calendars=CALENDARS,
            queues=(QueueSetting("service", TERMS), QueueSetting("repair", {**TERMS, "wrap_up_s": 60.0})),
            seat_settings=tuple(SeatSetting(number, name, ("service",)) for number, name in SEATS.items()),
            music=("music", "waltz"),
            trunks=TRUNKS,
            workshop=workshop(directory),
        )
        app = create_app(options)
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        server = make_server("127.0.0.1", 0, app, threaded=True)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", link
        finally:
            app.extensions["ground"].feed.closing = True
            server.shutdown()
            thread.join()
            app.extensions["ground"].close()
            engine.dispose()


def log_in(page: Page, here: str, login: str) -> None:
    """By the form."""
    page.goto(f"{here}/login")
    page.fill("input[name=login]", login)
    page.fill("input[name=password]", PASSWORD)
    page.click("main button")
    page.wait_for_url(lambda url: "/login" not in url)


def shoot(browser: Browser, here: str, shot: Shot, width: int, height: int) -> bytes:
    """The PNG of a page, its colours reduced until it is small."""
    locale = "zh-CN" if shot.language == "zh" else "en-GB"
    context = browser.new_context(viewport={"width": width, "height": height}, locale=locale, timezone_id="Asia/Shanghai")
    page = context.new_page()
    if shot.login:
        log_in(page, here, shot.login)
    page.goto(here + shot.path, wait_until="load")
    for selector in shot.clicks:
        page.wait_for_timeout(400)
        page.click(selector)
    page.wait_for_timeout(400)
    picture = page.screenshot(full_page=True)
    context.close()
    return small(picture)


def small(png: bytes) -> bytes:
    """As few colours as it takes to have at most MAX_BYTES."""
    for power in range(8, 3, -1):
        out = io.BytesIO()
        Image.open(io.BytesIO(png)).convert("RGB").quantize(2**power, dither=Image.Dither.NONE).save(out, "PNG", optimize=True)
        if out.tell() <= MAX_BYTES:
            break
    return out.getvalue()


def main(target: Path, *only: str) -> None:
    """Write them all, or those of these names."""
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as directory, console(Path(directory)) as (here, link), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"], env=CHINESE)
        for shot in shots(link):
            if only and shot.name not in only:
                continue
            for width, height, suffix in SIZES:
                png = shoot(browser, here, shot, width, height)
                (target / f"{shot.name}{suffix}.png").write_bytes(png)
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/screens"), *sys.argv[2:])
