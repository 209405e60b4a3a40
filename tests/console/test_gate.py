"""Nobody passes who may not: a walk over every route, for each role."""

from __future__ import annotations

import re

import pytest
from flask import Flask
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from console.gate import LIVE
from console.rate import Rate
from console.roles import Role, needed, open_to_all
from tests.console.browser import HERE, Browser
from tests.console.conftest import Browse

LOGINS = {Role.SEAT: "wang", Role.SUPERVISOR: "zhao", Role.ADMINISTRATOR: "root"}

EXPECTED: dict[str, Role | None] = {
    "static": None,
    **dict.fromkeys(("login.index", "login.enter", "login.welcome", "login.use", "health.healthz", "health.readyz"), None),
    "api.openapi": None,
    **dict.fromkeys(("login.home", "login.leave", "login.account", "login.change"), Role.SEAT),
    **dict.fromkeys(("seat.index", "seat.events", "seat.status", "seat.dial", "seat.settle"), Role.SEAT),
    **dict.fromkeys(("seat.keep", "seat.finish"), Role.SEAT),
    **dict.fromkeys(("my.show", "my.reasons", "my.wish", "my.dial", "my.read", "my.keep", "my.finish", "my.leave"), Role.SEAT),
    **dict.fromkeys(("callbacks.index", "callbacks.show", "callbacks.act"), Role.SEAT),
    **dict.fromkeys(("calls.call", "calls.recording", "calls.message"), Role.SEAT),
    **dict.fromkeys(("floor.index", "floor.events", "floor.sign_off", "calls.index", "calls.download"), Role.SUPERVISOR),
    **dict.fromkeys(("strangers.index", "strangers.act", "health.index", "health.metrics"), Role.SUPERVISOR),
    **dict.fromkeys(("hours.index", "hours.change_week", "hours.change_day"), Role.SUPERVISOR),
    **dict.fromkeys(("seats.index", "seats.change", "queues.index", "queues.change"), Role.SUPERVISOR),
    **dict.fromkeys(("settings_api.list_queue_settings", "settings_api.change_queue"), Role.SUPERVISOR),
    **dict.fromkeys(("settings_api.list_seat_settings", "settings_api.change_seat"), Role.SUPERVISOR),
    **dict.fromkeys(("settings_api.give_queue_back", "settings_api.give_seat_back"), Role.SUPERVISOR),
    **dict.fromkeys(("trunks.index", "settings_api.list_trunks"), Role.ADMINISTRATOR),
    **dict.fromkeys(("settings_api.list_calendars", "settings_api.show_calendar"), Role.SUPERVISOR),
    **dict.fromkeys(("settings_api.change_week", "settings_api.give_week_back"), Role.SUPERVISOR),
    **dict.fromkeys(("settings_api.change_day", "settings_api.give_day_back"), Role.SUPERVISOR),
    **dict.fromkeys(("people.index", "people.add", "people.show", "people.act", "people.lift"), Role.ADMINISTRATOR),
    "audit.index": Role.ADMINISTRATOR,
    **{
        f"{module}.{view}": Role.SUPERVISOR
        for module, views in {
            "menus": ("index", "show", "act", "tree", "changes", "history", "version", "rollback"),
            "library": ("index", "upload"),
            "menus_api": (
                *("list_menus", "show_menu", "check_menu", "save_menu_draft", "publish_menu", "list_menu_versions"),
                *("show_menu_version", "compare_menus", "roll_menu_back", "simulate_menu"),
                *("list_prompts", "record_prompt", "hear_sound"),
            ),
        }.items()
        for view in views
    },
    **dict.fromkeys(("api.whoami", "api.healthy", "api.list_return_calls", "api.balance"), Role.SEAT),
    **dict.fromkeys(("api.show_return_call", "api.claim_return_call", "api.release_return_call"), Role.SEAT),
    **dict.fromkeys(("api.hand_return_call_over", "api.settle_return_call"), Role.SEAT),
    **dict.fromkeys(("api.waive_return_call", "api.list_seats"), Role.SUPERVISOR),
    **{f"calls_api.{name}": Role.SEAT for name in ("show_call", "hear_recording", "show_levels", "hear_message")},
    **{f"calls_api.{name}": Role.SUPERVISOR for name in ("list_calls", "export_csv", "export_xlsx")},
    **dict.fromkeys(("api.sign_seat_off", "api.list_queues", "api.list_processes", "api.show_figures"), Role.SUPERVISOR),
}
"""Written down a second time: a role that changes changes here too."""


def test_every_route_has_the_role_that_was_thought_of(app: Flask) -> None:
    found = {rule.endpoint: needed(app.view_functions[rule.endpoint]) for rule in app.url_map.iter_rules()}
    assert found == EXPECTED


def path_of(rule: Rule) -> str:
    return re.sub(r"<int:[^>]+>", "999", re.sub(r"<(?!int:)[^>]+>", "nothing", rule.rule))


def send(browser: Browser, method: str, path: str) -> TestResponse:
    if method == "GET":
        return browser.get(path)
    return browser.open(path, method=method, data={"csrf_token": browser.token}, headers=HERE)


def test_a_walk_over_all_routes_by_each_role(app: Flask, browse: Browse) -> None:
    browsers = {role: browse(login) for role, login in LOGINS.items()}
    stranger = browse()
    stranger.get("/login")
    walked = 0
    for rule in app.url_map.iter_rules():
        need = needed(app.view_functions[rule.endpoint])
        if need is None or rule.endpoint in ("login.leave", "health.metrics", *LIVE):
            continue
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            path = path_of(rule)
            ask = send(stranger, method, path)
            by_page = method == "GET" and not path.startswith("/api/")
            assert ask.status_code == (302 if by_page else 401), (method, path)
            for role, browser in browsers.items():
                status = send(browser, method, path).status_code
                assert (status == 403) == (not role.covers(need)), (method, path, role, status)
                walked += 1
    assert walked > 100


def test_a_live_page_that_may_not_is_told_so_at_once(browse: Browse) -> None:
    assert {browse().get(path).status_code for path in ("/floor/events", "/seat/events")} == {401}
    assert browse("wang").get("/floor/events").status_code == 403


def test_a_view_that_declares_nothing_is_refused_to_everybody(app: Flask, browse: Browse) -> None:
    app.add_url_rule("/forgotten", "forgotten", lambda: "secret")
    assert browse("root").get("/forgotten").status_code == 403


def test_pages_of_problems_in_both_languages(app: Flask, browse: Browse) -> None:
    def broken() -> str:
        raise RuntimeError("as it happens")

    app.add_url_rule("/broken", "broken", open_to_all(broken))
    app.add_url_rule("/api/v1/broken", "api_broken", open_to_all(broken))
    app.logger.disabled = True  # it logs the exception as it should
    root, wang = browse("root"), browse("wang")
    for browser, path, status, zh, en in (
        (root, "/nowhere", 404, "没有这个页面或记录", "no such page or record"),
        (wang, "/people/", 403, "您没有权限", "You may not do this"),
        (root, "/broken", 500, "系统出错了", "Something went wrong here"),
    ):
        for language, said in (("zh", zh), ("en", en)):
            answer = browser.get(f"{path}?lang={language}")
            assert (answer.status_code, said in answer.text) == (status, True), (path, answer.text)
    assert browse().get("/nowhere").status_code == 404
    answer = root.get("/api/v1/broken")
    assert answer.get_json() == {"type": "about:blank", "title": "Internal Server Error", "status": 500}


@pytest.mark.parametrize("path", ["/login", "/nowhere", "/api/v1/me"])
def test_who_asks_too_fast_is_slowed_down(app: Flask, browse: Browse, path: str) -> None:
    app.extensions["anybody"] = Rate(per_s=0.001, burst=3.0)
    browser = browse()
    assert [browser.get(path).status_code == 429 for _ in range(4)] == [False, False, False, True]
    answer = browser.get(path)
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) >= 1
    assert browser.get("/healthz").status_code == 200, "machines that look after us aren't slowed"


def test_a_request_that_is_too_large_is_refused(browse: Browse) -> None:
    wang = browse("wang")
    assert wang.send("/me", action="token", name="x" * 300_000).status_code == 413
