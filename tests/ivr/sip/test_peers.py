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


def test_accounts_with_one_operator_are_told_apart_by_what_is_called() -> None:
    """Both send from where the operator's name leads; the one whose number or registered user is called has the call."""
    accounts = [TrunkPeer.of(f"t{user}", [], [f"{user}1"], user=user) for user in ("4000", "5000")]
    peers = Peers(accounts)
    source = Address("192.0.2.7", 5060)
    assert peers.trunk(source) is None
    for account in accounts:
        peers.learn(account.name, ["192.0.2.7"])
    for called, owner in (("4000", "t4000"), ("5000", "t5000"), ("50001", "t5000"), ("6000", "t4000")):
        assert peers.judge(source, called=called, from_user="139", auth_user="") == Party("trunk", owner)
    peers.learn("t4000", [])
    assert peers.judge(source, called="4000", from_user="139", auth_user="") == Party("trunk", "t5000")
