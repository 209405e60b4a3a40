from __future__ import annotations

import pytest

from ivr.sip.events import Address, Party
from ivr.sip.peers import Peers
from ivr.sip.trunk import TrunkPeer

TRUNK = Address("10.0.0.5", 5060)
FLOW = Address("10.0.0.77", 5062)
STRANGER = Address("203.0.113.9", 5060)
CARRIER = Party("trunk", "carrier")


def peers() -> Peers:
    trunks = [TrunkPeer.of("carrier", ["10.0.0.0/24", "2001:db8::/32"], ["4000"])]
    return Peers(trunks, {"1001": "secret"}, {FLOW: "1001"})


@pytest.mark.parametrize(
    ("source", "called", "from_user", "auth_user", "verdict"),
    [
        (TRUNK, "4000", "139", "", CARRIER),
        (TRUNK, "4000", "1001", "", CARRIER),
        (TRUNK, "4000", "139", "1001", "challenge"),
        (TRUNK, "4000", "139", "nobody", CARRIER),
        (TRUNK, "9999", "139", "", CARRIER),
        (TRUNK, "9999", "1001", "", "challenge"),
        (FLOW, "4000", "139", "", "challenge"),
        (STRANGER, "4000", "1001", "", "challenge"),
        (STRANGER, "4000", "139", "1001", "challenge"),
        (STRANGER, "4000", "139", "nobody", "silence"),
        (STRANGER, "4000", "139", "", "silence"),
        (Address("::ffff:10.0.0.5", 5060), "4000", "139", "", CARRIER),
        (Address("2001:db8::9%eth0", 5060), "4000", "139", "", CARRIER),
        (Address("node1", 5060), "4000", "139", "", "silence"),
    ],
)
def test_who_is_who(source: Address, called: str, from_user: str, auth_user: str, verdict: object) -> None:
    assert peers().judge(source, called=called, from_user=from_user, auth_user=auth_user) == verdict


def test_known() -> None:
    assert peers().knows(TRUNK)
    assert peers().knows(FLOW)
    assert peers().knows(STRANGER, "1001")
    assert not peers().knows(STRANGER)
    assert not Peers().knows(STRANGER)


def test_flows_are_replaced() -> None:
    book = peers()
    book.set_flows("1001", [STRANGER])
    assert book.flows == {STRANGER: "1001"}
