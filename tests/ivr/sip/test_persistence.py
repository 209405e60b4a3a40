"""kill -9 between any two steps: what was stored goes on in another agent."""

from __future__ import annotations

import pytest

from ivr.sip import events as sip
from tests.ivr.sip.conftest import (
    OURS,
    PEER,
    SDP,
    answered,
    dialled,
    events,
    from_peer,
    header,
    incoming,
    lines,
    make_agent,
    pass_time,
    reborn,
    response,
    sends,
    tag,
    talking,
)


def test_an_unanswered_call() -> None:
    call = incoming()
    call.phone.learn(call.agent.ring(call.session, 0.0))
    new = reborn(call.agent, [call.session], 1.0)
    assert lines([output for _, output in pass_time(new, 1.0)]) == ["180 INVITE"]
    again = call.phone.invite(branch=call.phone.invite_branch, to_tag="")
    assert lines(new.receive(again, PEER, 1.1)) == ["180 INVITE"]
    answer = new.answer(call.session, OURS, 1.2)
    assert tag(header(sends(answer)[0], "To")) == call.phone.to_tag
    assert new.receive(call.phone.ack(), PEER, 1.3) == [sip.Acknowledged(call.session)]


def test_an_unanswered_call_is_cancelled() -> None:
    call = incoming()
    new = reborn(call.agent, [call.session], 1.0)
    outputs = new.receive(call.phone.cancel(), PEER, 1.1)
    assert lines(outputs) == ["200 CANCEL", "487 INVITE"]
    assert events(outputs) == [sip.Cancelled(call.session)]


def test_an_unacknowledged_answer_is_resent() -> None:
    call = incoming()
    before = call.agent.answer(call.session, OURS, 0.0)
    new = reborn(call.agent, [call.session], 10.0)
    found = pass_time(new, 100.0)
    assert [at for at, _ in found][:3] == [10.0, 11.0, 13.0]
    assert sends([found[0][1]]) == sends(before)
    assert found[-1] == (32.0, sip.Broken(call.session, "no_ack"))
    new = reborn(call.agent, [call.session], 10.0)
    call.phone.learn(before)
    assert new.receive(call.phone.ack(), PEER, 10.1) == [sip.Acknowledged(call.session)]


def test_a_late_offer_is_still_late() -> None:
    call = incoming(body=b"")
    call.phone.learn(call.agent.answer(call.session, OURS, 0.0))
    new = reborn(call.agent, [call.session], 1.0)
    assert new.receive(call.phone.ack(body=SDP), PEER, 1.1) == [sip.Acknowledged(call.session, SDP)]


def test_a_talk_goes_on() -> None:
    call = talking()
    call.agent.receive(call.phone.next("INFO", body=b"1", content_type="application/dtmf"), PEER, 1.1)
    new = reborn(call.agent, [call.session], 2.0)
    assert new.deadline() is None
    assert new.receive(call.phone.ack(cseq=1), PEER, 2.0) == []
    reinvite = call.phone.next("INVITE", body=SDP)
    assert events(new.receive(reinvite, PEER, 2.1)) == [sip.Reinvited(call.session, SDP)]
    newer = reborn(new, [call.session], 2.2, prefix="c")
    assert lines(newer.receive(reinvite, PEER, 2.3)) == ["100 INVITE"]
    answer = newer.answer_reinvite(call.session, OURS, 2.4)
    assert tag(header(sends(answer)[0], "To")) == call.phone.to_tag
    newest = reborn(newer, [call.session], 2.5, prefix="d")
    assert sends([pass_time(newest, 2.5)[0][1]]) == sends(answer)
    assert newest.receive(call.phone.ack(), PEER, 2.6) == [sip.Acknowledged(call.session, reinvite=True)]
    assert newest.receive(call.phone.next("BYE"), PEER, 3.0) == [sip.HungUp(call.session)]
    last = reborn(newest, [call.session], 3.1, prefix="e")
    assert lines(last.confirm_bye(call.session, 3.2)) == ["200 BYE"]


def test_our_numbers_go_on_higher() -> None:
    call = talking()
    invite = sends(call.agent.reinvite(call.session, OURS, 1.0))[0]
    call.agent.receive(response(invite, 200, body=SDP), PEER, 1.1)
    new = reborn(call.agent, [call.session], 2.0)
    assert header(sends(new.bye(call.session, 2.1))[0], "CSeq") == "102 BYE"
    ours = answered()
    new = reborn(ours.agent, ["leg"], 2.0)
    assert header(sends(new.reinvite("leg", OURS, 2.1))[0], "CSeq") == "102 INVITE"


def test_an_open_bye_is_resent() -> None:
    call = talking()
    before = sends(call.agent.bye(call.session, 2.0))
    new = reborn(call.agent, [call.session], 3.0)
    found = pass_time(new, 3.0)
    assert sends([output for _, output in found]) == before
    assert new.bye(call.session, 3.1) == []
    assert new.receive(response(before[0], 481), PEER, 3.2) == [sip.Over(call.session)]


def test_a_bye_that_waits_for_the_ack() -> None:
    call = incoming()
    call.phone.learn(call.agent.answer(call.session, OURS, 0.0))
    call.agent.bye(call.session, 0.1)
    new = reborn(call.agent, [call.session], 1.0)
    assert lines(new.receive(call.phone.ack(), PEER, 1.1)) == ["BYE"]


def test_our_open_reinvite_is_resent() -> None:
    call = talking()
    before = sends(call.agent.reinvite(call.session, OURS, 2.0))
    new = reborn(call.agent, [call.session], 3.0)
    assert sends([output for _, output in pass_time(new, 3.0)]) == before
    done = new.receive(response(before[0], 200, body=SDP), PEER, 3.1)
    assert events(done) == [sip.ReinviteAnswered(call.session, SDP)]


def test_a_repeated_2xx_after_the_restart_gets_its_ack() -> None:
    call = answered()
    new = reborn(call.agent, ["leg"], 2.0)
    outputs = new.receive(response(call.invite, 200, body=SDP), PEER, 2.1)
    assert lines(outputs) == ["ACK"]
    assert events(outputs) == []
    assert header(sends(outputs)[0], "CSeq") == "1 ACK"
    fork = new.receive(response(call.invite, 200, to_tag="fork", body=SDP), PEER, 2.2)
    assert lines(fork) == ["ACK", "BYE"]
    again = talking()
    invite = sends(again.agent.reinvite(again.session, OURS, 2.0))[0]
    newer = reborn(again.agent, [], 3.0)
    assert newer.receive(response(invite, 200), PEER, 3.1) == []
    newer = reborn(again.agent, [again.session], 3.0)
    stranger = response(invite, 200).replace(b"tag=ft", b"tag=x").replace(b"z9hG4bK", b"z9hG4bKx")
    assert newer.receive(stranger, PEER, 3.1) == []


def test_a_ringing_invite_is_cancelled_by_its_saved_branch() -> None:
    call = dialled()
    call.agent.receive(response(call.invite, 180), PEER, 0.5)
    new = reborn(call.agent, ["leg"], 1.0)
    assert new.deadline() is not None
    outputs = new.cancel("leg", 1.1)
    assert lines(outputs) == ["CANCEL"]
    for name in ("Via", "Call-ID", "From", "To"):
        assert header(sends(outputs)[0], name) == header(call.invite, name)
    assert header(sends(outputs)[0], "CSeq") == "1 CANCEL"
    assert new.receive(response(sends(outputs)[0], 200), PEER, 1.2) == []
    ended = new.receive(response(call.invite, 487), PEER, 1.3)
    assert lines(ended) == ["ACK"]
    assert events(ended) == [sip.Rejected("leg", 487, "Request Terminated")]


def test_a_late_answer_to_a_cancelled_invite_is_hung_up() -> None:
    call = dialled()
    call.agent.receive(response(call.invite, 180), PEER, 0.5)
    new = reborn(call.agent, ["leg"], 1.0)
    new.cancel("leg", 1.1)
    outputs = new.receive(response(call.invite, 200, body=SDP), PEER, 1.2)
    assert lines(outputs) == ["ACK", "BYE"]
    assert events(outputs) == [sip.Rejected("leg", 487, "Request Terminated")]


def test_an_invite_that_may_never_have_left() -> None:
    call = dialled()
    new = reborn(call.agent, ["leg"], 1.0)
    assert sends([output for _, output in pass_time(new, 1.0)]) == [call.invite]
    new = reborn(call.agent, ["leg"], 1.0)
    cancel = sends(new.cancel("leg", 1.0))
    assert len(cancel) == 1
    assert lines([output for _, output in pass_time(new, 1.0)]) == []
    assert new.receive(response(cancel[0], 481), PEER, 1.1) == [sip.Rejected("leg", 487, "Request Terminated")]
    assert new.receive(response(cancel[0], 481), PEER, 1.1) == []


def test_a_dialled_leg_may_still_be_answered() -> None:
    call = dialled()
    call.agent.receive(response(call.invite, 180), PEER, 0.5)
    new = reborn(call.agent, ["leg"], 1.0)
    outputs = new.receive(response(call.invite, 200, body=SDP), PEER, 1.2)
    assert events(outputs) == [sip.Answered("leg", SDP)]
    assert header(sends(new.bye("leg", 2.0))[0], "CSeq") == "102 BYE"


def test_cancelled_before_the_restart() -> None:
    call = dialled()
    call.agent.receive(response(call.invite, 180), PEER, 0.5)
    before = sends(call.agent.cancel("leg", 1.0))
    new = reborn(call.agent, ["leg"], 2.0)
    assert sends([output for _, output in pass_time(new, 2.0)]) == before
    assert new.cancel("leg", 2.0) == []
    assert lines(new.receive(response(call.invite, 200), PEER, 2.1)) == ["ACK", "BYE"]


def test_a_challenge_answered_after_the_last_save_is_cancelled_too() -> None:
    call = dialled(password="pw")
    stored = call.agent.dump("leg", 0.0)
    challenge = 'WWW-Authenticate: Digest realm="r", nonce="n"'
    again = sends(call.agent.receive(response(call.invite, 401, extra=[challenge]), PEER, 0.1))[1]
    new = make_agent(prefix="b")
    new.restore(stored, 1.0)
    cancels = sends(new.cancel("leg", 1.0))
    assert [header(text, "Via") for text in cancels] == [header(call.invite, "Via"), header(again, "Via")]
    assert [header(text, "CSeq") for text in cancels] == ["1 CANCEL", "2 CANCEL"]
    outputs = new.receive(response(again, 200, body=SDP), PEER, 1.1)
    assert lines(outputs) == ["ACK", "BYE"]


def test_what_is_over_is_not_taken_up() -> None:
    call = dialled()
    call.agent.receive(response(call.invite, 486), PEER, 0.5)
    new = reborn(call.agent, ["leg"], 1.0)
    assert not new.knows("leg")


def test_twice_is_an_error() -> None:
    call = talking()
    with pytest.raises(ValueError, match="already there"):
        call.agent.restore(call.agent.dump(call.session, 2.0), 2.0)


def test_the_called_phone_goes_on_too() -> None:
    call = answered()
    new = reborn(call.agent, ["leg"], 2.0)
    assert new.receive(from_peer(call, "BYE", 3), PEER, 2.1) == [sip.HungUp("leg")]
