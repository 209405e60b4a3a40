"""Reading menus: what people write by hand, right and wrong, and where the fault stands."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.flow.load import load
from ivr.flow.nodes.menu import Menu
from ivr.flow.nodes.queue import QueueNode
from ivr.flow.nodes.say import Say
from ivr.flow.tree import SIZE_LIMIT, read_tree

GOOD = """\
title: 测试
start: 欢迎
nodes:
  欢迎:
    kind: say
    prompt: welcome
    notice: true
    then: main
  main:
    kind: menu
    prompt: [main_menu, more]
    timeout_s: 7.5
    keys:
      0: service
      1:
        to: service
        words: [人工, 客服]
      "#": main
  service:
    kind: queue
    queue: service
    greeting:
"""


def test_a_good_menu() -> None:
    loaded = load(GOOD)
    assert loaded.findings == ()
    document = loaded.document
    assert document is not None
    welcome, main, service = (document.nodes[name] for name in ("欢迎", "main", "service"))
    assert isinstance(welcome, Say)
    assert (welcome.prompt, welcome.notice, welcome.interruptible) == (("welcome",), True, False)
    assert isinstance(main, Menu)
    assert list(main.keys) == ["0", "1", "#"]
    assert (main.timeout_s, main.keys["1"].words, main.keys["0"].to) == (7.5, ("人工", "客服"), "service")
    assert isinstance(service, QueueNode)
    assert loaded.lines["nodes", "main", "keys", "1", "to"] == 16
    assert document.person() == "service"


def test_scalars_stay_as_written() -> None:
    assert read_tree("{a: 0471, b: on, c: 1_000, d: 2026-01-01, e: ~, f: '~', 012: x, g: , h: [null, '']}").value == {
        "a": "0471",
        "b": "on",
        "c": "1_000",
        "d": "2026-01-01",
        "e": None,
        "f": "~",
        "012": "x",
        "g": None,
        "h": [None, ""],
    }


@pytest.mark.parametrize(
    ("text", "line", "rule", "node", "words"),
    [
        ("", 0, "yaml", "", "empty"),
        ("title: [1, 2", 1, "yaml", "", "Not YAML"),
        ("title: a\n  b: c", 2, "yaml", "", "Not YAML"),
        ("title: a\n---\ntitle: b", 2, "yaml", "", "second document"),
        ("a: &x 1\nb: *x", 1, "yaml", "", "&x"),
        ("a: 1\nb: *x", 2, "yaml", "", '"*"'),
        ("nodes:\n  m:\n    keys:\n      *: main", 4, "yaml", "", '"*"'),
        ("a: !!python/object:os.system {}", 1, "yaml", "", "not used"),
        ("? {a: b}\n: c", 1, "yaml", "", "plain text"),
        ("[" * 40, 1, "yaml", "", "deeply"),
        ("a: \0", 0, "yaml", "", "Not YAML"),
        ('a: "\\UFFFFFFFF"', 0, "yaml", "", "Not YAML"),
        ("x" * (SIZE_LIMIT + 1), 0, "yaml", "", "more than"),
        ("just text", 1, "value", "", "The document must have fields."),
        ("[1, 2]", 1, "value", "", "The document must have fields."),
        ("start: a\nstart: b\nnodes: {a: {kind: hangup}}", 2, "twice", "", "'start' stands there twice (first in line 1)"),
        (GOOD.replace('      "#": main', '      "1": main'), 18, "twice", "main", "'1' stands there twice (first in line 15)"),
        (GOOD.replace("notice: true", "notise: true"), 7, "unknown_field", "欢迎", "Is notice meant?"),
        (GOOD.replace("words:", "xyzzy:"), 17, "unknown_field", "main", "Known: to, words."),
        (GOOD.replace("title:", "titel:"), 1, "unknown_field", "", "Is title meant?"),
        (GOOD + "    on_timeuot: x\n", 23, "unknown_field", "service", "Is on_timeout meant?"),
        (GOOD.replace("start: 欢迎\n", "habits: {humn: 1}\nstart: 欢迎\n"), 2, "unknown_field", "", "Is human meant?"),
        (GOOD.replace("    prompt: welcome\n", ""), 4, "missing_field", "欢迎", "prompt is missing"),
        (GOOD.replace("start: 欢迎\n", ""), 1, "missing_field", "", "start is missing"),
        (GOOD.replace("kind: say", "kind: shout"), 5, "bad_kind", "欢迎", "no kind 'shout'"),
        (GOOD.replace("    kind: say\n", ""), 4, "bad_kind", "欢迎", "Kinds are: say, menu, collect, dictation, language"),
        (GOOD.replace('"#"', '"12"'), 18, "bad_key", "main", "'12' is no key"),
        (GOOD.replace("start: 欢迎\n", "habits: {human: hash}\nstart: 欢迎\n"), 2, "bad_key", "", "'hash' is no key"),
        (GOOD.replace("prompt: welcome", "prompt: ../welcome"), 6, "bad_name", "欢迎", "'../welcome' is no name"),
        (GOOD.replace("more]", "a b]"), 11, "bad_name", "main", "prompt.1: 'a b' is no name"),
        (GOOD.replace("  service:\n", "  -service:\n"), 19, "bad_name", "-service", "'-service' is no name"),
        (GOOD.replace("7.5", "soon"), 12, "value", "main", "timeout_s"),
        (GOOD.replace("7.5", "0"), 12, "value", "main", "timeout_s"),
        (GOOD.replace("notice: true", "notice: maybe"), 7, "value", "欢迎", "notice"),
        ("start: a\nnodes: {}", 2, "value", "", "nodes"),
        ("start: a\nnodes: 5", 2, "value", "", "nodes"),
        ("start: a\nnodes:\n  a: b", 3, "value", "a", "nodes.a must have fields."),
        ("start: a\nnodes:\n  a: {kind: menu, prompt: a, keys: 1}", 3, "value", "a", "keys"),
    ],
)
def test_what_is_wrong_is_found_with_its_line(text: str, line: int, rule: str, node: str, words: str) -> None:
    loaded = load(text, "m.yaml")
    assert [(f.line, f.rule, f.node) for f in loaded.findings] == [(line, rule, node)]
    assert words in str(loaded.findings[0])
    assert str(loaded.findings[0]).startswith(f"m.yaml:{line}: error" if line else "m.yaml: error")


def test_all_faults_come_at_once_by_line() -> None:
    text = GOOD.replace("notice: true", "notise: true").replace("7.5", "soon").replace('"#"', '"12"')
    assert [finding.line for finding in load(text).findings] == [7, 12, 18]


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=200))
def test_no_text_raises(text: str) -> None:
    loaded = load(text)
    assert loaded.document is not None or loaded.findings


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, len(GOOD)), st.integers(0, 12), st.sampled_from(["", "\n", ": ", "- ", "{", "*", "'", "0"]))
    )
)
def test_no_damaged_menu_raises(cuts: list[tuple[int, int, str]]) -> None:
    text = GOOD
    for start, length, put in cuts:
        text = text[:start] + put + text[start + length :]
    loaded = load(text)
    assert loaded.document is not None or loaded.findings


json_like = st.recursive(
    st.none() | st.sampled_from(["say", "menu", "queue", "a", "1", "", "true"]),
    lambda inside: (
        st.lists(inside, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["kind", "prompt", "keys", "1", "to", "no_input", "words", "nodes", "a", "start", "then", "habits", "x"]
            ),
            inside,
            max_size=5,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(st.sampled_from(["start", "title", "habits", "human", "x"]), json_like), json_like)
def test_no_strange_shape_raises(top: dict[str, object], nodes: object) -> None:
    loaded = load(yaml.safe_dump({**top, "nodes": {"a": nodes}}))
    assert loaded.document is not None or loaded.findings
