"""UPDATE of both sides (RFC 3311)."""

from __future__ import annotations

import pytest

from ivr.sip import events as sip
from tests.ivr.sip.conftest import (
    OURS,
    PEER,
    SDP,
    Dialled,
    Incoming,
    Phone,
    answered,
    dialled,
    events,
    from_peer,
    has,
    header,
    incoming,
    lines,
    make_agent,
    only,
    pass_time,
    reborn,
    response,
    sends,
    talking,
)

OFFER = SDP + b"a=sendonly\r\n"
ALLOW = "Allow: INVITE, ACK, UPDATE"


def early() -> Incoming:
    """A call in which 183 and its PRACK have exchanged descriptions."""
    agent, phone = make_agent(), Phone()
    session = only(agent.receive(phone.invite(extra=["Supported: 100rel", ALLOW]), PEER, 0.0), sip.Invited).session
    phone.learn(agent.progress(session, OURS, 0.1))
    agent.receive(phone.next("PRACK", extra=["RAck: 1 1 INVITE"]), PEER, 0.2)
    return Incoming(agent, phone, session)


def ringing(*extra: str, body: bytes = SDP) -> Dialled:
    """A call of ours whose callee has answered early and has our PRACK."""
    call = dialled()
    reliable = ["Require: 100rel", "RSeq: 1", *(extra or [ALLOW])]
    prack = sends(call.agent.receive(response(call.invite, 183, body=body, extra=reliable), PEER, 0.1))[0]
    call.agent.receive(response(prack, 200), PEER, 0.1)
    return call


def test_an_update_without_offer_refreshes_the_target() -> None:
    call = talking()
    data = call.phone.next("UPDATE").replace(b"Contact: <sip:13912345678@192.0.2.9:5060>", b"Contact: <sip:moved@192.0.2.77>")
    outputs = call.agent.receive(data, PEER, 2.0)
    assert lines(outputs) == ["200 UPDATE"]
    assert events(outputs) == []
    assert header(sends(outputs)[0], "Contact") == "<sip:192.0.2.1:5060>"
    assert sends(call.agent.bye(call.session, 3.0))[0].startswith("BYE sip:moved@192.0.2.77 SIP/2.0")


def test_an_update_without_contact_changes_no_target() -> None:
    call = talking()
    assert lines(call.agent.receive(call.phone.next("UPDATE", contact=False), PEER, 2.0)) == ["200 UPDATE"]
    assert sends(call.agent.bye(call.session, 3.0))[0].startswith("BYE sip:13912345678@192.0.2.9:5060 SIP/2.0")


def test_an_offer_waits_for_the_app() -> None:
    call = talking()
    data = call.phone.next("UPDATE", body=OFFER)
    assert call.agent.receive(data, PEER, 2.0) == [sip.Reinvited(call.session, OFFER)]
    assert call.agent.receive(data, PEER, 2.1) == []
    outputs = call.agent.answer_reinvite(call.session, OURS, 2.2)
    assert lines(outputs) == ["200 UPDATE"]
    assert sends(outputs)[0].endswith(OURS.decode())
    assert call.agent.answer_reinvite(call.session, OURS, 2.3) == []
    assert lines(call.agent.receive(data, PEER, 2.4)) == ["200 UPDATE"]
    assert [output for _, output in pass_time(call.agent, 100.0)] == [], "no ACK is waited for"


def test_an_offer_is_refused() -> None:
    call = talking()
    call.agent.receive(call.phone.next("UPDATE", body=OFFER), PEER, 2.0)
    assert lines(call.agent.reject_reinvite(call.session, 488, 2.2)) == ["488 UPDATE"]
    assert lines(call.agent.reinvite(call.session, OURS, 2.3)) == ["INVITE"]


@pytest.mark.parametrize(
    ("change", "status"),
    [({"extra": ["Require: precondition"]}, "420"), ({"content_type": "text/plain"}, "415")],
)
def test_bad_update(change: dict[str, object], status: str) -> None:
    call = talking()
    outputs = call.agent.receive(call.phone.next("UPDATE", **{"body": OFFER, **change}), PEER, 2.0)
    assert lines(outputs) == [f"{status} UPDATE"]
    assert events(outputs) == []


def test_one_offer_at_a_time() -> None:
    """RFC 3311 5.2: 500 while an offer of the peer's is unanswered, 491 while one of ours is."""
    call = talking()
    call.agent.receive(call.phone.next("UPDATE", body=OFFER), PEER, 2.0)
    refused = call.agent.receive(call.phone.next("UPDATE", body=OFFER), PEER, 2.1)
    assert lines(refused) == ["500 UPDATE"]
    assert has(sends(refused)[0], "Retry-After")
    assert lines(call.agent.receive(call.phone.next("INVITE", body=OFFER), PEER, 2.2)) == ["500 INVITE"]
    assert call.agent.reinvite(call.session, OURS, 2.3) == [sip.ReinviteRejected(call.session, 491)]

    call = talking()
    call.agent.reinvite(call.session, OURS, 2.0)
    assert lines(call.agent.receive(call.phone.next("UPDATE", body=OFFER), PEER, 2.1)) == ["491 UPDATE"]

    call = talking()
    call.agent.receive(call.phone.next("INVITE", body=OFFER), PEER, 2.0)
    assert lines(call.agent.receive(call.phone.next("UPDATE", body=OFFER), PEER, 2.1)) == ["500 UPDATE"]

    call = incoming(body=b"")
    call.phone.learn(call.agent.answer(call.session, OURS, 0.0))
    assert lines(call.agent.receive(call.phone.next("UPDATE", body=OFFER), PEER, 0.1)) == ["491 UPDATE"]

    call = incoming()
    call.phone.learn(call.agent.answer(call.session, OURS, 0.0))
    assert events(call.agent.receive(call.phone.next("UPDATE", body=OFFER), PEER, 0.1)) == [sip.Reinvited(call.session, OFFER)]


def test_before_the_answer_the_first_offer_comes_first() -> None:
    call = incoming()
    call.phone.learn(call.agent.ring(call.session, 0.0))
    assert lines(call.agent.receive(call.phone.next("UPDATE", body=OFFER), PEER, 0.1)) == ["500 UPDATE"]
    assert lines(call.agent.receive(call.phone.next("UPDATE"), PEER, 0.2)) == ["200 UPDATE"]
    ours = ringing(body=b"")
    assert lines(ours.agent.receive(from_peer(ours, "UPDATE", 1, body=OFFER), PEER, 0.2)) == ["491 UPDATE"]


def test_the_callers_update_before_the_answer() -> None:
    call = early()
    assert call.agent.receive(call.phone.next("UPDATE", body=OFFER), PEER, 0.3) == [sip.Reinvited(call.session, OFFER)]
    assert call.agent.answer(call.session, OURS, 0.4) == [], "the offer's answer goes first"
    assert lines(call.agent.answer_reinvite(call.session, OURS, 0.5)) == ["200 UPDATE", "200 INVITE"]


def test_the_callees_update_before_the_answer() -> None:
    call = ringing()
    outputs = call.agent.receive(from_peer(call, "UPDATE", 1, body=OFFER), PEER, 0.2)
    assert events(outputs) == [sip.Reinvited("leg", OFFER)]
    outputs = call.agent.answer_reinvite("leg", OURS, 0.3)
    assert lines(outputs) == ["200 UPDATE"]
    assert header(sends(outputs)[0], "Contact") == "<sip:13912345678@192.0.2.1:5060>"
    assert lines(call.agent.receive(from_peer(call, "UPDATE", 0, body=OFFER), PEER, 0.4)) == ["500 UPDATE"], "an old number"
    assert events(call.agent.receive(response(call.invite, 200), PEER, 0.5)) == [sip.Answered("leg", OFFER)]
    assert lines(call.agent.receive(from_peer(call, "UPDATE", 1, branch="z9hG4bKlate"), PEER, 0.6)) == ["200 UPDATE"]


def test_the_answer_of_the_call_is_what_holds_at_last() -> None:
    other = SDP.replace(b"30000", b"30002")
    call = ringing()
    call.agent.receive(from_peer(call, "UPDATE", 1, body=OFFER), PEER, 0.2)
    call.agent.reject_reinvite("leg", 488, 0.3)
    new = reborn(call.agent, ["leg"], 0.4)
    assert events(new.receive(response(call.invite, 200), PEER, 0.5)) == [sip.Answered("leg", SDP)]
    call = ringing()
    call.agent.receive(from_peer(call, "UPDATE", 1, body=OFFER), PEER, 0.2)
    new = reborn(call.agent, ["leg"], 0.3)
    new.answer_reinvite("leg", OURS, 0.4)
    assert events(new.receive(response(call.invite, 200), PEER, 0.5)) == [sip.Answered("leg", OFFER)]
    call = ringing()
    second = response(call.invite, 183, to_tag="second", extra=["Require: 100rel", "RSeq: 1"])
    prack = sends(call.agent.receive(second, PEER, 0.1))[0]
    call.agent.receive(response(prack, 200), PEER, 0.1)
    text = sends(call.agent.reinvite("leg", OURS, 0.2))[0]
    call.agent.receive(response(text, 200, body=other), PEER, 0.3)
    assert events(call.agent.receive(response(call.invite, 200), PEER, 0.5)) == [sip.Answered("leg", other)]


def test_who_has_no_early_dialog_with_us() -> None:
    call = dialled()
    call.agent.receive(response(call.invite, 180), PEER, 0.1)
    assert lines(call.agent.receive(from_peer(call, "UPDATE", 1), PEER, 0.2)) == ["481 UPDATE"]
    call = ringing()
    assert lines(call.agent.receive(from_peer(call, "BYE", 1), PEER, 0.2)) == ["481 BYE"], "a callee can't hang up yet (15)"
    assert lines(call.agent.receive(from_peer(call, "INVITE", 1, body=SDP), PEER, 0.2)) == ["500 INVITE"]


def test_our_update_before_the_answer() -> None:
    call = ringing()
    outputs = call.agent.reinvite("leg", OURS, 0.2)
    assert lines(outputs) == ["UPDATE"]
    text = sends(outputs)[0]
    assert header(text, "CSeq") == "3 UPDATE"
    assert header(text, "Contact") == "<sip:13912345678@192.0.2.1:5060>"
    assert call.agent.reinvite("leg", OURS, 0.3) == [sip.ReinviteRejected("leg", 491, owner=True)]
    assert lines(call.agent.receive(from_peer(call, "UPDATE", 1, body=OFFER), PEER, 0.3)) == ["491 UPDATE"]
    assert call.agent.receive(response(text, 100), PEER, 0.4) == []
    assert call.agent.receive(response(text, 200, body=SDP), PEER, 0.5) == [sip.ReinviteAnswered("leg", SDP)]
    assert call.agent.receive(response(text, 200, body=SDP), PEER, 0.6) == []

    callee = early()
    outputs = callee.agent.reinvite(callee.session, OURS, 0.3)
    assert lines(outputs) == ["UPDATE"]
    assert header(sends(outputs)[0], "CSeq") == "1 UPDATE"


def test_our_update_is_refused() -> None:
    call = ringing()
    text = sends(call.agent.reinvite("leg", OURS, 0.2))[0]
    assert call.agent.receive(response(text, 491), PEER, 0.3) == [sip.ReinviteRejected("leg", 491, owner=True)]
    text = sends(call.agent.reinvite("leg", OURS, 0.4))[0]
    assert call.agent.receive(response(text, 481), PEER, 0.5) == [sip.Broken("leg", "dialog_lost")]
    call = ringing()
    text = sends(call.agent.reinvite("leg", OURS, 0.2))[0]
    call.agent.receive(response(call.invite, 486), PEER, 0.3)
    assert call.agent.receive(response(text, 487), PEER, 0.4) == [], "the call is over"


def test_our_update_is_challenged() -> None:
    call = dialled(password="pw")
    reliable = ["Require: 100rel", "RSeq: 1", ALLOW]
    prack = sends(call.agent.receive(response(call.invite, 183, body=SDP, extra=reliable), PEER, 0.1))[0]
    assert call.agent.reinvite("leg", OURS, 0.1) == [sip.ReinviteRejected("leg", 491, owner=True)], (
        "it would overtake the PRACK"
    )
    call.agent.receive(response(prack, 200), PEER, 0.1)
    text = sends(call.agent.reinvite("leg", OURS, 0.2))[0]
    challenge = 'WWW-Authenticate: Digest realm="r", nonce="n"'
    again = sends(call.agent.receive(response(text, 401, extra=[challenge]), PEER, 0.3))[0]
    assert header(again, "CSeq") == "4 UPDATE"
    assert call.agent.receive(response(again, 200, body=SDP), PEER, 0.5) == [sip.ReinviteAnswered("leg", SDP)]


def test_our_update_that_nobody_answers() -> None:
    call = ringing()
    call.agent.reinvite("leg", OURS, 0.2)
    assert events([output for _, output in pass_time(call.agent, 40.0)]) == [], "the INVITE is still open"
    call = ringing()
    call.agent.reinvite("leg", OURS, 0.2)
    call.agent.receive(response(call.invite, 200), PEER, 0.3)
    assert pass_time(call.agent, 100.0)[-1] == (32.2, sip.Broken("leg", "no_reinvite_answer"))


def test_where_no_update_can_be_sent() -> None:
    assert ringing("X: y").agent.reinvite("leg", OURS, 0.2) == [], "the peer doesn't take it"
    assert ringing(body=b"").agent.reinvite("leg", OURS, 0.2) == [], "the first offer has no answer"
    call = incoming()
    assert call.agent.reinvite(call.session, OURS, 0.2) == []
    call = early()
    call.agent.reject(call.session, 486, "", 0.3)
    assert call.agent.reinvite(call.session, OURS, 0.4) == []
    two = ringing()
    extra = ["Require: 100rel", "RSeq: 1", ALLOW]
    two.agent.receive(response(two.invite, 183, to_tag="other", body=SDP, extra=extra), PEER, 0.1)
    assert two.agent.reinvite("leg", OURS, 0.2) == [], "two telephones have answered early"


def test_the_end_answers_what_is_open() -> None:
    call = talking()
    call.agent.receive(call.phone.next("UPDATE", body=OFFER), PEER, 2.0)
    assert lines(call.agent.bye(call.session, 2.1)) == ["487 UPDATE", "BYE"]
    call = talking()
    call.agent.receive(call.phone.next("UPDATE", body=OFFER), PEER, 2.0)
    outputs = call.agent.receive(call.phone.next("BYE"), PEER, 2.1)
    assert lines(outputs) == ["487 UPDATE"]
    assert events(outputs) == [sip.HungUp(call.session)]
    call = early()
    call.agent.receive(call.phone.next("UPDATE", body=OFFER), PEER, 0.3)
    assert lines(call.agent.receive(call.phone.cancel(), PEER, 0.4)) == ["200 CANCEL", "487 UPDATE", "487 INVITE"]
    ours = ringing()
    ours.agent.receive(from_peer(ours, "UPDATE", 1, body=OFFER), PEER, 0.2)
    outputs = ours.agent.receive(response(ours.invite, 486), PEER, 0.3)
    assert lines(outputs) == ["ACK", "487 UPDATE"]
    assert events(outputs) == [sip.Rejected("leg", 486, "Whatever")]


def test_an_offer_that_the_app_never_answers() -> None:
    call = talking()
    call.agent.receive(call.phone.next("UPDATE", body=OFFER), PEER, 2.0)
    pass_time(call.agent, 100.0)
    assert call.agent.answer_reinvite(call.session, OURS, 100.0) == []
    assert lines(call.agent.reinvite(call.session, OURS, 100.0)) == ["INVITE"]


def test_open_updates_after_a_restart() -> None:
    call = talking()
    call.agent.receive(call.phone.next("UPDATE", body=OFFER), PEER, 2.0)
    new = reborn(call.agent, [call.session], 3.0)
    assert lines(new.answer_reinvite(call.session, OURS, 3.1)) == ["200 UPDATE"]
    ours = ringing()
    before = sends(ours.agent.reinvite("leg", OURS, 0.2))
    again = reborn(ours.agent, ["leg"], 1.0)
    found = sends([output for _, output in pass_time(again, 1.0)])
    assert before[0] in found
    assert again.reinvite("leg", OURS, 1.1) == [sip.ReinviteRejected("leg", 491, owner=True)]
    assert again.receive(response(before[0], 200, body=SDP), PEER, 1.2) == [sip.ReinviteAnswered("leg", SDP)]


def test_a_2xx_without_allow_leaves_what_is_known() -> None:
    call = answered(extra=[ALLOW])
    data = call.agent.dump("leg", 2.0)
    assert data["updates"]
    invite = from_peer(call, "INVITE", 3, body=SDP)
    call.agent.receive(invite, PEER, 2.1)
    assert call.agent.dump("leg", 2.2)["updates"]
