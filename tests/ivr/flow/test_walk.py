"""Cases walked step by step, as pages show them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.flow.load import load
from ivr.flow.model import Document
from ivr.flow.script import Case
from ivr.flow.walk import walk
from ivr.rehearsal import texts_of
from prompts import PATH

TEXTS = texts_of(PATH)


def menu(name: str) -> Document:
    document = load((PATH / "menus" / f"{name}.yaml").read_text(encoding="utf-8")).document
    assert document is not None
    return document


MENUS = {name: menu(name) for name in ("shop", "aftersales", "bilingual", "sample")}


def test_each_input_is_a_step() -> None:
    found = walk(MENUS["shop"], Case.model_validate({"name": "", "inputs": ["1", {"talk": "over"}, "1", "1"]}), TEXTS, 0.0)
    assert [step.nodes for step in found.steps] == [("hours", "welcome", "main"), ("service",), ("rating",), ()]
    assert [step.titles for step in found.steps[:2]] == [("是否营业", "欢迎语", "主菜单"), ("人工服务",)]
    assert [step.end for step in found.steps] == ["", "queue service", "", "hangup"], "nothing comes after the end"
    assert found.steps[1].heard[0].items == ("please_wait",)
    assert found.steps[0].heard[1].text == "订单和退换货请按一，营业时间和地址请按二，人工服务请按零。"


@pytest.mark.parametrize(("at", "expected"), [(None, "b"), ("2026-03-02 10:30", "a")])
def test_it_is_now_unless_the_case_says_when(at: str | None, expected: str) -> None:
    source = (
        "start: c\nnodes:\n  c: {kind: condition, cases: [{when: {time: 10:00-11:00}, to: a}], else: b}\n"
        "  a: {kind: hangup}\n  b: {kind: hangup}\n"
    )
    document = load(source).document
    assert document is not None
    now = 1772413200.0  # 2026-03-02 09:00 in Shanghai
    assert walk(document, Case(name="", at=at), TEXTS, now).steps[0].nodes == ("c", expected)


INPUT = st.one_of(
    st.text("0123456789*#", min_size=1, max_size=3),
    st.just("silence"),
    st.sampled_from(
        [
            {"early": "1"},
            {"say": "人工"},
            {"say": "是"},
            {"misheard": "unknown"},
            {"not_hearing": "busy"},
            {"queue": "time_limit"},
            {"queue": "overflow"},
            {"connect": "busy"},
            {"message": 12},
            {"message": 1},
            {"talk": "over"},
        ]
    ),
)


@settings(deadline=None, max_examples=150)
@given(st.sampled_from(sorted(MENUS)), st.lists(INPUT, max_size=12), st.booleans())
def test_whatever_a_caller_does_is_a_walk(name: str, inputs: list[object], is_open: bool) -> None:
    """Also what can't be at that moment: a page offers it, and nothing may break."""
    case = Case.model_validate({"name": "", "inputs": inputs, "open": is_open})
    found = walk(MENUS[name], case, TEXTS, 0.0)
    assert found.steps
    assert len(found.steps) <= len(inputs) + 1
