"""Who calls whom (RFC 3261, 3323, 3325, 3966, 5806, 7044)."""

from __future__ import annotations

import pytest

from ivr.sip import events as sip
from ivr.sip.auth import respond
from ivr.sip.events import Address
from ivr.sip.identity import number_of
from ivr.sip.peers import Peers
from ivr.sip.trunk import TrunkPeer
from tests.ivr.sip.conftest import PEER, SDP, Phone, header, make_agent, only, sends

HOME = Address("203.0.113.7", 5060)


def invited(*extra: str, from_: str = "", uri: str = "", called_from: str = "") -> sip.Invited:
    """What the app is told of an INVITE from the trunk with these headers."""
    trunk = TrunkPeer.of("carrier", ["192.0.2.0/24"], ["4000"], called_from=called_from)
    data = Phone().invite(extra=extra, uri=uri or None)
    if from_:
        data = data.replace(b'"Wang" <sip:13912345678@192.0.2.9>', from_.encode())
    return only(make_agent(peers=Peers([trunk])).receive(data, PEER, 0.0), sip.Invited)


@pytest.mark.parametrize(
    ("from_", "caller", "private"),
    [
        ("<sip:anonymous@anonymous.invalid>", "", True),
        ("<sip:Anonymous@192.0.2.9>", "", True),
        ("<sip:13912345678@anonymous.invalid>", "", True),
        ("<tel:+86-139-1234-5678;cpc=ordinary>", "+8613912345678", False),
        ("<sip:+86-139.1234(5678)@ims.example;user=phone>", "+8613912345678", False),
        ("<sip:a.b-c@ims.example>", "a.b-c", False),
        ("<sip:+8613912345678;phone-context=+86@ims.example;user=PHONE>", "+8613912345678", False),
        ("<urn:x>", "", False),
    ],
)
def test_the_caller(from_: str, caller: str, private: bool) -> None:
    event = invited(from_=from_)
    assert (event.caller, event.private) == (caller, private)


@pytest.mark.parametrize(
    ("extra", "asserted"),
    [
        ((), ""),
        (("P-Asserted-Identity: <sip:+8613912345678@ims.example;user=phone>",), "+8613912345678"),
        (('P-Asserted-Identity: "x, y" <sip:ims.example>, <tel:+86-139>',), "+86139"),
        (("P-Asserted-Identity: <urn:x>", "P-Asserted-Identity: tel:+86139"), "+86139"),
    ],
)
def test_the_asserted_number_of_a_trunk(extra: tuple[str, ...], asserted: str) -> None:
    assert invited(*extra).asserted == asserted


@pytest.mark.parametrize(
    ("privacy", "private"),
    [("id", True), ("header; user", True), ("ID;critical", True), ("none", False), ("header;session", False)],
)
def test_privacy(privacy: str, private: bool) -> None:
    event = invited(f"Privacy: {privacy}", "P-Asserted-Identity: <tel:+86139>")
    assert (event.private, event.asserted) == (private, "+86139")


@pytest.mark.parametrize(
    ("extra", "diverted"),
    [
        (("Diversion: <sip:4001@x>;reason=unconditional, <sip:4002@x>;reason=no-answer",), ("4001", "4002")),
        (("Diversion: <tel:+86-1>", "Diversion: <sip:+861@x>, <urn:x>"), ("+861",)),
        (
            (
                "History-Info: <sip:4001@x?Reason=SIP%3Bcause%3D302>;index=1",
                "History-Info: <sip:4002@x;user=phone;cause=486>;index=1.1, <sip:4000@x;cause=302>;index=1.1.1",
            ),
            ("4002", "4001"),
        ),
        (("History-Info: <sip:4001@x>;index=1, <sip:4000@x>;index=1.1",), ()),
        (("History-Info: <urn:x>;index=1, <sip:4000@x;cause=302>;index=1.1",), ()),
    ],
)
def test_diversions(extra: tuple[str, ...], diverted: tuple[str, ...]) -> None:
    assert invited(*extra).diverted == diverted


def test_diversions_without_end_are_cut() -> None:
    assert len(invited("Diversion: " + ", ".join(f"<sip:{n}@x>" for n in range(100))).diverted) == 20


def test_a_seat_asserts_nothing() -> None:
    peers = Peers([], {"1001": "secret"}, {HOME: "1001"})
    agent, phone = make_agent(peers=peers), Phone(address=HOME, caller="1001", called="1002")
    asked = sends(agent.receive(phone.invite(), HOME, 0.0))[0]
    challenge = [header(asked, "WWW-Authenticate")]
    proof = respond(challenge, user="1001", password="secret", method="INVITE", uri="sip:x", cnonce="c")
    extra = ["P-Asserted-Identity: <tel:+86139>", "Diversion: <tel:+861>", "Privacy: id", f"Authorization: {proof}"]
    event = only(agent.receive(phone.next("INVITE", body=SDP, extra=extra), HOME, 0.1), sip.Invited)
    assert (event.party.kind, event.asserted, event.diverted, event.private) == ("seat", "", (), True)


@pytest.mark.parametrize(
    ("called_from", "extra", "uri", "called"),
    [
        ("", (), "sip:4000@192.0.2.1", "4000"),
        ("", (), "tel:+86-471-4613-311", "+864714613311"),
        ("", (), "sip:+86-471@192.0.2.1;user=phone", "+86471"),
        ("To", (), "sip:gw@192.0.2.1", "4000"),
        ("P-Called-Party-ID", ('P-Called-Party-ID: "a,b" <tel:+86-4>, <tel:5>',), "sip:gw@192.0.2.1", "+864"),
        ("P-Called-Party-ID", (), "sip:gw@192.0.2.1", "gw"),
        ("P-Called-Party-ID", ("P-Called-Party-ID: <urn:x>",), "sip:gw@192.0.2.1", "gw"),
    ],
)
def test_the_called_number(called_from: str, extra: tuple[str, ...], uri: str, called: str) -> None:
    assert invited(*extra, uri=uri, called_from=called_from).called == called


def test_what_is_no_address_has_no_number() -> None:
    assert number_of("") == ""
    assert number_of("<") == ""
    assert number_of("<tel:+1-2>") == "+12"


@pytest.mark.parametrize(
    ("extra", "reference"),
    [
        ((), ""),
        (("X-Call-Reference: CA0123",), "CA0123"),
        (("X-Call-Reference: " + "x" * 65,), ""),
        (("X-Call-Reference: \u7535\u8bdd",), ""),
    ],
)
def test_the_trunks_own_name_of_the_call(extra: tuple[str, ...], reference: str) -> None:
    assert invited(*extra).reference == reference


def test_a_trunk_with_a_listener_of_its_own() -> None:
    """It may have the same address as another, is nobody elsewhere, and nobody else comes by its listener."""
    own = TrunkPeer.of("gateway", ["127.0.0.1/32"], ["+1415"], own_listener="gateway")
    shared = TrunkPeer.of("local", ["127.0.0.0/8"], ["4001"])
    peers = Peers([shared, own])
    assert peers.trunk(Address("127.0.0.1", 5069, "gateway")) is own
    assert peers.trunk(Address("127.0.0.1", 5069), "+1415") is shared
    assert peers.trunk(Address("127.0.0.1", 5069, "other")) is shared
    assert peers.trunk(Address("127.0.0.2", 5069, "gateway")) is None
