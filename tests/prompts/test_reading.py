"""Values read aloud: what is said for each, in both languages, and that the numbers heard are the numbers meant."""

from __future__ import annotations

import contextlib
import re
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prompts import PATH
from prompts.build import read_texts
from prompts.reading import KINDS, LANGUAGES, Kind, clips, grouped, read, text_of, words

TODAY = date(2026, 11, 30)


def said(kind: Kind, value: str, language: str = "zh", today: date | None = None) -> str:
    return text_of(read(kind, value, language, today=today), language)


CASES: list[tuple[Kind, str, str, str]] = [
    ("number", "0", "零", "zero"),
    ("number", "2", "二", "two"),
    ("number", "10", "十", "ten"),
    ("number", "15", "十五", "fifteen"),
    ("number", "20", "二十", "twenty"),
    ("number", "22", "二十二", "twenty two"),
    ("number", "100", "一百", "one hundred"),
    ("number", "105", "一百零五", "one hundred five"),
    ("number", "110", "一百一十", "one hundred ten"),
    ("number", "115", "一百一十五", "one hundred fifteen"),
    ("number", "200", "两百", "two hundred"),
    ("number", "222", "两百二十二", "two hundred twenty two"),
    ("number", "1005", "一千零五", "one thousand five"),
    ("number", "1050", "一千零五十", "one thousand fifty"),
    ("number", "1200", "一千二百", "one thousand two hundred"),
    ("number", "2200", "两千二百", "two thousand two hundred"),
    ("number", "10003", "一万零三", "ten thousand three"),
    ("number", "10015", "一万零一十五", "ten thousand fifteen"),
    ("number", "12000", "一万二千", "twelve thousand"),
    ("number", "20000", "两万", "twenty thousand"),
    ("number", "150000", "十五万", "one hundred fifty thousand"),
    ("number", "100100", "十万零一百", "one hundred thousand one hundred"),
    ("number", "20001000", "两千万一千", "twenty million one thousand"),
    ("number", "100000000", "一亿", "one hundred million"),
    ("number", "102000000", "一亿零二百万", "one hundred two million"),
    ("number", "200000010", "两亿零一十", "two hundred million ten"),
    ("number", "007", "七", "seven"),
    ("number", "-3.05", "负三点零五", "minus three point zero five"),
    ("number", "3.14", "三点一四", "three point one four"),
    ("number", "2000.50", "两千点五零", "two thousand point five zero"),
    ("number", "-0.0", "零点零", "zero point zero"),
    ("number", " 7 ", "七", "seven"),
    ("count", "2", "两", "two"),
    ("count", "12", "十二", "twelve"),
    ("count", "102", "一百零二", "one hundred two"),
    ("digits", "1026", "幺零二六", "one zero two six"),
    ("digits", "110", "幺幺零", "one one zero"),
    ("digits", "12345", "幺二三，四五", "one two three, four five"),
    ("phone", "13912345678", "幺三九，幺二三四，五六七八", "one three nine, one two three four, five six seven eight"),
    ("phone", "+86 139-1234-5678", "幺三九，幺二三四，五六七八", "one three nine, one two three four, five six seven eight"),
    ("phone", "0471-4613311", "零四七幺，四六幺，三三幺幺", "zero four seven one, four six one, three three one one"),
    ("phone", "(010) 1234 5678", "零幺零，幺二三四，五六七八", "zero one zero, one two three four, five six seven eight"),
    ("phone", "+86 471 4613311", "零四七幺，四六幺，三三幺幺", "zero four seven one, four six one, three three one one"),
    ("phone", "400 123 4567", "四零零，幺二三，四五六七", "four zero zero, one two three, four five six seven"),
    ("phone", "10086", "幺零零八六", "one zero zero eight six"),
    ("phone", "4613311", "四六幺，三三幺幺", "four six one, three three one one"),
    (
        "phone",
        "+852 2345 6789",
        "加八五二，二三四五，六七八九",
        "plus eight five two, two three four five, six seven eight nine",
    ),
    ("order", "A-20261130", "A，二零二六，幺幺三零", "A, two zero two six, one one three zero"),
    ("order", "dd 123b", "DD，幺二三，B", "D D, one two three, B"),
    ("amount", "123.5", "一百二十三元五角", "one hundred twenty three point five yuan"),
    ("amount", "123.50", "一百二十三元五角", "one hundred twenty three point five yuan"),
    ("amount", "100.05", "一百元零五分", "one hundred point zero five yuan"),
    ("amount", "1.25", "一元二角五分", "one point two five yuan"),
    ("amount", "0", "零元", "zero yuan"),
    ("amount", "0.05", "五分", "zero point zero five yuan"),
    ("amount", "0.50", "五角", "zero point five yuan"),
    ("amount", "0.22", "两角二分", "zero point two two yuan"),
    ("amount", "2", "两元", "two yuan"),
    ("amount", "2.20", "两元二角", "two point two yuan"),
    ("amount", "22", "二十二元", "twenty two yuan"),
    ("amount", "-3.4", "负三元四角", "minus three point four yuan"),
    ("date", "2026-11-30", "二零二六年十一月三十日", "November thirtieth, twenty twenty six"),
    ("date", "20261130", "二零二六年十一月三十日", "November thirtieth, twenty twenty six"),
    ("date", "2011-02-21", "二零一一年二月二十一日", "February twenty first, twenty eleven"),
    ("date", "2005-10-02", "二零零五年十月二日", "October second, two thousand five"),
    ("date", "1905-01-12", "一九零五年一月十二日", "January twelfth, nineteen oh five"),
    ("date", "1900-01-03", "一九零零年一月三日", "January third, nineteen hundred"),
    ("weekday", "2026-11-30", "星期一", "Monday"),
    ("weekday", "2026-12-06", "星期日", "Sunday"),
    ("time", "00:00", "凌晨零点", "twelve midnight"),
    ("time", "05:59", "凌晨五点五十九分", "five fifty nine a.m."),
    ("time", "09:05", "上午九点零五分", "nine oh five a.m."),
    ("time", "9:00", "上午九点", "nine a.m."),
    ("time", "12:00", "中午十二点", "twelve noon"),
    ("time", "12:30", "中午十二点半", "twelve thirty p.m."),
    ("time", "14:30", "下午两点半", "two thirty p.m."),
    ("time", "18:10", "晚上六点十分", "six ten p.m."),
    ("time", "22:02", "晚上十点零二分", "ten oh two p.m."),
    ("duration", "7500", "两小时五分钟", "two hours five minutes"),
    ("duration", "65", "一分钟五秒", "one minute five seconds"),
    ("duration", "3605", "一小时零五秒", "one hour five seconds"),
    ("duration", "172800", "两天", "two days"),
    ("duration", "0", "零秒", "zero seconds"),
    ("wait", "59", "不到一分钟", "less than a minute"),
    ("wait", "60", "大约一分钟", "about one minute"),
    ("wait", "121", "大约三分钟", "about three minutes"),
    ("wait", "7500", "大约两小时五分钟", "about two hours five minutes"),
    ("ordinal", "2", "第二", "second"),
    ("ordinal", "12", "第十二", "twelfth"),
    ("ordinal", "21", "第二十一", "twenty first"),
    ("ordinal", "105", "第一百零五", "one hundred fifth"),
    ("ordinal", "200", "第二百", "two hundredth"),
    ("percent", "12.5", "百分之十二点五", "twelve point five percent"),
    ("percent", "2%", "百分之二", "two percent"),
    ("percent", "100", "百分之百", "one hundred percent"),
    ("percent", "-3", "负百分之三", "minus three percent"),
]


@pytest.mark.parametrize(("kind", "value", "chinese", "english"), CASES, ids=[f"{case[0]} {case[1]}" for case in CASES])
def test_each_is_read_as_people_do(kind: Kind, value: str, chinese: str, english: str) -> None:
    assert said(kind, value, "zh") == chinese
    assert said(kind, value, "en") == english


def test_every_kind_has_a_case() -> None:
    assert {case[0] for case in CASES} == set(KINDS)


@pytest.mark.parametrize(
    ("day", "chinese", "english"),
    [
        ("2026-11-29", "昨天", "yesterday"),
        ("2026-11-30", "今天", "today"),
        ("2026-12-01", "明天", "tomorrow"),
        ("2026-12-02", "后天", "the day after tomorrow"),
        ("2026-12-25", "十二月二十五日", "December twenty fifth"),
        ("2027-01-01", "二零二七年一月一日", "January first, twenty twenty seven"),
    ],
)
def test_a_date_seen_from_today(day: str, chinese: str, english: str) -> None:
    assert said("date", day, "zh", TODAY) == chinese
    assert said("date", day, "en", TODAY) == english


@pytest.mark.parametrize(
    ("kind", "value", "why"),
    [
        ("number", "", "must be a number"),
        ("number", "1e3", "must be a number"),
        ("number", "1000000000000", "below 1,000,000,000,000"),
        ("number", "1.1234567", "six decimals"),
        ("number", "１２", "must be a number"),
        ("count", "-1", "whole number"),
        ("count", "1.5", "whole number"),
        ("digits", "12a", "1 to 64 digits"),
        ("digits", "1" * 65, "1 to 64 digits"),
        ("phone", "call me", "telephone number"),
        ("phone", "+999999", "country's code"),
        ("phone", "1" * 21, "telephone number"),
        ("order", "---", "no digit"),
        ("order", "甲1", "digits, letters"),
        ("amount", "1.234", "two decimals"),
        ("amount", "free", "must be a number"),
        ("date", "2026-02-30", "day"),
        ("date", "2026113", "2026-11-30"),
        ("weekday", "Monday", "2026-11-30"),
        ("time", "24:00", "09:05"),
        ("time", "9:60", "09:05"),
        ("duration", "-5", "whole number"),
        ("wait", "soon", "whole number"),
        ("ordinal", "0", "begin at 1"),
        ("percent", "half", "must be a number"),
    ],
)
def test_bad_values_are_told_with_kind_and_value(kind: Kind, value: str, why: str) -> None:
    for language in LANGUAGES:
        with pytest.raises(ValueError, match=re.escape(why)) as told:
            read(kind, value, language)
        assert str(told.value).startswith(f"{kind} {value!r} can't be read: ")


def test_unknown_languages_and_kinds_are_told() -> None:
    with pytest.raises(ValueError, match="in 'fr'; only in zh, en"):
        read("number", "1", "fr")
    with pytest.raises(ValueError, match="no kind of value 'colour'"):
        read("colour", "1", "zh")  # type: ignore[arg-type]


# An evaluator of its own: hears words, knows nothing of how they were made

CHINESE_DIGITS = {word: n for n, word in enumerate("零一二三四五六七八九")} | {"两": 2}
CHINESE_UNITS = {"十": 10, "百": 100, "千": 1000}
SMALL = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen"
ENGLISH = {word: n for n, word in enumerate([*SMALL.split(), "eighteen", "nineteen"])}
ENGLISH |= dict(
    zip(["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"], range(20, 100, 10), strict=True)
)


def chinese_value(text: str) -> Decimal:
    if text.startswith("负"):
        return -chinese_value(text[1:])
    if "点" in text:
        whole, _, fraction = text.partition("点")
        return chinese_value(whole) + Decimal("0." + "".join(str(CHINESE_DIGITS[word]) for word in fraction))
    total, section, digit = 0, 0, -1
    for word in text:
        if word in CHINESE_DIGITS:
            digit = CHINESE_DIGITS[word]
        elif word in CHINESE_UNITS:
            section += (1 if digit < 0 else digit) * CHINESE_UNITS[word]
            digit = -1
        else:
            scale = {"万": 10**4, "亿": 10**8}[word]
            total += (section + max(digit, 0)) * scale
            section, digit = 0, -1
    return Decimal(total + section + max(digit, 0))


def english_value(text: str) -> Decimal:
    if text.startswith("minus "):
        return -english_value(text.removeprefix("minus "))
    whole, _, fraction = text.partition(" point ")
    total = group = 0
    for word in whole.split():
        if word in ENGLISH:
            group += ENGLISH[word]
        elif word == "hundred":
            group *= 100
        else:
            total += group * {"thousand": 10**3, "million": 10**6, "billion": 10**9}[word]
            group = 0
    return total + group + Decimal("0." + ("".join(str(ENGLISH[word]) for word in fraction.split()) or "0"))


numbers = st.one_of(
    st.integers(0, 10**12 - 1),
    st.integers(0, 10**5),
    st.lists(st.sampled_from("0012"), min_size=1, max_size=12).map(lambda digits: int("".join(digits))),  # many zeros and 二/两
)


@given(numbers, st.from_regex(r"(\.[0-9]{1,6})?", fullmatch=True), st.sampled_from(["", "-"]))
def test_numbers_heard_are_numbers_meant(whole: int, fraction: str, sign: str) -> None:
    value = f"{sign}{whole}{fraction}"
    assert chinese_value(said("number", value, "zh")) == Decimal(value)
    assert english_value(said("number", value, "en")) == Decimal(value)


@given(numbers)
def test_chinese_numbers_are_well_formed(number: int) -> None:
    text = said("number", str(number))
    assert "零零" not in text
    assert "零" not in text[-1:] or number == 0
    assert "两" not in text[1:]
    assert not re.search("两$|两十", text)
    assert "一十" not in text[:2]
    assert said("ordinal", str(number + 1 if number + 1 < 10**12 else number)).count("两") == 0


@given(st.integers(0, 10**11), st.integers(0, 99))
def test_amounts_heard_are_amounts_meant(yuan: int, fen: int) -> None:
    text = said("amount", f"{yuan}.{fen:02}")
    heard = re.fullmatch("(?:(.+)元)?(?:(.)角)?(?:零?(.)分)?", text)
    assert heard
    assert chinese_value(heard[1] or "零") == yuan
    assert chinese_value(heard[2] or "零") * 10 + chinese_value(heard[3] or "零") == fen
    assert english_value(said("amount", f"{yuan}.{fen:02}", "en").removesuffix(" yuan")) == Decimal(f"{yuan}.{fen:02}")


@given(st.integers(0, 10**11))
def test_durations_heard_are_durations_meant(seconds: int) -> None:
    heard = re.fullmatch("(?:(.+)天)?(?:零?(.+)小时)?(?:零?(.+)分钟)?(?:零?(.+?)秒)?", said("duration", str(seconds)))
    assert heard
    days, hours, minutes, rest = (chinese_value(part or "零") for part in heard.groups())
    assert ((days * 24 + hours) * 60 + minutes) * 60 + rest == seconds
    assert hours < 24
    assert minutes < 60


@given(st.dates(min_value=date(1000, 1, 1)), st.integers(-400, 400))
def test_dates_heard_are_dates_meant(day: date, off: int) -> None:
    heard = re.fullmatch("(....)年(.+)月(.+)日", said("date", day.isoformat()))
    assert heard
    year = int("".join(str(CHINESE_DIGITS[word]) for word in heard[1]))
    assert (year, int(chinese_value(heard[2])), int(chinese_value(heard[3]))) == (day.year, day.month, day.day)
    try:
        today = day + timedelta(days=off)
    except OverflowError:
        return
    same_year = said("date", day.isoformat(), today=today).find("年") < 0
    assert same_year == (day.year == today.year or -off in (-1, 0, 1, 2))


@given(st.integers(0, 23), st.integers(0, 59))
def test_times_heard_are_times_meant(hour: int, minute: int) -> None:
    text = said("time", f"{hour:02}:{minute:02}").replace("半", "三十分")
    heard = re.fullmatch("(凌晨|上午|中午|下午|晚上)(.+)点(?:零?(.+)分)?", text)
    assert heard
    part, clock = heard[1], int(chinese_value(heard[2]))
    assert clock + (12 if part in ("下午", "晚上") else 0) == hour
    assert chinese_value(heard[3] or "零") == minute
    english = said("time", f"{hour:02}:{minute:02}", "en")
    assert (english.split()[-1] in ("p.m.", "noon")) == (hour >= 12)


@given(st.text("0123456789", min_size=1, max_size=64))
def test_no_digit_is_lost_and_one_is_yao(digits: str) -> None:
    for kind in ("digits", "order"):
        text = said(kind, digits).replace("，", "")
        assert "一" not in text
        assert "".join(str("零幺二三四五六七八九".index(word)) for word in text) == digits
    groups = grouped(digits)
    assert "".join(groups) == digits
    lengths = [len(group) for group in groups]
    assert max(lengths) <= 4
    assert max(lengths) - min(lengths) <= 1


@given(st.sampled_from(KINDS), st.text(max_size=30), st.sampled_from(LANGUAGES))
def test_any_text_is_read_or_told(kind: Kind, value: str, language: str) -> None:
    with contextlib.suppress(ValueError):
        assert read(kind, value, language)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_word_has_its_clip_and_the_clip_says_the_word(language: str) -> None:
    texts = read_texts(PATH / language / "texts.yaml", language)
    for clip, word in words(language).items():
        assert texts[clip][0] == word, clip
        assert (PATH / language / f"{clip}.wav").exists()


@given(
    st.sampled_from(LANGUAGES),
    st.one_of(
        st.tuples(st.sampled_from(["number", "count", "amount", "duration", "wait", "percent", "digits"]), numbers.map(str)),
        st.tuples(st.sampled_from(["date", "weekday"]), st.dates(min_value=date(1000, 1, 1)).map(date.isoformat)),
        st.tuples(st.just("time"), st.times().map(lambda time: f"{time:%H:%M}")),
        st.tuples(st.just("order"), st.from_regex("[A-Za-z0-9]{1,20}", fullmatch=True)),
        st.tuples(st.just("phone"), st.from_regex(r"(\+852)?[1-9][0-9]{7,10}", fullmatch=True)),
    ),
)
def test_only_known_clips_are_asked_for(language: str, value: tuple[Kind, str]) -> None:
    tokens = read(value[0], value[1], language)
    spoken = [token for token in tokens if token.clip != "pause"]
    assert all(words(language)[token.clip] == token.text for token in spoken)
    assert clips(tokens) == tuple(token.clip for token in tokens)
    assert Path(PATH, "common", "pause.wav").exists()
