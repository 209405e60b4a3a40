"""Who is turned away before the answer."""

from __future__ import annotations

import pytest

from ivr import callers as module
from ivr.callers import Block, Callers, Refusal

NUMBER, OTHER = "13912345678", "04714613311"


def test_the_block_list() -> None:
    callers = Callers(0, 60.0)
    callers.blocked = {NUMBER: Block("骚扰", 100.0), OTHER: Block("诈骗", None)}
    assert callers.refuses(NUMBER, 40.0) == Refusal("blocked", "骚扰", 60.0)
    assert callers.refuses(NUMBER, 100.0) is None
    assert callers.refuses(OTHER, 1e9) == Refusal("blocked", "诈骗", None)
    callers.blocked = {}
    assert callers.refuses(OTHER, 0.0) is None


def test_too_many_calls_of_one_number() -> None:
    callers = Callers(2, 60.0)
    assert [callers.refuses(NUMBER, at) for at in (0.0, 30.0)] == [None, None]
    assert callers.refuses(NUMBER, 45.0) == Refusal("too_many_calls", "", 15.0)
    assert callers.refuses(OTHER, 45.0) is None
    assert [callers.refuses(NUMBER, at) for at in (60.0, 61.0)] == [None, None]
    assert callers.refuses(NUMBER, 62.0) is not None


def test_anonymous_callers_and_no_limit() -> None:
    assert [Callers(1, 60.0).refuses("", 0.0) for _ in range(3)] == [None] * 3
    callers = Callers(0, 60.0)
    assert [callers.refuses(NUMBER, 0.0) for _ in range(99)] == [None] * 99


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_NUMBERS", 2)
    callers = Callers(1, 60.0)
    for number in ("1" * 5000, "2" * 5000, "3" * 5000, "1" * 5001):
        assert callers.refuses(number, 0.0) is None
    assert callers.refuses("3" * 32 + "4", 0.0) is not None, "so many characters tell a number from another"
    assert sorted(map(len, callers._counts)) == [32, 32]


def test_a_pbx_that_shows_one_number_for_all_its_callers() -> None:
    callers = Callers(1, 60.0, [OTHER])
    assert [callers.refuses(OTHER, 0.0) for _ in range(9)] == [None] * 9
    assert [callers.refuses(NUMBER, 0.0, limited=False) for _ in range(9)] == [None] * 9
    assert callers.refuses(NUMBER, 0.0) is None, "what came by that trunk has not counted"
    assert callers.refuses(NUMBER, 0.0) is not None
    callers.blocked = {NUMBER: Block("骚扰", None), OTHER: Block("骚扰", None)}
    assert callers.refuses(NUMBER, 0.0, limited=False) == callers.refuses(OTHER, 0.0) == Refusal("blocked", "骚扰", None)
