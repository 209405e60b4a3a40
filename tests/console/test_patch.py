"""What brings a page that shows one board to the next, and that all pages get the same."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from flask import Flask

from console.board import Board, LiveCall, QueueCard, SeatCard
from console.drawing import KEPT, Drawings
from console.feed import Frame
from console.patch import Drawing, patch


def laid_on(old: Drawing, change: dict[str, Any]) -> Drawing:
    """What console.js makes of it."""
    lists = {}
    for name, items in old.lists.items():
        found = dict(items) | change["lists"].get(name, {}).get("items", {})
        order = change["lists"].get(name, {}).get("order", list(items))
        lists[name] = {key: found[key] for key in order}
    return Drawing(old.shape, {**old.parts, **change["parts"]}, lists)


def test_a_patch_tells_what_differs_and_nothing_else() -> None:
    old = Drawing((True,), {"tiles": "1", "count": "2"}, {"seats": {"a": "A", "b": "B"}, "calls": {"x": "X"}})
    assert patch(old, old) == {"parts": {}, "lists": {}}
    new = Drawing((True,), {"tiles": "1", "count": "3"}, {"seats": {"b": "B", "a": "A!"}, "calls": {"x": "X"}})
    assert patch(old, new) == {
        "parts": {"count": "3"},
        "lists": {"seats": {"order": ["b", "a"], "items": {"a": "A!"}}},
    }
    gone = Drawing((True,), old.parts, {"seats": {"a": "A", "b": "B"}, "calls": {}})
    assert patch(old, gone) == {"parts": {}, "lists": {"calls": {"order": []}}}
    assert patch(old, Drawing((False,), old.parts, old.lists)) is None


@pytest.mark.parametrize("seed", range(20))
def test_a_patch_laid_on_the_old_one_makes_the_new_one(seed: int) -> None:
    chance = random.Random(seed)

    def drawn() -> Drawing:
        keys = chance.sample("abcdefgh", chance.randint(0, 8))
        return Drawing(
            (True,), {"tiles": str(chance.randint(0, 2))}, {"seats": {key: key * chance.randint(1, 2) for key in keys}}
        )

    old = drawn()
    for _ in range(20):
        new = drawn()
        change = patch(old, new)
        assert change is not None
        made = laid_on(old, change)
        assert made == new
        assert list(made.lists["seats"]) == list(new.lists["seats"])
        old = new


def frame(version: int, *calls: str, away: bool = False) -> Frame:
    seat = SeatCard("1026", "小王", "idle", "", 5.0, "", "", ("service",))
    live = tuple(LiveCall(call, "MENU", "sample", "13912345678", "", "", "n1", "main", True, 5.0) for call in calls)
    return Frame(version, Board(live, (seat,), (QueueCard("service", 1, 1, ()),)), away)


def events(text: str) -> list[tuple[str, str]]:
    return [
        (lines[0].removeprefix("event: "), "\n".join(line.removeprefix("data: ") for line in lines[1:]))
        for lines in (block.splitlines() for block in text.split("\n\n") if block)
    ]


def test_a_new_page_gets_the_board_and_then_what_differs(app: Flask) -> None:
    drawings = Drawings()
    with app.test_request_context("/?lang=zh"):
        version, text = drawings.since(0, frame(1, "c1"))
        [(kind, board)] = events(text)
        assert (version, kind) == (1, "board")
        for said in ('id="call-c1"', 'id="seat-1026"', 'id="queue-service"', 'id="tiles"', 'id="calls-count"'):
            assert said in board, said
        assert drawings.since(1, frame(1, "c1")) == (1, "")
        version, text = drawings.since(1, frame(4, "c1", "c2"))
        [(kind, said)] = events(text)
        change = json.loads(said)
        assert (version, kind) == (4, "patch")
        assert change["parts"]["calls-count"] == "2"
        assert change["lists"] == {
            "calls": {"order": ["call-c1", "call-c2"], "items": {"call-c2": change["lists"]["calls"]["items"]["call-c2"]}}
        }
        assert "139 1234 5678" in change["lists"]["calls"]["items"]["call-c2"]
        assert "csrf" not in board, "drawn for all: no page's token"


def test_a_page_that_missed_some_gets_all_it_missed_or_the_board(app: Flask) -> None:
    drawings = Drawings()
    with app.test_request_context("/?lang=zh"):
        drawings.since(0, frame(1, "c1"))
        for version in range(2, KEPT + 2):
            drawings.since(version - 1, frame(version, *(f"c{each}" for each in range(version))))
        version, text = drawings.since(1, frame(5, "c1"))
        assert version == KEPT + 1, "the newest that is drawn, whatever was asked for"
        assert [kind for kind, _ in events(text)] == ["patch"] * KEPT
        drawings.since(KEPT + 1, frame(KEPT + 2, "c1"))
        assert [kind for kind, _ in events(drawings.since(1, frame(KEPT + 2, "c1"))[1])] == ["board"]


def test_where_the_board_has_another_shape_it_is_sent_whole(app: Flask) -> None:
    drawings = Drawings()
    with app.test_request_context("/?lang=zh"):
        drawings.since(0, frame(1, "c1"))
        _, text = drawings.since(1, frame(2))
        [(kind, board)] = events(text)
        assert (kind, "现在没有来电" in board) == ("board", True)
        [(kind, board)] = events(drawings.since(2, frame(3, away=True))[1])
        assert (kind, "暂时连不上" in board) == ("board", True)
        [(kind, _)] = events(drawings.since(3, Frame(4, None, away=True))[1])
        assert kind == "board"
