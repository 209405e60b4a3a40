"""Re-INVITEs of both sides with glare (RFC 3261 14, RFC 5407)."""

from __future__ import annotations

import pytest

from ivr.sip import events as sip
from tests.ivr.sip.conftest import (
    OURS,
    PEER,
    SDP,
    Incoming,
    answered,
    events,
    from_peer,
    header,
    incoming,
    lines,
    pass_time,
    response,
    sends,
    tag,
    talking,
)

HOLD = SDP + b"a=sendonly\r\n"


def held(call: Incoming) -> bytes:
    """A re-INVITE of the peer's came; its bytes."""
    data = call.phone.next("INVITE", body=HOLD)
    call.phone.invite_branch = call.phone.branch
    outputs = call.agent.receive(data, PEER, 2.0)
    assert lines(outputs) == ["100 INVITE"]
    assert events(outputs) == [sip.Reinvited(call.session, HOLD)]
    return data


def test_the_peers_reinvite() -> None:
    call = talking()
    data = held(call)
    answer = call.agent.answer_reinvite(call.session, OURS, 2.1)
    assert lines(answer) == ["200 INVITE"]
    assert header(sends(answer)[0], "To").endswith(f";tag={call.phone.to_tag}")
    assert [at for at, _ in pass_time(call.agent, 3.0)] == [2.6]
    assert lines(call.agent.receive(data, PEER, 3.1)) == ["200 INVITE"]
    assert call.agent.receive(call.phone.ack(), PEER, 3.2) == [sip.Acknowledged(call.session, reinvite=True)]
    assert call.agent.answer_reinvite(call.session, OURS, 3.3) == []
    assert call.agent.reject_reinvite(call.session, 488, 3.3) == []
    assert pass_time(call.agent, 200.0) == []


def test_reject_and_go_on() -> None:
    call = talking()
    held(call)
    assert lines(call.agent.reject_reinvite(call.session, 488, 2.1)) == ["488 INVITE"]
    assert call.agent.receive(call.phone.ack(branch=call.phone.invite_branch), PEER, 2.2) == []
    held(call)


def test_late_offer() -> None:
    call = talking()
    assert events(call.agent.receive(call.phone.next("INVITE"), PEER, 2.0)) == [sip.Reinvited(call.session, b"")]
    call.agent.answer_reinvite(call.session, OURS, 2.1)
    assert call.agent.receive(call.phone.ack(body=SDP), PEER, 2.2) == [sip.Acknowledged(call.session, SDP, reinvite=True)]


def test_a_new_contact_is_the_new_target() -> None:
    call = talking()
    data = call.phone.next("INVITE", body=HOLD).replace(
        b"Contact: <sip:13912345678@192.0.2.9:5060>", b"Contact: <sip:moved@192.0.2.77>"
    )
    call.agent.receive(data, PEER, 2.0)
    call.agent.answer_reinvite(call.session, OURS, 2.1)
    call.agent.receive(call.phone.ack(), PEER, 2.2)
    bye = call.agent.bye(call.session, 3.0)
    assert sends(bye)[0].startswith("BYE sip:moved@192.0.2.77 SIP/2.0")


def test_a_contact_that_leads_nowhere_changes_no_target() -> None:
    call = talking()
    data = call.phone.next("INVITE", body=HOLD).replace(b"Contact: <sip:13912345678@192.0.2.9:5060>", b"Contact: <tel:1>")
    assert events(call.agent.receive(data, PEER, 2.0)) == [sip.Reinvited(call.session, HOLD)]
    call.agent.reject_reinvite(call.session, 488, 2.1)
    invite = sends(call.agent.reinvite(call.session, OURS, 3.0))[0]
    call.agent.receive(response(invite, 200, body=SDP, contact=None), PEER, 3.1)
    assert sends(call.agent.bye(call.session, 4.0))[0].startswith("BYE sip:13912345678@192.0.2.9:5060 SIP/2.0")


def test_a_2xx_after_the_refusal_is_ignored() -> None:
    call = talking()
    invite = sends(call.agent.reinvite(call.session, OURS, 2.0))[0]
    call.agent.receive(response(invite, 491), PEER, 2.1)
    assert call.agent.receive(response(invite, 200, body=SDP), PEER, 2.2) == []


def test_cancelled_reinvite() -> None:
    call = talking()
    held(call)
    cancel = call.phone.request("CANCEL", branch=call.phone.invite_branch)
    outputs = call.agent.receive(cancel, PEER, 2.1)
    assert lines(outputs) == ["200 CANCEL", "487 INVITE"]
    assert events(outputs) == []
    assert call.agent.answer_reinvite(call.session, OURS, 2.2) == []
    assert lines(call.agent.bye(call.session, 3.0)) == ["BYE"]


def test_without_ack_the_session_is_broken() -> None:
    call = talking()
    held(call)
    call.agent.answer_reinvite(call.session, OURS, 2.0)
    assert pass_time(call.agent, 100.0)[-1] == (34.0, sip.Broken(call.session, "no_ack"))


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"cseq": 1}, "500"),
        ({"extra": ["Require: precondition"]}, "420"),
        ({"content_type": "text/plain"}, "415"),
    ],
)
def test_bad_reinvite(change: dict[str, object], status: str) -> None:
    call = talking()
    outputs = call.agent.receive(call.phone.next("INVITE", **{"body": HOLD, **change}), PEER, 2.0)
    assert lines(outputs) == [f"{status} INVITE"]
    assert events(outputs) == []


def test_a_second_reinvite_while_one_waits() -> None:
    call = talking()
    held(call)
    outputs = call.agent.receive(call.phone.next("INVITE", body=HOLD), PEER, 2.1)
    assert lines(outputs) == ["500 INVITE"]
    assert header(sends(outputs)[0], "Retry-After") == "2"


def test_a_reinvite_before_the_ack_proves_that_the_answer_arrived() -> None:
    call = incoming()
    call.phone.learn(call.agent.answer(call.session, OURS, 0.0))
    outputs = call.agent.receive(call.phone.next("INVITE", body=HOLD), PEER, 0.2)
    assert lines(outputs) == ["100 INVITE"]
    assert events(outputs) == [sip.Acknowledged(call.session), sip.Reinvited(call.session, HOLD)]


def test_a_reinvite_before_the_ack_that_must_bring_the_answer() -> None:
    call = incoming(body=b"")
    call.phone.learn(call.agent.answer(call.session, OURS, 0.0))
    outputs = call.agent.receive(call.phone.next("INVITE", body=HOLD), PEER, 0.2)
    assert lines(outputs) == ["491 INVITE"]
    assert call.agent.receive(call.phone.ack(cseq=1, body=SDP), PEER, 0.3) == [sip.Acknowledged(call.session, SDP)]


def test_a_reinvite_after_the_end() -> None:
    call = talking()
    call.agent.receive(call.phone.next("BYE"), PEER, 2.0)
    assert lines(call.agent.receive(call.phone.next("INVITE", body=HOLD), PEER, 2.1)) == ["481 INVITE"]


def test_our_reinvite() -> None:
    call = talking()
    outputs = call.agent.reinvite(call.session, OURS, 2.0)
    assert lines(outputs) == ["INVITE"]
    invite = sends(outputs)[0]
    assert header(invite, "CSeq") == "1 INVITE"
    assert tag(header(invite, "To")) == "ft"
    assert call.agent.receive(response(invite, 100), PEER, 2.1) == []
    done = call.agent.receive(response(invite, 200, body=SDP, contact="<sip:new@192.0.2.50>"), PEER, 2.2)
    assert lines(done) == ["ACK"]
    assert events(done) == [sip.ReinviteAnswered(call.session, SDP)]
    assert header(sends(done)[0], "CSeq") == "1 ACK"
    again = call.agent.receive(response(invite, 200, body=SDP), PEER, 2.7)
    assert sends(again) == sends(done)
    assert events(again) == []
    assert sends(call.agent.bye(call.session, 3.0))[0].startswith("BYE sip:new@192.0.2.50 SIP/2.0")


def test_glare_is_told_with_the_owner() -> None:
    call = talking()
    invite = sends(call.agent.reinvite(call.session, OURS, 2.0))[0]
    refused = call.agent.receive(call.phone.next("INVITE", body=HOLD), PEER, 2.1)
    assert lines(refused) == ["491 INVITE"]
    outputs = call.agent.receive(response(invite, 491), PEER, 2.2)
    assert lines(outputs) == ["ACK"]
    assert events(outputs) == [sip.ReinviteRejected(call.session, 491, owner=False)]
    assert lines(call.agent.receive(response(invite, 491), PEER, 2.3)) == ["ACK"]
    assert lines(call.agent.reinvite(call.session, OURS, 3.0)) == ["INVITE"]
    ours = answered()
    invite = sends(ours.agent.reinvite("leg", OURS, 2.0))[0]
    assert events(ours.agent.receive(response(invite, 491), PEER, 2.2)) == [sip.ReinviteRejected("leg", 491, owner=True)]


def test_no_reinvite_beside_another() -> None:
    call = incoming()
    assert call.agent.reinvite(call.session, OURS, 0.0) == []
    call.phone.learn(call.agent.answer(call.session, OURS, 0.0))
    assert call.agent.reinvite(call.session, OURS, 0.0) == [sip.ReinviteRejected(call.session, 491)]
    call.agent.receive(call.phone.ack(), PEER, 0.1)
    held(call)
    assert call.agent.reinvite(call.session, OURS, 2.0) == [sip.ReinviteRejected(call.session, 491)]
    call.agent.answer_reinvite(call.session, OURS, 2.0)
    call.agent.receive(call.phone.ack(), PEER, 2.1)
    assert lines(call.agent.reinvite(call.session, OURS, 3.0)) == ["INVITE"]
    assert call.agent.reinvite(call.session, OURS, 3.0) == [sip.ReinviteRejected(call.session, 491)]


@pytest.mark.parametrize("status", [408, 481])
def test_a_peer_that_has_lost_the_dialog(status: int) -> None:
    call = talking()
    invite = sends(call.agent.reinvite(call.session, OURS, 2.0))[0]
    assert events(call.agent.receive(response(invite, status), PEER, 2.1)) == [sip.Broken(call.session, "dialog_lost")]


@pytest.mark.parametrize("provisional", [False, True])
def test_a_peer_that_does_not_answer(provisional: bool) -> None:
    call = talking()
    invite = sends(call.agent.reinvite(call.session, OURS, 2.0))[0]
    if provisional:
        call.agent.receive(response(invite, 100), PEER, 2.0)
    assert pass_time(call.agent, 100.0)[-1] == (34.0, sip.Broken(call.session, "no_reinvite_answer"))
    assert lines(call.agent.bye(call.session, 40.0)) == ["BYE"]


def test_our_reinvite_is_challenged() -> None:
    call = answered(password="pw")
    invite = sends(call.agent.reinvite("leg", OURS, 2.0))[0]
    challenge = 'WWW-Authenticate: Digest realm="r", nonce="n"'
    outputs = call.agent.receive(response(invite, 401, extra=[challenge]), PEER, 2.1)
    assert lines(outputs) == ["ACK", "INVITE"]
    again = sends(outputs)[1]
    assert header(again, "CSeq") == "3 INVITE"
    done = call.agent.receive(response(again, 200, body=SDP), PEER, 2.2)
    assert events(done) == [sip.ReinviteAnswered("leg", SDP)]
    assert header(sends(call.agent.bye("leg", 3.0))[0], "CSeq") == "4 BYE"


def test_hanging_up_in_the_midst_of_reinvites() -> None:
    call = talking()
    held(call)
    assert lines(call.agent.bye(call.session, 3.0)) == ["487 INVITE", "BYE"]
    call = talking()
    held(call)
    outputs = call.agent.receive(call.phone.next("BYE"), PEER, 3.0)
    assert lines(outputs) == ["487 INVITE"]
    assert events(outputs) == [sip.HungUp(call.session)]
    call = talking()
    invite = sends(call.agent.reinvite(call.session, OURS, 2.0))[0]
    call.agent.receive(call.phone.next("BYE"), PEER, 3.0)
    late = call.agent.receive(response(invite, 200, body=SDP), PEER, 3.1)
    assert lines(late) == ["ACK"]
    assert events(late) == []
    call = talking()
    invite = sends(call.agent.reinvite(call.session, OURS, 2.0))[0]
    call.agent.receive(call.phone.next("BYE"), PEER, 3.0)
    late = call.agent.receive(response(invite, 487), PEER, 3.1)
    assert lines(late) == ["ACK"]
    assert events(late) == []
    call = talking()
    call.agent.reinvite(call.session, OURS, 2.0)
    call.agent.receive(call.phone.next("BYE"), PEER, 3.0)
    assert events([output for _, output in pass_time(call.agent, 100.0)]) == []


def test_reinvite_to_us_as_the_caller() -> None:
    call = answered()
    outputs = call.agent.receive(from_peer(call, "INVITE", 5, body=HOLD), PEER, 2.0)
    assert events(outputs) == [sip.Reinvited("leg", HOLD)]
    text = sends(call.agent.answer_reinvite("leg", OURS, 2.1))[0]
    assert header(text, "Contact") == "<sip:13912345678@192.0.2.1:5060>"
    assert events(call.agent.receive(from_peer(call, "ACK", 5), PEER, 2.2)) == [sip.Acknowledged("leg", reinvite=True)]
