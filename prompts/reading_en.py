"""Values in English: "one hundred five", "November thirtieth, twenty twenty six", "two thirty p.m.". Pure; reading.py
parses and calls."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from prompts.tokens import Figure, Token

_ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
)
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_FIRST = (
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth "
    "sixteenth seventeenth eighteenth nineteenth"
)
_MONTHS = "January February March April May June July August September October November December"
_WEEKDAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday"
_GREAT = {100: "hundred", 1000: "thousand", 10**6: "million", 10**9: "billion"}

WORDS: Mapping[str, str] = {
    **{f"{'digit' if n < 10 else 'num'}_{n}": word for n, word in enumerate(_ONES.split())},
    **{f"num_{n * 10}": word for n, word in enumerate(_TENS.split(), 2)},
    **{f"num_{n}": word for n, word in _GREAT.items()},
    **{f"ordinal_{n}": word for n, word in enumerate(_FIRST.split(), 1)},
    **{f"ordinal_{n * 10}": f"{word[:-1]}ieth" for n, word in enumerate(_TENS.split(), 2)},
    **{f"ordinal_{n}": f"{word}th" for n, word in _GREAT.items()},
    **{f"letter_{letter.lower()}": letter for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"},
    "num_point": "point",
    "num_minus": "minus",
    "num_plus": "plus",
    "num_percent": "percent",
    "money_yuan": "yuan",
    **{f"month_{n}": word for n, word in enumerate(_MONTHS.split(), 1)},
    **{f"weekday_{n}": word for n, word in enumerate(_WEEKDAYS.split(), 1)},
    "day_yesterday": "yesterday",
    "day_today": "today",
    "day_tomorrow": "tomorrow",
    "day_after_tomorrow": "the day after tomorrow",
    "time_oh": "oh",
    "time_am": "a.m.",
    "time_pm": "p.m.",
    "time_noon": "noon",
    "time_midnight": "midnight",
    **{f"unit_{unit}{s}": unit + s for unit in ("day", "hour", "minute", "second") for s in ("", "s")},
    "wait_about": "about",
    "wait_short": "less than a minute",
}
"""Every clip that is used here, with its text."""
PAUSE = Token("pause", ",")
RELATIVE: Mapping[int, str] = {-1: "day_yesterday", 0: "day_today", 1: "day_tomorrow", 2: "day_after_tomorrow"}
"""Days from today that have a word."""

Tokens = tuple[Token, ...]


def _word(clip: str) -> Token:
    return Token(clip, WORDS[clip])


def spelled(groups: tuple[str, ...]) -> Tokens:
    """Digits, letters and + one by one, a pause between groups."""
    tokens: list[Token] = []
    for group in groups:
        tokens += [PAUSE] if tokens else []
        tokens += (_word(_character(character)) for character in group)
    return tuple(tokens)


def _character(character: str) -> str:
    if character == "+":
        return "num_plus"
    return f"digit_{character}" if character.isdigit() else f"letter_{character.lower()}"


def _clips(number: int) -> list[str]:
    """The clips of a cardinal number above 0."""
    for size in (10**9, 10**6, 1000, 100):
        if number >= size:
            return [*_clips(number // size), f"num_{size}", *(_clips(number % size) if number % size else ())]
    if number >= 20:
        return [f"num_{number // 10 * 10}", *([f"digit_{number % 10}"] if number % 10 else [])]
    return [f"digit_{number}" if number < 10 else f"num_{number}"]


def whole(number: int) -> Tokens:
    """A cardinal number, without "and"."""
    return tuple(_word(clip) for clip in _clips(number))


count = whole


def number(figure: Figure) -> Tokens:
    """ "minus three point zero five"."""
    tokens = (*((_word("num_minus"),) if figure.negative else ()), *whole(figure.whole))
    if figure.fraction:
        tokens += (_word("num_point"), *(_word(f"digit_{digit}") for digit in figure.fraction))
    return tokens


def percent(figure: Figure) -> Tokens:
    """ "twelve point five percent"."""
    return (*number(figure), _word("num_percent"))


def ordinal(number: int) -> Tokens:
    """ "second", "one hundred fifth"."""
    *before, last = _clips(number)
    return (*map(_word, before), _word(f"ordinal_{last.partition('_')[2]}"))


def amount(negative: bool, yuan: int, fen: int) -> Tokens:
    """ "one hundred twenty three point five yuan". fen: 0 to 99."""
    return (*number(Figure(negative, yuan, f"{fen:02}".rstrip("0"))), _word("money_yuan"))


def calendar_day(day: date, today: date | None) -> Tokens:
    """ "November thirtieth, twenty twenty six". With today: a near day by its word, and no year where it is this one."""
    if today is not None and (day - today).days in RELATIVE:
        return (_word(RELATIVE[(day - today).days]),)
    named = (_word(f"month_{day.month}"), *ordinal(day.day))
    return named if today is not None and day.year == today.year else (*named, PAUSE, *_year(day.year))


def _year(year: int) -> Tokens:
    """Twenty twenty six, nineteen oh five, two thousand five, nineteen hundred."""
    century, rest = divmod(year, 100)
    if year < 1000 or year % 1000 < 10:
        return whole(year)
    if not rest:
        return (*whole(century), _word("num_100"))
    return (*whole(century), *((_word("time_oh"),) if rest < 10 else ()), *whole(rest))


def weekday(day: date) -> Tokens:
    """ "Monday"."""
    return (_word(f"weekday_{day.isoweekday()}"),)


def clock(hour: int, minute: int) -> Tokens:
    """ "nine oh five a.m.", "two thirty p.m.", "twelve noon"."""
    tokens = whole((hour - 1) % 12 + 1)
    if not minute and hour % 12 == 0:
        return (*tokens, _word("time_noon" if hour else "time_midnight"))
    if minute:
        tokens += (*((_word("time_oh"),) if minute < 10 else ()), *whole(minute))
    return (*tokens, _word("time_am" if hour < 12 else "time_pm"))


def duration(days: int, hours: int, minutes: int, seconds: int) -> Tokens:
    """ "two hours five minutes"."""
    tokens: list[Token] = []
    for number, unit in ((days, "day"), (hours, "hour"), (minutes, "minute"), (seconds, "second")):
        if number:
            tokens += (*whole(number), _word(f"unit_{unit}{'' if number == 1 else 's'}"))
    return tuple(tokens) or (_word("digit_0"), _word("unit_seconds"))


def wait(minutes: int) -> Tokens:
    """ "about three minutes"; 0 is "less than a minute"."""
    if not minutes:
        return (_word("wait_short"),)
    hours, rest = divmod(minutes, 60)
    return (_word("wait_about"), *duration(0, hours, rest, 0))
