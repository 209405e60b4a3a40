from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.sip.events import Address
from ivr.sip.message import MessageError, Request, Response, parse
from ivr.sip.via import Via, ViaError
from tests.ivr.sip.conftest import SDP, Phone

INVITE = Phone().invite()


def test_request() -> None:
    request = parse(INVITE)
    assert isinstance(request, Request)
    assert (request.method, request.target, request.uri.user) == ("INVITE", "sip:4000@192.0.2.1:5060", "4000")
    assert (request.call_id, request.cseq, request.from_.tag, request.to.tag) == ("call-1@phone", 1, "ft", "")
    assert (request.from_.display, request.contact, request.body) == ("Wang", "sip:13912345678@192.0.2.9:5060", SDP)
    assert request.key == ("z9hG4bK-ft-1", "192.0.2.9:5060", "INVITE")


def test_response_in_compact_form_and_folded() -> None:
    response = parse(
        b"SIP/2.0 180 Ringing now\r\nv: SIP/2.0/UDP node1;branch=z9hG4bKx\r\n\t;rport, SIP/2.0/UDP b\r\n"
        b"f : <sip:a@node1>;tag=1\r\nt: b <sip:b@h>;tag=2\r\ni: x\r\nCSeq: 7 INVITE\r\nl: 0\r\n\r\n"
    )
    assert isinstance(response, Response)
    assert (response.status, response.reason, response.method, response.cseq) == (180, "Ringing now", "INVITE", 7)
    assert response.via.rport
    assert len(response.vias) == 2
    assert response.contact == ""


def test_body_ends_where_content_length_says() -> None:
    assert parse(INVITE + b"rubbish").body == SDP
    assert parse(INVITE.replace(b"Content-Length", b"X-Length")).body == SDP


def test_contact_that_cannot_be_read_is_none() -> None:
    assert parse(INVITE.replace(b"Contact: <sip:13912345678", b'Contact: "<sip:13912345678')).contact == ""


@pytest.mark.parametrize(
    "data",
    [
        b"hello",
        b"\r\n\r\n\r\n\r\n",
        INVITE.replace(b"\r\n\r\n", b"\r\n"),
        INVITE.replace(b"SIP/2.0\r\n", b"SIP/3.0\r\n", 1),
        INVITE.replace(b"INVITE sip:4000@192.0.2.1:5060", b"INVITE  sip:4000@192.0.2.1:5060"),
        INVITE.replace(b"INVITE sip:4000@", b"INVITE http:4000@"),
        INVITE.replace(b"Via:", b"X-Via:"),
        INVITE.replace(b"SIP/2.0/UDP", b"SIP/2.0 UDP"),
        INVITE.replace(b"192.0.2.9:5060;branch", b"192.0.2.9:70000;branch"),
        INVITE.replace(b"Call-ID", b"X-Call-ID"),
        INVITE.replace(b"CSeq: 1 INVITE", b"CSeq: 1 BYE"),
        INVITE.replace(b"CSeq: 1 INVITE", b"CSeq: 2147483648 INVITE"),
        INVITE.replace(b"CSeq: 1 INVITE", b"CSeq: one INVITE"),
        INVITE.replace(b'"Wang" <', b'"Wang <'),
        INVITE.replace(b"Content-Length: ", b"Content-Length: 9"),
        INVITE.replace(b"Content-Length: ", b"Content-Length: -"),
        INVITE.replace(b"Max-Forwards: 70", b"no colon"),
        INVITE.replace(b"Wang", b"\xff\xfe"),
        b"SIP/2.0 999 X" + INVITE[INVITE.index(b"\r\n") :],
        b"SIP/2.0 abc X" + INVITE[INVITE.index(b"\r\n") :],
        INVITE + b"x" * 70000,
    ],
)
def test_garbage(data: bytes) -> None:
    with pytest.raises(MessageError):
        parse(data)


@given(st.binary(max_size=300) | st.binary(max_size=40).map(lambda noise: INVITE[:200] + noise + INVITE[200:]))
def test_nothing_but_message_errors(data: bytes) -> None:
    with contextlib.suppress(MessageError):
        parse(data)


def test_old_branch_is_no_key() -> None:
    phone = Phone()
    first, second = parse(phone.invite(branch="1")), parse(phone.invite(branch="1", cseq=2))
    assert isinstance(first, Request)
    assert isinstance(second, Request)
    assert first.key != second.key


def test_via_tells_where_the_answer_goes() -> None:
    source = Address("203.0.113.5", 40000)
    asked = Via.parse("SIP/2.0/UDP 10.0.0.7:5062;rport;branch=z9hG4bKa")
    assert asked.reply_to(source) == source
    assert asked.stamped(source) == "SIP/2.0/UDP 10.0.0.7:5062;rport=40000;branch=z9hG4bKa;received=203.0.113.5"
    plain = Via.parse("SIP / 2.0 / UDP [2001:db8::1] ;received=1.2.3.4;branch=z9hG4bKa")
    assert plain.reply_to(source) == Address("203.0.113.5", 5060)
    assert plain.stamped(source).endswith(";branch=z9hG4bKa;received=203.0.113.5")
    assert "1.2.3.4" not in plain.stamped(source)
    with pytest.raises(ViaError):
        Via.parse("nonsense")
