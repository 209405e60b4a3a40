"""Values as a Chinese speaker reads them: 一百零五, 两千二百, 幺三九, 一百元零五分, 下午两点半. Pure; reading.py calls.

二 and 两: 两 stands where a number begins with a 2 of hundreds, thousands, 万 or 亿 (两百, 两千二百, 两万), and for
the number 2 before a measure word (两位, 两点); 二 everywhere else (十二, 二十, 一万二千, 第二, 二点五). 一 is 幺 in what
is read digit by digit, but 一 in years and after a decimal point. 十 for 一十 only where a number begins (十五, 十五万,
一百一十五). One 零 for each gap.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from prompts.tokens import Figure, Token

WORDS: Mapping[str, str] = {
    **{f"digit_{n}": word for n, word in enumerate("零幺二三四五六七八九")},
    **{f"letter_{letter.lower()}": letter for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"},
    "num_1": "一",
    "num_liang": "两",
    "num_10": "十",
    "num_100": "百",
    "num_1000": "千",
    "num_wan": "万",
    "num_yi": "亿",
    "num_point": "点",
    "num_minus": "负",
    "num_plus": "加",
    "num_percent": "百分之",
    "num_ordinal": "第",
    "money_yuan": "元",
    "money_jiao": "角",
    "money_fen": "分",
    "date_year": "年",
    "date_month": "月",
    "date_day": "日",
    **{f"weekday_{n}": f"星期{word}" for n, word in enumerate("一二三四五六日", 1)},
    "day_yesterday": "昨天",
    "day_today": "今天",
    "day_tomorrow": "明天",
    "day_after_tomorrow": "后天",
    "time_small_hours": "凌晨",
    "time_morning": "上午",
    "time_noon": "中午",
    "time_afternoon": "下午",
    "time_evening": "晚上",
    "time_oclock": "点",
    "time_half": "半",
    "time_minute": "分",
    "unit_day": "天",
    "unit_hour": "小时",
    "unit_minute": "分钟",
    "unit_second": "秒",
    "wait_about": "大约",
    "wait_short": "不到一分钟",
}
"""Every clip that is used here, with its text."""
PAUSE = Token("pause", "，")
RELATIVE: Mapping[int, str] = {-1: "day_yesterday", 0: "day_today", 1: "day_tomorrow", 2: "day_after_tomorrow"}
"""Days from today that have a word."""
_PLACES = ("num_1000", "num_100", "num_10", "")
_SECTIONS = ((10**8, "num_yi"), (10**4, "num_wan"), (1, ""))
_DAY_PARTS = ((18, "time_evening"), (13, "time_afternoon"), (12, "time_noon"), (6, "time_morning"), (0, "time_small_hours"))

Tokens = tuple[Token, ...]


def _word(clip: str) -> Token:
    return Token(clip, WORDS[clip])


def _plain(digit: str) -> Token:
    """A digit inside a number: 一, not 幺."""
    return _word("num_1" if digit == "1" else f"digit_{digit}")


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


def whole(number: int, *, liang: bool = True) -> Tokens:
    """A cardinal number. liang: whether a leading 2 of hundreds and above is 两."""
    if number == 0:
        return (_word("digit_0"),)
    tokens: list[Token] = []
    gap = False
    for size, unit in _SECTIONS:
        section = number // size % 10**4
        if section:
            for place, digit in zip(_PLACES, f"{section:04}", strict=True):
                if digit == "0":
                    gap = bool(tokens)
                    continue
                if gap:
                    tokens.append(_word("digit_0"))
                if tokens or (place, digit) != ("num_10", "1"):  # 十五, but 一百一十五
                    # 两百, 两千, 两万, but 二, 二十, and 二 wherever something stands before it
                    two = liang and not tokens and digit == "2" and (place in _PLACES[:2] or (not place and bool(unit)))
                    tokens.append(_word("num_liang") if two else _plain(digit))
                gap = False
                if place:
                    tokens.append(_word(place))
            if unit:
                tokens.append(_word(unit))
            gap = False  # zeros at a section's end aren't read
        else:
            gap = bool(tokens)
    return tuple(tokens)


def count(number: int) -> Tokens:
    """A number before a measure word: 两 for 2."""
    return (_word("num_liang"),) if number == 2 else whole(number)


def number(figure: Figure) -> Tokens:
    """负三点零五, 两千点五."""
    tokens = (*_sign(figure.negative), *whole(figure.whole))
    if figure.fraction:
        tokens += (_word("num_point"), *(_plain(digit) for digit in figure.fraction))
    return tokens


def _sign(negative: bool) -> Tokens:
    return (_word("num_minus"),) if negative else ()


def percent(figure: Figure) -> Tokens:
    """百分之十二点五; 100 is 百分之百."""
    if figure.whole == 100 and not figure.fraction:
        return (*_sign(figure.negative), _word("num_percent"), _word("num_100"))
    return (*_sign(figure.negative), _word("num_percent"), *number(Figure(False, figure.whole, figure.fraction)))


def ordinal(number: int) -> Tokens:
    """第二, 第一百零五."""
    return (_word("num_ordinal"), *whole(number, liang=False))


def amount(negative: bool, yuan: int, fen: int) -> Tokens:
    """一百二十三元五角, 一百元零五分, 五角. fen: 0 to 99."""
    jiao, rest = divmod(fen, 10)
    tokens: list[Token] = list(_sign(negative))
    if yuan or not fen:
        tokens += (*count(yuan), _word("money_yuan"))
    if jiao:
        tokens += (*(_small(jiao) if yuan else count(jiao)), _word("money_jiao"))
    if rest:
        if yuan and not jiao:
            tokens.append(_word("digit_0"))
        tokens += (*(_small(rest) if yuan or jiao else count(rest)), _word("money_fen"))
    return tuple(tokens)


def _small(digit: int) -> Tokens:
    """After a greater unit a 2 is 二: 两元二角."""
    return (_plain(str(digit)),)


def calendar_day(day: date, today: date | None) -> Tokens:
    """二零二六年十一月三十日. With today: a near day by its word, and no year where it is this one."""
    if today is not None and (day - today).days in RELATIVE:
        return (_word(RELATIVE[(day - today).days]),)
    year = () if today is not None and day.year == today.year else (*map(_plain, f"{day.year:04}"), _word("date_year"))
    return (*year, *whole(day.month), _word("date_month"), *whole(day.day), _word("date_day"))


def weekday(day: date) -> Tokens:
    """星期一."""
    return (_word(f"weekday_{day.isoweekday()}"),)


def clock(hour: int, minute: int) -> Tokens:
    """上午九点零五分, 下午两点半, 中午十二点."""
    part = next(clip for first, clip in _DAY_PARTS if hour >= first)
    tokens = (_word(part), *count(hour if hour <= 12 else hour - 12), _word("time_oclock"))
    if minute == 30:
        return (*tokens, _word("time_half"))
    if not minute:
        return tokens
    return (*tokens, *((_word("digit_0"),) if minute < 10 else ()), *whole(minute), _word("time_minute"))


def duration(days: int, hours: int, minutes: int, seconds: int) -> Tokens:
    """两小时五分钟; 一小时零五秒 where the minutes are skipped."""
    tokens: list[Token] = []
    gap = False
    for number, clip in ((days, "unit_day"), (hours, "unit_hour"), (minutes, "unit_minute"), (seconds, "unit_second")):
        if not number:
            gap = bool(tokens)
            continue
        tokens += [_word("digit_0")] if gap else []
        tokens += (*count(number), _word(clip))
        gap = False
    return tuple(tokens) or (_word("digit_0"), _word("unit_second"))


def wait(minutes: int) -> Tokens:
    """大约三分钟; 0 is 不到一分钟."""
    if not minutes:
        return (_word("wait_short"),)
    hours, rest = divmod(minutes, 60)
    return (_word("wait_about"), *duration(0, hours, rest, 0))
