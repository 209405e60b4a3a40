from __future__ import annotations

import pytest

from ivr.sip.number import Caller, normalise

HOHHOT = ("内蒙古", "呼和浩特市")


@pytest.mark.parametrize(
    ("raw", "home", "expected"),
    [
        ("4613311", "0471", Caller("04714613311", True, *HOHHOT)),
        ("04714613311", None, Caller("04714613311", True, *HOHHOT)),
        ("4714613311", "0471", Caller("04714613311", True, *HOHHOT)),
        ("+864714613311", "010", Caller("04714613311", True, *HOHHOT)),
        ("4613311", None, Caller("4613311", False)),
        ("62345678", "010", Caller("01062345678", True, "北京市", "北京市")),
        ("02087654321", "0471", Caller("02087654321", True, "广东省", "广州市")),
        ("862087654321", None, Caller("02087654321", True, "广东省", "广州市")),
        ("13912345678", "0471", Caller("13912345678", True, "江苏省", "常州市")),
        ("013912345678", "0471", Caller("13912345678", True, "江苏省", "常州市")),
        ("8613912345678", None, Caller("13912345678", True, "江苏省", "常州市")),
        ("008613912345678", None, Caller("13912345678", True, "江苏省", "常州市")),
        ("139-1234 5678", None, Caller("13912345678", True, "江苏省", "常州市")),
        ("4008001234", "0471", Caller("4008001234", True)),
        ("10086", "0471", Caller("10086", True)),
        ("95588", "010", Caller("95588", True)),
        ("0085221234567", None, Caller("+85221234567", True)),
        ("1001", "0471", Caller("1001", False)),
        ("9" * 40, None, Caller("9" * 40, False)),
        ("+", None, Caller("", False)),
        ("anonymous", "0471", Caller("", False)),
        ("Unknown", None, Caller("", False)),
        ("", "0471", Caller("", False)),
        ("wang", None, Caller("", False)),
    ],
)
def test_numbers(raw: str, home: str | None, expected: Caller) -> None:
    assert normalise(raw, home) == expected


def test_a_city_that_is_a_province() -> None:
    assert normalise("17726000001", None) == Caller("17726000001", True, "天津市", "天津市")
    assert normalise("02223456789", None) == Caller("02223456789", True, "天津市", "天津市")
