"""How a session ends (RFC 3261 15), and requests inside a dialog that are no re-INVITE."""

from __future__ import annotations

import pytest

from ivr.sip import events as sip
from tests.ivr.sip.conftest import (
    OURS,
    PEER,
    answered,
    dialled,
    events,
    from_peer,
    header,
    incoming,
    lines,
    pass_time,
    response,
    sends,
    talking,
)


def test_our_bye() -> None:
    call = talking()
    outputs = call.agent.bye(call.session, 2.0)
    assert lines(outputs) == ["BYE"]
    bye = sends(outputs)[0]
    assert header(bye, "CSeq") == "1 BYE"
    assert header(bye, "To") == '"Wang" <sip:13912345678@192.0.2.9>;tag=ft'
    assert call.agent.bye(call.session, 2.1) == []
    assert call.agent.receive(response(bye, 200), PEER, 2.2) == [sip.Over(call.session)]
    assert call.agent.receive(response(bye, 200), PEER, 2.3) == []
    assert call.agent.bye(call.session, 2.4) == [sip.Over(call.session)]
    pass_time(call.agent, 100.0)
    assert not call.agent.knows(call.session)
    assert call.agent.deadline() is None


def test_our_bye_that_nobody_answers() -> None:
    call = talking()
    call.agent.bye(call.session, 2.0)
    found = pass_time(call.agent, 100.0)
    assert found[-1] == (34.0, sip.Broken(call.session, "no_bye_answer"))
    assert not call.agent.knows(call.session)


def test_a_provisional_to_bye_is_not_its_end() -> None:
    call = talking()
    bye = sends(call.agent.bye(call.session, 2.0))[0]
    assert call.agent.receive(response(bye, 100), PEER, 2.1) == []
    assert call.agent.receive(response(bye, 481), PEER, 2.2) == [sip.Over(call.session)]


def test_the_peers_bye_waits_for_the_app() -> None:
    call = talking()
    bye = call.phone.next("BYE")
    assert call.agent.receive(bye, PEER, 2.0) == [sip.HungUp(call.session)]
    assert call.agent.receive(bye, PEER, 2.5) == []
    assert lines(call.agent.confirm_bye(call.session, 2.6)) == ["200 BYE"]
    assert call.agent.confirm_bye(call.session, 2.6) == []
    assert lines(call.agent.receive(bye, PEER, 3.0)) == ["200 BYE"]
    assert lines(call.agent.receive(call.phone.next("INFO"), PEER, 3.0)) == ["481 INFO"]
    pass_time(call.agent, 100.0)
    assert not call.agent.knows(call.session)


def test_bye_of_both_at_once() -> None:
    call = talking()
    ours = sends(call.agent.bye(call.session, 2.0))[0]
    outputs = call.agent.receive(call.phone.next("BYE"), PEER, 2.1)
    assert lines(outputs) == ["200 BYE"]
    assert events(outputs) == []
    assert call.agent.receive(response(ours, 481), PEER, 2.2) == [sip.Over(call.session)]


def test_hanging_up_one_who_has_hung_up_is_the_200() -> None:
    call = talking()
    call.agent.receive(call.phone.next("BYE"), PEER, 2.0)
    outputs = call.agent.bye(call.session, 2.1)
    assert lines(outputs) == ["200 BYE"]
    assert events(outputs) == [sip.Over(call.session)]


def test_a_second_bye_of_the_peer_is_answered_in_place_of_the_first() -> None:
    call = talking()
    call.agent.receive(call.phone.next("BYE"), PEER, 2.0)
    assert call.agent.receive(call.phone.next("BYE"), PEER, 2.1) == []
    assert header(sends(call.agent.confirm_bye(call.session, 2.2))[0], "CSeq") == "3 BYE"


def test_bye_waits_for_the_ack_of_our_answer() -> None:
    call = incoming()
    call.phone.learn(call.agent.answer(call.session, OURS, 0.0))
    assert call.agent.bye(call.session, 0.1) == []
    assert call.agent.bye(call.session, 0.1) == []
    outputs = call.agent.receive(call.phone.ack(), PEER, 0.2)
    assert lines(outputs) == ["BYE"]
    assert events(outputs) == []
    assert call.agent.receive(response(sends(outputs)[0], 200), PEER, 0.3) == [sip.Over(call.session)]


@pytest.mark.parametrize("forgotten", [False, True])
def test_bye_goes_out_when_the_ack_never_comes(forgotten: bool) -> None:
    call = incoming()
    call.agent.answer(call.session, OURS, 0.0)
    call.agent.bye(call.session, 0.1)
    if forgotten:
        call.agent.forget(call.session)
    found = [(at, output) for at, output in pass_time(call.agent, 32.0) if at == 32.0]
    assert lines([output for _, output in found]) == ["BYE"]
    assert events([output for _, output in pass_time(call.agent, 100.0)]) == (
        [] if forgotten else [sip.Broken(call.session, "no_bye_answer")]
    )
    assert not call.agent.knows(call.session)


def test_the_peers_bye_before_its_ack() -> None:
    call = incoming()
    call.phone.learn(call.agent.answer(call.session, OURS, 0.0))
    assert call.agent.receive(call.phone.next("BYE"), PEER, 0.2) == [sip.HungUp(call.session)]
    call.agent.confirm_bye(call.session, 0.3)
    assert pass_time(call.agent, 100.0) == []


def test_the_peers_bye_while_ours_waits_for_the_ack() -> None:
    call = incoming()
    call.phone.learn(call.agent.answer(call.session, OURS, 0.0))
    call.agent.bye(call.session, 0.1)
    outputs = call.agent.receive(call.phone.next("BYE"), PEER, 0.2)
    assert lines(outputs) == ["200 BYE"]
    assert events(outputs) == [sip.Over(call.session)]
    assert call.agent.receive(call.phone.ack(cseq=1), PEER, 0.3) == []


def test_bye_of_an_unanswered_call() -> None:
    call = incoming()
    outputs = call.agent.bye(call.session, 1.0)
    assert lines(outputs) == ["480 INVITE"]
    assert events(outputs) == [sip.Over(call.session)]
    ours = dialled()
    ours.agent.receive(response(ours.invite, 180), PEER, 0.1)
    assert lines(ours.agent.bye("leg", 0.2)) == ["CANCEL"]


def test_bye_to_us_as_the_caller() -> None:
    call = answered()
    assert call.agent.receive(from_peer(call, "BYE", 7), PEER, 2.0) == [sip.HungUp("leg")]
    assert lines(call.agent.confirm_bye("leg", 2.1)) == ["200 BYE"]


def test_a_stranger_to_the_dialog_gets_481() -> None:
    call = talking()
    for change in ("to_tag", "from_tag"):
        kept = getattr(call.phone, change)
        setattr(call.phone, change, "other")
        assert lines(call.agent.receive(call.phone.next("BYE"), PEER, 2.0)) == ["481 BYE"]
        setattr(call.phone, change, kept)


def test_an_old_cseq_is_refused() -> None:
    call = talking()
    call.agent.receive(call.phone.next("OPTIONS", cseq=9), PEER, 2.0)
    assert lines(call.agent.receive(call.phone.next("INFO", cseq=8), PEER, 2.0)) == ["500 INFO"]


def test_forgotten_while_talking() -> None:
    call = talking()
    call.agent.forget(call.session)
    bye = call.phone.next("BYE")
    assert lines(call.agent.receive(bye, PEER, 2.0)) == ["200 BYE"]
    pass_time(call.agent, 100.0)
    assert not call.agent.knows(call.session)


def test_forgotten_during_bye() -> None:
    call = talking()
    bye = sends(call.agent.bye(call.session, 2.0))[0]
    call.agent.forget(call.session)
    assert lines([output for _, output in pass_time(call.agent, 3.0)]) == ["BYE"]
    assert call.agent.receive(response(bye, 200), PEER, 4.0) == []
    pass_time(call.agent, 100.0)
    assert not call.agent.knows(call.session)


@pytest.mark.parametrize(
    ("content_type", "body", "digit", "duration_ms"),
    [
        ("application/dtmf-relay", b"Signal=5\r\nDuration=250\r\n", "5", 250),
        ("application/dtmf-relay", b"Signal= *\r\n", "*", 160),
        ("application/dtmf-relay", b"signal = 11\nduration = 0\n", "#", 160),
        ("application/DTMF", b" d ", "D", 160),
        ("application/dtmf", b"10", "*", 160),
        ("application/dtmf-relay", b"Signal=1\r\nDuration=999999\r\n", "1", 60000),
        ("application/dtmf-relay", b"Signal=5\nDuration=160", "5", 160),
        ("application/dtmf-relay", b"Signal= 10\r\nDuration= 100\r\n", "*", 100),
        ("application/dtmf-relay", b"Signal=*", "*", 160),
        ("application/dtmf-relay", b"Signal=b\r\n\r\n", "B", 160),
        ("application/dtmf-relay", b"Duration=100\r\nSignal=7\r\n", "7", 100),
        ("application/dtmf-relay; charset=utf-8", b"SIGNAL=9\r\nDURATION=70\r\n", "9", 70),
        ("application/dtmf", b"Signal=3\r\nDuration=80\r\n", "3", 80),
        ("application/dtmf", b"#\r\n", "#", 160),
        ("application/vnd.nortelnetworks.digits", b"p=Digit-Collection\r\ny=Digits\r\nd=4\r\n", "4", 160),
    ],
)
def test_digits_by_info(content_type: str, body: bytes, digit: str, duration_ms: int) -> None:
    call = talking()
    info = call.phone.next("INFO", body=body, content_type=content_type)
    outputs = call.agent.receive(info, PEER, 2.0)
    assert lines(outputs) == ["200 INFO"]
    assert events(outputs) == [sip.Digit(call.session, digit, duration_ms)]
    assert lines(call.agent.receive(info, PEER, 2.1)) == ["200 INFO"]
    assert events(call.agent.receive(info, PEER, 2.1)) == []


@pytest.mark.parametrize("body", [b"Signal=16\r\n", b"Signal=\r\nDuration=100\r\n", b"", b"hello", b"\xff"])
def test_info_without_a_digit(body: bytes) -> None:
    call = talking()
    outputs = call.agent.receive(call.phone.next("INFO", body=body, content_type="application/dtmf-relay"), PEER, 2.0)
    assert lines(outputs) == ["200 INFO"]
    assert events(outputs) == []


def test_info_of_another_kind() -> None:
    call = talking()
    outputs = call.agent.receive(call.phone.next("INFO", body=b"<x/>", content_type="application/media_control+xml"), PEER, 2.0)
    assert lines(outputs) == ["415 INFO"]


def test_other_methods_in_the_dialog() -> None:
    call = talking()
    assert lines(call.agent.receive(call.phone.next("OPTIONS"), PEER, 2.0)) == ["200 OPTIONS"]
    assert lines(call.agent.receive(call.phone.next("NOTIFY"), PEER, 2.0)) == ["405 NOTIFY"]
    assert lines(call.agent.receive(call.phone.next("PRACK"), PEER, 2.0)) == ["481 PRACK"]
    assert lines(call.agent.receive(call.phone.next("DANCE"), PEER, 2.0)) == ["501 DANCE"]


def test_why_a_bye_is_sent_is_told_and_read() -> None:
    call = talking()
    ours = sends(call.agent.bye(call.session, 2.0, cause=38))[0]
    assert header(ours, "Reason") == "Q.850;cause=38"
    plain = talking()
    assert "Reason:" not in sends(plain.agent.bye(plain.session, 2.0))[0]


@pytest.mark.parametrize(
    ("reasons", "cause"),
    [
        ((), 0),
        (("Reason: Q.850;cause=38",), 38),
        (('Reason: SIP;cause=503;text="x", q.850 ; cause = 16 ;text="Normal, cause=38"',), 16),
        (("Reason: SIP;cause=503",), 0),
        (("Reason: Q.850;because=38",), 0),
        (("Reason: Q.850",), 0),
        (("Reason: Q.850;cause=99999",), 0),
    ],
)
def test_the_peers_reason(reasons: tuple[str, ...], cause: int) -> None:
    call = talking()
    assert call.agent.receive(call.phone.next("BYE", extra=reasons), PEER, 2.0) == [sip.HungUp(call.session, cause)]


def test_a_bye_that_waits_for_the_ack_keeps_its_reason() -> None:
    call = incoming()
    call.phone.learn(call.agent.answer(call.session, OURS, 0.0))
    assert call.agent.bye(call.session, 0.1, cause=38) == []
    [bye] = sends(call.agent.receive(call.phone.ack(), PEER, 0.2))
    assert header(bye, "Reason") == "Q.850;cause=38"
