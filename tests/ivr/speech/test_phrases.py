"""Phrases as words of a model, and what was heard as a phrase again."""

from __future__ import annotations

from itertools import pairwise

import pytest

from ivr.speech.phrases import every_pair, final, near, spellings, tokens, weigh, written
from ivr.speech.recogniser import Guess, Heard

WORDS = "订单 查询 查询订单 人工 人工服务 服务 退 退款 款项 yes no orders main menu 一 二 三"
KNOWS = frozenset(WORDS.split())


@pytest.mark.parametrize(
    ("phrase", "words"),
    [
        ("订单", ("订单",)),
        ("查询订单", ("查询订单",)),
        ("退款项", ("退", "款项")),  # the longest first would leave a rest
        ("Main Menu", ("main", "menu")),
        ("查询，orders", ("查询", "orders")),
        ("二三", ("二", "三")),
        ("天气", None),
        ("订单天气", None),
        ("orders2", None),
        ("订单@", None),
        ("", None),
        ("。", None),
    ],
)
def test_a_phrase_is_words_of_the_model_or_none(phrase: str, words: tuple[str, ...] | None) -> None:
    assert tokens(phrase, KNOWS) == words


def test_a_long_phrase_that_cannot_be_said_is_found_out_soon() -> None:
    assert tokens("一" * 39 + "四", {"一" * length for length in range(1, 13)}) is None


def test_words_near_one_that_is_not_known() -> None:
    assert near("定单", KNOWS) == ("订单",)  # sounds the same
    assert near("查订单", KNOWS)[0] == "查询订单"
    assert near("order", KNOWS) == ("orders",)
    assert near("天气", KNOWS) == ()
    assert len(near("一", frozenset(["一", "医", "衣", "依", "姨", "易"]))) == 3


def test_a_phrase_is_final_when_no_longer_one_begins_with_it() -> None:
    spelt = spellings(("人工", "人工服务台", "main menu", "main", "退款"), KNOWS | {"服务台"})
    assert final(("退款",), spelt)
    assert final(("main", "menu"), spelt)
    assert not final(("人工",), spelt)
    assert not final(("main",), spelt)
    assert not final((), spelt)
    assert not final(("一",), spelt)


def test_a_phrase_is_found_among_words_that_are_none() -> None:
    spelt = spellings(("退款", "Main menu", "订单"), KNOWS)
    assert written(("main", "menu"), spelt) == "Main menu"
    assert written(("[unk]", "退款", "[unk]"), spelt) == "退款"
    assert written(("退款", "退款"), spelt) == "退款"
    assert written(("退款", "[unk]", "退款"), spelt) == "退款"
    assert written(("退款", "订单"), spelt) is None
    assert written(("退款", "[unk]", "订单"), spelt) is None
    assert written(("main",), spelt) is None
    assert written(("[unk]",), spelt) is None


def test_readings_that_mean_the_same_count_together() -> None:
    spelt = spellings(("退款", "订单"), KNOWS)
    readings = [(("退款",), 0.5), (("订单",), 0.3), (("退款", "[unk]"), 0.1), (("[unk]",), 0.08), ((), 0.02)]
    assert weigh(readings, spelt, repeat=False) == Heard("退款", 0.6, (Guess("订单", 0.3),))
    heard = weigh([(("[unk]",), 0.7), (("退款",), 0.3)], spelt, repeat=False)
    assert heard == Heard("", 0.7, (Guess("退款", 0.3),), unknown=True)
    assert weigh([((), 1.0)], spelt, repeat=False) == Heard()


def test_words_that_follow_each_other_are_told_as_they_were_said() -> None:
    spelt = spellings(("一", "二", "三"), KNOWS)
    assert weigh([(("一", "二", "一"), 0.9)], spelt, repeat=True) == Heard("一 二 一", 0.9)
    assert weigh([(("[unk]", "一", "二"), 0.9)], spelt, repeat=True) == Heard("一 二", 0.9)
    assert weigh([(("一", "[unk]", "二"), 0.9)], spelt, repeat=True) == Heard("", 0.9, unknown=True)


@pytest.mark.parametrize("count", [1, 2, 3, 10, 13])
def test_every_pair_stands_once_in_a_row_of_them(count: int) -> None:
    row = every_pair(count)
    pairs = list(pairwise(row))
    assert len(pairs) == len(set(pairs)) == count * count
    assert {number for pair in pairs for number in pair} == set(range(count))
