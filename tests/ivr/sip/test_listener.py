"""What peers are told of a listener, and which way a request goes."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from ivr.sip.events import Address
from ivr.sip.listener import Listener
from ivr.sip.outgoing import Outgoing
from ivr.sip.ways import MAX_UDP_BYTES, Ways

UDP = Listener(
    "10.0.0.5", 5060, advertised_host="198.51.100.5", media_bind="10.0.0.6", media_advertised_host="198.51.100.6",
    local_networks=(ip_network("10.0.0.0/8"), ip_network("fd00::/8")),
)  # fmt: skip
TCP = Listener("10.0.0.5", 5060, "t", "tcp", media_bind="10.0.0.6")
TLS = Listener("10.0.0.5", 5061, "s", "tls", media_bind="10.0.0.6")
V6 = Listener("2001:db8::5", 5060, "six", media_bind="2001:db8::6")
PEER = Address("192.0.2.9", 5060)


def ways(*, large: bool = True) -> Ways:
    return Ways([UDP, TCP, TLS, V6], lambda address: large and address.host == PEER.host)


def outgoing(length: int, destination: Address = PEER, transport: str = "udp") -> Outgoing:
    plain = Outgoing("INVITE", "sip:b@b", "10.0.0.5:5060", "z9hG4bK1", "<sip:a>", "<sip:b>", "c", 1, destination)
    padding = "x" * (length - len(plain.write()) - len("Subject: \r\n"))
    made = Outgoing(
        "INVITE", "sip:b@b", "10.0.0.5:5060", "z9hG4bK1", "<sip:a>", "<sip:b>", "c", 1, destination,
        headers=(("Subject", padding),), transport="tcp" if transport == "tcp" else "udp",
    )  # fmt: skip
    assert len(made.write()) == length
    return made


def test_behind_nat_strangers_are_told_other_addresses_than_neighbours() -> None:
    assert UDP.signalling_host("192.0.2.9") == "198.51.100.5"
    assert UDP.media_host("192.0.2.9") == "198.51.100.6"
    assert UDP.signalling_host("10.9.9.9") == "10.0.0.5"
    assert UDP.media_host("10.9.9.9") == "10.0.0.6"
    assert UDP.media_host("fd00::1") == "10.0.0.6"
    assert (TCP.signalling_host("192.0.2.9"), TCP.media_host("192.0.2.9")) == ("10.0.0.5", "10.0.0.6")


def test_our_uris_name_user_and_transport() -> None:
    assert UDP.uri("192.0.2.9") == "sip:198.51.100.5:5060"
    assert UDP.uri("10.1.1.1", "a b") == "sip:a%20b@10.0.0.5:5060"
    assert TLS.uri("192.0.2.9", "4000") == "sip:4000@10.0.0.5:5061;transport=tls"
    assert TLS.aor("192.0.2.9", "4000") == "sip:4000@10.0.0.5:5061"
    assert V6.uri("2001:db8::9") == "sip:[2001:db8::5]:5060"
    assert (UDP.label, TCP.label, UDP.reliable, TLS.reliable) == ("main", "t", False, True)


def test_a_listener_that_is_no_more_is_the_first_one() -> None:
    assert ways().listener(Address("192.0.2.9", 5060, "six")) is V6
    assert ways().listener(Address("192.0.2.9", 5060, "gone")) is UDP


def test_long_requests_go_by_tcp_where_the_peer_takes_it() -> None:
    found, data = ways().fit(outgoing(MAX_UDP_BYTES + 1))
    assert (found.destination, found.transport) == (PEER._replace(listener="t"), "tcp")
    assert data == found.write()
    assert b"Via: SIP/2.0/TCP 10.0.0.5:5060;branch=z9hG4bK1;rport\r\n" in data


@pytest.mark.parametrize(
    ("request_", "large"),
    [
        (outgoing(MAX_UDP_BYTES), True),
        (outgoing(MAX_UDP_BYTES + 1), False),
        (outgoing(MAX_UDP_BYTES + 1, PEER._replace(listener="t"), "tcp"), True),
        (outgoing(MAX_UDP_BYTES + 1, Address("192.0.2.9", 5060, "six")), True),
    ],
    ids=["short", "the peer takes none", "is TCP already", "no TCP on that address"],
)
def test_others_go_as_they_are(request_: Outgoing, large: bool) -> None:
    assert ways(large=large).fit(request_) == (request_, request_.write())


def test_who_refuses_tcp_gets_all_by_udp_from_then_on() -> None:
    chooser, long = ways(), outgoing(MAX_UDP_BYTES + 1)
    sent, _ = chooser.fit(long)
    back = chooser.unfit(sent)
    assert back is not None
    assert (back.destination, back.transport) == (PEER, "udp")
    assert chooser.fit(long)[0].transport == "udp"
    assert chooser.unfit(long) is None, "it was UDP"
    assert ways(large=False).unfit(sent) is None, "it is TCP for its own reasons"
    only_tcp = Listener("10.0.0.9", 5060, "", "tcp")
    assert Ways([only_tcp], lambda _: True).unfit(sent) is None, "there is no UDP"


@pytest.mark.parametrize(
    ("hop", "destination", "peer", "goes_to"),
    [
        ("sip:a@192.0.2.9", PEER, PEER, PEER),
        ("<sip:192.0.2.7;transport=TCP;lr>", Address("192.0.2.7", 5060), PEER, Address("192.0.2.7", 5060, "t")),
        ("<sips:192.0.2.7:5061;lr>", Address("192.0.2.7", 5061), PEER, Address("192.0.2.7", 5061, "s")),
        ("<sip:192.0.2.7;transport=sctp;lr>", Address("192.0.2.7", 5060), PEER, Address("192.0.2.7", 5060)),
        ("<sip:192.0.2.7;lr>", Address("192.0.2.7", 5060), PEER, Address("192.0.2.7", 5060)),
        ("<sip:[2001:db8::7];transport=tcp>", Address("2001:db8::7", 5060, "six"), PEER, Address("2001:db8::7", 5060, "six")),
        ("sip:a@192.0.2.9:5061;transport=tls", PEER._replace(listener="s"), Address("192.0.2.9", 40001, "s"),
         Address("192.0.2.9", 40001, "s")),
        ("sip:a@192.0.2.7", Address("192.0.2.7", 5060, "t"), Address("192.0.2.9", 40001, "t"), Address("192.0.2.7", 5060, "t")),
    ],
    ids=["the peer", "named tcp", "sips", "unknown", "as the peer", "not ours", "its connection", "another host"],
)  # fmt: skip
def test_the_next_hop_is_reached_as_its_uri_says(hop: str, destination: Address, peer: Address, goes_to: Address) -> None:
    assert ways().next_hop(hop, destination, peer) == goes_to
