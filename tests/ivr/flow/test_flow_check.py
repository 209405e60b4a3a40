"""Each rule of the checker: it speaks where it should, with the right line, and is silent about a good menu."""

from __future__ import annotations

from pathlib import Path

import pytest

from ivr.flow.check import RULES, Facts, check, check_file
from ivr.flow.finding import Finding
from ivr.flow.load import load
from prompts import PATH
from prompts.catalogue import available

GOOD = """\
start: welcome
human: service
nodes:
  welcome: {kind: say, prompt: welcome, notice: true, then: main}
  main:
    kind: menu
    prompt: main_menu
    keys:
      "1": service
      "2": info
      "9": english
  info: {kind: say, prompt: info, then: main}
  english: {kind: menu, language: en, prompt: main_menu, keys: {"1": service, "9": sub}}
  sub: {kind: goto, to: english}
  service:
    kind: queue
    queue: service
    greeting: please_wait
    on_timeout: bye
  bye: {kind: hangup, prompt: goodbye}
"""
ZH = {"welcome", "main_menu", "info", "please_wait", "goodbye", "no_input", "no_match", "closed", "sorry_goodbye"}
EN = ZH - {"info"}
FACTS = Facts(prompts={"zh": ZH, "en": EN}, queues={"service"}, recorded={"service"})


def found(text: str, facts: Facts = FACTS) -> list[Finding]:
    return check(load(text, "m.yaml"), facts)


def short(findings: list[Finding]) -> list[tuple[str, str, int, str]]:
    return [(f.severity, f.rule, f.line, f.node) for f in findings]


def changed(*pairs: tuple[str, str]) -> str:
    text = GOOD
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new)
    return text


def test_a_good_menu_has_no_findings() -> None:
    assert found(GOOD) == []
    assert check(load(GOOD)) == []


def test_the_sample_menu_has_no_findings() -> None:
    assert check_file(PATH / "menus" / "sample.yaml", available(PATH), {"service"}, {"service"}) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            changed(('"2": info', '"2": infos')),
            [("error", "missing_target", 10, "main"), ("warning", "unreachable", 12, "info")],
        ),
        (changed(("start: welcome", "start: hello")), [("error", "missing_target", 1, "")]),
        (changed(("human: service", "human: services")), [("error", "missing_target", 2, "")]),
        (
            changed(("on_timeout: bye", "on_timeout: by")),
            [("error", "missing_target", 19, "service"), ("warning", "unreachable", 20, "bye")],
        ),
        (changed(('      "2": info\n', "")), [("warning", "unreachable", 11, "info")]),
        (changed(("info, then: main", "info, then: info")), [("error", "loop", 12, "info")]),
        (
            changed(("then: main}\n  english", "then: sub}\n  english"), ("to: english", "to: info")),
            [("error", "loop", 12, "info"), ("warning", "missing_prompt", 12, "info")],
        ),
        (
            changed(("    keys:\n", "    no_input: {to: info}\n    keys:\n")),
            [("warning", "silent_loop", 5, "main")],
        ),
        (
            "start: a\nnodes:\n  a: {kind: hangup}",
            [("error", "no_human", 2, "")],
        ),
        (
            changed(
                ("human: service\n", ""),
                ("on_timeout: bye", "on_timeout: more"),
                ("  bye:", "  more: {kind: queue, queue: service}\n  bye:"),
            ),
            [("error", "no_person", 2, ""), ("warning", "unreachable", 20, "bye")],
        ),
        (
            changed(
                ("human: service", "habits: {human: null}"),
                ('keys: {"1": service, "9": sub}', 'no_input: {to: bye}, no_match: {to: bye}, keys: {"9": sub}'),
            ),
            [("warning", "no_human", 13, "english")],
        ),
        (changed((", notice: true", "")), [("error", "no_notice", 15, "service")]),
        (
            changed(("start: welcome", "start: service"), ("on_timeout: bye", "on_timeout: welcome")),
            [
                ("warning", "unreachable", 20, "bye"),
                ("error", "no_notice", 15, "service"),
                ("warning", "missing_prompt", 12, "info"),
            ],
        ),
        (
            changed(("notice: true", "notice: true, barge_in: true")),
            [("warning", "notice_cut", 4, "welcome"), ("error", "no_notice", 15, "service")],
        ),
        (changed(("prompt: info,", "prompt: [info, more],")), [("error", "missing_prompt", 12, "info")]),
        (changed(("to: english}", "to: info}")), [("warning", "missing_prompt", 12, "info")]),
        (changed(("    queue: service", "    queue: sales")), [("error", "missing_queue", 17, "service")]),
        (changed(("human: service", "human: service\nhabits: {again: 0}")), [("error", "habit_twice", 3, "")]),
        (changed(('"1": service\n', '"0": info\n')), [("warning", "habit_taken", 9, "main")]),
        (
            changed(
                ('"1": service\n', '"1": {to: service, words: [a, b]}\n'), ('"2": info\n', '"2": {to: info, words: [b]}\n')
            ),
            [("error", "word_twice", 10, "main")],
        ),
        (
            changed(('      "2": info', '      "1": info')),
            [("error", "twice", 10, "main"), ("warning", "unreachable", 12, "info")],
        ),
    ],
)
def test_each_rule(text: str, expected: list[tuple[str, str, int, str]]) -> None:
    assert sorted(short(found(text))) == sorted(expected)


def test_every_rule_is_seen_above() -> None:
    assert len(RULES) == 9


def test_findings_tell_what_and_what_helps() -> None:
    (missing, _) = found(changed(('"2": info', '"2": infos')))
    assert str(missing) == (
        "m.yaml:10: error: [main] There is no node 'infos'. Nodes are: welcome, main, info, english, sub, service, bye."
    )
    (untold,) = found(changed((", notice: true", "")))
    assert "welcome → service" in untold.message
    (other,) = found(changed(("to: english}", "to: info}")))
    assert other.message == "There is no prompt 'info' in 'en', callers hear it in 'zh'."


def test_a_queue_that_is_not_recorded_needs_no_notice() -> None:
    text = changed((", notice: true", ""))
    assert found(text, Facts(recorded=set())) == []
    assert short(found(text, Facts())) == [("error", "no_notice", 15, "service")]


def test_the_built_in_endings_need_their_prompts() -> None:
    facts = Facts(prompts={"zh": ZH - {"closed"}, "en": EN - {"closed"}})
    assert short(found(GOOD, facts)) == [("error", "missing_prompt", 3, "-closed")] * 2


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    (gone,) = check_file(tmp_path / "gone.yaml")
    assert (gone.rule, gone.line) == ("unreadable", 0)
    (tmp_path / "odd.yaml").write_bytes(b"\xff\xfe")
    (odd,) = check_file(tmp_path / "odd.yaml")
    assert odd.rule == "unreadable"
    (tmp_path / "bad.yaml").write_text("nodes: [", encoding="utf-8")
    assert [finding.rule for finding in check_file(tmp_path / "bad.yaml")] == ["yaml"]
    (tmp_path / "good.yaml").write_text(GOOD, encoding="utf-8")
    assert check_file(tmp_path / "good.yaml") == []
