"""We call (RFC 3261 13.2, 9.1, 22.2)."""

from __future__ import annotations

import pytest

from ivr.sip import events as sip
from ivr.sip.auth import digest, parse_digest
from ivr.sip.events import Address, Send
from tests.ivr.sip.conftest import (
    OURS,
    PEER,
    SDP,
    answered,
    dialled,
    events,
    has,
    header,
    lines,
    make_agent,
    only,
    pass_time,
    response,
    sends,
    tag,
    target,
)

BUSY = 486
CHALLENGE = 'WWW-Authenticate: Digest realm="r", nonce="n", qop="auth,auth-int", algorithm=MD5, opaque="o"'


def test_invite_names_caller_and_called() -> None:
    call = dialled(from_display='Li "x"', to_user="1001", headers={"X-Call": "7\r\nInjected: 1"}, route=("<sip:192.0.2.5;lr>",))
    assert call.invite.startswith("INVITE sip:1001@192.0.2.9:5060 SIP/2.0\r\n")
    assert header(call.invite, "From").startswith('"Li \\"x\\"" <sip:13912345678@192.0.2.1:5060>;tag=')
    assert header(call.invite, "To") == "<sip:1001@192.0.2.9:5060>"
    assert header(call.invite, "Contact") == "<sip:13912345678@192.0.2.1:5060>"
    assert header(call.invite, "X-Call") == "7Injected: 1"
    assert header(call.invite, "Route") == "<sip:192.0.2.5;lr>"
    assert "branch=z9hG4bK" in header(call.invite, "Via")
    assert call.invite.endswith(OURS.decode())


def test_the_called_name_may_differ_from_the_contact() -> None:
    call = dialled(uri="sip:abc@[2001:db8::1]:5070;x=1", to_user="1001", from_user="")
    assert header(call.invite, "To") == "<sip:1001@[2001:db8::1]:5070>"
    assert header(call.invite, "Contact") == "<sip:192.0.2.1:5060>"


def test_an_operator_wants_its_own_domain_in_from() -> None:
    call = dialled(domain="ims.carrier.cn", from_user="+864713614000", user_phone=True)
    assert header(call.invite, "From").startswith("<sip:+864713614000@ims.carrier.cn;user=phone>;tag=")
    call = dialled(domain="ims.carrier.cn")
    assert header(call.invite, "From").startswith("<sip:13912345678@ims.carrier.cn>;tag=")


def test_where_the_other_side_speaks_from() -> None:
    call = dialled()
    assert call.agent.peer("leg") is None, "no dialog yet"
    moved = PEER._replace(port=5070)
    call.agent.receive(response(call.invite, 200, body=SDP), moved, 1.0)
    assert call.agent.peer("leg") == moved
    assert call.agent.peer("nobody") is None


def test_app_errors_are_told_at_once() -> None:
    call = dialled()
    with pytest.raises(ValueError, match="already there"):
        call.agent.invite("leg", target(), OURS, 0.0)
    with pytest.raises(ValueError, match="target"):
        call.agent.invite("leg2", target(uri="urn:1"), OURS, 0.0)
    with pytest.raises(ValueError, match="target"):
        call.agent.invite("leg2", target(route=("nonsense <",)), OURS, 0.0)


def test_progress_is_told_once_for_each_status() -> None:
    call = dialled()
    assert call.agent.receive(response(call.invite, 100, to_tag=""), PEER, 0.1) == []
    assert call.agent.receive(response(call.invite, 180), PEER, 0.2) == [sip.Progressed("leg", 180)]
    assert call.agent.receive(response(call.invite, 180), PEER, 0.3) == []
    assert call.agent.receive(response(call.invite, 183), PEER, 0.4) == [sip.Progressed("leg", 183)]


def test_answer_is_acknowledged_again_and_again() -> None:
    call = answered()
    assert call.ack.startswith("ACK sip:1001@192.0.2.9:5060 SIP/2.0")
    assert header(call.ack, "CSeq") == "1 ACK"
    assert tag(header(call.ack, "To")) == "remote"
    assert header(call.ack, "Via") != header(call.invite, "Via")
    for at in (2.0, 20.0, 50.0):
        pass_time(call.agent, at)
        again = call.agent.receive(response(call.invite, 200, body=SDP), PEER, at)
        assert lines(again) == ["ACK"]
        assert events(again) == []
    assert call.agent.receive(response(call.invite, 180), PEER, 51.0) == []


def test_requests_follow_the_route_set_of_the_2xx() -> None:
    call = answered(extra=["Record-Route: <sip:192.0.2.7;lr>", "Record-Route: <sip:192.0.2.8;lr>"])
    assert "Route: <sip:192.0.2.8;lr>\r\nRoute: <sip:192.0.2.7;lr>" in call.ack


def test_strict_router() -> None:
    call = answered(extra=["Record-Route: <sip:192.0.2.7>"])
    assert call.ack.startswith("ACK sip:192.0.2.7 SIP/2.0")
    assert header(call.ack, "Route") == "<sip:1001@192.0.2.9:5060>"


def test_a_2xx_without_usable_contact() -> None:
    call = dialled()
    for contact in (None, "<tel:1>"):
        call = dialled()
        outputs = call.agent.receive(response(call.invite, 200, body=SDP, contact=contact), PEER, 1.0)
        assert sends(outputs)[0].startswith("ACK sip:1001@192.0.2.9:5060 SIP/2.0")


def test_behind_nat_requests_go_to_where_the_peer_speaks_from() -> None:
    call = dialled()
    outside = Address("8.8.8.8", 40000)
    outputs = call.agent.receive(response(call.invite, 200, contact="<sip:1001@192.168.1.5>"), outside, 1.0)
    assert [output.destination for output in outputs if isinstance(output, sip.Send)] == [outside]
    call = dialled()
    outputs = call.agent.receive(response(call.invite, 200, contact="<sip:1001@phone.example>"), outside, 1.0)
    assert [output.destination for output in outputs if isinstance(output, sip.Send)] == [outside]


def test_refused() -> None:
    call = dialled()
    outputs = call.agent.receive(response(call.invite, BUSY), PEER, 1.0)
    assert lines(outputs) == ["ACK"]
    assert header(sends(outputs)[0], "Via") == header(call.invite, "Via")
    assert tag(header(sends(outputs)[0], "To")) == "remote"
    assert events(outputs) == [sip.Rejected("leg", 486, "Whatever")]
    assert lines(call.agent.receive(response(call.invite, BUSY), PEER, 1.1)) == ["ACK"]
    pass_time(call.agent, 100.0)
    assert not call.agent.knows("leg")


def test_nobody_there() -> None:
    call = dialled()
    found = pass_time(call.agent, 100.0)
    assert [at for at, _ in found] == [0.5, 1.5, 3.5, 7.5, 15.5, 31.5, 32.0]
    assert found[-1][1] == sip.Rejected("leg", 408, "Request Timeout")
    assert not call.agent.knows("leg")


def test_ringing_for_ever_is_cancelled() -> None:
    call = dialled()
    call.agent.receive(response(call.invite, 180), PEER, 1.0)
    found = [output for at, output in pass_time(call.agent, 182.0)]
    assert lines(found)[0] == "CANCEL"
    assert events(found) == [sip.Rejected("leg", 408, "Request Timeout")]
    late = call.agent.receive(response(call.invite, 200, body=SDP), PEER, 183.0)
    assert lines(late) == ["ACK", "BYE"]
    assert events(late) == []


def test_cancel_while_ringing() -> None:
    call = dialled()
    call.agent.receive(response(call.invite, 180), PEER, 1.0)
    outputs = call.agent.cancel("leg", 2.0)
    assert lines(outputs) == ["CANCEL"]
    cancel = sends(outputs)[0]
    assert header(cancel, "Via") == header(call.invite, "Via")
    assert header(cancel, "To") == header(call.invite, "To")
    assert header(cancel, "CSeq") == "1 CANCEL"
    assert call.agent.cancel("leg", 2.1) == []
    assert call.agent.receive(response(cancel, 200), PEER, 2.2) == []
    assert call.agent.receive(response(call.invite, 183), PEER, 2.2) == []
    ended = call.agent.receive(response(call.invite, 487), PEER, 2.3)
    assert lines(ended) == ["ACK"]
    assert events(ended) == [sip.Rejected("leg", 487, "Request Terminated")]


def test_cancel_waits_for_the_first_provisional() -> None:
    call = dialled()
    assert call.agent.cancel("leg", 0.1) == []
    assert lines(call.agent.receive(response(call.invite, 100, to_tag=""), PEER, 0.2)) == ["CANCEL"]
    assert call.agent.receive(response(call.invite, 180), PEER, 0.3) == []


def test_cancel_of_one_who_never_speaks() -> None:
    call = dialled()
    call.agent.cancel("leg", 0.1)
    assert events([output for _, output in pass_time(call.agent, 100.0)]) == [sip.Rejected("leg", 487, "Request Terminated")]


def test_cancel_whose_487_never_comes() -> None:
    call = dialled()
    call.agent.receive(response(call.invite, 180), PEER, 1.0)
    cancel = sends(call.agent.cancel("leg", 2.0))[0]
    call.agent.receive(response(cancel, 200), PEER, 2.1)
    assert pass_time(call.agent, 100.0) == [(34.0, sip.Rejected("leg", 487, "Request Terminated"))]


def test_cancel_that_crosses_the_answer() -> None:
    call = dialled()
    call.agent.receive(response(call.invite, 180), PEER, 1.0)
    call.agent.cancel("leg", 2.0)
    outputs = call.agent.receive(response(call.invite, 200, body=SDP), PEER, 2.1)
    assert lines(outputs) == ["ACK", "BYE"]
    assert events(outputs) == [sip.Rejected("leg", 487, "Request Terminated")]
    assert lines(call.agent.receive(response(call.invite, 200, body=SDP), PEER, 2.6)) == ["ACK"]
    assert call.agent.receive(response(sends(outputs)[1], 200), PEER, 2.7) == []


def test_cancel_after_the_answer_is_bye() -> None:
    call = answered()
    assert lines(call.agent.cancel("leg", 2.0)) == ["BYE"]


def test_a_fork_that_answers_second_is_hung_up() -> None:
    call = answered()
    second = response(call.invite, 200, to_tag="fork", body=SDP, contact="<sip:1001@192.0.2.10>")
    outputs = call.agent.receive(second, PEER, 1.1)
    assert lines(outputs) == ["ACK", "BYE"]
    assert all(tag(header(text, "To")) == "fork" for text in sends(outputs))
    assert [output.destination.host for output in outputs if isinstance(output, sip.Send)] == ["192.0.2.10"] * 2
    assert lines(call.agent.receive(second, PEER, 1.6)) == ["ACK"]
    assert lines(call.agent.receive(response(call.invite, 200, body=SDP), PEER, 1.7)) == ["ACK"]
    assert call.agent.receive(response(call.invite, 200, to_tag="f2", contact="<tel:1>"), PEER, 1.8) == []
    unusable = response(call.invite, 200, to_tag="f3", extra=["Record-Route: <x>"])
    assert call.agent.receive(unusable, PEER, 1.8) == []
    for number in range(40):
        call.agent.receive(response(call.invite, 200, to_tag=f"many{number}"), PEER, 1.9)
    assert call.agent.receive(response(call.invite, 200, to_tag="one-more"), PEER, 1.9) == []


@pytest.mark.parametrize(
    ("status", "asked", "sent"),
    [(401, "WWW-Authenticate", "Authorization"), (407, "Proxy-Authenticate", "Proxy-Authorization")],
)
def test_a_challenge_is_answered(status: int, asked: str, sent: str) -> None:
    call = dialled(auth_user="trunk", password="pw")
    challenge = CHALLENGE.replace("WWW-Authenticate", asked)
    outputs = call.agent.receive(response(call.invite, status, extra=[challenge]), PEER, 0.5)
    assert lines(outputs) == ["ACK", "INVITE"]
    again = sends(outputs)[1]
    assert header(again, "CSeq") == "2 INVITE"
    assert header(again, "Call-ID") == header(call.invite, "Call-ID")
    assert header(again, "From") == header(call.invite, "From")
    assert header(again, "Via") != header(call.invite, "Via")
    fields = parse_digest(header(again, sent))
    assert fields["opaque"] == "o"
    assert fields["response"] == digest(
        "MD5",
        user="trunk",
        realm="r",
        password="pw",
        method="INVITE",
        uri="sip:1001@192.0.2.9:5060",
        nonce="n",
        qop="auth",
        nc="00000001",
        cnonce=fields["cnonce"],
    )
    done = call.agent.receive(response(again, 200, body=SDP), PEER, 1.0)
    assert header(sends(done)[0], sent) == header(again, sent)
    assert header(sends(done)[0], "CSeq") == "2 ACK"
    assert events(done) == [sip.Answered("leg", SDP)]
    bye = call.agent.bye("leg", 2.0)
    challenged = call.agent.receive(response(sends(bye)[0], status, extra=[challenge]), PEER, 2.1)
    assert lines(challenged) == ["BYE"]
    assert header(sends(challenged)[0], "CSeq") == "4 BYE"
    assert call.agent.receive(response(sends(challenged)[0], 200), PEER, 2.2) == [sip.Over("leg")]


def test_a_refused_password_is_not_tried_again_but_a_stale_nonce_is() -> None:
    call = dialled(password="pw")
    first = sends(call.agent.receive(response(call.invite, 401, extra=[CHALLENGE]), PEER, 0.1))[1]
    second = call.agent.receive(response(first, 401, extra=[CHALLENGE + ", stale=TRUE"]), PEER, 0.2)
    assert lines(second) == ["ACK", "INVITE"]
    third = call.agent.receive(response(sends(second)[1], 401, extra=[CHALLENGE + ", stale=true"]), PEER, 0.3)
    assert events(third) == [sip.Rejected("leg", 401, "Whatever")]
    call = dialled(password="pw")
    first = sends(call.agent.receive(response(call.invite, 401, extra=[CHALLENGE]), PEER, 0.1))[1]
    assert events(call.agent.receive(response(first, 401, extra=[CHALLENGE]), PEER, 0.2)) == [
        sip.Rejected("leg", 401, "Whatever")
    ]


@pytest.mark.parametrize(
    "extra", [[], ["WWW-Authenticate: Basic x=y"], ['WWW-Authenticate: Digest realm="r", nonce="n", algorithm=X']]
)
def test_a_challenge_that_cannot_be_answered(extra: list[str]) -> None:
    call = dialled(password="pw")
    assert events(call.agent.receive(response(call.invite, 401, extra=extra), PEER, 0.1)) == [
        sip.Rejected("leg", 401, "Whatever")
    ]


def test_a_challenge_without_password() -> None:
    call = dialled()
    assert events(call.agent.receive(response(call.invite, 401, extra=[CHALLENGE]), PEER, 0.1)) == [
        sip.Rejected("leg", 401, "Whatever")
    ]


def test_a_proxy_asks_and_then_the_server() -> None:
    """407, then 401, then a new nonce of the proxy's that it forgot to call stale: each is answered, the second refusal is
    final."""
    call = dialled(password="pw")
    proxy, server = CHALLENGE.replace("WWW", "Proxy").replace('"r"', '"p"'), CHALLENGE
    first = sends(call.agent.receive(response(call.invite, 407, extra=[proxy]), PEER, 0.1))[1]
    second = sends(call.agent.receive(response(first, 401, extra=[server]), PEER, 0.2))[1]
    assert parse_digest(header(second, "Proxy-Authorization"))["realm"] == "p"
    assert parse_digest(header(second, "Authorization"))["realm"] == "r"
    third = sends(call.agent.receive(response(second, 407, extra=[proxy.replace('"n"', '"n2"')]), PEER, 0.3))[1]
    assert parse_digest(header(third, "Proxy-Authorization"))["nonce"] == "n2"
    assert header(third, "CSeq") == "4 INVITE"
    refused = call.agent.receive(response(third, 407, extra=[proxy.replace('"n"', '"n3"')]), PEER, 0.4)
    assert events(refused) == [sip.Rejected("leg", 407, "Whatever")]


def test_a_challenge_of_another_kind_beside_an_old_one_changes_nothing() -> None:
    call = dialled(password="pw")
    again = sends(call.agent.receive(response(call.invite, 401, extra=[CHALLENGE]), PEER, 0.1))[1]
    refused = call.agent.receive(response(again, 401, extra=[CHALLENGE, "WWW-Authenticate: Basic realm=x"]), PEER, 0.2)
    assert events(refused) == [sip.Rejected("leg", 401, "Whatever")]


def test_the_bye_of_a_fork_is_challenged_too() -> None:
    call = answered(password="pw")
    bye = sends(call.agent.receive(response(call.invite, 200, to_tag="fork", body=SDP), PEER, 1.1))[1]
    again = sends(call.agent.receive(response(bye, 401, extra=[CHALLENGE]), PEER, 1.2))[0]
    assert header(again, "CSeq") == "3 BYE"
    assert tag(header(again, "To")) == "fork"


def test_redirected() -> None:
    """RFC 3261 8.1.3.4: the best q first, in the order written among equals."""
    call = dialled()
    contacts = (
        "<sip:a@192.0.2.20>;q=0.5, <sip:b@192.0.2.21>, <http://x>, <tel:+86139>;q=x, <sip:c@x>;q=0.1;expires=60, nonsense <"
    )
    outputs = call.agent.receive(response(call.invite, 302, contact=contacts), PEER, 1.0)
    assert lines(outputs) == ["ACK"]
    assert events(outputs) == [
        sip.Rejected("leg", 302, "Whatever", ("sip:b@192.0.2.21", "tel:+86139", "sip:a@192.0.2.20", "sip:c@x"))
    ]
    call = dialled()
    outputs = call.agent.receive(response(call.invite, 486), PEER, 1.0)
    assert only(outputs, sip.Rejected).contacts == (), "a Contact of another refusal is no redirection"


@pytest.mark.parametrize(("value", "seconds"), [("18000;duration=3600", 18000), ("120 (I'm in a meeting)", 120), ("soon", 0)])
def test_when_to_try_again(value: str, seconds: int) -> None:
    call = dialled()
    outputs = call.agent.receive(response(call.invite, 480, extra=[f"Retry-After: {value}"]), PEER, 1.0)
    assert only(outputs, sip.Rejected).retry_after_s == seconds


@pytest.mark.parametrize("status", [480, 486, 600, 603])
def test_ways_to_say_no(status: int) -> None:
    call = dialled()
    call.agent.receive(response(call.invite, 180), PEER, 0.5)
    outputs = call.agent.receive(response(call.invite, status), PEER, 1.0)
    assert lines(outputs) == ["ACK"]
    assert events(outputs) == [sip.Rejected("leg", status, "Whatever")]


def test_early_media_is_told_once_for_each_description() -> None:
    call = dialled()
    other = SDP.replace(b"30000", b"30002")
    assert call.agent.receive(response(call.invite, 183, body=SDP), PEER, 0.1) == [sip.Progressed("leg", 183, SDP)]
    assert call.agent.receive(response(call.invite, 183, body=SDP), PEER, 0.2) == []
    assert call.agent.receive(response(call.invite, 183), PEER, 0.3) == []
    assert call.agent.receive(response(call.invite, 183, body=other), PEER, 0.4) == [sip.Progressed("leg", 183, other)]
    assert call.agent.receive(response(call.invite, 180, body=other), PEER, 0.5) == [sip.Progressed("leg", 180, other)]


def test_a_telephone_number_may_be_called() -> None:
    call = dialled(uri="tel:+86-471-4613311", to_user="4613311")
    assert call.invite.startswith("INVITE tel:+86-471-4613311 SIP/2.0\r\n")
    assert header(call.invite, "To") == "<tel:+86-471-4613311>"
    outputs = call.agent.receive(response(call.invite, 200, body=SDP, contact=None), PEER, 1.0)
    assert sends(outputs)[0].startswith("ACK tel:+86-471-4613311 SIP/2.0"), "to where the peer speaks from"


def test_strange_responses() -> None:
    call = dialled()
    foreign = response(call.invite, 200).replace(b"Call-ID: ", b"Call-ID: x")
    assert isinstance(call.agent.receive(foreign, PEER, 0.1)[0], sip.Garbage)
    unknown = response(call.invite, 200).replace(b"z9hG4bK", b"z9hG4bKx").replace(b"Call-ID: ", b"Call-ID: x")
    assert call.agent.receive(unknown, PEER, 0.1) == []
    assert call.agent.receive(response(call.invite, 486).replace(b"z9hG4bK", b"z9hG4bKx"), PEER, 0.1) == []
    assert not has(call.invite, "Authorization")


def test_forgotten_while_ringing() -> None:
    call = dialled()
    call.agent.receive(response(call.invite, 180), PEER, 1.0)
    assert lines(call.agent.cancel("leg", 2.0)) == ["CANCEL"]
    call.agent.forget("leg")
    outputs = call.agent.receive(response(call.invite, 200), PEER, 3.0)
    assert lines(outputs) == ["ACK", "BYE"]
    assert events(outputs) == []
    call.agent.receive(response(sends(outputs)[1], 200), PEER, 3.1)
    pass_time(call.agent, 100.0)
    assert not call.agent.knows("leg")
    assert call.agent.deadline() is None


def test_forgotten_without_cancel_is_never_answered() -> None:
    call = dialled()
    call.agent.forget("leg")
    assert call.agent.receive(response(call.invite, 180), PEER, 1.0) == []
    assert lines(call.agent.receive(response(call.invite, 200), PEER, 3.0)) == ["ACK", "BYE"]


def test_a_refusal_after_cancel_is_487() -> None:
    call = dialled(password="pw")
    call.agent.receive(response(call.invite, 180), PEER, 1.0)
    call.agent.cancel("leg", 2.0)
    outputs = call.agent.receive(response(call.invite, 401, extra=[CHALLENGE]), PEER, 2.1)
    assert lines(outputs) == ["ACK"]
    assert events(outputs) == [sip.Rejected("leg", 487, "Request Terminated")]


def test_provisional_of_another_agent_is_ignored() -> None:
    call = dialled()
    assert make_agent(prefix="z").receive(response(call.invite, 180), PEER, 1.0) == []


def test_a_forgotten_call_that_is_refused() -> None:
    call = dialled()
    call.agent.receive(response(call.invite, 180), PEER, 1.0)
    call.agent.forget("leg")
    outputs = call.agent.receive(response(call.invite, 486), PEER, 2.0)
    assert lines(outputs) == ["ACK"]
    assert events(outputs) == []


def test_a_provisional_after_the_answer_is_late() -> None:
    call = answered()
    assert call.agent.receive(response(call.invite, 180), PEER, 1.1) == []


def test_nothing_leaves_by_a_timer_while_the_app_stores_the_step() -> None:
    """A slow Redis: the INVITE's first repetition is due, but its first copy has not left yet."""
    agent = make_agent()
    agent.invite("s1", target(), OURS, 0.0)
    agent.hold("s1")
    assert agent.deadline() is None
    assert agent.tick(2.0) == []
    agent.release("s1")
    assert agent.deadline() == 0.5
    assert [type(output) for output in agent.tick(2.0)] == [Send]
    agent.hold("nobody")
    agent.release("nobody")
