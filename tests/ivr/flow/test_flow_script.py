"""The simulator and its cases; every sample menu's cases come true."""

from __future__ import annotations

from pathlib import Path

import pytest

import prompts
from ivr.flow.load import load
from ivr.flow.script import ScriptError, play, read_cases
from ivr.flow.simulate import Simulation
from ivr.rehearsal import texts_of
from tests.ivr.flow.walks import document, text

MENU = """
  a: {kind: hours, open: m, closed: bye, holiday: mail}
  m: {kind: menu, prompt: m, keys: {"1": person, "2": {to: call, words: 回电}, "3": ext, "4": rate, "5": look}}
  call: {kind: return_call, declined: m}
  ext: {kind: extension}
  rate: {kind: rating}
  mail: {kind: voicemail}
  look: {kind: lookup, lookup: o, keep: {status: s}, found: told, not_found: bye, failed: mail}
  told: {kind: say, prompt: {text: "{status}"}, then: m}
"""

GOOD = """
cases:
  - {name: a person, inputs: ["1"], path: [a, m, person], hears: <m>, ends: queue service}
  - {name: silence, inputs: [silence, silence], hears: [<m>, <no_input>], ends: queue service}
  - {name: no answer, inputs: ["1", {queue: time_limit}], path: [a, m, person, -time_limit], ends: hangup}
  - {name: early, inputs: [{early: "2"}, {early: "1"}], facts: {dialable: "yes"}, promises: "", ends: hangup}
  - {name: words, inputs: [{say: 回电}, "1", "13912345678#", "1"], promises: "13912345678"}
  - {name: kept, inputs: ["21", "13912345678#"], values: {return_number: "13912345678"}, ends: menu}
  - {name: busy, inputs: ["31026", {connect: busy}, {connect: busy}], hears: <extension_busy>, ends: menu}
  - {name: rated, inputs: ["4", "1"], rated: 满意}
  - {name: closed, open: false, path: [a, bye]}
  - {name: by name, open: {default: false}, path: [a, bye]}
  - {name: holiday, open: {default: 国庆节}, inputs: [{message: 9}], ends: hangup}
  - {name: found, inputs: ["5"], lookups: {o: {status: 已发货}}, hears: <已发货>}
  - {name: not found, inputs: ["5"], lookups: {o: false}, ends: hangup}
  - {name: not asked, inputs: ["5"], lookups: {o: null}, ends: message}
  - {name: after the talk, inputs: ["1", {talk: over}], path: [a, m, person, -end]}
  - {name: at a time, at: "2026-03-02 10:30", ends: menu}
"""


@pytest.mark.parametrize("case", read_cases(GOOD, "good.yaml"), ids=lambda case: case.name)
def test_a_case_that_comes_true(case: object) -> None:
    (outcome,) = play(document(MENU), [case], text)  # type: ignore[list-item]
    assert outcome.faults == ()


@pytest.mark.parametrize(
    ("case", "fault"),
    [
        ("path: [a, m]", "path: a > m > person, not a > m"),
        ("hears: [<n>]", "hears: '<n>' is not said"),
        ("hears: [<m>, <m>]", "hears: '<m>' is not said (in this order)"),
        ("ends: hangup", "ends: queue service, not hangup"),
        ("promises: ''", "promises: nothing, not ''"),
        ("rated: 满意", "rated: not at all, not '满意'"),
        ("values: {order: '1'}", "values: order is None, not '1'"),
    ],
)
def test_a_case_that_comes_otherwise_says_how(case: str, fault: str) -> None:
    cases = read_cases(f"cases:\n  - {{name: x, inputs: ['1'], {case}}}", "x.yaml")
    (outcome,) = play(document(MENU), cases, text)
    assert len(outcome.faults) == 1
    assert fault in outcome.faults[0]


@pytest.mark.parametrize(
    ("cases", "words"),
    [
        ("cases: []", "x.yaml:1: cases"),
        ("cases:\n  - {name: x}\n  - {name: y, inputs: [{keys: abc}]}", "x.yaml:3: cases.1.inputs.0.keys"),
        ("cases:\n  - {name: x, path_: []}", "x.yaml:2: cases.0.path_"),
        ("cases:\n  - {name: x, at: tomorrow}", "x.yaml: Invalid isoformat"),
        ("cases: [", "x.yaml:"),
    ],
)
def test_cases_that_can_not_be_read(cases: str, words: str) -> None:
    with pytest.raises(ScriptError, match=r".") as caught:
        read_cases(cases, "x.yaml")
    assert words in str(caught.value)


def test_a_menu_that_goes_round_says_so() -> None:
    loop = document("  a: {kind: say, prompt: a, then: b}\n  b: {kind: say, prompt: b, then: a}", "start: a\nmax_visits: 1000")
    cases = read_cases("cases: [{name: x}]", "x.yaml")
    (outcome,) = play(loop, cases, text)
    assert "goes on by itself for ever" in outcome.faults[0]


def test_silence_where_nothing_is_waited_for_changes_nothing() -> None:
    walk = Simulation(document(MENU), text)
    walk.begin()
    walk.press("1")
    walk.silence()
    assert walk.path == ["a", "m", "person"]


MENUS = Path(prompts.__file__).parent / "menus"


@pytest.mark.parametrize("path", sorted(MENUS.glob("*.cases.yaml")), ids=lambda path: path.name)
def test_the_cases_of_the_sample_hotlines_come_true(path: Path) -> None:
    loaded = load((path.parent / path.name.replace(".cases", "")).read_text(encoding="utf-8"))
    assert loaded.document is not None, loaded.findings
    cases = read_cases(path.read_text(encoding="utf-8"), path.name)
    faults = {outcome.case.name: outcome.faults for outcome in play(loaded.document, cases, texts_of(prompts.PATH))}
    assert faults == {case.name: () for case in cases}
    nodes = {node for outcome in play(loaded.document, cases, texts_of(prompts.PATH)) for node in outcome.walk.path}
    assert nodes >= set(loaded.document.every_node), "a node that no case comes to"
