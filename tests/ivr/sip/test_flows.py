"""Over connections: nothing is repeated that the transport repeats, and a lost connection ends no call."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from ivr.sip import events as sip
from ivr.sip.agent import UserAgent
from ivr.sip.events import Address, Output, Send
from ivr.sip.listener import Listener
from ivr.sip.peers import Peers
from ivr.sip.registrar import Binding
from ivr.sip.requests import Ask
from ivr.sip.target import Target
from ivr.sip.trunk import TrunkPeer
from tests.ivr.sip.conftest import (
    OURS,
    PEER,
    SDP,
    Phone,
    events,
    header,
    incoming,
    lines,
    make_agent,
    only,
    pass_time,
    response,
    sends,
    tag,
    tokens,
)  # fmt: skip

LISTENERS = [Listener("192.0.2.1", 5060), Listener("192.0.2.1", 5060, "t", "tcp"), Listener("192.0.2.1", 5061, "s", "tls")]
FLOW = Address("192.0.2.9", 40001, "t")
SERVER = Address("192.0.2.9", 5060, "t")


def agent(*, large: bool = False, prefix: str = "a") -> UserAgent:
    trunk = TrunkPeer.of("carrier", ["192.0.2.0/24"], ["4000"], large_over_tcp=large)
    return UserAgent(
        listeners=LISTENERS, realm="hotline", peers=Peers([trunk], {"1001": "secret"}), token=tokens(prefix), secret=b"k" * 32
    )


def destinations(outputs: Sequence[Output]) -> list[Address]:
    return [output.destination for output in outputs if isinstance(output, Send)]


def target(destination: Address = SERVER, **changes: Any) -> Target:
    return Target("sip:1001@192.0.2.9:5060;transport=tcp", destination, from_user="139", **changes)


class FlowPhone(Phone):
    """A peer that speaks on a connection of its own making, and listens on 5060, as its Via and Contact say."""

    def request(self, method: str, **changes: Any) -> bytes:
        return super().request(method, **changes).replace(b":40001", b":5060").replace(b"SIP/2.0/UDP", b"SIP/2.0/TCP")


def flow_phone() -> Phone:
    return FlowPhone(FLOW)


def talking(call_agent: UserAgent) -> tuple[Phone, str]:
    call = incoming(call_agent, flow_phone())
    call.phone.learn(call_agent.answer(call.session, OURS, 1.0))
    call_agent.receive(call.phone.ack(), FLOW, 1.0)
    return call.phone, call.session


def test_what_we_say_of_ourselves_is_the_listeners() -> None:
    [invite] = sends(agent().invite("leg", target(), OURS, 0.0))
    assert header(invite, "Via").startswith("SIP/2.0/TCP 192.0.2.1:5060;branch=")
    assert header(invite, "Contact") == "<sip:139@192.0.2.1:5060;transport=tcp>"
    [invite] = sends(agent().invite("leg", target(Address("192.0.2.9", 5061, "s")), OURS, 0.0))
    assert header(invite, "Via").startswith("SIP/2.0/TLS 192.0.2.1:5061;branch=")


def test_with_an_operator_we_are_who_it_says() -> None:
    for phone, written in ((False, "<sip:+864000@carrier.cn>"), (True, "<sip:+864000@carrier.cn;user=phone>")):
        there = Target("sip:139@carrier.cn", PEER, from_user="+864000", domain="carrier.cn", user_phone=phone)
        [invite] = sends(agent().invite("leg", there, OURS, 0.0))
        assert header(invite, "From").startswith(f"{written};tag=")


def test_requests_are_sent_once_and_end_all_the_same() -> None:
    """Timers A and E rest, B and F don't."""
    caller = agent()
    caller.invite("leg", target(), OURS, 0.0)
    assert pass_time(caller, 31.9) == []
    assert [output for _, output in pass_time(caller, 40.0)] == [sip.Rejected("leg", 408, "Request Timeout")]


def test_a_refusal_is_sent_once_but_an_answer_until_its_ack() -> None:
    """Timer G rests; the 2xx is the core's to repeat over any transport (13.3.1.4)."""
    call = incoming(agent(), flow_phone())
    call.agent.reject(call.session, 486, "", 1.0)
    assert pass_time(call.agent, 30.0) == []
    call = incoming(agent(), flow_phone())
    call.agent.answer(call.session, OURS, 1.0)
    assert len(pass_time(call.agent, 3.0)) == 2


def test_no_connection_is_a_failure_at_once() -> None:
    caller = agent()
    caller.invite("leg", target(), OURS, 0.0)
    caller.invite("other", target(Address("192.0.2.8", 5060, "t")), OURS, 0.0)
    assert caller.unreachable(SERVER, 0.1) == [sip.Rejected("leg", 503, "Service Unavailable")]
    assert caller.knows("other")
    assert caller.unreachable(SERVER, 0.2) == []


def test_no_connection_after_a_response_changes_nothing() -> None:
    caller = agent()
    [invite] = sends(caller.invite("leg", target(), OURS, 0.0))
    caller.receive(response(invite, 180), SERVER, 0.5)
    assert caller.unreachable(SERVER, 1.0) == []
    assert only(caller.receive(response(invite, 200, body=SDP), SERVER, 2.0), sip.Answered)


def test_a_response_takes_the_connection_whatever_the_via_says() -> None:
    """rport is for UDP (RFC 3581)."""
    called, phone = agent(), flow_phone()
    outputs = called.receive(phone.invite().replace(b";rport", b""), FLOW, 0.0)
    assert destinations(outputs) == [FLOW]
    other = Phone(Address("192.0.2.9", 40001), call_id="c2")
    outputs = called.receive(other.invite().replace(b";rport", b"").replace(b":40001", b":5070"), other.address, 0.0)
    assert destinations(outputs) == [Address("192.0.2.9", 5070)]


def test_a_response_goes_to_the_via_when_its_connection_is_lost() -> None:
    call = incoming(agent(), flow_phone())
    assert call.agent.disconnected(FLOW, 0.5) == []
    assert destinations(call.agent.ring(call.session, 1.0)) == [SERVER]
    assert destinations(call.agent.answer(call.session, OURS, 2.0)) == [SERVER]


def test_a_response_that_found_no_connection_is_sent_again_to_the_via() -> None:
    call = incoming(agent(), flow_phone())
    assert destinations(call.agent.answer(call.session, OURS, 1.0)) == [FLOW]
    again = call.agent.unreachable(FLOW, 1.1)
    assert lines(again) == ["200 INVITE"]
    assert destinations(again) == [SERVER]
    assert call.agent.unreachable(SERVER, 1.2) == [], "there is no further way"


def test_a_dialog_goes_on_over_a_new_connection() -> None:
    """By the peer's connection while it is there, then to its Contact; an ACK that is asked for again is written anew."""
    call_agent = agent()
    _, session = talking(call_agent)
    assert destinations(call_agent.reinvite(session, OURS, 2.0)) == [FLOW]
    call_agent.disconnected(Address("192.0.2.9", 40002, "t"), 2.5)
    call_agent.disconnected(FLOW, 3.0)
    assert destinations(call_agent.bye(session, 4.0)) == [SERVER]


def test_a_request_that_found_no_connection_goes_to_the_contact() -> None:
    call_agent = agent()
    _, session = talking(call_agent)
    [bye] = call_agent.bye(session, 2.0)
    again = call_agent.unreachable(FLOW, 2.1)
    assert (lines([bye]), lines(again)) == (["BYE"], ["BYE"])
    assert destinations([bye, *again]) == [FLOW, SERVER]
    assert call_agent.unreachable(SERVER, 2.2) == [sip.Broken(session, "no_bye_answer")]


def test_a_contact_that_is_a_name_leaves_no_other_way() -> None:
    call_agent, phone = agent(), flow_phone()
    invite = phone.invite(SDP, contact=False, extra=["Contact: <sip:139@phone.example;transport=tcp>"])
    session = only(call_agent.receive(invite, FLOW, 0.0), sip.Invited).session
    phone.learn(call_agent.answer(session, OURS, 1.0))
    call_agent.receive(phone.ack(), FLOW, 1.0)
    call_agent.bye(session, 2.0)
    assert call_agent.unreachable(FLOW, 2.1) == [sip.Broken(session, "no_bye_answer")]


def test_after_a_restart_what_may_not_have_left_is_sent_once_more() -> None:
    """The connection died with the engine: the BYE finds none and goes to the Contact."""
    call_agent = agent()
    _, session = talking(call_agent)
    call_agent.bye(session, 2.0)
    stored = json.loads(json.dumps(call_agent.dump(session, 2.0)))
    new = agent(prefix="b")
    new.restore(stored, 0.0)
    [(_, again)] = pass_time(new, 10.0)
    assert destinations([again]) == [FLOW]
    moved = new.unreachable(FLOW, 10.0)
    assert lines(moved) == ["BYE"]
    assert destinations(moved) == [SERVER]
    assert header(sends(moved)[0], "Via") == header(sends([again])[0], "Via")


def test_a_long_request_falls_back_to_udp_where_tcp_is_refused() -> None:
    caller = agent(large=True)
    [invite] = caller.invite("leg", Target("sip:1001@192.0.2.9", PEER, from_user="139"), OURS + b"a=x\r\n" * 300, 0.0)
    assert destinations([invite]) == [PEER._replace(listener="t")]
    again = caller.unreachable(PEER._replace(listener="t"), 0.1)
    assert destinations(again) == [PEER]
    [text] = sends(again)
    assert header(text, "Via").startswith("SIP/2.0/UDP ")
    assert lines([output for _, output in pass_time(caller, 0.7)]) == ["INVITE"], "and is repeated there"
    assert lines(caller.receive(response(text, 486), PEER, 0.8)) == ["ACK"]


def test_pings_between_messages_are_the_shells_and_not_ours() -> None:
    assert agent().receive(b"\r\n\r\n", FLOW, 0.0) == []


def test_a_challenge_over_a_connection() -> None:
    caller = agent()
    [invite] = sends(caller.invite("leg", target(auth_user="u", password="p"), OURS, 0.0))
    challenge = ['WWW-Authenticate: Digest realm="r", nonce="n", qop="auth"']
    outputs = caller.receive(response(invite, 401, extra=challenge), SERVER, 0.1)
    assert lines(outputs) == ["ACK", "INVITE"]
    assert destinations(outputs) == [SERVER, SERVER]
    assert tag(header(sends(outputs)[1], "From")) == tag(header(invite, "From"))
    assert events(outputs) == []


def test_a_server_that_says_nothing_is_waited_for_only_so_long() -> None:
    """There may be another one; whoever has said anything has more time."""
    caller = agent()
    caller.invite("leg", target(patience_s=5.0), OURS, 0.0)
    assert pass_time(caller, 4.9) == []
    assert [output for _, output in pass_time(caller, 5.1)] == [sip.Rejected("leg", 408, "Request Timeout")]
    [invite] = sends(caller.invite("leg2", target(patience_s=5.0), OURS, 10.0))
    caller.receive(response(invite, 100), SERVER, 11.0)
    assert pass_time(caller, 60.0) == []


def given_up() -> tuple[UserAgent, str]:
    """An agent that no longer waits for the answer to its INVITE, and the INVITE."""
    caller = agent()
    [invite] = sends(caller.invite("leg", target(patience_s=5.0), OURS, 0.0))
    assert events([output for _, output in pass_time(caller, 6.0)]) == [sip.Rejected("leg", 408, "Request Timeout")]
    caller.forget("leg")
    return caller, invite


def test_one_that_rings_late_is_cancelled() -> None:
    caller, invite = given_up()
    outputs = caller.receive(response(invite, 180), SERVER, 9.0)
    assert lines(outputs) == ["CANCEL"]
    caller.receive(response(sends(outputs)[0], 200), SERVER, 9.1)
    assert lines(caller.receive(response(invite, 487), SERVER, 9.2)) == ["ACK"]
    assert pass_time(caller, 100.0) == []
    assert not caller.knows("leg")


def test_one_that_answers_late_is_hung_up() -> None:
    """Each of its 2xx is acknowledged: it does not repeat them for half a minute to nobody."""
    caller, invite = given_up()
    ok = response(invite, 200, body=SDP)
    outputs = caller.receive(ok, SERVER, 9.0)
    assert lines(outputs) == ["ACK", "BYE"]
    caller.receive(response(sends(outputs)[1], 200), SERVER, 9.1)
    assert lines(caller.receive(ok, SERVER, 9.5)) == ["ACK"]
    assert pass_time(caller, 100.0) == []
    assert not caller.knows("leg")


def test_one_that_refuses_late_is_acknowledged() -> None:
    caller, invite = given_up()
    assert lines(caller.receive(response(invite, 503), SERVER, 9.0)) == ["ACK"]
    assert pass_time(caller, 100.0) == []
    assert not caller.knows("leg")


def test_one_that_never_says_anything_is_not_repeated_to_and_forgotten() -> None:
    caller, _ = given_up()
    assert pass_time(caller, 31.9) == []
    assert caller.knows("leg")
    assert pass_time(caller, 33.0) == []
    assert not caller.knows("leg")


# NAT between two private networks: the address in a Contact may exist on both sides


NAT = Address("10.9.9.9", 40001)


def test_a_caller_behind_nat_is_spoken_to_where_it_speaks_from() -> None:
    """Its Via and Contact name the same address, which is not the one that we see."""
    call_agent = make_agent(Address("10.0.0.5", 5060), peers=Peers([TrunkPeer.of("t", ["10.9.9.9/32"], ["4000"])]))
    phone = Phone(Address("192.168.7.2", 5060))
    session = only(call_agent.receive(phone.invite(), NAT, 0.0), sip.Invited).session
    phone.learn(call_agent.answer(session, OURS, 1.0))
    call_agent.receive(phone.ack(), NAT, 1.0)
    assert destinations(call_agent.bye(session, 2.0)) == [NAT]


def test_a_called_telephone_behind_nat_too() -> None:
    call_agent = make_agent(Address("10.0.0.5", 5060))
    there = Target("sip:1001@192.168.7.2:5060", NAT, from_user="139")
    [invite] = sends(call_agent.invite("leg", there, OURS, 0.0))
    ok = response(invite, 200, body=SDP, contact="<sip:1001@192.168.7.2:5060>")
    assert destinations(call_agent.receive(ok, NAT, 1.0)) == [NAT], "the ACK"


def test_a_contact_elsewhere_is_believed_where_no_nat_is_seen() -> None:
    """A gateway that signals from one address and wants the dialog at another."""
    call_agent = make_agent(Address("10.0.0.5", 5060), peers=Peers([TrunkPeer.of("t", ["10.9.9.9/32"], ["4000"])]))
    phone = Phone(NAT)
    invite = phone.invite(contact=False, extra=["Contact: <sip:139@10.9.9.8:5062>"])
    session = only(call_agent.receive(invite, NAT, 0.0), sip.Invited).session
    phone.learn(call_agent.answer(session, OURS, 1.0))
    call_agent.receive(phone.ack(), NAT, 1.0)
    assert destinations(call_agent.bye(session, 2.0)) == [Address("10.9.9.8", 5062)]


def test_which_registrations_are_behind_nat() -> None:
    assert Binding("sip:1001@192.168.7.2:5060", 60, NAT).behind_nat
    assert Binding("sip:1001@10.9.9.9:5060", 60, NAT).behind_nat, "the port too"
    assert not Binding("sip:1001@10.9.9.9:40001", 60, NAT._replace(listener="t")).behind_nat
    assert not Binding("sip:1001@phone.example", 60, NAT).behind_nat, "nobody knows"


# A peer that has died


def test_the_sessions_of_a_peer_that_died_are_over_at_once() -> None:
    call_agent = agent()
    _, session = talking(call_agent)
    call_agent.reinvite(session, OURS, 2.0)
    assert call_agent.died("t") == [sip.Broken(session, "peer_died")]
    assert (call_agent.deadline(), call_agent.knows(session)) == (None, False), "nothing is sent any more"
    assert call_agent.bye(session, 3.0) == [sip.Over(session)]
    assert call_agent.died("t") == []


def test_who_comes_after_the_dead_finds_no_dialog() -> None:
    call_agent = agent()
    phone, _ = talking(call_agent)
    call_agent.died("t")
    assert lines(call_agent.receive(phone.next("BYE"), FLOW, 3.0)) == ["481 BYE"]


def test_a_peer_that_dies_before_the_answer() -> None:
    call = incoming(agent(), flow_phone())
    call.agent.ring(call.session, 0.5)
    assert call.agent.died("t") == [sip.Broken(call.session, "peer_died")]
    assert call.agent.deadline() is None


def test_a_peer_that_dies_while_it_is_called() -> None:
    call_agent = agent()
    [invite] = sends(call_agent.invite("leg", target(), OURS, 0.0))
    call_agent.receive(response(invite, 180), SERVER, 1.0)
    assert call_agent.died("t") == [sip.Rejected("leg", 503, "Service Unavailable")]
    assert call_agent.deadline() is None


def test_a_peer_that_dies_while_we_give_up_calling_it() -> None:
    call_agent = agent()
    [invite] = sends(call_agent.invite("leg", target(), OURS, 0.0))
    call_agent.receive(response(invite, 180), SERVER, 1.0)
    assert lines(call_agent.cancel("leg", 2.0)) == ["CANCEL"]
    assert call_agent.died("t") == [sip.Rejected("leg", 487, "Request Terminated")]


def test_a_peer_that_dies_on_our_bye_or_its_own() -> None:
    call_agent = agent()
    _, session = talking(call_agent)
    call_agent.bye(session, 2.0)
    assert call_agent.died("t") == [sip.Over(session)]
    other = agent()
    phone, session = talking(other)
    assert only(other.receive(phone.next("BYE"), FLOW, 2.0), sip.HungUp).session == session
    assert other.died("t") == [], "that it hung up is told already"
    assert other.confirm_bye(session, 3.0) == []


def test_nobody_else_dies_with_it() -> None:
    call_agent = agent()
    _, session = talking(call_agent)
    assert call_agent.died("s") == []
    assert call_agent.died("") == []
    assert lines(call_agent.bye(session, 2.0)) == ["BYE"]
    forgotten = agent()
    _, session = talking(forgotten)
    forgotten.bye(session, 2.0)
    forgotten.forget(session)
    assert forgotten.died("t") == []


def test_a_restored_session_dies_too() -> None:
    call_agent = agent()
    _, session = talking(call_agent)
    new = agent(prefix="b")
    new.restore(json.loads(json.dumps(call_agent.dump(session, 2.0))), 0.0)
    assert new.died("t") == [sip.Broken(session, "peer_died")]


def test_nobody_is_called_who_is_known_to_be_dead() -> None:
    call_agent = agent()
    call_agent.died("t")
    assert call_agent.invite("leg", target(), OURS, 1.0) == [sip.Rejected("leg", 503, "Service Unavailable")]
    assert (call_agent.deadline(), call_agent.knows("leg")) == (None, False)
    assert lines(call_agent.invite("other", target(PEER), OURS, 1.0)) == ["INVITE"], "another listener's peer"
    call_agent.lives("t")
    assert lines(call_agent.invite("leg", target(), OURS, 2.0)) == ["INVITE"]


def test_nobody_is_asked_who_is_known_to_be_dead() -> None:
    at = "<sip:192.0.2.9>"
    asked = Ask("OPTIONS", "sip:192.0.2.9", f"{at};tag=t1", at, "c1", 1, SERVER)
    call_agent = agent()
    assert lines(call_agent.ask("one", asked, 0.0)) == ["OPTIONS"]
    assert call_agent.died("t") == [sip.Replied("one", 503, 1)]
    assert call_agent.ask("two", asked, 1.0) == [sip.Replied("two", 503, 1)]
    assert call_agent.deadline() is None
    call_agent.lives("t")
    assert lines(call_agent.ask("three", asked, 2.0)) == ["OPTIONS"]
