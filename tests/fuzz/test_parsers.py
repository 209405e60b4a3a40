"""What is read before anything else: session descriptions, byte streams, whole messages."""

from __future__ import annotations

import contextlib
from collections import Counter
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.sip import sdp
from ivr.sip.message import MessageError, parse
from ivr.sip.stream import MAX_BODY_BYTES, MAX_HEAD_BYTES, Stream, StreamError
from tests.fuzz.mutation import SEED, mutate, resident_kb
from tests.ivr.sip.conftest import OURS, PEER, Phone, make_agent, pass_time

DESCRIPTIONS = 12_000
STREAMS = 4_000
KEY = "d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj"

CORPUS = [
    sdp.offer(host="192.0.2.9", port=30000, session_id=1, version=1),
    sdp.offer(host="2001:db8::9", port=30000, session_id=1, version=1, direction="sendonly", srtp_key=KEY),
    b"v=0\no=- 1 1 IN IP4 192.0.2.9\ns=-\nc=IN IP4 0.0.0.0\nt=0 0\na=ptime:30\nm=video 5 RTP/AVP 97\nm=audio 4 RTP/AVP 8 101\n"
    b"a=rtpmap:101 telephone-event/8000\na=fmtp:101 0-16\na=rtcp:5 IN IP4 192.0.2.8\na=rtcp-mux\na=maxptime:60\na=inactive\n",
    b"v=0\r\nc=IN IP4 239.1.1.1/127/3\r\nm=audio 30000/2 RTP/SAVP 96 8\r\na=rtpmap:96 opus/48000/2\r\n"
    b"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + KEY.encode() + b"|2^20|1:4\r\na=sendrecv\r\n",
]  # fmt: skip


def test_spoiled_descriptions() -> None:
    print(f"HOTLINE_FUZZ_SEED={SEED}")  # noqa: T201 - shown with a failure
    random, outcome, sizes = Random(SEED), Counter[bool](), list[int]()
    for number in range(DESCRIPTIONS):
        if number % (DESCRIPTIONS // 10) == 0:
            sizes.append(resident_kb())
        data = mutate(random, random.choice(CORPUS), CORPUS)
        understood = False
        with contextlib.suppress(sdp.SdpError):
            answer, stream = sdp.answer(
                data, host="192.0.2.1", port=20000, session_id=1, version=2, srtp_key=KEY if number % 2 else ""
            )
            understood = True
            assert sdp.parse(answer).media
            assert sdp.Stream.from_json(stream.to_json()) == stream
        with contextlib.suppress(sdp.SdpError):
            sdp.accept(data, srtp_key=KEY if number % 2 else "")
        outcome[understood] += 1
    assert min(outcome[True], outcome[False]) > DESCRIPTIONS // 10, "spoiled enough, and not too much"
    assert sizes[-1] - sizes[len(sizes) // 2] < 1000, sizes


def test_a_description_s_numbers_and_lines_are_bounded() -> None:
    taken, _ = sdp.answer(CORPUS[0] + b"a=ptime:1e999\r\n", host="192.0.2.1", port=20000, session_id=1, version=2)
    assert b"a=ptime:20\r\n" in taken
    with pytest.raises(sdp.SdpError):
        sdp.parse(CORPUS[0] + b"a=x\r\n" * 10_000)


def test_spoiled_streams() -> None:
    """Cut anywhere, a stream gives the same messages or the same fault, and never holds more than one message."""
    print(f"HOTLINE_FUZZ_SEED={SEED}")  # noqa: T201 - shown with a failure
    random = Random(SEED)
    corpus = [
        Phone().invite(),
        Phone().request("OPTIONS"),
        b"\r\n\r\n",
        b"\r\n",
        Phone().invite().replace(b"Content-Length", b"l"),
    ]
    sizes: list[int] = []
    for number in range(STREAMS // 4):
        if number % (STREAMS // 40) == 0:
            sizes.append(resident_kb())
        data = b"".join(mutate(random, one, corpus) if random.random() < 0.3 else one for one in random.choices(corpus, k=4))
        whole, parts = Stream(), Stream()
        found: list[list[bytes]] = [[], []]
        faults = [False, False]
        try:
            found[0] = whole.receive(data)
        except StreamError:
            faults[0] = True
        at = 0
        with contextlib.suppress(StreamError):
            faults[1] = True
            while at < len(data):
                until = at + random.choice((1, 7, 100, 1000))
                found[1] += parts.receive(data[at:until])
                at = until
                assert len(parts._buffer) <= MAX_HEAD_BYTES + MAX_BODY_BYTES + 1004
            faults[1] = False
        assert faults[0] == faults[1]
        if not faults[0]:
            assert found[0] == found[1]
    assert sizes[-1] - sizes[len(sizes) // 2] < 1000, sizes


TOKEN = st.text("abcINVTE0123456789-.!%*_+`'~", min_size=1, max_size=12)
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=40)
URI = st.one_of(
    st.builds("sip:{}@{}".format, TOKEN, st.sampled_from(["192.0.2.1", "[2001:db8::1]:5060", "h;lr", "h:99999", ""])), TEXT
)
ADDRESS = st.builds("{}<{}>;tag={}".format, st.one_of(st.just(""), TEXT.map(lambda text: f'"{text}" ')), URI, TOKEN)
HEADER = st.one_of(
    st.builds("{}: {}".format, st.sampled_from(["From", "t", "Contact", "Route", "Record-Route", "Refer-To"]), ADDRESS),
    st.builds("{} :{}".format, st.one_of(TOKEN, st.sampled_from(["Via", "l", "Expires", "Require", "RAck", "Replaces"])), TEXT),
    st.builds("Via: SIP/2.0/{} {};branch={}".format, TOKEN, TOKEN, TOKEN),
    st.builds("CSeq: {} {}".format, st.integers(-1, 2**70), st.sampled_from(["INVITE", "BYE", "REGISTER", "NOTIFY", "x"])),
)  # fmt: skip
START = st.one_of(
    st.builds("{} {} SIP/2.0".format, st.sampled_from(["INVITE", "BYE", "REGISTER", "OPTIONS", "ACK", "CANCEL", "x"]), URI),
    st.builds("SIP/2.0 {} {}".format, st.integers(0, 1000), TEXT),
)
USUAL = ["Via: SIP/2.0/UDP h;branch=z9hG4bKx", "From: <sip:1@h>;tag=1", "To: <sip:4000@h>", "Call-ID: c", "Contact: <sip:1@h>"]


@settings(max_examples=400, deadline=None)
@given(START, st.lists(st.one_of(HEADER, st.sampled_from(USUAL)), max_size=12), st.binary(max_size=30), st.booleans())
def test_built_messages(start: str, headers: list[str], body: bytes, whole: bool) -> None:
    """Messages put together from parts: read or refused; whatever the agent does with them passes."""
    method = start.partition(" ")[0]
    lines = [start, *headers, *([*USUAL, f"CSeq: 1 {method}"] if whole else [])]
    data = "\r\n".join(lines).encode() + b"\r\n\r\n" + body
    with contextlib.suppress(MessageError):
        parse(data)
    agent = make_agent()
    agent.receive(data, PEER, 0.0)
    agent.receive(data, PEER, 0.1)
    pass_time(agent, 1e4)


@settings(max_examples=200, deadline=None)
@given(
    st.binary(max_size=200), st.sampled_from(["application/sdp", "application/dtmf-relay", "application/dtmf", "text/plain"])
)
def test_bodies(body: bytes, content_type: str) -> None:
    agent = make_agent()
    for method in ("INVITE", "INFO"):
        agent.receive(Phone().request(method, body=body, content_type=content_type), PEER, 0.0)
    with contextlib.suppress(sdp.SdpError):
        sdp.answer(body or OURS, host="192.0.2.1", port=20000, session_id=1, version=2)
