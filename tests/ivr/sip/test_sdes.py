"""SRTP agreed by SDES (RFC 4568): which lines are taken, what is answered, and that no key is ever shown."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.media.control import Srtp, Suite
from ivr.sip import sdes, sdp
from ivr.sip.sdp import SdpError, Stream

OURS = sdes.key(bytes(range(30)))
THEIRS = "d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj"  # the key of RFC 4568's first example
LONG: Suite = "AES_CM_128_HMAC_SHA1_80"
SHORT: Suite = "AES_CM_128_HMAC_SHA1_32"


def description(*lines: str, protocol: str = "RTP/SAVP", formats: str = "8 101") -> bytes:
    """A telephone's description whose audio bears these attributes."""
    head = "v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\n"
    attributes = "".join(f"a={line}\r\n" for line in (*lines, "rtpmap:101 telephone-event/8000"))
    return f"{head}m=audio 7078 {protocol} {formats}\r\n{attributes}".encode()


def line(tag: int = 1, suite: str = LONG, rest: str = "") -> str:
    return f"crypto:{tag} {suite} inline:{THEIRS}{rest}"


def answer(offer: bytes, key: str = OURS, required: bool = True) -> tuple[list[str], Stream]:
    text, stream = sdp.answer(
        offer, host="192.0.2.1", port=20000, session_id=7, version=1, srtp_key=key, srtp_required=required
    )  # fmt: skip
    return [each for each in text.decode().split("\r\n") if each.startswith(("m=", "a=crypto"))], stream


def offer(key: str = OURS, required: bool = True) -> list[str]:
    text = sdp.offer(host="192.0.2.1", port=20000, session_id=7, version=1, srtp_key=key, srtp_required=required)
    return [each for each in text.decode().split("\r\n") if each.startswith(("m=", "a=crypto"))]


@pytest.mark.parametrize(
    ("lines", "tag", "suite"),
    [
        ([line()], 1, LONG),
        ([line(4, SHORT), line(5)], 4, SHORT),
        ([line(1, "AEAD_AES_256_GCM"), line(2, SHORT)], 2, SHORT),
        ([line(rest="|2^31")], 1, LONG),
        ([line(rest="|1048576 WSH=64")], 1, LONG),
        ([line(rest=" -FUTURE=1")], 1, LONG),
        ([line(1, LONG, "|2^20|1:4"), line(2)], 2, LONG),
        ([line(1, LONG, "|1:4"), line(2)], 2, LONG),
        ([line(1, LONG, ";inline:" + THEIRS), line(2)], 2, LONG),
        ([line(1, LONG, " UNENCRYPTED_SRTP"), line(2)], 2, LONG),
        ([line(1, LONG, " KDR=4"), line(2)], 2, LONG),
        ([line(1, LONG, "A"), line(2)], 2, LONG),
    ],
)
def test_an_answer_takes_the_first_line_that_can_be_used_and_keeps_its_tag(lines: list[str], tag: int, suite: Suite) -> None:
    text, stream = answer(description(*lines))
    assert text == ["m=audio 20000 RTP/SAVP 8 101", f"a=crypto:{tag} {suite} inline:{OURS}"]
    assert stream.srtp == Srtp(suite, OURS, THEIRS)


@pytest.mark.parametrize(
    "offered",
    [
        description(),
        description(protocol="RTP/AVP"),
        description("crypto:1"),
        description(line(rest="|2^20|1:4")),
        description(line().replace("inline:", "inline:?")),
        description(line().replace("crypto:1", "crypto:x")),
        description(line(), protocol="UDP/TLS/RTP/SAVP"),
        description(line(), formats="96"),
    ],
)
def test_where_srtp_is_required_nothing_else_is_common(offered: bytes) -> None:
    with pytest.raises(SdpError):
        answer(offered)
    with pytest.raises(SdpError):
        answer(offered, key="")


def test_where_it_is_optional_plain_calls_are_taken_too() -> None:
    assert answer(description(protocol="RTP/AVP"), required=False)[1].srtp is None
    text, stream = answer(description(line(3), protocol="RTP/AVP"), required=False)
    assert text == ["m=audio 20000 RTP/AVP 8 101", f"a=crypto:3 {LONG} inline:{OURS}"]
    assert stream.srtp == Srtp(LONG, OURS, THEIRS)
    with pytest.raises(SdpError):
        answer(description(), required=False)


def test_a_peer_that_leaves_the_choice_gets_protection() -> None:
    both = description(protocol="RTP/AVP") + description(line()).partition(b"t=0 0\r\n")[2]
    text, stream = answer(both, required=False)
    assert text == ["m=audio 0 RTP/AVP 8 101", "m=audio 20000 RTP/SAVP 8 101", f"a=crypto:1 {LONG} inline:{OURS}"]
    assert stream.srtp is not None
    plain, stream = answer(both, key="", required=False)
    assert plain == ["m=audio 20000 RTP/AVP 8 101", "m=audio 0 RTP/SAVP 8 101"]
    assert stream.srtp is None


def test_where_it_is_off_keys_beside_plain_rtp_are_passed_over_and_savp_is_refused() -> None:
    text, stream = answer(description(line(), protocol="RTP/AVP"), key="", required=False)
    assert text == ["m=audio 20000 RTP/AVP 8 101"]
    assert stream.srtp is None
    with pytest.raises(SdpError):
        answer(description(line()), key="", required=False)


def test_our_offers() -> None:
    assert offer() == ["m=audio 20000 RTP/SAVP 8 0 13 101", f"a=crypto:1 {LONG} inline:{OURS}"]
    assert offer(required=False) == ["m=audio 20000 RTP/AVP 8 0 13 101", f"a=crypto:1 {LONG} inline:{OURS}"]
    assert offer("", required=False) == ["m=audio 20000 RTP/AVP 8 0 13 101"]


def test_what_an_answer_agrees_on() -> None:
    agreed = Srtp(LONG, OURS, THEIRS)
    assert sdp.accept(description(line()), srtp_key=OURS, srtp_required=True).srtp == agreed
    assert sdp.accept(description(line(), protocol="RTP/AVP"), srtp_key=OURS).srtp == agreed
    assert sdp.accept(description(protocol="RTP/AVP"), srtp_key=OURS).srtp is None
    assert sdp.accept(description(line(), protocol="RTP/AVP")).srtp is None


def test_an_answer_to_our_own_answer_sent_again_bears_its_tag_and_suite() -> None:
    """As a refresh of the session does (RFC 4028 7.4)."""
    first = answer(description(line(4, SHORT)))[1]
    refused = "m=video 0 RTP/AVP 97\r\nm=audio 0 RTP/AVP 8\r\nm=audio"
    again = description(line(4, SHORT)).decode().replace("m=audio", refused)
    assert sdp.accept(again.encode(), srtp_key=OURS, srtp_required=True) == first


@pytest.mark.parametrize(
    ("answered", "key", "required"),
    [
        (description(protocol="RTP/AVP"), OURS, True),
        (description(), OURS, False),
        (description(line(rest="|1:4")), OURS, True),
        (description(line()), "", False),
    ],
)
def test_answers_that_agree_on_nothing(answered: bytes, key: str, required: bool) -> None:
    with pytest.raises(SdpError):
        sdp.accept(answered, srtp_key=key, srtp_required=required)


def test_a_stream_with_keys_survives_json_and_shows_them_to_nobody() -> None:
    stream = sdp.accept(description(line()), srtp_key=OURS, srtp_required=True)
    assert Stream.from_json(json.loads(json.dumps(stream.to_json()))) == stream
    old = stream.to_json()
    del old["srtp"]
    assert Stream.from_json(old).srtp is None
    shown = f"{stream!r} {sdp.parse(description(line()))!r} {sdes.parse(line())}"
    assert OURS not in shown
    assert THEIRS not in shown


@settings(deadline=None)
@given(st.one_of(st.text(max_size=120), st.text(max_size=120).map(lambda text: f"crypto:1 {LONG} inline:{text}")))
def test_any_line_is_read_or_passed_over(text: str) -> None:
    crypto = sdes.parse(text)
    assert crypto is None or sdes.parse(crypto.attribute) == crypto
