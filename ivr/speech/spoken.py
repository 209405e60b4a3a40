"""What was said, as what it means: digits, numbers, yes and no, in Mandarin and English. Pure.

Recognisers return words as their model has them, with spaces between; what is typed in their place (幺三九, 139) is as good.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Literal

Spoken = Literal["zh", "en"]

DIGITS: Mapping[Spoken, Mapping[str, str]] = {
    "zh": {
        **{word: str(value) for value, word in enumerate("零一二三四五六七八九")},
        **{"幺": "1", "两": "2", "洞": "0"},
    },
    "en": {
        **{
            word: str(value)
            for value, word in enumerate(("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"))
        },
        "oh": "0",
    },
}
"""Digits as they are said one by one, by language."""
TIMES: Mapping[str, int] = {"double": 2, "triple": 3}
"""English says "double five" for 55."""
UNITS: Mapping[str, int] = {"十": 10, "百": 100, "千": 1000, "万": 10_000}
TEENS: Mapping[str, int] = {
    word: value
    for value, word in enumerate(
        ("ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"), 10
    )
}
TENS: Mapping[str, int] = {
    word: value * 10
    for value, word in enumerate(("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"), 2)
}
SCALES: Mapping[str, int] = {"hundred": 100, "thousand": 1000}

RIGHT: Mapping[Spoken, tuple[str, ...]] = {
    "zh": ("是", "是的", "对", "对的", "没错", "好的", "确认"),
    "en": ("yes", "yeah", "right", "correct"),
}
WRONG: Mapping[Spoken, tuple[str, ...]] = {"zh": ("不是", "不对"), "en": ("no", "wrong")}
"""What is said to 对吗？: few words, so that they are told apart."""
YES: Mapping[Spoken, tuple[str, ...]] = {
    "zh": (*RIGHT["zh"], "好", "可以", "确定"),
    "en": (*RIGHT["en"], "confirm", "okay", "sure"),
}
NO: Mapping[Spoken, tuple[str, ...]] = {"zh": (*WRONG["zh"], "不要", "不用", "不行"), "en": WRONG["en"]}
"""What is said to an offer."""

_LATIN_OR_NOT = re.compile(r"[a-z']+|\d|\S")


def digit_words(language: Spoken) -> tuple[str, ...]:
    """The words of which digits are said one by one."""
    return (*DIGITS[language], *(TIMES if language == "en" else ()))


def number_words(language: Spoken) -> tuple[str, ...]:
    """The words of which numbers are said."""
    more = (*UNITS,) if language == "zh" else (*TEENS, *TENS, *SCALES, "and")
    return (*DIGITS[language], *more)


def digits(text: str) -> str | None:
    """幺三九 → 139, "oh double five" → 055; None for what are no digits one by one."""
    found, times = "", 1
    for word in _words(text):
        if word in TIMES and times == 1:
            times = TIMES[word]
        elif (digit := _digit(word)) is not None:
            found += digit * times
            times = 1
        else:
            return None
    return found if found and times == 1 else None


def number(text: str) -> int | None:
    """一千两百三十四 → 1234, 一百二 → 120, "two hundred and five" → 205, also digits one by one; None for what is no number.
    Below a hundred million (English: a million)."""
    plain = digits(text)
    if plain is not None:
        return int(plain)
    words = list(_words(text))
    if not words:
        return None
    return _chinese(words) if all(word in UNITS or word in DIGITS["zh"] for word in words) else _english(words)


def yes_or_no(text: str) -> bool | None:
    """Whether it was yes or no; None for what is neither."""
    said = "".join(text.split()).casefold()
    return (
        True if any(said in words for words in YES.values()) else False if any(said in words for words in NO.values()) else None
    )


def _words(text: str) -> Iterator[str]:
    return iter(_LATIN_OR_NOT.findall(text.casefold()))


def _digit(word: str) -> str | None:
    return word if re.fullmatch(r"[0-9]", word) else DIGITS["zh"].get(word) or DIGITS["en"].get(word)


def _chinese(words: list[str]) -> int | None:
    """Each digit stands before its unit; a last one without a unit counts tenths of the unit before (一百二), but after 零."""
    total, section, digit, unit, gap = 0, 0, None, 0, False
    for word in words:
        if word in UNITS:
            size = UNITS[word]
            if size == UNITS["万"]:
                if total or (not section and digit is None):
                    return None
                total, section, digit, unit, gap = (section + (digit or 0)) * size, 0, None, size, False
            elif (unit and unit <= size) or (digit is None and size != UNITS["十"]):
                return None
            else:
                section, digit, unit, gap = section + (1 if digit is None else digit) * size, None, size, False
        elif word in ("零", "洞"):
            if digit is not None or not unit:
                return None
            gap = True
        elif digit is not None:
            return None
        else:
            digit = int(DIGITS["zh"][word])
    if gap and digit is None:
        return None
    last = (digit or 0) * (unit // 10 if unit > UNITS["十"] and not gap else 1)
    return total + section + last


def _english(words: list[str]) -> int | None:
    total, section, small = 0, 0, 0
    for word in words:
        if word in SCALES:
            size = SCALES[word]
            if size == SCALES["hundred"]:
                if not 0 < small < 10 or section:
                    return None
                section, small = small * size, 0
            else:
                if total or not section + small:
                    return None
                total, section, small = (section + small) * size, 0, 0
        elif word == "and":
            if not (total or section) or small:
                return None
        else:
            value = TENS.get(word) or TEENS.get(word) or int(DIGITS["en"].get(word, "0"))
            if not value or (small and not (small >= 20 and small % 10 == 0 and value < 10)):
                return None
            small += value
    return total + section + small or None
