"""Reliable provisional responses (RFC 3262), both sides."""

from __future__ import annotations

import pytest

from ivr.sip import events as sip
from tests.ivr.sip.conftest import (
    OURS,
    PEER,
    SDP,
    Incoming,
    Phone,
    answered,
    dialled,
    events,
    has,
    header,
    lines,
    make_agent,
    only,
    pass_time,
    reborn,
    response,
    sends,
    tag,
)

REQUIRED = ("Require: 100rel",)
SUPPORTED = ("Supported: timer, 100rel",)
OTHER = OURS.replace(b"RTP/AVP 8 0 101", b"RTP/AVP 8 101")


def called(extra: tuple[str, ...] = REQUIRED, body: bytes = SDP) -> Incoming:
    """A call whose caller speaks 100rel."""
    agent, phone = make_agent(), Phone()
    outputs = agent.receive(phone.invite(body, extra=extra), PEER, 0.0)
    assert lines(outputs) == ["100 INVITE"]
    return Incoming(agent, phone, only(outputs, sip.Invited).session)


def prack(call: Incoming, rseq: int = 1, *, cseq: int = 1, body: bytes = b"") -> bytes:
    return call.phone.next("PRACK", extra=[f"RAck: {rseq} {cseq} INVITE"], body=body)


def ringing(call: Incoming, now: float = 0.0) -> str:
    outputs = call.agent.ring(call.session, now)
    call.phone.learn(outputs)
    return sends(outputs)[0]


def test_180_is_reliable_where_the_caller_requires_it() -> None:
    call = called()
    text = ringing(call)
    assert (header(text, "Require"), header(text, "RSeq")) == ("100rel", "1")
    assert [at for at, _ in pass_time(call.agent, 8.0)] == [0.5, 1.5, 3.5, 7.5]
    outputs = call.agent.receive(prack(call), PEER, 8.1)
    assert lines(outputs) == ["200 PRACK"]
    assert events(outputs) == []
    assert pass_time(call.agent, 100.0) == []
    assert lines(call.agent.answer(call.session, OURS, 100.0)) == ["200 INVITE"]


def test_a_supporting_caller_gets_only_descriptions_reliably() -> None:
    call = called(SUPPORTED)
    assert not has(ringing(call), "RSeq")
    text = sends(call.agent.progress(call.session, OURS, 0.1))[0]
    assert text.startswith("SIP/2.0 183")
    assert header(text, "RSeq") == "1"
    assert text.endswith(OURS.decode())
    again = sends([output for _, output in pass_time(call.agent, 0.7)])
    assert again == [text]


def test_early_media_for_a_caller_without_100rel() -> None:
    call = called(())
    text = sends(call.agent.progress(call.session, OURS, 0.0))[0]
    assert text.endswith(OURS.decode())
    assert not has(text, "Require")
    assert [at for at, _ in pass_time(call.agent, 61.0)] == [60.0]
    assert sends(call.agent.answer(call.session, OURS, 61.0))[0].endswith(OURS.decode())


def test_no_2xx_before_the_prack_of_a_description() -> None:
    call = called()
    call.phone.learn(call.agent.progress(call.session, OURS, 0.0))
    assert call.agent.answer(call.session, OURS, 0.1) == []
    assert call.agent.answer(call.session, OURS, 0.1) == []
    assert call.agent.ring(call.session, 0.1) == []
    outputs = call.agent.receive(prack(call), PEER, 0.2)
    assert lines(outputs) == ["200 PRACK", "200 INVITE"]
    assert not has(sends(outputs)[1], "Content-Type"), "the answer was given already"
    assert call.agent.receive(call.phone.ack(cseq=1), PEER, 0.3) == [sip.Acknowledged(call.session)]


def test_a_2xx_need_not_wait_for_the_prack_of_180() -> None:
    call = called()
    ringing(call)
    outputs = call.agent.answer(call.session, OURS, 0.1)
    assert lines(outputs) == ["200 INVITE"]
    assert sends(outputs)[0].endswith(OURS.decode())
    assert lines([output for _, output in pass_time(call.agent, 1.0)]) == ["200 INVITE"]
    assert lines(call.agent.receive(prack(call), PEER, 1.1)) == ["200 PRACK"]


def test_the_next_response_waits_for_the_prack() -> None:
    call = called()
    ringing(call)
    assert call.agent.progress(call.session, OURS, 0.1) == []
    assert call.agent.ring(call.session, 0.1) == []
    outputs = call.agent.receive(prack(call), PEER, 0.2)
    assert lines(outputs) == ["200 PRACK", "180 INVITE"]
    text = sends(outputs)[1]
    assert header(text, "RSeq") == "2"
    assert text.endswith(OURS.decode())
    assert lines(call.agent.receive(prack(call, 2), PEER, 0.3)) == ["200 PRACK"]
    again = sends(call.agent.progress(call.session, OTHER, 0.4))[0]
    assert not has(again, "Content-Type"), "one answer an offer"


@pytest.mark.parametrize("rack", ["RAck: 2 1 INVITE", "RAck: 1 2 INVITE", "RAck: 1 1 UPDATE", "X: y"])
def test_a_prack_of_something_else(rack: str) -> None:
    call = called()
    ringing(call)
    assert lines(call.agent.receive(call.phone.next("PRACK", extra=[rack]), PEER, 0.1)) == ["481 PRACK"]
    assert lines([output for _, output in pass_time(call.agent, 0.6)]) == ["180 INVITE"]


def test_a_prack_may_be_overtaken() -> None:
    call = called()
    ringing(call)
    late = prack(call)
    assert lines(call.agent.receive(call.phone.next("OPTIONS"), PEER, 0.1)) == ["200 OPTIONS"]
    assert lines(call.agent.receive(late, PEER, 0.2)) == ["200 PRACK"]
    assert lines(call.agent.receive(call.phone.request("INFO", cseq=2), PEER, 0.3)) == ["500 INFO"]


def test_a_second_prack_is_none() -> None:
    call = called()
    ringing(call)
    data = prack(call)
    assert lines(call.agent.receive(data, PEER, 0.1)) == ["200 PRACK"]
    assert lines(call.agent.receive(data, PEER, 0.2)) == ["200 PRACK"], "a repetition"
    assert lines(call.agent.receive(prack(call), PEER, 0.3)) == ["481 PRACK"]


def test_without_prack_the_call_fails() -> None:
    call = called()
    call.phone.learn(call.agent.progress(call.session, OURS, 0.0))
    call.agent.answer(call.session, OURS, 0.1)
    found = pass_time(call.agent, 32.0)
    assert lines([output for _, output in found])[-1] == "504 INVITE"
    assert found[-1] == (32.0, sip.Broken(call.session, "no_prack"))
    assert call.agent.bye(call.session, 32.1) == [sip.Over(call.session)]
    call.agent.receive(call.phone.ack(branch=call.phone.invite_branch), PEER, 32.2)
    assert lines([output for _, output in pass_time(call.agent, 100.0)]) == []
    assert not call.agent.knows(call.session)


def test_ringing_on_is_said_anew() -> None:
    """RFC 3262 3: proxies give a call up after three minutes of silence, and a response once acknowledged is not repeated."""
    call = called()
    ringing(call)
    call.agent.receive(prack(call), PEER, 1.0)
    found = pass_time(call.agent, 151.1)
    assert [at for at, _ in found] == [151.0]
    assert header(sends([found[0][1]])[0], "RSeq") == "2"
    call.agent.answer(call.session, OURS, 151.2)
    call.agent.receive(prack(call, 2), PEER, 151.3)
    call.agent.receive(call.phone.ack(cseq=1), PEER, 151.4)
    assert pass_time(call.agent, 1000.0) == []


def test_cancelled_meanwhile() -> None:
    call = called()
    call.phone.learn(call.agent.progress(call.session, OURS, 0.0))
    call.agent.answer(call.session, OURS, 0.1)
    outputs = call.agent.receive(call.phone.cancel(), PEER, 0.2)
    assert lines(outputs) == ["200 CANCEL", "487 INVITE"]
    assert events(outputs) == [sip.Cancelled(call.session)]
    assert lines(call.agent.receive(prack(call), PEER, 0.3)) == ["200 PRACK"]
    pass_time(call.agent, 100.0)
    assert not call.agent.knows(call.session)


def test_a_late_offer_allows_no_early_answer() -> None:
    call = called(body=b"")
    assert call.agent.ring(call.session, 0.0) == []
    assert call.agent.progress(call.session, OURS, 0.0) == []
    assert sends(call.agent.answer(call.session, OURS, 0.0))[0].endswith(OURS.decode())
    call = called(SUPPORTED, body=b"")
    assert lines(call.agent.ring(call.session, 0.0)) == ["180 INVITE"]


def test_an_offer_in_the_prack_is_answered_before_the_call() -> None:
    call = called()
    call.phone.learn(call.agent.progress(call.session, OURS, 0.0))
    outputs = call.agent.receive(prack(call, body=SDP), PEER, 0.1)
    assert outputs == [sip.Reinvited(call.session, SDP)]
    assert call.agent.answer(call.session, OURS, 0.2) == []
    outputs = call.agent.answer_reinvite(call.session, OTHER, 0.3)
    assert lines(outputs) == ["200 PRACK", "200 INVITE"]
    assert sends(outputs)[0].endswith(OTHER.decode())


def test_a_description_in_the_prack_of_180_is_no_offer() -> None:
    call = called()
    ringing(call)
    assert lines(call.agent.receive(prack(call, body=SDP), PEER, 0.1)) == ["200 PRACK"]


def test_an_unacknowledged_183_goes_on_after_a_restart() -> None:
    call = called()
    text = sends(call.agent.progress(call.session, OURS, 0.0))[0]
    call.phone.to_tag = tag(header(text, "To"))
    new = reborn(call.agent, [call.session], 2.0)
    assert [(at, sends([output])) for at, output in pass_time(new, 5.0)] == [(at, [text]) for at in (2.0, 3.0, 5.0)]
    assert lines(new.receive(prack(call), PEER, 5.1)) == ["200 PRACK"]


def test_a_prack_may_have_come_before_the_restart() -> None:
    """A PRACK tells the app nothing, so nothing is stored: a caller that repeats none must not lose its call for that."""
    call = called()
    call.phone.learn(call.agent.progress(call.session, OURS, 0.0))
    call.agent.progress(call.session, OURS, 0.1)
    new = reborn(call.agent, [call.session], 2.0)
    found = [output for at, output in pass_time(new, 32.0) if at == 32.0]
    assert lines(found) == ["183 INVITE"], "the next one, which waited"
    assert events([output for _, output in pass_time(new, 100.0)]) == []
    assert sends(new.answer(call.session, OURS, 100.0))[0].endswith(OURS.decode()), "what the 183 said may be lost"


def test_an_answer_that_waited_for_its_prack_leaves_after_a_restart() -> None:
    call = called()
    call.phone.learn(call.agent.progress(call.session, OURS, 0.0))
    call.agent.answer(call.session, OURS, 0.1)
    new = reborn(call.agent, [call.session], 2.0)
    found = pass_time(new, 2.0)
    assert lines([output for _, output in found])[-1] == "200 INVITE"
    assert sends([found[-1][1]])[0].endswith(OURS.decode())
    assert lines(new.receive(prack(call), PEER, 2.1)) == ["200 PRACK"]
    assert new.receive(call.phone.ack(cseq=1), PEER, 2.2) == [sip.Acknowledged(call.session)]


def test_an_acknowledged_183_stays_acknowledged_after_a_restart() -> None:
    call = called(SUPPORTED)
    call.phone.learn(call.agent.progress(call.session, OURS, 0.0))
    call.agent.receive(prack(call), PEER, 0.1)
    new = reborn(call.agent, [call.session], 2.0)
    assert [at for at, _ in pass_time(new, 153.0)] == [152.0], "it rings on"
    assert not has(sends(new.answer(call.session, OURS, 3.0))[0], "Content-Type")


# -- calling


def progress(rseq: int, status: int = 183, *, to_tag: str = "remote", invite: str, body: bytes = b"") -> bytes:
    extra = ["Require: 100rel", f"RSeq: {rseq}", "Allow: INVITE, UPDATE, PRACK"]
    return response(invite, status, to_tag=to_tag, extra=extra, body=body)


def test_each_reliable_response_gets_its_prack() -> None:
    call = dialled()
    assert "100rel" in header(call.invite, "Supported")
    outputs = call.agent.receive(progress(7, invite=call.invite, body=SDP), PEER, 0.1)
    assert lines(outputs) == ["PRACK"]
    assert events(outputs) == [sip.Progressed("leg", 183, SDP)]
    text = sends(outputs)[0]
    assert text.startswith("PRACK sip:1001@192.0.2.9:5060 SIP/2.0")
    assert header(text, "RAck") == "7 1 INVITE"
    assert header(text, "CSeq") == "2 PRACK"
    assert tag(header(text, "To")) == "remote"
    assert call.agent.receive(progress(7, invite=call.invite, body=SDP), PEER, 0.2) == [], "a repetition"
    assert call.agent.receive(progress(9, 180, invite=call.invite), PEER, 0.3) == [], "one is missing"
    outputs = call.agent.receive(progress(8, 180, invite=call.invite), PEER, 0.4)
    assert header(sends(outputs)[0], "CSeq") == "3 PRACK"
    assert events(outputs) == [sip.Progressed("leg", 180)]
    assert call.agent.receive(response(text, 200), PEER, 0.5) == []


def test_the_answer_of_a_reliable_response_is_the_calls() -> None:
    call = dialled()
    call.agent.receive(progress(1, invite=call.invite, body=SDP), PEER, 0.1)
    outputs = call.agent.receive(response(call.invite, 200), PEER, 1.0)
    assert events(outputs) == [sip.Answered("leg", SDP)]
    assert header(sends(call.agent.bye("leg", 2.0))[0], "CSeq") == "3 BYE", "2 was the PRACK's"


def test_each_fork_has_its_own_early_dialog() -> None:
    call = dialled()
    first = call.agent.receive(progress(1, to_tag="a", invite=call.invite, body=SDP), PEER, 0.1)
    second = call.agent.receive(progress(50, 180, to_tag="b", invite=call.invite), PEER, 0.2)
    assert [header(sends(outputs)[0], "CSeq") for outputs in (first, second)] == ["2 PRACK", "2 PRACK"]
    assert [tag(header(sends(outputs)[0], "To")) for outputs in (first, second)] == ["a", "b"]
    other = SDP.replace(b"30000", b"30002")
    outputs = call.agent.receive(response(call.invite, 200, to_tag="b", body=other), PEER, 1.0)
    assert events(outputs) == [sip.Answered("leg", other)]
    late = call.agent.receive(response(call.invite, 200, to_tag="a"), PEER, 1.1)
    assert lines(late) == ["ACK", "BYE"]
    assert [header(text, "CSeq") for text in sends(late)] == ["1 ACK", "3 BYE"]


def test_many_forks_cost_no_memory_without_end() -> None:
    call = dialled()
    found = [call.agent.receive(progress(1, to_tag=f"t{n}", invite=call.invite), PEER, 0.1) for n in range(20)]
    assert [len(sends(outputs)) for outputs in found] == [1] * 16 + [0] * 4


@pytest.mark.parametrize("extra", [["RSeq: 1"], ["Require: 100rel"], ["Require: 100rel", "RSeq: x"]])
def test_what_is_not_reliable(extra: list[str]) -> None:
    call = dialled()
    outputs = call.agent.receive(response(call.invite, 180, extra=extra), PEER, 0.1)
    assert outputs == [sip.Progressed("leg", 180)]


def test_a_reliable_response_without_contact() -> None:
    call = dialled()
    data = response(call.invite, 180, extra=["Require: 100rel", "RSeq: 1"], contact=None)
    assert sends(call.agent.receive(data, PEER, 0.1))[0].startswith("PRACK sip:1001@192.0.2.9:5060 SIP/2.0")
    data = response(call.invite, 180, to_tag="x", extra=["Require: 100rel", "RSeq: 1"], contact="<http://x>")
    assert sends(call.agent.receive(data, PEER, 0.1))[0].startswith("PRACK sip:1001@192.0.2.9:5060 SIP/2.0")


def test_prack_is_repeated_and_its_challenge_answered() -> None:
    call = dialled(password="pw")
    text = sends(call.agent.receive(progress(1, invite=call.invite), PEER, 0.1))[0]
    assert sends([output for _, output in pass_time(call.agent, 0.6)])[-1] == text
    challenge = 'Proxy-Authenticate: Digest realm="r", nonce="n"'
    again = sends(call.agent.receive(response(text, 407, extra=[challenge]), PEER, 0.7))
    assert header(again[0], "CSeq") == "3 PRACK"
    assert has(again[0], "Proxy-Authorization")
    assert header(again[0], "RAck") == "1 1 INVITE"


def test_prack_even_of_a_call_given_up() -> None:
    call = dialled()
    call.agent.receive(response(call.invite, 100, to_tag=""), PEER, 0.1)
    call.agent.cancel("leg", 0.2)
    assert lines(call.agent.receive(progress(1, invite=call.invite), PEER, 0.3)) == ["PRACK"]


def test_early_dialogs_after_a_restart() -> None:
    call = dialled()
    before = sends(call.agent.receive(progress(1, invite=call.invite, body=SDP), PEER, 0.1))
    new = reborn(call.agent, ["leg"], 1.0)
    assert sends([output for _, output in pass_time(new, 1.0)]) == before
    assert new.receive(progress(1, invite=call.invite, body=SDP), PEER, 1.1) == []
    text = sends(new.receive(progress(2, 180, invite=call.invite), PEER, 1.2))[0]
    assert header(text, "CSeq") == "103 PRACK"
    outputs = new.receive(response(call.invite, 200), PEER, 1.3)
    assert events(outputs) == [sip.Answered("leg", SDP)]


def test_a_late_fork_after_a_restart_is_hung_up_with_a_higher_number() -> None:
    call = answered()
    new = reborn(call.agent, ["leg"], 2.0)
    late = new.receive(response(call.invite, 200, to_tag="fork"), PEER, 2.1)
    assert [header(text, "CSeq") for text in sends(late)] == ["1 ACK", "102 BYE"]


def test_another_try_forgets_the_early_dialogs_of_the_first() -> None:
    call = dialled(password="pw")
    call.agent.receive(progress(5, 180, invite=call.invite), PEER, 0.1)
    challenge = 'WWW-Authenticate: Digest realm="r", nonce="n"'
    again = sends(call.agent.receive(response(call.invite, 401, extra=[challenge]), PEER, 0.2))[1]
    outputs = call.agent.receive(progress(1, 180, invite=again), PEER, 0.3)
    assert lines(outputs) == ["PRACK"]
    assert header(sends(outputs)[0], "RAck") == "1 2 INVITE"
    assert header(sends(outputs)[0], "Authorization") == header(again, "Authorization")
