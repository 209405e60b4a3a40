"""`hotline flow simulate` and `replay`, as people run them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from followup.book import Rules, book
from followup.events import StreamEvent
from prompts import PATH
from storage.sql import migrate, open_database, writing

SHOP = PATH / "menus" / "shop.yaml"


def hotline(directory: Path, *words: str, typed: str = "") -> tuple[int, str]:
    """Exit status, and what it said."""
    done = subprocess.run(
        [sys.executable, "-m", "ivr.cli", *words],
        cwd=PATH.parent,
        env={**os.environ, "HOTLINE_DATA_DIR": str(directory)},
        input=typed,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    return done.returncode, done.stdout + done.stderr


def test_cases_that_come_true_and_one_that_does_not(tmp_path: Path) -> None:
    status, said = hotline(tmp_path, "flow", "simulate", str(SHOP), "--script", str(SHOP.with_suffix(".cases.yaml")))
    assert (status, "FAILED" in said) == (0, False)
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text('cases: [{name: wrong, inputs: ["1"], ends: hangup}]', encoding="utf-8")
    status, said = hotline(tmp_path, "flow", "simulate", str(SHOP), "--script", str(wrong))
    assert status == 1
    assert "FAILED wrong" in said
    assert "ends: queue service, not hangup" in said


@pytest.mark.parametrize(
    ("options", "typed", "words"),
    [
        ((), "1\n", "[queue service]"),
        (("--closed",), "\nmessage 9\n", "[hangup]"),
        (("--fact", "dialable=yes"), "1\n1\n1\n", "[hangup]"),
        ((), "say 订单\n", "[queue service]"),
        ((), "say 0.4 地址\nsay 对\nquit\n", "示例大街一号"),
        ((), "misheard unknown\nmisheard noise\nmisheard too_much\n", "[queue service]"),
        ((), "not_hearing busy\nquit\n", "语音暂时不可用"),
        ((), "misheard what\nquit\n", "is nothing that a caller does"),
        ((), "say\nquit\n", "is nothing that a caller does"),
        ((), "nonsense here\nquit\n", "is nothing that a caller does"),
    ],
)
def test_by_hand(tmp_path: Path, options: tuple[str, ...], typed: str, words: str) -> None:
    status, said = hotline(tmp_path, "flow", "simulate", str(SHOP), *options, typed=typed)
    assert status == 0
    assert words in said


def test_files_that_can_not_be_used_are_named(tmp_path: Path) -> None:
    status, said = hotline(tmp_path, "flow", "simulate", str(tmp_path / "none.yaml"))
    assert status == 2
    assert "none.yaml can't be read" in said


def test_calls_of_the_past_in_a_draft(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/hotline.db"
    migrate(url)
    database = open_database(url)
    arrived = {"hotline": "sample", "caller": "13912345678", "dialable": True, "called": "4001", "trunk": "t", "node": "n"}
    steps: list[tuple[str, dict[str, Any]]] = [
        ("arrived", arrived),
        *(("menu", {"node": node}) for node in ("welcome", "main")),
        ("key", {"node": "main", "digit": "3"}),
        ("queued", {"queue": "service"}),
        ("ended", {"by": "caller", "reason": "abandoned", "wait_s": 9.0}),
    ]
    events = [StreamEvent("c1", n, kind, 1.796e9 + n, data, json.dumps(data)) for n, (kind, data) in enumerate(steps, 1)]
    with writing(database) as connection:
        book(connection, events, Rules())
    database.dispose()
    menu = str(PATH / "menus" / "aftersales.yaml")
    span = ("--from", "2026-11-01", "--to", "2027-01-01")
    status, said = hotline(tmp_path, "flow", "replay", "--menu", menu, *span)
    assert status == 0, said
    assert "1 calls of sample, 1 would come out elsewhere" in said
    assert "queue service  →  queue complaint" in said
