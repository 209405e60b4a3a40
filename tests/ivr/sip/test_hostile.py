"""Brute force, scans, replays and spoofed requests against the agent."""

from __future__ import annotations

import pytest

from ivr.sip import events as sip
from ivr.sip.auth import parse_digest, respond
from ivr.sip.events import Address, Banned
from tests.ivr.sip.conftest import (
    OURS,
    PEER,
    SDP,
    Phone,
    dialled,
    events,
    header,
    incoming,
    lines,
    make_agent,
    only,
    pass_time,
    response,
    sends,
    talking,
)

STRANGER = Address("203.0.113.9", 5060)


def guess(phone: Phone, challenge: str, password: str, method: str = "REGISTER") -> str:
    """The Authorization line for this challenge and password."""
    value = respond([challenge], user="1001", password=password, method=method, uri="sip:hotline", cnonce="c")
    assert value is not None
    return f"Authorization: {value}"


def challenge(answer: list[sip.Output]) -> str:
    (text,) = sends(answer)
    assert text.startswith("SIP/2.0 401 ")
    return header(text, "WWW-Authenticate")


def test_a_brute_force_is_slowed_then_banned_and_the_ban_ends() -> None:
    agent, phone = make_agent(), Phone(caller="1001", called="1001", address=STRANGER)
    asked = challenge(agent.receive(phone.next("REGISTER"), STRANGER, 0.0))
    answers, found = 0, []
    for attempt in range(100):
        data = phone.next("REGISTER", extra=[guess(phone, asked, f"guess {attempt}")])
        outputs = agent.receive(data, STRANGER, attempt / 100)
        answers += len(sends(outputs))
        found += events(outputs)
    assert found == [Banned(STRANGER.host, "passwords", 600.0)]
    assert answers == 15, "half of the failures are answered at once, then one a second"
    right = phone.next("REGISTER", extra=[guess(phone, asked, "secret")])
    assert agent.receive(right, STRANGER, 2.0) == [], "not even the right password is heard now"
    assert lines(agent.receive(phone.next("REGISTER"), STRANGER, 700.0)) == ["401 REGISTER"]


def test_a_slowed_telephone_with_the_right_password_gets_in() -> None:
    agent, phone = make_agent(), Phone(caller="1001", called="1001", address=STRANGER)
    asked = challenge(agent.receive(phone.next("REGISTER"), STRANGER, 0.0))
    for _ in range(20):
        agent.receive(phone.next("REGISTER", extra=[guess(phone, asked, "wrong")]), STRANGER, 0.0)
    assert agent.receive(phone.next("REGISTER"), STRANGER, 0.5) == []
    outputs = agent.receive(phone.next("REGISTER", extra=[guess(phone, asked, "secret")]), STRANGER, 0.5)
    assert only(outputs, sip.RegisterRequested).user == "1001"


def test_wrong_answers_under_a_nonce_that_was_given_elsewhere_ban_nobody() -> None:
    """An attacker gets a nonce at its own address and spoofs another's: there is no proof that anybody is there."""
    agent, phone = make_agent(), Phone(caller="1001", called="1001", address=STRANGER)
    asked = challenge(agent.receive(phone.next("REGISTER"), Address("198.51.100.1", 5060), 0.0))
    for nonce in (asked, asked.replace('nonce="', 'nonce="0'), 'Digest realm="hotline", nonce="x", qop="auth"'):
        for _ in range(50):
            outputs = agent.receive(phone.next("REGISTER", extra=[guess(phone, nonce, "wrong")]), STRANGER, 1.0)
            assert lines(outputs) == ["401 REGISTER"]
    assert not agent.guard.unshared(1.0)


def test_passwords_tried_through_a_registered_telephone_s_address() -> None:
    agent, phone = make_agent(), Phone(caller="1002", called="1002", address=STRANGER)
    agent.peers.set_flows("1002", [STRANGER])
    asked = challenge(agent.receive(phone.next("REGISTER"), STRANGER, 0.0))
    victim = Phone(caller="1001", called="1001", address=STRANGER)
    for _ in range(61):
        agent.receive(victim.next("REGISTER", extra=[guess(victim, asked, "wrong")]), STRANGER, 0.0)
    assert agent.receive(victim.next("REGISTER"), STRANGER, 1.0) == []
    assert agent.receive(victim.next("REGISTER", extra=[guess(victim, asked, "secret")]), STRANGER, 1.0) == []
    assert lines(agent.receive(phone.next("REGISTER"), STRANGER, 2.0)) == ["401 REGISTER"], "its own account is heard"


@pytest.mark.parametrize("method", ["REGISTER", "INVITE"])
def test_an_extension_scan_is_banned_without_a_word(method: str) -> None:
    agent = make_agent()
    found: list[sip.Event] = []
    for number in range(2000, 2100):
        phone = Phone(caller=str(number), called=str(number), address=STRANGER, call_id=f"scan-{number}")
        outputs = agent.receive(phone.request(method), STRANGER, 0.0)
        assert sends(outputs) == []
        found += events(outputs)
    assert found == [Banned(STRANGER.host, "scan", 600.0)]


def test_garbage_is_banned() -> None:
    agent = make_agent()
    stray = response(dialled().invite, 180)
    datagrams = [b"GET / HTTP/1.1\r\n\r\n", stray, Phone().request("OPTIONS"), Phone(to_tag="t").request("BYE")]
    found = [event for n in range(400) for event in events(agent.receive(datagrams[n % 4], STRANGER, 0.0))]
    assert [event for event in found if not isinstance(event, sip.Garbage)] == [Banned(STRANGER.host, "garbage", 600.0)]
    assert len(found) == 76 + 1, "what comes after the ban isn't even read"


def test_a_banned_address_can_t_be_answered_by_a_flood_under_the_trunk_s_name() -> None:
    agent = make_agent()
    for _ in range(1000):
        agent.receive(b"\xff" * 40, PEER, 0.0)
    assert lines(agent.receive(Phone().invite(), PEER, 0.0)) == ["100 INVITE"], "the trunk's address was only spoofed"


# -- replays


def test_a_replayed_register_is_stale_and_changes_nothing() -> None:
    agent, phone = make_agent(), Phone(caller="1001", called="1001")
    asked = challenge(agent.receive(phone.next("REGISTER"), PEER, 0.0))
    data = phone.next("REGISTER", extra=[guess(phone, asked, "secret")])
    first = only(agent.receive(data, PEER, 1.0), sip.RegisterRequested)
    assert lines(agent.registered(first.request, [], 1.0)) == ["200 REGISTER"]
    assert events(agent.receive(data, PEER, 2.0)) == [], "in its transaction: the same 200 again"
    pass_time(agent, 100.0)
    for source in (PEER, STRANGER):
        outputs = agent.receive(data, source, 101.0)
        assert events(outputs) == []
        assert parse_digest(challenge(outputs))["stale"] == "true"
    fresh = data.replace(b"branch=z9hG4bK", b"branch=z9hG4bKx")
    assert parse_digest(challenge(agent.receive(fresh, STRANGER, 101.0)))["stale"] == "true"


def test_a_replayed_invite_is_stale_and_rings_nobody() -> None:
    agent, seat = make_agent(), Phone(caller="1001", called="4000", address=STRANGER)
    asked = challenge(agent.receive(seat.next("INVITE", body=SDP), STRANGER, 0.0))
    data = seat.next("INVITE", body=SDP, extra=[guess(seat, asked, "secret", "INVITE")])
    call = only(agent.receive(data, STRANGER, 1.0), sip.Invited)
    agent.reject(call.session, 486, "", 1.0, None)
    agent.receive(seat.request("ACK", branch=seat.branch, to_tag="x"), STRANGER, 1.0)
    pass_time(agent, 100.0)
    outputs = agent.receive(data, STRANGER, 101.0)
    assert events(outputs) == []
    assert parse_digest(challenge(outputs))["stale"] == "true"


# -- spoofed: the address of the peer is no key to its calls, the tags are


def spoofed(call_id: str, from_tag: str, to_tag: str) -> Phone:
    return Phone(call_id=call_id, from_tag=from_tag, to_tag=to_tag, address=STRANGER, cseq=50)


@pytest.mark.parametrize("method", ["BYE", "INVITE", "INFO", "UPDATE", "REFER", "PRACK", "ACK", "CANCEL"])
@pytest.mark.parametrize("source", [STRANGER, PEER])
def test_nothing_is_done_for_who_does_not_know_the_tags(method: str, source: Address) -> None:
    call = talking()
    before = call.agent.dump(call.session, 2.0)
    real = call.phone
    for phone in (
        spoofed(real.call_id, real.from_tag, "guessed"),
        spoofed(real.call_id, "guessed", real.to_tag),
        spoofed("guessed", real.from_tag, real.to_tag),
    ):
        outputs = call.agent.receive(phone.request(method, body=SDP if method == "INVITE" else b""), source, 2.0)
        assert events(outputs) == []
        assert all(int(line.split()[0]) >= 400 for line in lines(outputs))
    assert call.agent.dump(call.session, 2.0) == before
    assert lines(call.agent.bye(call.session, 3.0)) == ["BYE"]


@pytest.mark.parametrize("source", [STRANGER, PEER])
def test_a_cancel_needs_the_branch_of_its_invite(source: Address) -> None:
    call = incoming()
    phone = spoofed(call.phone.call_id, call.phone.from_tag, "")
    outputs = call.agent.receive(phone.request("CANCEL", cseq=1), source, 1.0)
    assert events(outputs) == []
    assert lines(outputs) in ([], ["481 CANCEL"])
    assert lines(call.agent.answer(call.session, OURS, 2.0)) == ["200 INVITE"]


def test_a_response_to_our_call_needs_our_branch_and_tag() -> None:
    call = dialled()
    forged = [
        response(call.invite.replace(header(call.invite, "Via"), "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKguessed"), 486),
        response(call.invite, 200, body=SDP).replace(b"tag=a", b"tag=b"),
        response(call.invite, 486).replace(b"Call-ID: ", b"Call-ID: x"),
    ]
    for data in forged:
        for source in (STRANGER, PEER):
            outputs = call.agent.receive(data, source, 1.0)
            assert sends(outputs) == []
            assert [event for event in events(outputs) if not isinstance(event, sip.Garbage)] == []
    assert [*map(type, events(call.agent.receive(response(call.invite, 200, body=SDP), PEER, 2.0)))] == [sip.Answered]
