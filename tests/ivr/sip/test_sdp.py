"""Offers as real devices write them, and what is agreed (RFC 3264, RFC 8866, RFC 4733)."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.sip import sdp
from ivr.sip.sdp import SdpError, Stream

LINPHONE = (
    b"v=0\r\no=1001 3724 1 IN IP4 192.0.2.9\r\ns=Talk\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\na=rtcp-xr:rcvr-rtt=all\r\n"
    b"m=audio 7078 RTP/AVP 96 0 8 101\r\na=rtpmap:96 opus/48000/2\r\na=fmtp:96 useinbandfec=1\r\n"
    b"a=rtpmap:101 telephone-event/8000\r\nm=video 9078 RTP/AVP 97\r\na=rtpmap:97 H264/90000\r\n"
)
PYVOIP = (
    b"v=0\r\no=pyVoIP 1 3 IN IP4 127.0.0.1\r\ns=pyVoIP 1.6.8\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 10010 RTP/AVP 0 101\r\n"
    b"a=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\n"
    b"a=fmtp:101 0-15\r\na=ptime:20\r\na=maxptime:150\r\na=sendrecv\r\n"
)


def agree(offer: bytes, **changes: object) -> tuple[str, Stream]:
    options = {"host": "192.0.2.1", "port": 20000, "session_id": 7, "version": 1, **changes}
    text, stream = sdp.answer(offer, **options)  # type: ignore[arg-type]
    return text.decode(), stream


def test_a_law_is_preferred_and_video_refused_in_its_place() -> None:
    text, stream = agree(LINPHONE)
    assert stream == Stream("192.0.2.9", 7078, "PCMA", 8, 101)
    media = [line for line in text.split("\r\n") if line.startswith("m=")]
    assert media == ["m=audio 20000 RTP/AVP 8 101", "m=video 0 RTP/AVP 97"]
    assert "o=hotline 7 1 IN IP4 192.0.2.1" in text
    assert "a=fmtp:101 0-15" in text


def test_mu_law_where_nothing_else_is_offered() -> None:
    text, stream = agree(PYVOIP)
    assert (stream.codec, stream.payload_type, stream.host, stream.port) == ("PCMU", 0, "127.0.0.1", 10010)
    assert "a=rtpmap:0 PCMU/8000" in text


def test_our_preference_can_be_turned() -> None:
    assert agree(LINPHONE, prefer=("PCMU", "PCMA"))[1].codec == "PCMU"


def test_the_offers_payload_types_are_kept() -> None:
    offer = (
        LINPHONE.replace(b"96 0 8 101", b"96 110 120")
        .replace(b"rtpmap:96 opus/48000/2", b"rtpmap:110 pcma/8000/1")
        .replace(b"rtpmap:101 telephone-event", b"rtpmap:120 telephone-event")
    )
    text, stream = agree(offer)
    assert (stream.payload_type, stream.dtmf_payload_type) == (110, 120)
    assert "m=audio 20000 RTP/AVP 110 120" in text
    assert "a=rtpmap:120 telephone-event/8000" in text


def test_audio_and_session_lines_of_their_own() -> None:
    offer = LINPHONE.replace(b"t=0 0\r\n", b"t=0 0\r\na=recvonly\r\na=ptime:30\r\n").replace(
        b"a=rtpmap:101", b"c=IN IP4 192.0.2.77/127\r\na=ptime:40.0\r\na=rtpmap:101"
    )
    _, stream = agree(offer)
    assert (stream.host, stream.ptime_ms, stream.direction, stream.held) == ("192.0.2.77", 40, "sendonly", False)
    assert agree(LINPHONE.replace(b"t=0 0\r\n", b"t=0 0\r\na=ptime:30\r\n"))[1].ptime_ms == 30
    assert agree(LINPHONE.replace(b"t=0 0\r\n", b"t=0 0\r\na=ptime:5000\r\n"))[1].ptime_ms == 20


@pytest.mark.parametrize(
    ("line", "direction", "held", "sends", "receives"),
    [
        (b"sendrecv", "sendrecv", False, True, True),
        (b"sendonly", "recvonly", True, False, True),
        (b"recvonly", "sendonly", False, True, False),
        (b"inactive", "inactive", True, False, False),
    ],
)
def test_directions(line: bytes, direction: str, held: bool, sends: bool, receives: bool) -> None:
    text, stream = agree(PYVOIP.replace(b"a=sendrecv", b"a=" + line))
    assert (stream.direction, stream.held, stream.sends, stream.receives) == (direction, held, sends, receives)
    assert f"a={direction}" in text


def test_hold_of_the_old_way() -> None:
    _, stream = agree(PYVOIP.replace(b"c=IN IP4 127.0.0.1", b"c=IN IP4 0.0.0.0"))
    assert stream.held
    assert stream.direction == "inactive"


def test_second_audio_is_taken_when_the_first_is_closed() -> None:
    offer = LINPHONE.replace(b"m=audio 7078", b"m=audio 0 RTP/AVP 8\r\nm=audio 7078")
    media = [line for line in agree(offer)[0].split("\r\n") if line.startswith("m=")]
    assert media == ["m=audio 0 RTP/AVP 8", "m=audio 20000 RTP/AVP 8 101", "m=video 0 RTP/AVP 97"]


@pytest.mark.parametrize(
    "offer",
    [
        b"",
        b"hello",
        b"v=0\r\n",
        LINPHONE.replace(b" 0 8 101", b""),
        LINPHONE.replace(b"RTP/AVP 96", b"RTP/SAVP 96"),
        LINPHONE.replace(b"m=audio", b"m=image"),
        LINPHONE.replace(b"m=audio 7078", b"m=audio 70780"),
        LINPHONE.replace(b"m=audio 7078", b"m=audio x"),
        LINPHONE.replace(b"c=IN IP4 192.0.2.9\r\n", b""),
        LINPHONE.replace(b"c=IN IP4 192.0.2.9\r\n", b"c=IN\r\n"),
        LINPHONE.replace(b"rtpmap:101", b"rtpmap:x"),
        LINPHONE.replace(b"o=1001 3724 1 IN IP4 192.0.2.9", b"o=x"),
        LINPHONE.replace(b"a=rtcp-xr:rcvr-rtt=all", b"a=ptime:x"),
        LINPHONE + b"a=x\r\n" * 600,
        LINPHONE.replace(b" 8 101", b"").replace(b"m=audio 7078 RTP/AVP 96 0", b"m=audio 7078 RTP/AVP 96"),
    ],
)
def test_nothing_to_agree_on(offer: bytes) -> None:
    with pytest.raises(SdpError):
        agree(offer)


def test_our_offer_and_its_answer() -> None:
    offer = sdp.offer(host="2001:db8::1", port=20000, session_id=7, version=2, direction="sendonly")
    text = offer.decode()
    assert "c=IN IP6 2001:db8::1\r\n" in text
    assert "m=audio 20000 RTP/AVP 8 0 13 101\r\n" in text
    assert "a=sendonly\r\n" in text
    answer, theirs = sdp.answer(offer, host="192.0.2.9", port=30000, session_id=1, version=1)
    ours = sdp.accept(answer)
    assert (theirs.host, theirs.direction, theirs.held) == ("2001:db8::1", "recvonly", True)
    assert ours == Stream("192.0.2.9", 30000, "PCMA", 8, 101, direction="sendonly", comfort_noise=True)


def test_the_answerers_order_counts() -> None:
    assert sdp.accept(LINPHONE).codec == "PCMU"
    assert sdp.accept(LINPHONE, prefer=("PCMA",)).codec == "PCMA"
    assert sdp.accept(LINPHONE.replace(b"96 0 8 101", b"8")).dtmf_payload_type is None


@pytest.mark.parametrize(
    "answer",
    [
        b"v=0\r\n",
        LINPHONE.replace(b"m=audio 7078", b"m=audio 0"),
        LINPHONE.replace(b"m=audio", b"m=video"),
        LINPHONE.replace(b"96 0 8 101", b"96"),
    ],
)
def test_answers_that_refuse(answer: bytes) -> None:
    with pytest.raises(SdpError):
        sdp.accept(answer)


def test_without_telephone_events() -> None:
    text, stream = agree(PYVOIP.replace(b"RTP/AVP 0 101", b"RTP/AVP 0"))
    assert stream.dtmf_payload_type is None
    assert "101" not in text


def test_parsed() -> None:
    session = sdp.parse(PYVOIP.replace(b"\r\n", b"\n"))
    assert (session.session_id, session.version) == (1, 3)
    assert sdp.parse(PYVOIP.replace(b"o=pyVoIP 1 3", b"o=pyVoIP x -1")).version == 0
    assert sdp.answer(session, host="192.0.2.1", port=20000, session_id=7, version=1)[1].codec == "PCMU"


def test_stream_as_json() -> None:
    stream = Stream("192.0.2.9", 30000, "PCMU", 0, None, 30, "inactive", True)
    assert Stream.from_json(stream.to_json()) == stream
    assert replace(stream, held=False) != stream


@given(st.binary(max_size=200) | st.binary(max_size=30).map(lambda noise: PYVOIP[:120] + noise + PYVOIP[120:]))
def test_nothing_but_sdp_errors(data: bytes) -> None:
    with contextlib.suppress(SdpError):
        agree(data)


def test_a_name_in_c_is_refused_for_nobody_would_look_it_up() -> None:
    with pytest.raises(SdpError, match="no IP address"):
        sdp.answer(LINPHONE.replace(b"192.0.2.9", b"sbc.example"), host="10.0.0.2", port=4002, session_id=1, version=1)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"a=rtcp:53020", {"rtcp_port": 53020}),
        (b"a=rtcp:53020 IN IP4 192.0.2.9", {"rtcp_port": 53020}),
        (b"a=rtcp-mux", {"rtcp_mux": True}),
        (b"a=ptime:60\r\na=maxptime:30", {"ptime_ms": 30}),
        (b"a=maxptime:150", {}),
        (b"a=maxptime:0", {"ptime_ms": 10}),
    ],
)
def test_where_reports_go_and_how_long_packets_may_be(line: bytes, expected: dict[str, Any]) -> None:
    text, stream = agree(PYVOIP.replace(b"a=ptime:20\r\na=maxptime:150", line))
    _, plain = agree(PYVOIP)
    assert stream == replace(plain, **expected)
    assert Stream.from_json(stream.to_json()) == stream
    assert ("a=rtcp-mux" in text) == stream.rtcp_mux
    assert not sdp.accept(PYVOIP.replace(b"a=ptime:20", line)).rtcp_mux  # we have not offered it


def test_comfort_noise_is_agreed_by_who_names_it() -> None:
    text, stream = agree(PYVOIP.replace(b"RTP/AVP 0 101", b"RTP/AVP 0 13 101"))
    assert stream.comfort_noise
    assert "a=rtpmap:13 CN/8000" in text
    _, stream = agree(PYVOIP)
    assert not stream.comfort_noise


def test_who_is_told_that_a_play_was_broken_off_names_it_itself() -> None:
    terms: dict[str, Any] = {"host": "192.0.2.9", "port": 30000, "session_id": 1, "version": 1}
    offered = sdp.offer(**terms, hush=True)
    answer, stream = sdp.answer(offered, **terms)
    assert stream.hush_payload_type == 102
    assert Stream.from_json(stream.to_json()) == stream
    assert sdp.accept(answer).hush_payload_type is None, "who makes the offer is not asked to tell it"
    answered, _ = sdp.answer(sdp.offer(**terms), **terms, hush=True)
    assert sdp.accept(answered).hush_payload_type == 102, "an answer may name more than was offered"


@pytest.mark.parametrize("line", [b"a=rtcp:", b"a=rtcp:70000", b"a=maxptime:x"])
def test_numbers_that_are_none_are_no_description(line: bytes) -> None:
    with pytest.raises(SdpError):
        agree(PYVOIP.replace(b"a=ptime:20", line))
