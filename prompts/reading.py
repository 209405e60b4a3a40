"""Values read aloud from recorded clips: what kind of value, its text, a language → the words to play. Pure; no synthesis.

    read("amount", "123.5", "zh")  →  一 百 二 十 三 元 五 角, each word with the clip that says it

`clips()` of the result is what the engine plays, `text_of()` the same for logs, the simulator and speech synthesis.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Literal, Protocol, get_args

import phonenumbers

from prompts import reading_en, reading_zh
from prompts.tokens import LARGEST, Figure, Token, clips, text_of

__all__ = ["KINDS", "LANGUAGES", "Kind", "Token", "clips", "grouped", "read", "text_of", "words"]

Kind = Literal[
    "number", "count", "digits", "phone", "order", "amount", "date", "weekday", "time", "duration", "wait", "ordinal", "percent"
]
"""What a value is, and how it is written:

number     cardinal, "-3.05"                        负三点零五          minus three point zero five
count      whole, before a measure word, "2"        两                  two
digits     agent number, extension, "1026"          幺零二六            one zero two six
phone      "+86 139 1234 5678", "0471-4613311"      幺三九，幺二三四，… one three nine, one two three four, …
order      digits, letters, hyphens, "A-20261"      A，二零二，六幺     A, two zero two, six one
amount     yuan, at most two decimals, "100.05"     一百元零五分        one hundred point zero five yuan
date       ISO, "2026-11-30" or "20261130"          二零二六年十一月三十日
weekday    ISO date                                 星期一              Monday
time       "09:05"                                  上午九点零五分      nine oh five a.m.
duration   whole seconds, "7500"                    两小时五分钟        two hours five minutes
wait       whole seconds, rounded up to minutes     大约三分钟          about three minutes
ordinal    whole, from 1, "2"                       第二                second
percent    "12.5" or "12.5%"                        百分之十二点五      twelve point five percent
"""
KINDS: tuple[Kind, ...] = get_args(Kind)
MAX_DIGITS = 64
"""The longest that is read character by character."""
MAX_GROUP = 4
"""So many characters are read without a pause."""

Tokens = tuple[Token, ...]


class Reader(Protocol):
    """What a language's module offers."""

    WORDS: Mapping[str, str]

    def spelled(self, groups: tuple[str, ...], /) -> Tokens: ...
    def count(self, number: int, /) -> Tokens: ...
    def number(self, figure: Figure, /) -> Tokens: ...
    def percent(self, figure: Figure, /) -> Tokens: ...
    def ordinal(self, number: int, /) -> Tokens: ...
    def amount(self, negative: bool, yuan: int, fen: int, /) -> Tokens: ...
    def calendar_day(self, day: date, today: date | None, /) -> Tokens: ...
    def weekday(self, day: date, /) -> Tokens: ...
    def clock(self, hour: int, minute: int, /) -> Tokens: ...
    def duration(self, days: int, hours: int, minutes: int, seconds: int, /) -> Tokens: ...
    def wait(self, minutes: int, /) -> Tokens: ...


_READERS: Mapping[str, Reader] = {"zh": reading_zh, "en": reading_en}
LANGUAGES: tuple[str, ...] = tuple(_READERS)
"""The languages that values are read in."""


def words(language: str) -> Mapping[str, str]:
    """Every clip that reading in this language may ask for, with its text; the pause, which says nothing, aside."""
    return _reader(language).WORDS


def read(kind: Kind, value: str, language: str, *, today: date | None = None) -> Tokens:
    """The words of a value. today: of a date, to say 今天, 明天 and to leave out this year.

    Raises ValueError that names kind and value where the value is none of that kind, and for an unknown kind or language.
    """
    reader = _reader(language)
    if kind not in KINDS:
        raise ValueError(f"there is no kind of value {kind!r}; there are {', '.join(KINDS)}")
    try:
        return _read(reader, kind, value.strip(), today)
    except ValueError as error:
        raise ValueError(f"{kind} {value!r} can't be read: {error}") from None


def _reader(language: str) -> Reader:
    if language not in _READERS:
        raise ValueError(f"values can't be read in {language!r}; only in {', '.join(LANGUAGES)}")
    return _READERS[language]


def _read(reader: Reader, kind: Kind, value: str, today: date | None) -> Tokens:
    match kind:
        case "number":
            return reader.number(_figure(value))
        case "count":
            return reader.count(_whole(value))
        case "digits":
            return reader.spelled(grouped(_characters(value, "0-9", "digits")))
        case "phone":
            return reader.spelled(phone_groups(value))
        case "order":
            return reader.spelled(_order_groups(value))
        case "amount":
            figure = _figure(value)
            if len(figure.fraction) > 2:
                raise ValueError("an amount has at most two decimals")
            return reader.amount(figure.negative, figure.whole, int(f"{figure.fraction:0<2}"))
        case "date":
            return reader.calendar_day(_date(value), today)
        case "weekday":
            return reader.weekday(_date(value))
        case "time":
            return reader.clock(*_time(value))
        case "duration":
            minutes, seconds = divmod(_whole(value), 60)
            hours, minutes = divmod(minutes, 60)
            return reader.duration(hours // 24, hours % 24, minutes, seconds)
        case "wait":
            seconds = _whole(value)
            return reader.wait(0 if seconds < 60 else -(-seconds // 60))
        case "ordinal":
            if not (number := _whole(value)):
                raise ValueError("ordinals begin at 1")
            return reader.ordinal(number)
        case "percent":
            return reader.percent(_figure(value.removesuffix("%")))


def _figure(value: str) -> Figure:
    found = re.fullmatch(r"(-?)([0-9]{1,12})(?:\.([0-9]{1,6}))?", value)
    if not found:
        raise ValueError(f"it must be a number below {LARGEST:,} with at most six decimals")
    whole, fraction = int(found[2]), found[3] or ""
    negative = bool(found[1]) and (whole > 0 or fraction.strip("0") != "")
    return Figure(negative, whole, fraction)


def _whole(value: str) -> int:
    if not re.fullmatch(r"[0-9]{1,12}", value):
        raise ValueError(f"it must be a whole number from 0 to {LARGEST - 1:,}")
    return int(value)


def _characters(value: str, allowed: str, name: str) -> str:
    if not re.fullmatch(f"[{allowed}]{{1,{MAX_DIGITS}}}", value):
        raise ValueError(f"it must be 1 to {MAX_DIGITS} {name}")
    return value


def grouped(characters: str) -> tuple[str, ...]:
    """Cut into groups of at most MAX_GROUP that are as even as can be, the longer ones first: 4 4 3, 3 2."""
    rest = -(-len(characters) // MAX_GROUP)
    groups: list[str] = []
    while rest:
        length = -(-len(characters) // rest)
        groups.append(characters[:length])
        characters, rest = characters[length:], rest - 1
    return tuple(groups)


_PHONES = tuple(
    re.compile(pattern)
    for pattern in (
        r"(1[3-9]\d)(\d{4})(\d{4})",  # mobile
        r"([48]00)(\d{3})(\d{4})",
        r"(010|02\d)(\d{4})(\d{4})",
        r"(0[3-9]\d\d)(\d{3,4})(\d{4})",
        r"(\d{3,6})",  # 110, 10086, 95588
        r"(\d{3})(\d{4})",
    )
)
"""Chinese numbers, as people group them."""


def phone_groups(value: str) -> tuple[str, ...]:
    """A telephone number in the groups that people say it in; +86 is left out, another country's code is not."""
    bare = re.sub(r"[\s().-]", "", value)
    if not re.fullmatch(r"\+?[0-9]{1,20}", bare):
        raise ValueError("it must be a telephone number: digits, with + before a country's code, and spaces, hyphens, brackets")
    if bare.startswith("+86"):
        bare = bare[3:]
        if not re.fullmatch(r"1\d{10}|[48]00\d{7}", bare):
            bare = f"0{bare}"  # a land line: the area code is written without its 0 after +86
    for pattern in _PHONES:
        if found := pattern.fullmatch(bare):
            return found.groups()
    if not bare.startswith("+"):
        return grouped(bare)
    try:
        country = str(phonenumbers.parse(bare).country_code)
    except phonenumbers.NumberParseException as error:
        raise ValueError("it begins with + and no country's code") from error
    return (f"+{country}", *grouped(bare[1 + len(country) :]))


def _order_groups(value: str) -> tuple[str, ...]:
    """Letters and digits apart, and apart where a hyphen stands."""
    _characters(value, "0-9A-Za-z -", "digits, letters, spaces and hyphens")
    runs: list[str] = re.findall(r"[0-9]+|[A-Za-z]+", value)
    if not runs:
        raise ValueError("it has no digit and no letter")
    return tuple(group for run in runs for group in grouped(run))


def _date(value: str) -> date:
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{8}", value):  # the second as it is keyed in
        raise ValueError("it must be a date as 2026-11-30")
    return date.fromisoformat(value)


def _time(value: str) -> tuple[int, int]:
    found = re.fullmatch(r"([01]?[0-9]|2[0-3]):([0-5][0-9])", value)
    if not found:
        raise ValueError("it must be a time as 09:05")
    return int(found[1]), int(found[2])
