"""Menus as trees: every node once, with all its ways."""

from __future__ import annotations

from pathlib import Path

import pytest

from ivr.flow.load import load
from ivr.flow.outline import Row, outline, ways
from prompts import PATH

SAMPLES = sorted(path for path in (PATH / "menus").glob("*.yaml") if ".cases" not in path.name)

MENU = """\
start: a
after_talk: rate
nodes:
  a: {kind: say, prompt: welcome, then: main}
  main: {kind: menu, prompt: no_input, keys: {"1": {to: q, words: {zh: [客服]}}, "2": sub, "3": nowhere, "4": a}}
  sub: {kind: flow, flow: inner, then: main}
  q: {kind: queue, queue: service, on_timeout: main}
  rate: {kind: rating}
  lost: {kind: say, prompt: welcome, then: q}
flows:
  inner:
    start: one
    nodes:
      one: {kind: say, prompt: welcome, then: two}
      two: {kind: return}
"""


def drawn(rows: list[Row]) -> list[str]:
    return [
        f"{'  ' * row.depth}{row.root or (row.way and (row.way.key or row.way.at[0]))} {row.name}"
        + ("" if row.node else " ?")
        + (" ^" if row.again else "")
        for row in rows
    ]


def test_a_tree() -> None:
    rows = outline(load(MENU))
    assert drawn(rows) == [
        "start a",
        "  then main",
        "    1 q",
        "      on_timeout main ^",
        "    2 sub",
        "      flow inner:one",
        "        then inner:two",
        "      then main ^",
        "    3 nowhere ?",
        "    4 a ^",
        "after_talk rate",
        "unreached lost",
        "  then q ^",
    ]
    assert {row.name: row.line for row in rows if not row.again}["q"] == 7
    [first] = [row for row in rows if row.way and row.way.key == "1"]
    assert first.way is not None
    assert first.way.words == {"zh": ("客服",)}
    [main] = [row for row in rows if row.name == "main" and not row.again]
    assert [(said.at, said.written) for said in main.says] == [
        (("prompt",), True),
        (("no_input", "prompt"), False),
        (("no_match", "prompt"), False),
    ]


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_every_node_of_the_samples_stands_once(path: Path) -> None:
    loaded = load(path.read_text(encoding="utf-8"))
    rows, document = outline(loaded), loaded.document
    assert document is not None
    assert sorted(row.name for row in rows if row.node and not row.again) == sorted(document.every_node)
    assert len([row for row in rows if row.way]) == sum(len(ways(document, name)) for name in document.every_node)
    assert all(row.line for row in rows if row.node)
    depth = -1
    for row in rows:
        assert row.depth <= depth + 1
        depth = row.depth


def test_what_is_no_menu_has_no_tree() -> None:
    assert outline(load("nodes: [")) == []


def test_a_start_that_is_not_there() -> None:
    rows = outline(load("start: x\nnodes:\n  a: {kind: hangup}\n"))
    assert drawn(rows) == ["start x ?", "unreached a"]


def test_a_chain_of_a_thousand_nodes() -> None:
    nodes = "".join(f"  n{n}: {{kind: say, prompt: welcome, then: n{n + 1}}}\n" for n in range(999))
    rows = outline(load(f"start: n0\nnodes:\n{nodes}  n999: {{kind: hangup}}\n"))
    assert [row.depth for row in rows] == list(range(1000))
