"""Digits, numbers, yes and no, as they are said."""

from __future__ import annotations

import pytest

from ivr.speech.spoken import NO, YES, digit_words, digits, number, number_words, yes_or_no

DIGITS = {
    "幺三九": "139",
    "一 三 九": "139",
    "零洞两二": "0022",
    "四五六七八九": "456789",
    "oh double five": "055",
    "triple two zero": "2220",
    "One TWO three four five six seven eight nine": "123456789",
    "13 9": "139",
    "一 two 3": "123",
}
NO_DIGITS = ["", "十", "一百", "我", "double", "double double five", "five double", "ten", "[unk]", "一 [unk] 二", "五!"]


@pytest.mark.parametrize("text", DIGITS)
def test_digits_one_by_one(text: str) -> None:
    assert digits(text) == DIGITS[text]


@pytest.mark.parametrize("text", NO_DIGITS)
def test_what_are_no_digits(text: str) -> None:
    assert digits(text) is None


NUMBERS = {
    "五": 5,
    "零五": 5,
    "十": 10,
    "十五": 15,
    "二十": 20,
    "二十三": 23,
    "一百零二": 102,
    "一百二": 120,
    "一百十五": 115,
    "一百一十五": 115,
    "一千两百三十四": 1234,
    "三千五": 3500,
    "三千零五十": 3050,
    "一千零一": 1001,
    "三万": 30_000,
    "三万五": 35_000,
    "一万零五": 10_005,
    "十二万三千四百五十六": 123_456,
    "两 百 万": 2_000_000,
    "ten": 10,
    "fifteen": 15,
    "twenty": 20,
    "twenty three": 23,
    "one hundred": 100,
    "two hundred and five": 205,
    "nine hundred ninety nine": 999,
    "one thousand": 1000,
    "twelve thousand three hundred and forty five": 12_345,
    "one hundred thousand": 100_000,
    "one two": 12,
}
NO_NUMBERS = [
    *("", "百", "十百", "万", "零百", "百零", "一百零", "二十三十", "一二十", "万万", "一万二万", "五零十"),
    *("我", "and", "hundred", "thousand", "one hundred hundred", "eleven hundred", "twenty eleven", "twenty twenty"),
    *("five twenty", "one thousand thousand", "five and", "two twelve", "one 百"),
]


@pytest.mark.parametrize("text", NUMBERS)
def test_numbers(text: str) -> None:
    assert number(text) == NUMBERS[text]


@pytest.mark.parametrize("text", NO_NUMBERS)
def test_what_is_no_number(text: str) -> None:
    assert number(text) is None


def test_yes_and_no() -> None:
    assert {yes_or_no(word) for words in YES.values() for word in words} == {True}
    assert {yes_or_no(word) for words in NO.values() for word in words} == {False}
    assert (yes_or_no("不 是"), yes_or_no("Yes"), yes_or_no("也许")) == (False, True, None)


def test_the_words_of_a_language() -> None:
    assert {"幺", "两", "洞", "九"} < set(digit_words("zh")) < set(number_words("zh"))
    assert {"oh", "double"} < set(digit_words("en"))
    assert {"twenty", "hundred", "and", "five"} < set(number_words("en"))
    assert {digits(word) for word in digit_words("zh")} == set("0123456789")
