"""SIP as text, the digest client against the RFCs' own examples, and session descriptions."""

from __future__ import annotations

import pytest

from ivr.phones import message
from ivr.phones.audio import Codec
from ivr.phones.message import BadMessage

INVITE = (
    b"INVITE sip:bob@biloxi.example.com SIP/2.0\r\n"
    b"v: SIP/2.0/UDP pc33.atlanta.example.com;branch=z9hG4bK776asdhds , SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKold\r\n"
    b'f: "A. \\"Lice\\", X" <sip:alice@atlanta.example.com;x=1>;tag=1928301774\r\n'
    b"To: Bob\r\n <sip:bob@biloxi.example.com>\r\n"
    b"i: a84b4c76e66710\r\nCSeq: 314159 INVITE\r\nm: <sip:alice@pc33.atlanta.example.com:5070>\r\n"
    b"Record-Route: <sip:p2.example.com;lr>, <sip:p1.example.com;lr>\r\nl: 4\r\n\r\nbodyrest"
)


def test_a_request_is_read_with_compact_and_folded_headers() -> None:
    invite = message.parse(INVITE)
    assert (invite.method, invite.status, invite.uri, invite.cseq) == ("INVITE", 0, "sip:bob@biloxi.example.com", 314159)
    assert invite.branch == "z9hG4bK776asdhds"
    assert len(invite.all("via")) == 2
    assert invite.all("Record-Route") == ["<sip:p2.example.com;lr>", "<sip:p1.example.com;lr>"]
    assert message.display_name(invite.get("From")) == 'A. "Lice", X'
    assert message.display_name(invite.get("To")) == "Bob"
    assert message.parameter(invite.get("From"), "tag") == "1928301774"
    assert message.parameter(invite.get("From"), "x") == ""  # that one is inside the brackets
    assert message.uri_user(message.address_uri(invite.get("From"))) == "alice"
    assert message.uri_address(message.address_uri(invite.get("Contact"))) == ("pc33.atlanta.example.com", 5070)
    assert message.uri_address("sip:10.0.0.1;lr") == ("10.0.0.1", 5060)
    assert message.uri_address("sip:1026@[2001:db8::9]:5070;lr") == ("2001:db8::9", 5070)
    assert message.uri_address("sip:[::1]") == ("::1", 5060)
    assert message.address_uri("sip:a@b;tag=x") == "sip:a@b"
    assert invite.body == b"body"
    assert message.parse(bytes(invite)) == invite


def test_a_response_is_read() -> None:
    response = message.parse(INVITE.replace(b"INVITE sip:bob@biloxi.example.com SIP/2.0", b"SIP/2.0 486 Busy Here", 1))
    assert (response.method, response.status, response.reason) == ("INVITE", 486, "Busy Here")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\r\n\r\n",
        b"\xff\xfe\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
        INVITE.partition(b"\r\n\r\n")[0],
        INVITE.replace(b"l: 4", b"l: 400"),
        INVITE.replace(b"l: 4", b"l: -1"),
        INVITE.replace(b"CSeq: 314159 INVITE", b"CSeq: x INVITE"),
        INVITE.replace(b"CSeq: 314159 INVITE", b"CSeq 314159 INVITE"),
        INVITE.replace(b"i: a84b4c76e66710\r\n", b""),
    ],
)
def test_garbage_is_told_apart(data: bytes) -> None:
    with pytest.raises(BadMessage):
        message.parse(data)


def test_digest_answers_are_those_of_rfc_7616() -> None:
    challenge = (
        'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm={}, '
        'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
    )
    cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
    for algorithm, response in (
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ):
        answer = message.authorization(
            challenge.format(algorithm), "GET", "/dir/index.html", user="Mufasa", password="Circle of Life", cnonce=cnonce
        )
        assert f'response="{response}"' in answer
        assert 'qop=auth, nc=00000001, cnonce="f2/' in answer
        assert 'opaque="FQhe' in answer


def test_digest_without_qop_is_that_of_rfc_2069() -> None:
    answer = message.authorization(
        'Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093"',
        "GET", "/dir/index.html", user="Mufasa", password="Circle Of Life", cnonce="",
    )  # fmt: skip
    assert answer.endswith('response="670fd8c2df070c60b045671b8b24ff02"')


@pytest.mark.parametrize("challenge", ["Basic realm=x", 'Digest realm="x", nonce="y", algorithm=MD5-sess', 'Digest realm="x"'])
def test_challenges_that_cannot_be_met_are_refused(challenge: str) -> None:
    with pytest.raises(ValueError, match="no answer"):
        message.authorization(challenge, "GET", "/", user="a", password="b", cnonce="c")


def test_descriptions_come_back() -> None:
    both: tuple[Codec, ...] = ("PCMA", "PCMU")
    body = message.describe("192.0.2.1", 4000, both, version=1, direction="sendonly")
    sound = message.read_description(body, ("PCMU", "PCMA"))
    assert (sound.host, sound.port, sound.codec, sound.payload_type) == ("192.0.2.1", 4000, "PCMA", 8)
    assert (sound.dtmf_payload_type, sound.direction, sound.listens) == (101, "sendonly", False)
    assert message.read_description(message.describe("192.0.2.1", 4000, both, version=1), ("PCMU",)).codec == "PCMU"
    assert (
        message.read_description(message.describe("192.0.2.1", 4000, both, version=1, dtmf=None), both).dtmf_payload_type
        is None
    )


def test_a_description_with_more_than_sound() -> None:
    body = (
        b"v=0\r\nc=IN IP4 192.0.2.9\r\na=recvonly\r\nm=audio 5000 RTP/AVP 96 18 8 97\r\nc=IN IP4 192.0.2.1/127\r\n"
        b"a=rtpmap:96 opus/48000/2\r\na=rtpmap:97 TELEPHONE-EVENT/8000\r\n"
        b"m=video 6000 RTP/AVP 8\r\nc=IN IP4 1.1.1.1\r\na=inactive\r\n"
    )
    sound = message.read_description(body, ("PCMA",))
    assert (sound.host, sound.port, sound.payload_type, sound.dtmf_payload_type) == ("192.0.2.1", 5000, 8, 97)
    assert (sound.direction, sound.listens) == ("recvonly", True)


@pytest.mark.parametrize("body", [b"", b"v=0\r\nm=audio x RTP/AVP 8\r\n", b"c=IN IP4 1.1.1.1\r\nm=audio 5000 RTP/AVP 18\r\n"])
def test_a_description_without_our_sound_is_refused(body: bytes) -> None:
    with pytest.raises(BadMessage):
        message.read_description(body, ("PCMA", "PCMU"))
