"""Transfers: REFER with its NOTIFYs (RFC 3515), Replaces in it and in INVITE (RFC 3891)."""

from __future__ import annotations

import pytest

from ivr.sip import events as sip
from tests.ivr.sip.conftest import (
    OURS,
    PEER,
    SDP,
    Dialled,
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
    tag,
    talking,
)

TO = "Refer-To: <sip:1002@192.0.2.1>"


def ids(call: Dialled) -> tuple[str, str, str]:
    """Call-ID, our tag, the peer's tag."""
    return header(call.invite, "Call-ID"), tag(header(call.invite, "From")), tag(header(call.ack, "To"))


def refer(call: Dialled, *extra: str, cseq: int = 5) -> bytes:
    """The called seat's REFER in our call."""
    data = from_peer(call, "REFER", cseq)
    return data.replace(b"Content-Length", "".join(f"{line}\r\n" for line in extra).encode() + b"Content-Length")


def replaces(call: Dialled, flag: str = "") -> str:
    call_id, ours, theirs = ids(call)
    return f"{call_id};to-tag={ours};from-tag={theirs}{flag}"


def test_a_transfer_is_told_and_reported() -> None:
    call = answered()
    data = refer(call, TO, "Referred-By: <sip:1001@192.0.2.9>")
    assert call.agent.receive(data, PEER, 2.0) == [sip.Referred("leg", "5", "sip:1002@192.0.2.1", "1002", "", "1001")]
    assert call.agent.receive(data, PEER, 2.1) == []
    outputs = call.agent.accept_refer("leg", "5", 2.2)
    assert lines(outputs) == ["202 REFER", "NOTIFY"]
    notify = sends(outputs)[1]
    assert header(notify, "Event") == "refer;id=5"
    assert header(notify, "Subscription-State") == "active;expires=180"
    assert header(notify, "Content-Type") == "message/sipfrag;version=2.0"
    assert header(notify, "Contact") == "<sip:13912345678@192.0.2.1:5060>"
    assert notify.endswith("SIP/2.0 100 Trying\r\n")
    assert call.agent.accept_refer("leg", "5", 2.3) == []
    assert sends(call.agent.notify_refer("leg", "5", 180, 2.4))[0].endswith("SIP/2.0 180 Ringing\r\n")
    done = sends(call.agent.notify_refer("leg", "5", 200, 2.5))[0]
    assert done.endswith("SIP/2.0 200 OK\r\n")
    assert header(done, "Subscription-State") == "terminated;reason=noresource"
    assert call.agent.notify_refer("leg", "5", 200, 2.6) == []
    assert call.agent.receive(response(done, 200), PEER, 2.7) == []


def test_a_transfer_is_refused() -> None:
    call = answered()
    call.agent.receive(refer(call, TO), PEER, 2.0)
    assert call.agent.notify_refer("leg", "5", 180, 2.1) == [], "it is not accepted yet"
    assert lines(call.agent.refuse_refer("leg", "5", 603, 2.1)) == ["603 REFER"]
    assert call.agent.refuse_refer("leg", "5", 603, 2.2) == []
    assert call.agent.notify_refer("leg", "5", 200, 2.3) == []
    assert call.agent.accept_refer("nobody", "5", 2.3) == []


@pytest.mark.parametrize("flag", ["", " ;x=y"])
def test_who_wants_no_notify_gets_none(flag: str) -> None:
    call = answered()
    data = refer(call, TO, f"Refer-Sub: false{flag}", "Require: norefersub")
    assert only(call.agent.receive(data, PEER, 2.0), sip.Referred).refer == "5"
    outputs = call.agent.accept_refer("leg", "5", 2.1)
    assert lines(outputs) == ["202 REFER"]
    assert header(sends(outputs)[0], "Refer-Sub") == "false"
    assert call.agent.notify_refer("leg", "5", 200, 2.2) == []


@pytest.mark.parametrize(
    ("extra", "uri", "user"),
    [
        ("r: <tel:+86-471-4613311>", "tel:+86-471-4613311", "+864714613311"),
        ("Refer-To: sip:0471%2D4613311@192.0.2.1", "sip:0471%2D4613311@192.0.2.1", "0471-4613311"),
        ("Refer-To: <sip:471-461@192.0.2.1;user=phone?X=1>", "sip:471-461@192.0.2.1;user=phone", "471461"),
    ],
)
def test_whom_the_peer_wants(extra: str, uri: str, user: str) -> None:
    call = answered()
    event = only(call.agent.receive(refer(call, extra), PEER, 2.0), sip.Referred)
    assert (event.uri, event.user) == (uri, user)


@pytest.mark.parametrize(
    "extra",
    [
        [],
        ["Refer-To: <sip:1@x>, <sip:2@x>"],
        ["Refer-To: <http://x>"],
        ["Refer-To: <"],
        ["Refer-To: <sip:1002@192.0.2.1?Replaces=a>"],
        ["Refer-To: <sip:1002@192.0.2.1?replaces=a%3Bto-tag%3Db>"],
    ],
)
def test_bad_refer(extra: list[str]) -> None:
    call = answered()
    assert lines(call.agent.receive(refer(call, *extra), PEER, 2.0)) == ["400 REFER"]


def test_a_refer_that_requires_what_we_cannot() -> None:
    call = answered()
    outputs = call.agent.receive(refer(call, TO, "Require: multiple-refer"), PEER, 2.0)
    assert lines(outputs) == ["420 REFER"]
    assert header(sends(outputs)[0], "Unsupported") == "multiple-refer"


def test_an_unreadable_referrer_is_nobody() -> None:
    call = answered()
    assert only(call.agent.receive(refer(call, TO, "Referred-By: <urn:x>"), PEER, 2.0), sip.Referred).referred_by == ""


def test_only_talks_are_transferred() -> None:
    call = incoming()
    call.phone.learn(call.agent.ring(call.session, 0.0))
    assert lines(call.agent.receive(call.phone.next("REFER", extra=[TO]), PEER, 0.1)) == ["403 REFER"]


def test_not_too_many_at_once() -> None:
    call = answered()
    for number in range(8):
        assert events(call.agent.receive(refer(call, TO, cseq=10 + number), PEER, 2.0))
    assert lines(call.agent.receive(refer(call, TO, cseq=30), PEER, 2.0)) == ["403 REFER"]
    pass_time(call.agent, 100.0)
    assert call.agent.accept_refer("leg", "10", 100.0) == [], "the app was too slow: the peer has given up"
    assert events(call.agent.receive(refer(call, TO, cseq=40), PEER, 100.0))


def test_a_consulted_transfer_names_our_session() -> None:
    call = answered()
    other = Phone(call_id="consult", from_tag="seat", caller="1001")
    session = only(call.agent.receive(other.invite(), PEER, 1.0), sip.Invited).session
    other.learn(call.agent.answer(session, OURS, 1.1))
    call.agent.receive(other.ack(), PEER, 1.2)
    named = f"consult%3Bto-tag%3D{other.to_tag}%3Bfrom-tag%3Dseat"
    data = refer(call, f"Refer-To: <sip:1002@192.0.2.1?X=1&Replaces={named}>")
    assert only(call.agent.receive(data, PEER, 2.0), sip.Referred).replaces == session
    call.agent.bye(session, 3.0)
    data = refer(call, f"Refer-To: <sip:1002@192.0.2.1?Replaces={named}>", cseq=6)
    outputs = call.agent.receive(data, PEER, 3.1)
    assert lines(outputs) == ["202 REFER", "NOTIFY"], "a session that is over"


def test_a_transfer_to_a_session_nobody_knows_fails_by_notify() -> None:
    call = answered()
    data = refer(call, "Refer-To: <sip:1002@192.0.2.1?Replaces=x%3Bto-tag%3Da%3Bfrom-tag%3Db>")
    outputs = call.agent.receive(data, PEER, 2.0)
    assert events(outputs) == []
    assert lines(outputs) == ["202 REFER", "NOTIFY"]
    assert sends(outputs)[1].endswith("SIP/2.0 481 Call/Transaction Does Not Exist\r\n")
    assert header(sends(outputs)[1], "Subscription-State").startswith("terminated")


def test_the_end_ends_transfers_too() -> None:
    call = answered()
    call.agent.receive(refer(call, TO), PEER, 2.0)
    assert lines(call.agent.bye("leg", 2.1)) == ["487 REFER", "BYE"]
    assert call.agent.accept_refer("leg", "5", 2.2) == []


def test_a_notify_is_challenged() -> None:
    call = answered(password="pw")
    call.agent.receive(refer(call, TO), PEER, 2.0)
    notify = sends(call.agent.accept_refer("leg", "5", 2.1))[1]
    challenge = 'WWW-Authenticate: Digest realm="r", nonce="n"'
    again = sends(call.agent.receive(response(notify, 401, extra=[challenge]), PEER, 2.2))[0]
    assert has(again, "Authorization")
    assert again.endswith("SIP/2.0 100 Trying\r\n")
    assert header(sends(call.agent.bye("leg", 2.3))[0], "CSeq") == "4 BYE"


def test_transfers_go_on_after_a_restart() -> None:
    call = answered()
    call.agent.receive(refer(call, TO), PEER, 2.0)
    call.agent.receive(refer(call, TO, cseq=6), PEER, 2.0)
    call.agent.accept_refer("leg", "6", 2.1)
    new = reborn(call.agent, ["leg"], 3.0)
    resent = [output for _, output in pass_time(new, 3.0)]
    assert lines(resent) == ["NOTIFY"]
    assert sends(resent)[0].endswith("SIP/2.0 100 Trying\r\n")
    assert lines(new.accept_refer("leg", "5", 3.1)) == ["202 REFER", "NOTIFY"]
    assert lines(new.notify_refer("leg", "6", 200, 3.2)) == ["NOTIFY"]
    again = reborn(new, ["leg"], 4.0, prefix="c")
    assert again.notify_refer("leg", "6", 200, 4.1) == []
    assert lines(again.notify_refer("leg", "5", 486, 4.1)) == ["NOTIFY"]
    call = answered()
    call.agent.receive(refer(call, TO, "Refer-Sub: false"), PEER, 2.0)
    new = reborn(call.agent, ["leg"], 3.0)
    assert lines(new.accept_refer("leg", "5", 3.1)) == ["202 REFER"]


# -- INVITE with Replaces


def invite(call: Dialled, *values: str) -> list[sip.Output]:
    phone = Phone(call_id="new", from_tag="nt")
    return call.agent.receive(phone.invite(extra=[f"Replaces: {value}" for value in values]), PEER, 3.0)


def test_an_invite_takes_the_place_of_a_session() -> None:
    call = answered()
    outputs = invite(call, replaces(call))
    assert only(outputs, sip.Invited).replaces == "leg"
    caller = talking()
    value = f"{caller.phone.call_id}; to-tag={caller.phone.to_tag} ;from-tag=ft"
    phone = Phone(call_id="new", from_tag="nt")
    outputs = caller.agent.receive(phone.invite(extra=[f"Replaces: {value}"]), PEER, 3.0)
    assert only(outputs, sip.Invited).replaces == caller.session


def test_without_replaces_a_call_is_its_own() -> None:
    assert only(make_agent().receive(Phone().invite(), PEER, 0.0), sip.Invited).replaces == ""


@pytest.mark.parametrize(
    ("values", "status"),
    [(["x;to-tag=a;from-tag=b"], 481), (["x"], 400), ([";to-tag=a;from-tag=b"], 400), (["x;to-tag=1;from-tag=2"] * 2, 400)],
)
def test_a_replaces_that_names_nothing(values: list[str], status: int) -> None:
    assert lines(invite(answered(), *values)) == [f"{status} INVITE"]


def test_a_replaces_with_another_from_tag() -> None:
    call = answered()
    call_id, ours, _ = ids(call)
    assert lines(invite(call, f"{call_id};to-tag={ours};from-tag=other")) == ["481 INVITE"]


def test_early_only_means_not_answered_yet() -> None:
    call = answered()
    assert lines(invite(call, replaces(call, ";early-only"))) == ["486 INVITE"]


def test_a_session_that_is_over_is_replaced_by_nobody() -> None:
    call = answered()
    call.agent.bye("leg", 2.0)
    assert lines(invite(call, replaces(call))) == ["603 INVITE"]


def test_a_ringing_call_of_ours_may_be_picked_up() -> None:
    call = dialled()
    data = response(call.invite, 180, extra=["Require: 100rel", "RSeq: 1"])
    call.ack = sends(call.agent.receive(data, PEER, 0.1))[0]
    assert only(invite(call, replaces(call, ";early-only")), sip.Invited).replaces == "leg"


def test_a_call_that_rings_at_us_is_nobodys_to_take() -> None:
    """RFC 3891 3: an early dialog that this side did not begin."""
    call = incoming()
    call.phone.learn(call.agent.ring(call.session, 0.0))
    value = f"{call.phone.call_id};to-tag={call.phone.to_tag};from-tag=ft"
    phone = Phone(call_id="new", from_tag="nt")
    assert lines(call.agent.receive(phone.invite(SDP, extra=[f"Replaces: {value}"]), PEER, 3.0)) == ["481 INVITE"]
