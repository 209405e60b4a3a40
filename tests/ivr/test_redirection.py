"""Where a 3xx may lead."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ivr.dialplan import Callee, DialPlan, TrunkPlan
from ivr.redirection import follow
from ivr.sip.events import Address
from ivr.sip.peers import Peers
from ivr.sip.trunk import TrunkPeer

PLAN = DialPlan(
    seats={"1027": Callee("1027")},
    hotlines={"4001": "sample"},
    trunks=(
        TrunkPlan("out", ("4001", "4002"), "national", ("1", "0"), "0471"),
        TrunkPlan("dear", ("9001",), "e164", ("1", "+852"), "0471"),
    ),
)
CUSTOMER = Callee(number="13912345678", trunk="out", caller_id="4002", attempt=1)
PEERS = Peers((TrunkPeer.of("out", ("10.0.0.0/24", "2001:db8::/64"), ()), TrunkPeer.of("dear", ("10.0.9.0/24",), ())))
PEERS.learn("out", {"192.0.2.7"})


def led(callee: Callee, *contacts: str, status: int = 302, trunk: str = "", caller_id: str = "") -> list[Callee]:
    def inside(trunk: str, address: Address) -> bool:
        return address != Address("10.0.0.1", 5060) and PEERS.includes(trunk, address.host)

    return list(follow(PLAN, callee, status, contacts, trunk=trunk, caller_id=caller_id, inside=inside))


@pytest.mark.parametrize("host", ["10.0.0.9", "192.0.2.7:5070", "[2001:db8::9]", "[2001:db8::9]:5080"])
def test_the_number_at_another_server_of_the_trunk(host: str) -> None:
    assert led(CUSTOMER, f"sip:13912345678;rn=1@{host};user=phone") == [replace(CUSTOMER, server=host, attempt=0)]


@pytest.mark.parametrize("host", ["evil.example", "198.51.100.1:5060", "10.0.9.1", "out", "10.0.0.1"])
def test_a_host_elsewhere_never_gets_the_call(host: str) -> None:
    """It goes the trunk's usual way: where the number was called already, the call will not try it again."""
    assert led(CUSTOMER, f"sip:13912345678@{host}") == [replace(CUSTOMER, attempt=0)]
    assert led(CUSTOMER, f"sip:13800138000@{host}") == [replace(CUSTOMER, number="13800138000", attempt=0)]


@pytest.mark.parametrize(
    "contact",
    [
        "sip:0085221234567@10.0.0.9",  # abroad
        "sip:+85221234567@10.0.0.9",
        "tel:+852-2123-4567",
        "sip:16812345@10.0.0.9",  # a premium line
        "sip:047196123@10.0.0.9",
        "sip:voicemail@10.0.0.9",  # what it would cost is not known
        "sip:10.0.0.9",
        "sip:1027@10.0.0.9",  # a seat of ours is no number outside
        "mailto:a@b.cn",
        "sip:",
    ],
)
@pytest.mark.parametrize("callee", [CUSTOMER, Callee("1026"), replace(CUSTOMER, seat="1030", confirm=True)])
def test_numbers_that_may_not_go_out(callee: Callee, contact: str) -> None:
    assert led(callee, contact, trunk="out") == []


def test_a_number_that_may_go_out_in_the_order_of_the_contacts() -> None:
    found = led(CUSTOMER, "tel:+86-10-6234-5678", "sip:0085221234567@10.0.0.9", "sip:013800138000@10.0.0.9:5070")
    assert found == [
        replace(CUSTOMER, number="01062345678", attempt=0),
        replace(CUSTOMER, number="13800138000", server="10.0.0.9:5070", attempt=0),
    ]


def test_a_mobile_seats_target_is_to_be_confirmed_too() -> None:
    mobile = Callee("1030", "13900000000", "out", "4001", confirm=True)
    assert led(mobile, "sip:13800138000@x.cn") == [replace(mobile, number="13800138000")]


@pytest.mark.parametrize(("trunk", "caller_id", "way"), [
    ("", "", Callee("1026", "13800138000", "out", "4001", True)),
    ("out", "4002", Callee("1026", "13800138000", "out", "4002", True)),
    ("dear", "", Callee("1026", "+8613800138000", "dear", "9001", True)),
])  # fmt: skip
def test_a_seats_telephone_forwards_by_its_trunk(trunk: str, caller_id: str, way: Callee) -> None:
    """And somebody has to press a key there: a mailbox must not get the caller."""
    desk = Callee("1026", contact="sip:1026@10.1.1.1")
    assert led(desk, "sip:13800138000@10.1.1.1", trunk=trunk, caller_id=caller_id) == [way]


def test_a_proxy_is_used_inside_the_trunk_only() -> None:
    assert led(CUSTOMER, "sip:10.0.0.9;lr", "sip:proxy.evil.example", "sips:10.0.0.8", status=305) == [
        replace(CUSTOMER, proxy="10.0.0.9", attempt=0)
    ]
    assert led(Callee("1026"), "sip:10.0.0.9", status=305) == []
