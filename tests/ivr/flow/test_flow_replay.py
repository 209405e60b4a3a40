"""Calls of the past through another menu."""

from __future__ import annotations

from typing import Any

import pytest

from ivr.flow.replay import Happened, Replayed, moves, replay
from ivr.flow.simulate import Always
from tests.ivr.flow.walks import document

MENU = """
  a: {kind: language, keys: {"1": zh, "2": en}, then: hours}
  hours: {kind: hours, open: m, closed: mail}
  m: {kind: menu, prompt: m, keys: {"1": person, "2": order, "3": {to: sales, words: 销售}, "4": ext, "5": pin}}
  order: {kind: collect, prompt: p, into: order, min: 3, max: 6, read_back: {}, then: look}
  look: {kind: lookup, lookup: orders, send: {n: "{order}"}, keep: {status: s}, found: told, not_found: person}
  told: {kind: say, prompt: {text: "{status}"}, then: m}
  pin: {kind: collect, prompt: p, into: pin, min: 4, max: 4, secret: true, then: person}
  sales: {kind: queue, queue: sales}
  ext: {kind: extension}
  mail: {kind: voicemail}
"""


def call(*events: tuple[str, dict[str, Any]]) -> list[Happened]:
    first = ("arrived", {"caller": "139", "dialable": True, "hotline": "h"})
    return [Happened(kind, 1000.0 + index, data) for index, (kind, data) in enumerate((first, *events))]


def menu(node: str) -> tuple[str, dict[str, Any]]:
    return "menu", {"node": node}


def key(node: str, digit: str) -> tuple[str, dict[str, Any]]:
    return "key", {"node": node, "digit": digit}


START = (menu("a"), menu("hours"), menu("m"))


def gone(by: str = "caller") -> tuple[str, dict[str, Any]]:
    return "ended", {"by": by, "reason": "hung_up"}


@pytest.mark.parametrize(
    ("events", "end", "path"),
    [
        ((*START, key("m", "1"), menu("person"), ("queued", {"queue": "service"})), "queue service", "a hours m person"),
        ((*START, key("m", "3"), menu("sales"), ("queued", {"queue": "sales"})), "queue sales", "a hours m sales"),
        ((*START, ("said", {"node": "m", "text": "销售"}), ("queued", {"queue": "sales"})), "queue sales", "a hours m sales"),
        (
            (*START, key("m", "4"), menu("ext"), key("ext", "1026"), ("connecting", {"to": "1026"})),
            "seat 1026",
            "a hours m ext",
        ),
        ((*START, gone()), "left at m", "a hours m"),
        ((*START, menu("person"), ("queued", {"queue": "service"})), "queue service", "a hours m person"),
    ],
)
def test_in_the_same_menu_every_call_comes_out_where_it_did(
    events: tuple[tuple[str, dict[str, Any]], ...], end: str, path: str
) -> None:
    found = replay(document(MENU), "c1", call(*events))
    assert (found.before, found.after, found.changed, found.note) == (end, end, False, "")
    assert " ".join(found.path) == path


def test_a_value_keyed_in_and_what_was_found_by_it() -> None:
    events = call(
        *START,
        key("m", "2"),
        menu("order"),
        ("entered", {"node": "order", "variable": "order", "value": "1234"}),
        key("order", "1"),
        menu("look"),
        ("entered", {"node": "look", "variable": "status", "value": "已发货"}),
        menu("told"),
        menu("m"),
        gone(),
    )
    found = replay(document(MENU), "c1", events)
    assert found.path == ("a", "hours", "m", "order", "look", "told", "m")
    assert (found.before, found.after) == ("left at m", "left at m")


def test_another_menu_leads_elsewhere() -> None:
    draft = document(MENU.replace('"1": person', '"1": sales'))
    found = replay(draft, "c1", call(*START, key("m", "1"), menu("person"), ("queued", {"queue": "service"})))
    assert (found.before, found.after, found.changed) == ("queue service", "queue sales", True)


def test_at_another_hour() -> None:
    closed = {"default": Always(False)}
    left = call(menu("a"), menu("hours"), menu("mail"), ("voicemail", {"seconds": 9.0}), gone("system"))
    found = replay(document(MENU), "c1", left, closed)
    assert (found.before, found.after) == ("message", "message")
    assert replay(document(MENU), "c1", left).after == "queue service"


def test_a_secret_is_not_known() -> None:
    events = call(*START, key("m", "5"), menu("pin"), ("entered", {"node": "pin", "variable": "pin", "value": "***"}), gone())
    assert replay(document(MENU), "c1", events).note == "a secret was keyed in at pin"


def test_a_draft_that_goes_round_says_so() -> None:
    draft = document("  a: {kind: say, prompt: a, then: b}\n  b: {kind: say, prompt: b, then: a}", "start: a\nmax_visits: 1000")
    assert "goes on by itself for ever" in replay(draft, "c1", call(gone())).note


def test_moves_are_counted_the_changed_ones_first() -> None:
    replayed = [Replayed(str(n), "x", after, ()) for n, after in enumerate(["x", "x", "x", "y", "z", "z"])]
    assert list(moves(replayed)) == [("x", "z", 2), ("x", "y", 1), ("x", "x", 3)]


def said(node: str, text: str, confidence: float = 0.9, *others: list[str | float]) -> tuple[str, dict[str, Any]]:
    return "said", {"node": node, "text": text, "confidence": confidence, **({"alternatives": list(others)} if others else {})}


def entered(node: str, value: str, variable: str = "order") -> tuple[str, dict[str, Any]]:
    return "entered", {"node": node, "variable": variable, "value": value}


PATH = ("a", "hours", "m", "order", "look", "person")


@pytest.mark.parametrize(
    "events",
    [
        (said("order", "一二三四"), entered("order", "1234"), said("order", "是", 0.2)),
        (said("order", "一二三四"), entered("order", "1234"), key("order", "2"), entered("order", "5678"), key("order", "1")),
        (
            said("order", "一二"),
            entered("order", "12"),
            said("order", "一二三四"),
            entered("order", "1234"),
            said("order", "对"),
        ),
        (said("order", "一二", 0.9, ["一二三", 0.4]), entered("order", "123"), key("order", "1")),
        (("misheard", {"node": "order", "why": "unknown"}), entered("order", "1234"), key("order", "1")),
        (("not_hearing", {"node": "order", "why": "busy"}), entered("order", "1234"), key("order", "1")),
        (("misheard", {"node": "order", "why": "new"}), entered("order", "1234"), key("order", "1")),
    ],
)
def test_what_was_said_is_said_again(events: tuple[tuple[str, dict[str, Any]], ...]) -> None:
    steps = (*START, key("m", "2"), menu("order"), *events, menu("look"), menu("person"), ("queued", {"queue": "service"}))
    found = replay(document(MENU), "c1", call(*steps))
    assert (found.path, found.after, found.note) == (PATH, "queue service", "")


def test_a_doubtful_choice_and_its_confirmation_lead_the_same_way() -> None:
    steps = (*START, said("m", "销售", 0.3), key("m", "1"), menu("sales"), ("queued", {"queue": "sales"}))
    assert replay(document(MENU), "c1", call(*steps)).after == "queue sales"
    steps = (
        *START,
        said("m", "小手", 0.5, ["销售", 0.3]),
        said("m", "是的", 0.9),
        menu("sales"),
        ("queued", {"queue": "sales"}),
    )
    assert replay(document(MENU), "c1", call(*steps)).after == "queue sales"


def test_doubtful_digits_that_were_confirmed_are_not_typed_too() -> None:
    draft = document(MENU.replace("read_back: {}, ", ""))
    steps = (said("order", "一二三", 0.3), key("order", "1"), entered("order", "123"), menu("look"))
    found = replay(
        draft, "c1", call(*START, key("m", "2"), menu("order"), *steps, menu("person"), ("queued", {"queue": "service"}))
    )
    assert (found.path, found.note) == (PATH, "")


def test_two_misunderstandings_lead_to_a_person_again() -> None:
    misheard = ("misheard", {"node": "m", "why": "too_much"})
    assert replay(document(MENU), "c1", call(*START, misheard, misheard, gone())).after == "queue service"


def test_a_secret_that_was_said_is_not_known() -> None:
    draft = document(MENU.replace("secret: true", "secret: true, by_voice: true"))
    events = call(*START, key("m", "5"), menu("pin"), said("pin", "***"), entered("pin", "***", "pin"), gone())
    assert replay(draft, "c1", events).note == "a secret was said at pin"
