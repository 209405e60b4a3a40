"""Each rule of the checker: it speaks where it should, with the right line, and is silent about a good menu."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from ivr.flow.check import RULES, Facts, check, check_file
from ivr.flow.finding import Finding
from ivr.flow.hearing import HABITS
from ivr.flow.load import load
from ivr.flow.nodes.language import WORDS
from ivr.flow.parts import Language
from ivr.speech.phrases import tokens
from ivr.speech.spoken import NO, YES, digit_words, number_words
from ivr.speech.tiny import words
from prompts import PATH
from prompts.catalogue import available
from tests.ivr.flow.documents import SAMPLES

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
    assert check_file(PATH / "menus" / "sample.yaml", Facts(available(PATH), {"service"}, {"service"})) == []


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_the_samples_have_no_findings(path: Path) -> None:
    """Their prompts aside, which other tests hold. The built-in speech model knows all their words."""
    known = words()
    facts = Facts(vocabulary={"zh": known, "en": known})
    assert [str(finding) for finding in check_file(path, facts)] == []


def test_the_built_in_model_knows_what_is_said_without_being_told() -> None:
    kinds: list[Mapping[Language, tuple[str, ...]]] = [*HABITS.values(), WORDS, YES, NO]
    said = [word for kind in kinds for each in kind.values() for word in each]
    said += [*digit_words("zh"), *number_words("zh"), "十", "zero", "oh", "double", "nine"]
    assert [word for word in said if tokens(word, words()) is None] == []


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
            [("warning", "no_human", 13, "english"), *[("error", "cut_off", 13, "english")] * 2],
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
    assert len(RULES) == 25


def test_findings_tell_what_and_what_helps() -> None:
    (missing, _) = found(changed(('"2": info', '"2": infos')))
    assert str(missing) == (
        "m.yaml:10: error: [main] There is no node 'infos'. Nodes are: welcome, main, info, english, sub, service, bye."
    )
    (untold,) = found(changed((", notice: true", "")))
    assert "welcome → service" in untold.message()
    (other,) = found(changed(("to: english}", "to: info}")))
    assert other.message() == "There is no prompt 'info' in 'en', callers hear it in 'zh'."


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


def test_words_of_a_large_vocabulary_that_are_near() -> None:
    text = """
start: a
nodes:
  a: {kind: menu, prompt: m, keys: {"1": {to: q, words: 丁单}, "2": {to: q, words: oders}, "0": q}}
  q: {kind: queue, queue: q}
"""
    many = [f"{first}{second}" for first in "甲乙丙戊己庚辛壬癸" for second in map(chr, range(0x5000, 0x5300))]
    letters = [f"x{number}" for number in range(3000)]
    facts = Facts(vocabulary={"zh": [*many, *letters, "订单", "oders's"]})
    found = {
        finding.values["word"]: finding.values.get("near")
        for finding in check(load(text), facts)
        if finding.rule == "word_unknown"
    }
    assert found == {"丁单": ("订单",), "oders": ("oders's",)}
