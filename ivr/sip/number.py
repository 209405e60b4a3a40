"""Callers' numbers as trunks in China deliver them, made comparable: area code added, trunk zeros and +86 taken off,
province and city named."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

ANONYMOUS = frozenset({"", "anonymous", "unknown", "private", "restricted", "unavailable", "asserted", "withheld"})
_REGION = "CN"
_SERVICE = re.compile(r"1[02][0-9]{3}|9[56][0-9]{3,4}")
"""National service numbers (10086, 12345, 95588): no area code, and they can be dialled."""
_PROVINCES = re.compile(
    "(北京|天津|上海|重庆)市|内蒙古|广西|西藏|宁夏|新疆|(黑龙江|河北|山西|辽宁|吉林|江苏|浙江|安徽|福建|江西|山东)省"
    "|(河南|湖北|湖南|广东|海南|四川|贵州|云南|陕西|甘肃|青海)省"
)


@dataclass(frozen=True, slots=True)
class Caller:
    """number: "04714613311", "13912345678", "+85221234567", "10086"; "" when anonymous. dialable: whether a return call can
    be placed to it. province and city in Chinese, "" where unknown ("北京市" is both)."""

    number: str
    dialable: bool
    province: str = ""
    city: str = ""


@lru_cache(maxsize=4096)
def normalise(raw: str, home_area_code: str | None) -> Caller:
    """The caller behind a From user part. home_area_code ("0471") is the trunk's own: local callers arrive without it."""
    text = re.sub(r"[\s().-]", "", raw)
    if text.lower() in ANONYMOUS or not re.fullmatch(r"\+?[0-9]+", text, re.ASCII):
        return Caller("", dialable=False)
    for candidate in _candidates(text, home_area_code):
        found = _parse(candidate)
        if found is not None:
            return found
    return Caller(text, dialable=_SERVICE.fullmatch(text) is not None)


def _candidates(text: str, home_area_code: str | None) -> list[str]:
    """Readings in the order of likelihood; a valid one wins."""
    if text.startswith("+"):
        return [text]
    readings = [text]
    if text.startswith("00"):
        readings = ["+" + text[2:], text[1:]]
    elif text.startswith("86") and len(text) > 10:
        readings = ["+" + text, text]
    elif home_area_code and not text.startswith("0") and len(text) in {7, 8}:
        # "4613311" alone is no Chinese number; with its area code it is. Mobiles, 400 numbers and service numbers are
        # complete as they are.
        readings = [home_area_code + text]
    return readings


def load() -> None:
    """Read the tables of numbers and places (120 MB, a second) now; else the first normalise() does it. Processes that ask for
    no number go without them."""
    import phonenumbers.geocoder  # noqa: F401


def _parse(text: str) -> Caller | None:
    import phonenumbers
    from phonenumbers import geocoder

    try:
        number = phonenumbers.parse(text, _REGION)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    if number.country_code != 86:
        written = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
        return Caller(written, dialable=True)
    national = phonenumbers.national_significant_number(number)
    landline = phonenumbers.number_type(number) == phonenumbers.PhoneNumberType.FIXED_LINE
    place = geocoder.description_for_number(number, "zh")
    if place in {"北京", "天津", "上海", "重庆"}:
        place += "市"
    elif place == "中国":
        place = ""
    match = _PROVINCES.match(place)
    province = match[0] if match else ""
    city = place[len(province) :] or (province if province.endswith("市") else "")
    return Caller("0" + national if landline else national, dialable=True, province=province, city=city)
