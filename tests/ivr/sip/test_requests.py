"""OPTIONS and REGISTER of ours: outside any dialog, with challenges, to whatever end."""

from __future__ import annotations

from ivr.sip.events import Address, Garbage, Replied
from ivr.sip.requests import Ask
from tests.ivr.sip.conftest import PEER, has, header, lines, make_agent, pass_time, response, sends, tag

CHALLENGE = 'WWW-Authenticate: Digest realm="carrier", nonce="n1", algorithm=MD5, qop="auth"'
STALE = 'WWW-Authenticate: Digest realm="carrier", nonce="n2", algorithm=MD5, qop="auth", stale=true'
PING = Ask("OPTIONS", "sip:carrier.cn", "<sip:carrier.cn>;tag=t", "<sip:carrier.cn>", "c1", 1, PEER)
REGISTER = Ask(
    "REGISTER", "sip:carrier.cn", "<sip:4000@carrier.cn>;tag=t", "<sip:4000@carrier.cn>", "c2", 7, PEER,
    ("<sip:192.0.2.9;lr>",), "4000", (("Expires", "60"),), "4000@ims", "pw",
)  # fmt: skip


def test_the_message_and_its_answer() -> None:
    agent = make_agent()
    [text] = sends(agent.ask("r1", REGISTER, 0.0))
    assert text.startswith("REGISTER sip:carrier.cn SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK")
    assert header(text, "Contact") == "<sip:4000@192.0.2.1:5060>"
    assert header(text, "Route") == "<sip:192.0.2.9;lr>"
    assert (header(text, "CSeq"), header(text, "Expires")) == ("7 REGISTER", "60")
    extra = ["Service-Route: <sip:a;lr>, <sip:b;lr>", "X-Other: no", "Expires: 60"]
    assert agent.receive(response(text, 200, extra=extra, contact="<sip:4000@192.0.2.1>;expires=60"), PEER, 1.0) == [
        Replied(
            "r1", 200, 7,
            (("Contact", "<sip:4000@192.0.2.1>;expires=60"), ("Expires", "60"), ("Service-Route", "<sip:a;lr>"),
             ("Service-Route", "<sip:b;lr>")),
        )
    ]  # fmt: skip
    assert agent.receive(response(text, 200), PEER, 2.0) == [], "told once"
    assert pass_time(agent, 60.0) == []
    assert agent.deadline() is None, "nothing is left of it"


def test_it_is_repeated_and_given_up() -> None:
    agent = make_agent()
    [text] = sends(agent.ask("r1", PING, 0.0))
    assert not has(text, "Contact")
    outputs = [output for _, output in pass_time(agent, 100.0)]
    assert lines(outputs) == ["OPTIONS"] * 10
    assert outputs[-1] == Replied("r1", 408, 1)


def test_a_provisional_response_is_no_answer() -> None:
    agent = make_agent()
    [text] = sends(agent.ask("r1", PING, 0.0))
    assert agent.receive(response(text, 100), PEER, 0.1) == []
    assert agent.receive(response(text, 404), PEER, 0.2) == [Replied("r1", 404, 1, (("Contact", "<sip:1001@192.0.2.9:5060>"),))]


def test_no_way_there() -> None:
    agent = make_agent()
    agent.ask("r1", PING, 0.0)
    assert agent.unreachable(Address("192.0.2.8", 5060), 0.1) == []
    assert agent.unreachable(PEER, 0.1) == [Replied("r1", 503, 1)]


def test_a_challenge_is_answered_and_a_stale_nonce_once_more() -> None:
    agent = make_agent()
    [first] = sends(agent.ask("r1", REGISTER, 0.0))
    [second] = sends(agent.receive(response(first, 401, extra=[CHALLENGE]), PEER, 0.1))
    assert header(second, "CSeq") == "8 REGISTER"
    assert 'username="4000@ims"' in header(second, "Authorization")
    assert tag(header(second, "From")) == "t"
    [third] = sends(agent.receive(response(second, 401, extra=[STALE]), PEER, 0.2))
    assert 'nonce="n2"' in header(third, "Authorization")
    [replied] = agent.receive(response(third, 401, extra=[STALE], contact=None), PEER, 0.3)
    assert replied == Replied("r1", 401, 9)


def test_a_wrong_password_is_told_at_once() -> None:
    agent = make_agent()
    [first] = sends(agent.ask("r1", REGISTER, 0.0))
    [second] = sends(agent.receive(response(first, 401, extra=[CHALLENGE]), PEER, 0.1))
    assert agent.receive(response(second, 401, extra=[CHALLENGE], contact=None), PEER, 0.2) == [Replied("r1", 401, 8)]


def test_a_response_of_another_call_under_our_branch_is_garbage() -> None:
    agent = make_agent()
    [text] = sends(agent.ask("r1", PING, 0.0))
    [output] = agent.receive(response(text.replace("c1", "c9"), 200), PEER, 0.1)
    assert isinstance(output, Garbage)
