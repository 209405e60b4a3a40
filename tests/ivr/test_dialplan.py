"""Which numbers may go out, how they are written, and what a number inside leads to."""

from __future__ import annotations

import pytest

from ivr.dialplan import Callee, DialPlan, Refused, ToHotline, ToQueue, TrunkPlan

OPEN = ("1", "0", "400", "95")
"""Mobiles and service numbers, landlines, 400, banks: no premium number, nothing abroad."""


def plan(*allow: str, form: str = "national", ids: tuple[str, ...] = ("04714000000", "4000000000")) -> TrunkPlan:
    return TrunkPlan("out", ids, form, allow, "0471")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("dialled", "national", "e164", "zero_other_city"),
    [
        ("13912345678", "13912345678", "+8613912345678", "013912345678"),
        ("13848112345", "13848112345", "+8613848112345", "13848112345"),
        ("+86 139 1234 5678", "13912345678", "+8613912345678", "013912345678"),
        ("013912345678", "13912345678", "+8613912345678", "013912345678"),
        ("4613311", "04714613311", "+864714613311", "4613311"),
        ("04714613311", "04714613311", "+864714613311", "4613311"),
        ("021-6234 5678", "02162345678", "+862162345678", "02162345678"),
        ("4008001234", "4008001234", "4008001234", "4008001234"),
        ("10086", "10086", "10086", "10086"),
        ("95588", "95588", "95588", "95588"),
    ],
)
def test_each_trunk_has_its_way_of_writing(dialled: str, national: str, e164: str, zero_other_city: str) -> None:
    for form, written in (("national", national), ("e164", e164), ("zero_other_city", zero_other_city)):
        assert plan(*OPEN, form=form).outgoing(dialled) == Callee(number=written, trunk="out", caller_id="04714000000"), form


def test_zero_other_city_needs_the_own_city() -> None:
    trunk = TrunkPlan("out", ("4001",), "zero_other_city", ("1",))
    assert trunk.outgoing("13912345678") == Callee(number="13912345678", trunk="out", caller_id="4001")


@pytest.mark.parametrize("dialled", ["13912345678", "10086", "04714613311", "110", "0085221234567"])
def test_nothing_goes_out_unless_it_is_allowed(dialled: str) -> None:
    assert isinstance(plan().outgoing(dialled), Refused)


@pytest.mark.parametrize(
    ("dialled", "why"),
    [
        ("16812345", "premium"),
        ("047116812345", "premium"),
        ("0471 96123", "premium"),
        ("9612345", "premium"),
        ("12590123", "premium"),
        ("02196123", "premium"),
        ("+85221234567", "foreign"),
        ("0085221234567", "foreign"),
        ("001900123456", "foreign"),
        ("008613912345678", ""),
        ("110", "invalid"),
        ("12", "invalid"),
        ("139123", "invalid"),
        ("*99#", "invalid"),
        ("", "invalid"),
        ("8001234567", "not_allowed"),
    ],
)
def test_what_costs_money_needs_a_prefix_of_its_own(dialled: str, why: str) -> None:
    way = plan(*OPEN).outgoing(dialled)
    assert (way.why if isinstance(way, Refused) else "") == why


def test_premium_and_foreign_numbers_that_are_allowed_by_name() -> None:
    assert plan("96").outgoing("96123") == Callee(number="96123", trunk="out", caller_id="04714000000")
    assert isinstance(plan("9", "0471").outgoing("047196123"), Refused)
    assert isinstance(plan("047196").outgoing("047196123"), Callee)
    assert isinstance(plan("110").outgoing("110"), Callee), "a whole number is allowed as it stands"
    hongkong = plan("+852")
    assert hongkong.outgoing("0085221234567") == Callee(number="0085221234567", trunk="out", caller_id="04714000000")
    assert isinstance(hongkong.outgoing("008190123456789"), Refused)
    assert plan("+852", form="e164").outgoing("0085221234567") == Callee(
        number="+85221234567", trunk="out", caller_id="04714000000"
    )


def test_only_the_trunks_own_numbers_are_shown() -> None:
    assert plan(*OPEN).outgoing("10086", "4000000000") == Callee(number="10086", trunk="out", caller_id="4000000000")
    assert plan(*OPEN).outgoing("10086", "110") == Refused("caller_id")
    assert plan(*OPEN, ids=()).outgoing("10086") == Refused("caller_id")


def test_what_a_number_leads_to() -> None:
    local, far = plan("0471"), TrunkPlan("far", ("021",), allow_prefixes=("1",))
    house = DialPlan({"1026": Callee("1026")}, {"4001": "sample"}, {"7000": "service"}, (local, far))
    assert house.resolve("1026") == Callee("1026")
    assert house.resolve("4001") == ToHotline("sample")
    assert house.resolve("7000") == ToQueue("service")
    assert house.resolve("13912345678") == Callee(number="13912345678", trunk="far", caller_id="021")
    assert house.resolve("13912345678", trunk="out") == Refused("not_allowed")
    assert house.resolve("8001234567") == Refused("not_allowed")
    assert DialPlan().resolve("10086") == Refused("no_trunk")
    assert (Refused("invalid").status, Refused("premium").status) == (404, 403)


def test_a_callee() -> None:
    assert not Callee("1026").by_trunk
    assert Callee("1030", "139", "out", "4001", confirm=True).by_trunk
    assert Callee(number="10086", trunk="out").next().attempt == 1
    assert (Callee("1026").name, Callee(number="10086").name) == ("1026", "10086")
