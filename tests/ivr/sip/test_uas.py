"""A peer calls us (RFC 3261 13.3, 9.2, RFC 3665 flows)."""

from __future__ import annotations

from typing import Any

import pytest

from ivr.sip import events as sip
from ivr.sip.events import Address, Party
from ivr.sip.peers import Peers
from tests.ivr.sip.conftest import (
    OURS,
    PEER,
    SDP,
    Phone,
    events,
    has,
    header,
    incoming,
    lines,
    make_agent,
    only,
    pass_time,
    sends,
    tag,
    talking,
)


def test_a_call_is_announced_with_who_and_what() -> None:
    agent, phone = make_agent(), Phone()
    outputs = agent.receive(phone.invite(), PEER, 0.0)
    assert lines(outputs) == ["100 INVITE"]
    invited = only(outputs, sip.Invited)
    assert invited.party == Party("trunk", "carrier")
    assert (invited.called, invited.caller, invited.display) == ("4000", "13912345678", "Wang")
    assert (invited.sip_call_id, invited.offer, invited.source) == ("call-1@phone", SDP, PEER)


def test_ring_answer_and_ack() -> None:
    call = incoming()
    ringing = call.agent.ring(call.session, 1.0)
    assert lines(ringing) == ["180 INVITE"]
    answer = call.agent.answer(call.session, OURS, 2.0)
    assert lines(answer) == ["200 INVITE"]
    text = sends(answer)[0]
    assert tag(header(text, "To")) == tag(header(sends(ringing)[0], "To")) != ""
    assert text.endswith(OURS.decode())
    assert header(text, "Contact") == "<sip:192.0.2.1:5060>"
    assert header(text, "Via").endswith("received=192.0.2.9")
    call.phone.learn(answer)
    assert call.agent.receive(call.phone.ack(), PEER, 2.1) == [sip.Acknowledged(call.session)]
    assert call.agent.receive(call.phone.ack(), PEER, 2.2) == []
    assert lines([output for _, output in pass_time(call.agent, 100.0)]) == []
    assert call.agent.deadline() is None


def test_ringing_is_repeated_each_minute() -> None:
    call = incoming()
    call.agent.ring(call.session, 0.0)
    assert [at for at, _ in pass_time(call.agent, 150.0)] == [60.0, 120.0]


def test_record_routes_are_copied_into_what_makes_a_dialog() -> None:
    routes = ["Record-Route: <sip:192.0.2.8;lr>, <sip:192.0.2.7;lr>"]
    phone, agent = Phone(), make_agent()
    outputs = agent.receive(phone.invite(extra=routes), PEER, 0.0)
    session = only(outputs, sip.Invited).session
    assert not has(sends(outputs)[0], "Record-Route")
    assert header(sends(agent.ring(session, 0.0))[0], "Record-Route") == "<sip:192.0.2.8;lr>, <sip:192.0.2.7;lr>"
    answer = agent.answer(session, OURS, 0.0)
    assert header(sends(answer)[0], "Record-Route") == "<sip:192.0.2.8;lr>, <sip:192.0.2.7;lr>"
    phone.learn(answer)
    agent.receive(phone.ack(), PEER, 1.0)
    bye = agent.bye(session, 2.0)
    assert header(sends(bye)[0], "Route") == "<sip:192.0.2.8;lr>"
    assert "Route: <sip:192.0.2.7;lr>" in sends(bye)[0]
    assert sends(bye)[0].startswith("BYE sip:13912345678@192.0.2.9:5060 SIP/2.0")
    assert only(bye, sip.Send).destination == Address("192.0.2.8", 5060)


def test_a_repeated_invite_gets_the_last_response_and_makes_no_second_call() -> None:
    call = incoming()
    again = call.phone.invite(branch=call.phone.branch)
    assert lines(call.agent.receive(again, PEER, 0.5)) == ["100 INVITE"]
    call.agent.ring(call.session, 1.0)
    assert lines(call.agent.receive(again, PEER, 1.1)) == ["180 INVITE"]
    call.agent.answer(call.session, OURS, 2.0)
    assert lines(call.agent.receive(again, PEER, 2.1)) == ["200 INVITE"]
    call.phone.learn(call.agent.receive(again, PEER, 2.1))
    call.agent.receive(call.phone.ack(), PEER, 2.2)
    assert call.agent.receive(again, PEER, 2.3) == []


def test_no_answer_leaves_for_a_repeated_request_while_the_app_stores_the_step() -> None:
    """A slow Redis: the caller repeats its INVITE, and later its BYE, before the 200 to it has left."""
    call = incoming()
    invite = call.phone.invite(branch=call.phone.branch)
    answer = call.agent.answer(call.session, OURS, 0.1)
    call.agent.hold(call.session)
    assert call.agent.receive(invite, PEER, 0.5) == []
    call.agent.release(call.session)
    assert sends(call.agent.receive(invite, PEER, 1.5)) == sends(answer)
    call.phone.learn(answer)
    call.agent.receive(call.phone.ack(), PEER, 1.6)
    bye = call.phone.next("BYE")
    assert events(call.agent.receive(bye, PEER, 2.0)) == [sip.HungUp(call.session)]
    confirmed = call.agent.confirm_bye(call.session, 2.0)
    call.agent.hold(call.session)
    assert call.agent.receive(bye, PEER, 2.5) == []
    call.agent.release(call.session)
    assert sends(call.agent.receive(bye, PEER, 3.5)) == sends(confirmed)


def test_2xx_is_repeated_until_the_ack() -> None:
    call = incoming()
    call.phone.learn(call.agent.answer(call.session, OURS, 0.0))
    assert [at for at, _ in pass_time(call.agent, 9.0)] == [0.5, 1.5, 3.5, 7.5]
    assert call.agent.receive(call.phone.ack(), PEER, 9.0) == [sip.Acknowledged(call.session)]
    assert pass_time(call.agent, 100.0) == []


def test_without_ack_the_session_is_broken_and_bye_still_works() -> None:
    call = incoming()
    call.agent.answer(call.session, OURS, 0.0)
    found = pass_time(call.agent, 100.0)
    assert found[-1] == (32.0, sip.Broken(call.session, "no_ack"))
    assert lines(call.agent.bye(call.session, 33.0)) == ["BYE"]


def test_an_ack_with_a_new_to_tag_is_taken() -> None:
    call = incoming()
    call.agent.answer(call.session, OURS, 0.0)
    ack = call.phone.ack(to_tag="made-up", branch=call.phone.invite_branch, uri="sip:4000@192.0.2.1")
    assert call.agent.receive(ack, PEER, 0.1) == [sip.Acknowledged(call.session)]


@pytest.mark.parametrize("change", [{"cseq": 9}, {"to_tag": "x", "from": "other"}])
def test_a_stray_ack_is_nothing(change: dict[str, object]) -> None:
    call = incoming()
    call.phone.learn(call.agent.answer(call.session, OURS, 0.0))
    if change.pop("from", None):
        call.phone.from_tag = "other"
    assert call.agent.receive(call.phone.ack(**change), PEER, 0.1) == []


def test_cancel_before_the_answer() -> None:
    call = incoming()
    call.agent.ring(call.session, 0.0)
    outputs = call.agent.receive(call.phone.cancel(), PEER, 1.0)
    assert lines(outputs) == ["200 CANCEL", "487 INVITE"]
    assert events(outputs) == [sip.Cancelled(call.session)]
    assert call.agent.answer(call.session, OURS, 1.0) == []
    assert call.agent.ring(call.session, 1.0) == []
    assert call.agent.reject(call.session, 486, "", 1.0) == []
    assert lines(call.agent.receive(call.phone.cancel(), PEER, 1.1)) == ["200 CANCEL"]
    assert [at for at, _ in pass_time(call.agent, 2.0)] == [1.5]
    assert call.agent.receive(call.phone.ack(branch=call.phone.invite_branch), PEER, 2.1) == []
    assert pass_time(call.agent, 200.0) == []
    assert not call.agent.knows(call.session)


def test_cancel_after_the_answer_changes_nothing() -> None:
    call = incoming()
    call.phone.learn(call.agent.answer(call.session, OURS, 0.0))
    outputs = call.agent.receive(call.phone.cancel(), PEER, 0.1)
    assert lines(outputs) == ["200 CANCEL"]
    assert events(outputs) == []
    assert call.agent.receive(call.phone.ack(), PEER, 0.2) == [sip.Acknowledged(call.session)]


def test_cancel_of_nothing() -> None:
    agent, phone = make_agent(), Phone()
    phone.invite()
    assert lines(agent.receive(phone.cancel(), PEER, 0.0)) == ["481 CANCEL"]
    assert make_agent().receive(phone.cancel(), Address("203.0.113.1", 5060), 0.0) == []


def test_cancel_of_a_refused_invite() -> None:
    agent, phone = make_agent(), Phone()
    agent.receive(phone.invite(extra=["Require: precondition"]), PEER, 0.0)
    assert lines(agent.receive(phone.cancel(), PEER, 0.0)) == ["200 CANCEL"]


def test_bye_in_the_early_dialog_ends_the_call_as_cancel_does() -> None:
    call = incoming()
    call.phone.learn(call.agent.ring(call.session, 0.0))
    outputs = call.agent.receive(call.phone.next("BYE"), PEER, 1.0)
    assert lines(outputs) == ["200 BYE", "487 INVITE"]
    assert events(outputs) == [sip.Cancelled(call.session)]


def test_a_second_invite_in_the_early_dialog_is_refused() -> None:
    call = incoming()
    call.phone.learn(call.agent.ring(call.session, 0.0))
    outputs = call.agent.receive(call.phone.next("INVITE", body=SDP), PEER, 1.0)
    assert lines(outputs) == ["500 INVITE"]
    assert header(sends(outputs)[0], "Retry-After") == "2"


def test_reject_is_repeated_until_the_ack() -> None:
    call = incoming()
    outputs = call.agent.reject(call.session, 503, "Full", 0.0, retry_after=10)
    assert sends(outputs)[0].startswith("SIP/2.0 503 Full\r\n")
    assert header(sends(outputs)[0], "Retry-After") == "10"
    assert [at for at, _ in pass_time(call.agent, 2.0)] == [0.5, 1.5]
    call.agent.receive(call.phone.ack(branch=call.phone.invite_branch), PEER, 2.0)
    assert [output for _, output in pass_time(call.agent, 100.0)] == []
    assert not call.agent.knows(call.session)


def test_late_offer() -> None:
    call = incoming(body=b"")
    call.phone.learn(call.agent.answer(call.session, OURS, 0.0))
    acknowledged = call.agent.receive(call.phone.ack(body=SDP), PEER, 0.1)
    assert acknowledged == [sip.Acknowledged(call.session, SDP)]


@pytest.mark.parametrize(
    ("invite", "status", "name", "value"),
    [
        ({"extra": ["Require: 100rel, precondition"]}, "420", "Unsupported", "precondition"),
        ({"content_type": "text/plain"}, "415", "Accept", "application/sdp"),
        ({"contact": False}, "400", "Server", "hotline"),
        ({"extra": ["Record-Route: <http://x>"]}, "400", "Server", "hotline"),
    ],
)
def test_what_cannot_be_a_call(invite: dict[str, Any], status: str, name: str, value: str) -> None:
    outputs = make_agent().receive(Phone().invite(**invite), PEER, 0.0)
    assert lines(outputs) == [f"{status} INVITE"]
    assert events(outputs) == []
    assert header(sends(outputs)[0], name) == value


def test_the_same_call_by_two_ways() -> None:
    call = incoming()
    assert lines(call.agent.receive(call.phone.invite(), PEER, 0.1)) == ["482 INVITE"]


def test_anonymous_caller() -> None:
    phone = Phone(caller="Anonymous")
    assert only(make_agent().receive(phone.invite(), PEER, 0.0), sip.Invited).caller == ""
    odd = Phone().invite().replace(b"<sip:13912345678@192.0.2.9>;tag", b"<urn:x>;tag")
    assert only(make_agent().receive(odd, PEER, 0.0), sip.Invited).caller == ""


def test_who_is_answered_at_all() -> None:
    stranger = Address("203.0.113.1", 5060)
    agent = make_agent()
    for method in ("INVITE", "OPTIONS", "REGISTER", "BYE", "INFO", "MESSAGE", "ABRACADABRA"):
        assert agent.receive(Phone(caller="100").request(method), stranger, 0.0) == []
    assert agent.receive(Phone(caller="100", to_tag="x").request("BYE"), stranger, 0.0) == []
    assert agent.deadline() is None
    outputs = agent.receive(Phone(called="9").invite(), PEER, 0.0)
    assert only(outputs, sip.Invited).called == "9"


def test_other_methods_of_a_trunk() -> None:
    agent = make_agent()
    options = agent.receive(Phone().request("OPTIONS"), PEER, 0.0)
    assert lines(options) == ["200 OPTIONS"]
    assert "INVITE" in header(sends(options)[0], "Allow")
    for method, status in (
        ("MESSAGE", 405),
        ("REFER", 403),
        ("UPDATE", 481),
        ("PRACK", 481),
        ("SUBSCRIBE", 405),
        ("ABRACADABRA", 501),
        ("BYE", 481),
        ("INFO", 481),
    ):
        outputs = agent.receive(Phone(call_id=method).request(method), PEER, 0.0)
        assert lines(outputs) == [f"{status} {method}"]
    bye = Phone(call_id="x", to_tag="x").request("BYE")
    assert lines(agent.receive(bye, PEER, 0.0)) == ["481 BYE"]
    assert lines(agent.receive(bye, PEER, 0.0)) == ["481 BYE"]
    assert pass_time(agent, 100.0) == []
    assert agent.deadline() is None


def test_a_registered_seat_asks_for_options() -> None:
    home = Address("203.0.113.7", 5060)
    agent = make_agent(peers=Peers(accounts={"1001": "x"}, flows={home: "1001"}))
    assert lines(agent.receive(Phone(address=home).request("OPTIONS"), home, 0.0)) == ["200 OPTIONS"]


def test_keep_alives_and_garbage() -> None:
    agent = make_agent()
    for data in (b"", b"\r\n\r\n", b"\0\0\0\0"):
        assert agent.receive(data, PEER, 0.0) == []
    assert agent.receive(b"hello", PEER, 0.0) == [sip.Garbage(PEER, "no end of headers")]


def test_the_app_may_be_late() -> None:
    agent = make_agent()
    assert agent.answer("gone", OURS, 0.0) == []
    assert agent.ring("gone", 0.0) == []
    assert agent.reject("gone", 486, "", 0.0) == []
    assert agent.bye("gone", 0.0) == [sip.Over("gone")]
    assert agent.dump("gone", 0.0) == {}
    assert agent.restore({}, 0.0) == ""
    agent.forget("gone")
    call = talking()
    assert call.agent.answer(call.session, OURS, 2.0) == []
    assert call.agent.ring(call.session, 2.0) == []


def test_an_unanswered_call_that_is_forgotten_leaves_nothing() -> None:
    call = incoming()
    call.agent.forget(call.session)
    assert not call.agent.knows(call.session)
    assert lines(call.agent.receive(call.phone.cancel(), PEER, 1.0)) == ["481 CANCEL"]
