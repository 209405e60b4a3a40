"""Where callers can come: sub-flows are walked as they are entered, and left only to who entered them so."""

from __future__ import annotations

import pytest

from ivr.flow.check import Facts, check
from ivr.flow.checks.sounds import alike, english
from ivr.flow.checks.survey import Survey, rounds
from ivr.flow.load import load

SHARED = """\
start: first
human: service
nodes:
  first: {kind: flow, flow: ask, then: welcome}
  welcome: {kind: say, prompt: welcome, notice: true, then: second}
  second: {kind: flow, language: en, flow: ask, then: service}
  service: {kind: queue, queue: service}
flows:
  ask:
    start: hello
    nodes:
      hello: {kind: say, prompt: hello, barge_in: false, then: deep}
      deep: {kind: flow, flow: inner, then: back}
      back: {kind: return}
  inner:
    start: in
    nodes:
      in: {kind: say, prompt: more, barge_in: false, then: out}
      out: {kind: return}
"""


def survey(text: str) -> Survey:
    loaded = load(text)
    assert loaded.document is not None
    return Survey(loaded, loaded.document, Facts())


def test_a_sub_flow_returns_to_who_entered_it() -> None:
    """Entered untold and in Chinese, then told and in English: nobody comes to the queue untold, nor in Chinese."""
    assert check(load(SHARED)) == []
    seen = survey(SHARED)
    assert seen.reached["service"] == ("en",)
    assert seen.reached["inner:in"] == ("en", "zh")
    [service] = [state for state in seen.states if state.node == "service"]
    assert seen.trail(service) == "first → ask:hello → ask:deep → inner:in → inner:out → ask:back → welcome → second → " + (
        "ask:hello → ask:deep → inner:in → inner:out → ask:back → service"
    )


def test_two_entries_one_after_the_other_are_no_round() -> None:
    assert [finding.rule for finding in check(load(SHARED)) if finding.rule == "loop"] == []
    again = SHARED.replace("flow: ask, then: service", "flow: ask, then: first")
    assert "loop" in [finding.rule for finding in check(load(again))]


def test_who_leads_out_of_a_sub_flow_has_left_it() -> None:
    text = SHARED.replace("      out: {kind: return}", "      out: {kind: goto, to: service}")
    seen = survey(text)
    assert "ask:back" not in seen.reached
    assert [state.inside for state in seen.states if state.node == "service"] == [None]


def test_after_the_talk() -> None:
    text = SHARED.replace("nodes:\n  first", "after_talk: rate\nnodes:\n  rate: {kind: rating}\n  first", 1)
    assert survey(text).reached["rate"] == ("en",)


def test_rounds_of_a_graph() -> None:
    assert rounds({"a": ["b"], "b": ["c", "e"], "c": ["b"], "d": ["d"], "e": ["a", "x"]}) == [["a", "b", "c", "e"], ["d"]]
    assert rounds({"a": ["b"], "b": ["c"], "c": []}) == []


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("报修", "保修", True),
        ("四", "十", True),
        ("三楼", "山楼", True),
        ("维修", "报修", False),
        ("售前", "售后", False),
        ("一", "七", False),
        ("查询", "咨询", False),
        ("sales", "sails", True),
        ("Billing", "filling", True),
        ("repair", "report", False),
        ("yes", "yet", False),
        ("人工", "agent", False),
        ("x1", "x2", False),
    ],
)
def test_what_sounds_alike(one: str, other: str, expected: bool) -> None:
    assert alike(one, other) is expected
    assert alike(other, one) is expected


def test_english_by_its_sound() -> None:
    assert english("knight") == english("nite")
    assert english("phone") == english("fone")
