"""Session timers (RFC 4028), as the refresher and not."""

from __future__ import annotations

import json

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
    lines,
    make_agent,
    only,
    pass_time,
    reborn,
    response,
    sends,
    talking,
)

ALLOW = "Allow: INVITE, ACK, UPDATE"
TIMER = "Supported: timer"


def invited(*extra: str) -> tuple[Incoming, str]:
    """A call with these headers, answered at 0 and acknowledged; and the 200."""
    agent, phone = make_agent(), Phone()
    session = only(agent.receive(phone.invite(extra=extra), PEER, 0.0), sip.Invited).session
    outputs = agent.answer(session, OURS, 0.0)
    phone.learn(outputs)
    agent.receive(phone.ack(), PEER, 0.0)
    return Incoming(agent, phone, session), sends(outputs)[0]


def found(call: Incoming | Dialled, until: float) -> list[tuple[float, str | sip.Event]]:
    """What the agent does by itself: times with what was sent in short, and events."""
    return [(at, lines([output])[0] if isinstance(output, sip.Send) else output) for at, output in pass_time(call.agent, until)]


@pytest.mark.parametrize(
    ("extra", "expires"),
    [
        ((TIMER,), "1800;refresher=uas"),
        ((TIMER, "Session-Expires: 600"), "600;refresher=uas"),
        (("k: timer", "x: 600;refresher=UAC"), "600;refresher=uac"),
        ((TIMER, "Session-Expires: 600 ; refresher = uas"), "600;refresher=uas"),
        ((TIMER, "Session-Expires: 7200"), "1800;refresher=uas"),
        ((TIMER, "Session-Expires: 7200", "Min-SE: 3600"), "3600;refresher=uas"),
        ((TIMER, "Session-Expires: nonsense;refresher=me"), "1800;refresher=uas"),
    ],
)
def test_a_caller_that_knows_timers(extra: tuple[str, ...], expires: str) -> None:
    _, text = invited(*extra)
    assert header(text, "Session-Expires") == expires
    assert header(text, "Require") == "timer"


def test_a_caller_that_knows_no_timers() -> None:
    call, text = invited()
    assert not has(text, "Session-Expires")
    assert call.agent.deadline() is not None
    assert found(call, 10000.0) == []


@pytest.mark.parametrize("asked", [600, 30])
def test_a_proxy_asks_for_one(asked: int) -> None:
    """Without Supported: timer it was not the caller, who can't refresh and is never refused with 422."""
    _, text = invited(f"Session-Expires: {asked};refresher=uac")
    assert header(text, "Session-Expires") == f"{max(asked, 90)};refresher=uas"
    assert not has(text, "Require")


def test_too_often() -> None:
    outputs = make_agent().receive(Phone().invite(extra=[TIMER, "Session-Expires: 60"]), PEER, 0.0)
    assert lines(outputs) == ["422 INVITE"]
    assert header(sends(outputs)[0], "Min-SE") == "90"


def test_we_refresh_by_update() -> None:
    call, _ = invited(TIMER, "Session-Expires: 600", ALLOW)
    assert found(call, 300.0) == [(300.0, "UPDATE")]
    text = sends(call.agent.tick(300.5))[0]
    assert header(text, "Session-Expires") == "600;refresher=uac"
    assert not has(text, "Content-Type")
    assert call.agent.receive(response(text, 200, extra=["Session-Expires: 600;refresher=uac"]), PEER, 301.0) == []
    assert found(call, 600.0) == [(600.0, "UPDATE")], "the peer's time may have begun when ours left"


def test_a_peer_that_forgets_the_interval_is_refreshed_all_the_same() -> None:
    call, _ = invited(TIMER, "Session-Expires: 600", ALLOW)
    text = sends([output for _, output in pass_time(call.agent, 300.0)])[0]
    call.agent.receive(response(text, 200), PEER, 300.1)
    assert found(call, 600.0) == [(600.0, "UPDATE")]
    call, _ = invited(TIMER, "Session-Expires: 600;refresher=uac", ALLOW)
    text = sends(call.agent.reinvite(call.session, OURS, 100.0))[0]
    call.agent.receive(response(text, 200, body=SDP), PEER, 100.1)
    assert found(call, 5000.0) == [], "one that refreshed and says no more of it has ended the timer"


def test_we_refresh_by_reinvite() -> None:
    call, _ = invited(TIMER, "Session-Expires: 600", "Allow: INVITE")
    [(at, invite)] = pass_time(call.agent, 300.0)
    text = sends([invite])[0]
    assert (at, text.endswith(OURS.decode())) == (300.0, True)
    outputs = call.agent.receive(response(text, 200, body=SDP, extra=["Session-Expires: 600;refresher=uac"]), PEER, 300.1)
    assert lines(outputs) == ["ACK"]
    assert events(outputs) == [sip.ReinviteAnswered(call.session, SDP)]
    assert found(call, 601.0) == [(600.0, "INVITE"), (600.5, "INVITE")]


def test_the_peer_refreshes() -> None:
    call, _ = invited(TIMER, "Session-Expires: 600;refresher=uac")
    assert found(call, 567.0) == []
    outputs = call.agent.receive(call.phone.next("UPDATE", extra=[TIMER, "Session-Expires: 600;refresher=uac"]), PEER, 567.5)
    assert header(sends(outputs)[0], "Session-Expires") == "600;refresher=uac"
    reinvite = call.phone.next("INVITE", body=SDP, extra=[TIMER, "Session-Expires: 600;refresher=uac"])
    call.agent.receive(reinvite, PEER, 1000.0)
    text = sends(call.agent.answer_reinvite(call.session, OURS, 1000.0))[0]
    assert header(text, "Session-Expires") == "600;refresher=uac"
    call.agent.receive(call.phone.ack(), PEER, 1000.0)
    assert found(call, 1567.9) == []
    assert found(call, 1568.0) == [(1568.0, sip.Broken(call.session, "session_expired"))]
    assert found(call, 5000.0) == []
    assert lines(call.agent.bye(call.session, 5000.0)) == ["BYE"]


def test_a_short_interval_expires_a_third_before_its_end() -> None:
    call, _ = invited(TIMER, "Session-Expires: 90;refresher=uac")
    assert found(call, 1000.0) == [(60.0, sip.Broken(call.session, "session_expired"))]


def test_a_refresh_may_end_the_timer_or_change_it() -> None:
    call, _ = invited(TIMER, "Session-Expires: 600;refresher=uac")
    call.agent.receive(call.phone.next("UPDATE"), PEER, 100.0)
    assert found(call, 5000.0) == []
    call.agent.receive(call.phone.next("UPDATE", extra=[TIMER]), PEER, 5000.0)
    assert found(call, 5900.0) == [(5900.0, "UPDATE")]


def test_who_refreshed_goes_on_where_the_peer_leaves_it_open() -> None:
    call, _ = invited(TIMER, "Session-Expires: 600;refresher=uac")
    outputs = call.agent.receive(call.phone.next("UPDATE", extra=[TIMER, "Session-Expires: 600"]), PEER, 100.0)
    assert header(sends(outputs)[0], "Session-Expires") == "600;refresher=uac"


def test_the_interval_of_a_refused_reinvite_is_not_agreed_on() -> None:
    call, _ = invited(TIMER, "Session-Expires: 600;refresher=uac")
    call.agent.receive(call.phone.next("INVITE", body=SDP, extra=[TIMER, "Session-Expires: 1800;refresher=uac"]), PEER, 100.0)
    branch = call.phone.branch
    call.agent.reject_reinvite(call.session, 488, 100.0)
    call.agent.receive(call.phone.ack(branch=branch), PEER, 100.0)
    assert found(call, 600.0) == [(568.0, sip.Broken(call.session, "session_expired"))]


def test_an_update_meanwhile_takes_nothing_from_a_waiting_reinvite() -> None:
    call, _ = invited(TIMER, "Session-Expires: 600;refresher=uac")
    call.agent.receive(call.phone.next("INVITE", body=SDP, extra=[TIMER, "Session-Expires: 900;refresher=uac"]), PEER, 100.0)
    cseq = call.phone.cseq
    call.agent.receive(call.phone.next("UPDATE", extra=[TIMER, "Session-Expires: 600;refresher=uac"]), PEER, 100.1)
    text = sends(call.agent.answer_reinvite(call.session, OURS, 100.2))[0]
    assert header(text, "Session-Expires") == "900;refresher=uac"
    call.agent.receive(call.phone.ack(cseq=cseq), PEER, 100.3)


def test_our_own_reinvite_refreshes_too() -> None:
    call, _ = invited(TIMER, "Session-Expires: 600", ALLOW)
    text = sends(call.agent.reinvite(call.session, OURS, 200.0))[0]
    assert header(text, "Session-Expires") == "600;refresher=uac"
    call.agent.receive(response(text, 200, body=SDP, extra=["Session-Expires: 600;refresher=uac"]), PEER, 200.1)
    assert found(call, 501.0) == [
        (500.0, "UPDATE"),
        (500.5, "UPDATE"),
    ]
    assert not has(sends(talking().agent.reinvite("a000000000000002", OURS, 2.0))[0], "Session-Expires")


def test_we_propose_one() -> None:
    call = dialled()
    assert header(call.invite, "Session-Expires") == "1800"
    assert header(call.invite, "Min-SE") == "90"
    assert "timer" in header(call.invite, "Supported")


@pytest.mark.parametrize(
    ("extra", "what"),
    [
        (["Session-Expires: 600;refresher=uac", ALLOW], [(301.0, "UPDATE")]),
        (["Session-Expires: 600", ALLOW], [(301.0, "UPDATE")]),
        (["Session-Expires: 1;refresher=uac", ALLOW], [(46.0, "UPDATE")]),
        (["Session-Expires: 600;refresher=uas"], [(569.0, sip.Broken("leg", "session_expired"))]),
        ([], []),
    ],
)
def test_what_the_callee_agrees_to(extra: list[str], what: list[tuple[float, object]]) -> None:
    call = answered(extra=extra)
    assert found(call, 700.0)[:1] == what


def test_a_callee_that_wants_longer_intervals() -> None:
    call = dialled()
    outputs = call.agent.receive(response(call.invite, 422, extra=["Min-SE: 3600"]), PEER, 0.1)
    assert lines(outputs) == ["ACK", "INVITE"]
    again = sends(outputs)[1]
    assert (header(again, "Session-Expires"), header(again, "Min-SE"), header(again, "CSeq")) == ("3600", "3600", "2 INVITE")
    outputs = call.agent.receive(response(again, 422, extra=["Min-SE: 7200"]), PEER, 0.2)
    assert events(outputs) == [sip.Rejected("leg", 422, "Whatever")], "once is enough"
    call = dialled()
    assert events(call.agent.receive(response(call.invite, 422), PEER, 0.1)) == [sip.Rejected("leg", 422, "Whatever")]


def test_a_refresh_may_be_told_of_a_longer_interval() -> None:
    call, _ = invited(TIMER, "Session-Expires: 600", ALLOW)
    text = sends([output for _, output in pass_time(call.agent, 300.0)])[0]
    again = sends(call.agent.receive(response(text, 422, extra=["Min-SE: 900"]), PEER, 300.1))[0]
    assert (header(again, "Session-Expires"), header(again, "Min-SE"), header(again, "CSeq")) == ("900", "900", "2 UPDATE")
    call.agent.receive(response(again, 200, extra=["Session-Expires: 900;refresher=uac"]), PEER, 300.2)
    assert round(found(call, 751.0)[0][0], 3) == 750.1


def refreshed(*extra: str) -> tuple[Incoming, str]:
    """A call whose refresh went out at 300; and that."""
    call, _ = invited(TIMER, "Session-Expires: 600", *extra)
    return call, sends([output for _, output in pass_time(call.agent, 300.0)])[0]


@pytest.mark.parametrize("extra", [[], [ALLOW]])
def test_a_refresh_that_meets_another_request_is_tried_again(extra: list[str]) -> None:
    call, text = refreshed(*extra)
    assert events(call.agent.receive(response(text, 491), PEER, 300.1)) == []
    method = text.partition(" ")[0]
    assert found(call, 301.2) == [(301.1, method)], "the other owns the Call-ID"


def test_the_owner_of_the_call_waits_longer() -> None:
    call = answered(extra=["Session-Expires: 600;refresher=uac", ALLOW])
    text = sends([output for _, output in pass_time(call.agent, 301.0)])[0]
    call.agent.receive(response(text, 500), PEER, 301.1)
    assert found(call, 304.2) == [(304.1, "UPDATE")]


def test_a_refresh_by_reinvite_waits_while_an_offer_is_open() -> None:
    call, _ = invited(TIMER, "Session-Expires: 600")
    call.agent.receive(call.phone.next("INVITE", body=SDP), PEER, 299.9)
    assert found(call, 300.9) == []
    call.agent.reject_reinvite(call.session, 488, 300.95)
    branch = call.phone.branch
    call.agent.receive(call.phone.ack(branch=branch), PEER, 300.96)
    assert found(call, 301.0) == [(301.0, "INVITE")]


@pytest.mark.parametrize("status", [405, 501])
def test_a_peer_that_refuses_update_after_all(status: int) -> None:
    call, text = refreshed(ALLOW)
    call.agent.receive(response(text, status), PEER, 300.1)
    assert found(call, 300.1) == [(300.1, "INVITE")]


@pytest.mark.parametrize("extra", [[], [ALLOW]])
def test_a_peer_that_refuses_to_be_refreshed(extra: list[str]) -> None:
    call, text = refreshed(*extra)
    assert events(call.agent.receive(response(text, 488), PEER, 300.1)) == []
    assert found(call, 1000.0) == [(600.0, sip.Broken(call.session, "session_expired"))]


@pytest.mark.parametrize("extra", [[], [ALLOW]])
def test_a_peer_that_is_gone(extra: list[str]) -> None:
    call, text = refreshed(*extra)
    assert events(call.agent.receive(response(text, 481), PEER, 300.1)) == [sip.Broken(call.session, "dialog_lost")]
    call, _ = refreshed(*extra)
    assert events([output for _, output in pass_time(call.agent, 400.0)]) == [sip.Broken(call.session, "no_reinvite_answer")]


def test_a_refresh_is_challenged() -> None:
    call = answered(extra=["Session-Expires: 600;refresher=uac", ALLOW], password="pw")
    text = sends([output for _, output in pass_time(call.agent, 301.0)])[0]
    challenge = 'Proxy-Authenticate: Digest realm="r", nonce="n"'
    again = sends(call.agent.receive(response(text, 407, extra=[challenge]), PEER, 301.1))[0]
    assert header(again, "CSeq") == "3 UPDATE"
    call.agent.receive(response(again, 200, extra=["Session-Expires: 600;refresher=uac"]), PEER, 301.2)
    assert found(call, 602.0)[0] == (601.1, "UPDATE")


@pytest.mark.parametrize("extra", [[], [ALLOW]])
def test_the_time_goes_on_over_a_restart(extra: list[str]) -> None:
    """Refreshes tell the app nothing, so the last dump may be long ago: we refresh soon, and the peer has all its time."""
    call, _ = invited(TIMER, "Session-Expires: 600", *extra)
    new = reborn(call.agent, [call.session], 290.0)
    assert [(at, lines([output])) for at, output in pass_time(new, 365.0)] == [(365.0, ["UPDATE" if extra else "INVITE"])]
    call, _ = invited(TIMER, "Session-Expires: 600;refresher=uac")
    new = reborn(call.agent, [call.session], 500.0)
    assert pass_time(new, 5000.0) == [(1068.0, sip.Broken(call.session, "session_expired"))]


def test_what_will_be_agreed_on_is_kept_over_a_restart() -> None:
    agent, phone = make_agent(), Phone()
    session = only(agent.receive(phone.invite(extra=[TIMER, "Session-Expires: 600"]), PEER, 0.0), sip.Invited).session
    new = reborn(agent, [session], 1.0)
    assert header(sends(new.answer(session, OURS, 1.1))[0], "Session-Expires") == "600;refresher=uas"


def test_a_session_that_can_be_refreshed_by_update_is_stored_small() -> None:
    call, _ = invited(TIMER, "Session-Expires: 600", ALLOW)
    assert "sdp" not in call.agent.dump(call.session, 1.0)
    assert len(json.dumps(call.agent.dump(call.session, 1.0))) < 700
    other, _ = invited(TIMER, "Session-Expires: 600")
    assert other.agent.dump(other.session, 1.0)["sdp"] == OURS.decode()


def test_nothing_is_refreshed_after_the_end() -> None:
    call, _ = invited(TIMER, "Session-Expires: 600")
    bye = sends(call.agent.bye(call.session, 299.0))[0]
    assert all(what == "BYE" for _, what in found(call, 301.0))
    call.agent.receive(response(bye, 200), PEER, 301.1)
    assert found(call, 1000.0) == []
    assert not call.agent.knows(call.session)
    agent, phone = make_agent(), Phone()
    session = only(agent.receive(phone.invite(extra=[TIMER, "Session-Expires: 90;refresher=uac"]), PEER, 0.0), sip.Invited)
    agent.answer(session.session, OURS, 0.0)
    agent.bye(session.session, 0.1)
    assert events([output for _, output in pass_time(agent, 70.0)]) == [sip.Broken(session.session, "no_bye_answer")]


def test_the_timer_rests_while_the_app_stores_a_step() -> None:
    call, _ = invited(TIMER, "Session-Expires: 600", ALLOW)
    pass_time(call.agent, 100.0)
    call.agent.hold(call.session)
    assert call.agent.tick(310.0) == []
    call.agent.release(call.session)
    assert lines(call.agent.tick(310.0)) == ["UPDATE"]


def test_expired_sessions_leave_no_heap_behind() -> None:
    """An alarm that nobody waits for would keep its session alive for half an hour."""
    agent = make_agent()
    for number in range(3000):
        phone = Phone(call_id=f"c{number}", from_tag=f"t{number}")
        now = number * 0.01
        session = only(agent.receive(phone.invite(extra=[TIMER]), PEER, now), sip.Invited).session
        phone.learn(agent.answer(session, OURS, now))
        agent.receive(phone.ack(), PEER, now)
        agent.receive(phone.next("BYE"), PEER, now)
        agent.confirm_bye(session, now)
    pass_time(agent, 200.0)
    assert len(agent._core._heap) <= 2000
    assert not agent._core.servers


def test_from_peer_without_timer() -> None:
    call = answered(extra=["Session-Expires: 600;refresher=uas"])
    outputs = call.agent.receive(from_peer(call, "UPDATE", 3), PEER, 2.0)
    assert not has(sends(outputs)[0], "Session-Expires")
