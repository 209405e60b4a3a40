"""Messages of our own in each class of RFC 4475 (SIP torture tests), sent by a trunk, and what is answered: the section's
number, the message, and the answer's status ("" for silence)."""

from __future__ import annotations

import re

import pytest

from ivr.sip import events as sip
from ivr.sip.auth import respond
from ivr.sip.message import MessageError, Request, Response, parse
from ivr.sip.peers import Peers
from ivr.sip.trunk import TrunkPeer
from tests.ivr.sip.conftest import PEER, Phone, dialled, events, header, lines, make_agent, only, response, sends

US = "192.0.2.1"
SDP = "v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\nm=audio 30000 RTP/AVP 8\r\n"


def message(start: str, *headers: str, body: str = "", length: int | None = None, rest: str = "") -> bytes:
    """A request with what it must have, but for the headers given here: those come instead. rest: what follows the body."""
    method = start.partition(" ")[0]
    usual = {
        "Via": "SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bKtorture",
        "Max-Forwards": "70",
        "From": "<sip:caller@example.net>;tag=torture",
        "To": "<sip:4000@example.com>",
        "Call-ID": "torture.192.0.2.9",
        "CSeq": f"8 {method}",
        "Contact": "<sip:caller@192.0.2.9:5060>",
    }
    given = {line.partition(":")[0].strip().lower() for line in headers}
    lines_ = [f"{name}: {value}" for name, value in usual.items() if name.lower() not in given]
    lines_ += [line for line in headers if not line.endswith(": -")]
    if body and "content-type" not in given and "c" not in given:
        lines_.append("Content-Type: application/sdp")
    if "content-length" not in given and "l" not in given:
        lines_.append(f"Content-Length: {len(body.encode()) if length is None else length}")
    return "\r\n".join([start, *lines_, "", body + rest]).encode()


INVITE = f"INVITE sip:4000@{US} SIP/2.0"
OPTIONS = f"OPTIONS sip:4000@{US} SIP/2.0"
WITHOUT = ": -"

TORTUOUS = (
    b"INVITE sip:4000@192.0.2.1;whatparam SIP/2.0\r\n"
    b"TO :\r\n sip:4000@example.com ;   tag    =\t\r\n"
    b"from   : \"a \\\\ backslash \\\" and quote\"\r\n  <sip:caller@example.net>\r\n  ;\r\n  tag = 98asjd8\r\n"
    b"MaX-fOrWaRdS: 0070\r\nCall-ID: tortuous.0ha0isndaksdj@192.0.2.9\r\n"
    b"CSeq: 0009\r\n  INVITE\r\n"
    b"Via  : SIP  /   2.0\r\n /UDP\r\n    192.0.2.9;branch=390skdjuw\r\n"
    b"s :\r\nNovelHeader:   a value\r\n   continued\r\nHeaderOfSeparators: ;;,,;;,;\r\nContent-Type: application/sdp\r\n"
    b"Route:\r\n <sip:services.example.com;lr;unknownwith=value;unknown-no-value>\r\n"
    b"l :\r\n  %06d\r\n"
    b"v:  SIP  / 2.0  / TCP     hop.example.com   ;\r\n  branch  =   z9hG4bK9ikj8  ,\r\n SIP  /    2.0   / UDP  192.0.2.111   ;"
    b" branch=\r\n z9hG4bK30239\r\n"
    b"m:\"Quoted \\\"\\\"\" <sip:caller@192.0.2.9> ; novelparam =\r\n      value ;\r\n  second ; q = 0.33\r\n\r\n"
) % len(SDP) + SDP.encode()  # fmt: skip

VALID: list[tuple[str, bytes, str]] = [
    ("3.1.1.1 folds, blanks, compact forms, any case", TORTUOUS, "100 INVITE"),
    (
        "3.1.1.2 every character a token may have",
        message(
            f"!strange-Method0123456789_*+`.%indeed'~ sip:1_odd.user~(to-be!sure)&isn't+it$/crazy?,/;;*:&a=1@{US} SIP/2.0",
            "Via: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bK-.!%66*_+`'~",
            'To: "BEL:\\\x07 NUL:\\\x00 DEL:\\\x7f" <sip:1_odd.user~(to-be!sure)&isn\'t+it$/crazy?,/;;*@example.com>',
            "From: t1~` t2'+_ t3*%!.- <sip:mundane@example.com>;p''~+*_!.-%=\"работа\";tag=_token~1'+`*%!-.",
            "Call-ID: odd%ZK-!.*_+'@word`~)(><:\\/\"][?}{",
        ),
        "501 !strange-Method0123456789_*+`.%indeed'~",
    ),
    (
        "3.1.1.3 escaped characters in the user",
        message(f"INVITE sip:%34%300%30@{US};maddr=%31 SIP/2.0", "Contact: <sip:cal%6Cer@192.0.2.9;x=%3C>", body=SDP),
        "100 INVITE",
    ),
    ("3.1.1.5 percent signs that escape nothing", message("RE%47IST%45R sip:registrar SIP/2.0", 'To: "%Z%45" <sip:4000@h>'),
     "501 RE%47IST%45R"),
    ("3.1.1.6 no blank before the bracket", message(OPTIONS, "From: caller<sip:caller@example.net>;tag=3"), "200 OPTIONS"),
    (
        "3.1.1.7 long values",
        message(
            INVITE,
            f'To: "{"I have a very long name. " * 40}" <sip:4000@example.com:5060;{"long" * 60}=value;{"x" * 300}>',
            f"Call-ID: {'long' * 80}",
            f"Unknown-{'Name' * 60}: {'value ' * 100}; {'p' * 200}={'v' * 200}",
            "Via: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bKtop",
            *(f"Via: SIP/2.0/TCP sip{n}.example.com;branch=z9hG4bK{'-long' * 30}{n}" for n in range(33)),
            body=SDP,
        ),
        "100 INVITE",
    ),
    ("3.1.1.8 another message behind the body", message(OPTIONS, length=0, rest=f"{INVITE}\r\nVia: x\r\n\r\n"),
     "200 OPTIONS"),
    ("3.1.1.9 semicolons in the user", message(f"OPTIONS sip:user;par=u%40example.net@{US} SIP/2.0"), "200 OPTIONS"),
    (
        "3.1.1.10 transports",
        message(
            OPTIONS,
            "Via: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKkdjuw",
            "Via: SIP/2.0/SCTP t2.example.com;branch=z9hG4bKa, SIP/2.0/TLS t3.example.com;branch=z9hG4bKb",
            "Via: SIP/2.0/TLS-SCTP t4.example.com;branch=z9hG4bKc",
            "Via: SIP/2.0/UNKNOWN t5.example.com;branch=z9hG4bKd",
        ),
        "200 OPTIONS",
    ),
    (
        "3.1.1.11 a body of several parts",
        message(
            "MESSAGE sip:4000@192.0.2.1 SIP/2.0",
            'Content-Type: multipart/mixed;boundary="7a9cbec02ceef655"',
            body="--7a9cbec02ceef655\r\nContent-Type: text/plain\r\n\r\nHello\0\r\n--7a9cbec02ceef655--\r\n",
        ),
        "405 MESSAGE",
    ),
]  # fmt: skip

INVALID: list[tuple[str, bytes, str]] = [
    ("3.1.2.1 separators without values", message(OPTIONS, "Via: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKx;,;,,"), "400 OPTIONS"),
    ("3.1.2.2 Content-Length too large", message(INVITE, body=SDP, length=9999), "400 INVITE"),
    ("3.1.2.3 Content-Length negative", message(INVITE, body=SDP, length=-999), "400 INVITE"),
    ("3.1.2.4 a number too large", message(OPTIONS, "CSeq: 3689348814741910323 OPTIONS"), "400 OPTIONS"),
    ("3.1.2.6 a quote that doesn't end", message(OPTIONS, 'To: "Mr. J. User <sip:4000@example.com>'), "400 OPTIONS"),
    ("3.1.2.7 brackets around the Request-URI", message(f"INVITE <sip:4000@{US}> SIP/2.0", body=SDP), "400 INVITE"),
    ("3.1.2.8 a blank in the Request-URI", message(f"INVITE sip:4000@{US}; lr SIP/2.0", body=SDP), "400 INVITE"),
    ("3.1.2.9 two blanks in the start line", message(f"INVITE  sip:4000@{US}  SIP/2.0", body=SDP), "400 INVITE"),
    ("3.1.2.10 a blank at its end", message(OPTIONS + "  "), "400 OPTIONS"),
    ("3.1.2.11 headers in the Request-URI", message(f"INVITE sip:4000@{US}?Route=%3Csip:x%3E SIP/2.0", body=SDP), "400 INVITE"),
    ("3.1.2.12 a time zone that doesn't exist", message(OPTIONS, "Date: Fri, 01 Jan 2010 16:00:00 EST"), "200 OPTIONS"),
    ("3.1.2.14 blanks in an address", message(OPTIONS, 'To: "Watson, T" < sip:4000@example.org >'), "400 OPTIONS"),
    ("3.1.2.15 a comma in a plain name", message(OPTIONS, "From: Bell, A <sip:a.g@example.com>;tag=43"), "200 OPTIONS"),
    ("3.1.2.16 another version", message(f"OPTIONS sip:4000@{US} SIP/7.0"), "505 OPTIONS"),
    ("3.1.2.17 CSeq names another method", message(OPTIONS, "CSeq: 8 INVITE"), "400 INVITE"),
    ("3.1.2.18 an unknown method, and CSeq another", message(f"NOVEL sip:4000@{US} SIP/2.0", "CSeq: 8 INVITE"), "400 INVITE"),
    ("3.3.1 nothing that a message must have", message(OPTIONS, "Call-ID: -", "From: -", "To: -"), ""),
    ("3.3.2 an unknown scheme", message("OPTIONS novelscheme:opaque SIP/2.0"), "416 OPTIONS"),
    ("3.3.3 a scheme that isn't ours", message("OPTIONS soap.beep://192.0.2.103:3002 SIP/2.0"), "416 OPTIONS"),
    ("3.3.4 unknown schemes in From and To", message(OPTIONS, "To: isbn:2983792873", "From: <http://www.example.com>;tag=3"),
     "200 OPTIONS"),
    ("3.3.5 extensions nobody has", message(INVITE, "Require: nothing1, nothing2", "Proxy-Require: nothing3", body=SDP),
     "420 INVITE"),
    ("3.3.6 an unknown body", message(INVITE, "Content-Type: application/unknownformat", body="<audio/>"), "415 INVITE"),
    (
        "3.3.8 two of what there must be one of",
        message(INVITE, "CSeq: 5 INVITE", "CSeq: 59 INVITE", "Call-ID: one", "Call-ID: two", body=SDP),
        "400 INVITE",
    ),
    ("3.3.9 two lengths", message(OPTIONS, "Content-Length: 13", "Content-Length: 5", body="There's no way"), "400 OPTIONS"),
    ("3.3.11 no hops left", message(OPTIONS, "Max-Forwards: 0"), "200 OPTIONS"),
    ("3.3.15 no answer would be acceptable", message(INVITE, "Accept: text/nobodyKnowsThis"), "406 INVITE"),
]  # fmt: skip

OLD = message(
    INVITE, "Via: SIP/2.0/UDP 192.0.2.9", "Max-Forwards: -", "From: <sip:caller@example.net>", "To: sip:4000@example.com",
    "Call-ID: 98asdh@192.0.2.9", "Record-Route: <sip:old.example.com;maddr=192.0.2.9>", body=SDP,
)  # fmt: skip
BAD_BRANCH = [
    ("3.2.1 the magic cookie alone is no branch", message(OPTIONS, "Via: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK"), "200 OPTIONS"),
    ("3.4.1 no branch, no tag, no Max-Forwards (RFC 2543)", OLD, "100 INVITE"),
]


@pytest.mark.parametrize(("data", "answer"), [case[1:] for case in VALID + INVALID + BAD_BRANCH],
                         ids=[case[0] for case in VALID + INVALID + BAD_BRANCH])  # fmt: skip
def test_requests(data: bytes, answer: str) -> None:
    agent = make_agent()
    outputs = agent.receive(data, PEER, 0.0)
    assert lines(outputs) == ([answer] if answer else [])
    assert any(isinstance(event, sip.Invited) for event in events(outputs)) == (answer == "100 INVITE")
    if answer and answer[:3] < "400":
        again = parse(sends(outputs)[0].encode())
        assert isinstance(again, Response)
        assert len(again.vias) == len(parse(data).vias)
    if "420" in answer:
        assert header(sends(outputs)[0], "Unsupported") == "nothing1"


@pytest.mark.parametrize(("data", "answer"), [case[1:] for case in INVALID], ids=[case[0] for case in INVALID])
def test_strangers_are_not_told_what_is_wrong(data: bytes, answer: str) -> None:
    assert sends(make_agent().receive(data, sip.Address("203.0.113.9", 5060), 0.0)) == []


def test_what_the_tortuous_invite_says() -> None:
    request = parse(TORTUOUS)
    assert isinstance(request, Request)
    assert (request.from_.display, request.from_.tag) == ('a \\ backslash " and quote', "98asjd8")
    assert (request.cseq, request.via.branch, len(request.vias)) == (9, "390skdjuw", 3)
    assert request.get("NovelHeader") == "a value continued"
    assert request.get("Subject") == ""
    assert request.contact == "sip:caller@192.0.2.9"
    assert request.body == SDP.encode()


def test_an_old_peer_s_call_lasts() -> None:
    """RFC 2543: without tags the dialog is known by the rest."""
    agent = make_agent()
    session = only(agent.receive(OLD, PEER, 0.0), sip.Invited).session
    answer = sends(agent.answer(session, SDP.encode(), 1.0))[0]
    to = header(answer, "To")
    ack = message(f"ACK sip:4000@{US} SIP/2.0", "Via: SIP/2.0/UDP 192.0.2.9", "From: <sip:caller@example.net>", f"To: {to}",
                  "Call-ID: 98asdh@192.0.2.9", "CSeq: 8 ACK")  # fmt: skip
    assert events(agent.receive(ack, PEER, 2.0)) == [sip.Acknowledged(session)]
    bye = ack.replace(b"ACK", b"BYE").replace(b"CSeq: 8", b"CSeq: 9")
    assert events(agent.receive(bye, PEER, 3.0)) == [sip.HungUp(session)]


RESPONSES: list[tuple[str, str, str, bool]] = [
    ("3.1.1.12 a reason with every kind of letter", "Whatever", "= 2**3 * 5**1 * но сто девяносто девять", True),
    ("3.1.1.13 no reason", "Whatever", "", True),
    ("3.1.1.13 nor a blank before it", " Whatever", "", True),
    ("3.1.2.5 CSeq too large", "CSeq: 1 ", "CSeq: 9292394834772304023312 ", False),
    ("3.1.2.19 a status too large", r"SIP/2.0 \d+ Whatever", "SIP/2.0 4294967301 better not break the receiver", False),
    ("3.3.10 an answer to somebody else's request", r"(SIP/2\.0/\w+) \S+;branch=", r"\1 255.255.255.255;branch=x", False),
]
"""The section, what is exchanged in a response of conftest's for what, and whether anybody hears of it."""


@pytest.mark.parametrize(("wrong", "torture", "heard"), [case[1:] for case in RESPONSES], ids=[case[0] for case in RESPONSES])
def test_responses(wrong: str, torture: str, heard: bool) -> None:
    call = dialled()
    data, found = re.subn(wrong, torture, response(call.invite, 180).decode(), count=1)
    assert found
    outputs = call.agent.receive(data.encode(), PEER, 1.0)
    assert sends(outputs) == []
    assert any(isinstance(event, sip.Progressed) for event in events(outputs)) == heard


REGISTERS: list[tuple[str, str, str]] = [
    ("3.1.2.13 headers in Contact", "sip:4001@example.com?Route=%3Csip:sip.example.com%3E", "400 REGISTER"),
    ("3.3.12 a parameter of Contact", "<sip:4001@192.0.2.9>;unknownparam", "200 REGISTER"),
    ("3.3.13 a parameter of its URI", "<sip:4001@192.0.2.9;unknownparam>", "200 REGISTER"),
    ("3.3.14 a header of its URI", "<sip:4001@192.0.2.9?Route=%3Csip:sip.example.com%3E>", "200 REGISTER"),
    ("3.1.1.4 NUL in the user", "<sip:%00@host5.example.com>, <sip:%00%00@host5.example.com>", "200 REGISTER"),
    ("3.3.4 an unknown scheme", "<name:John_Smith>", "400 REGISTER"),
]
"""The section, the Contact, and the answer to a REGISTER whose digest is right."""


@pytest.mark.parametrize(("contact", "answer"), [case[1:] for case in REGISTERS], ids=[case[0] for case in REGISTERS])
def test_registers(contact: str, answer: str) -> None:
    user = "null-\0-null"
    agent = make_agent(peers=Peers([TrunkPeer.of("carrier", ["192.0.2.0/24"], [])], {user: "secret"}))
    phone = Phone(caller="null-%00-null", called="null-%00-null")
    asked = header(sends(agent.receive(phone.next("REGISTER"), PEER, 0.0))[0], "WWW-Authenticate")
    proof = respond([asked], user=user, password="secret", method="REGISTER", uri="sip:x", cnonce="c")
    said = [f"Contact: {contact}", f"Authorization: {proof}"]
    outputs = agent.receive(phone.next("REGISTER", extra=said, contact=False), PEER, 0.0)
    assert lines(outputs) == ([] if answer == "200 REGISTER" else [answer])
    assert [type(event) for event in events(outputs)] == ([sip.RegisterRequested] if answer == "200 REGISTER" else [])


def test_an_unknown_authorization_scheme_is_asked_for_one_that_we_know() -> None:
    """3.3.7"""
    phone = Phone(caller="1001", called="1001")
    outputs = make_agent().receive(
        phone.request("REGISTER", extra=["Authorization: NoOneKnowsThisScheme opaque-data=here"]), PEER, 0.0
    )
    assert lines(outputs) == ["401 REGISTER"]


@pytest.mark.parametrize(
    "data",
    [
        message(OPTIONS, *(f"Via: SIP/2.0/UDP h{n}" for n in range(5000))),
        message(OPTIONS, f"Via: {', '.join(f'SIP/2.0/UDP h{n}' for n in range(5000))}"),
        message(OPTIONS, *(f"X-{n}: y" for n in range(300))),
        message(OPTIONS, f"X: {'y' * 20000}"),
        message(INVITE, body=SDP + "a=x\r\n" * 30000),
        message(OPTIONS, "Subject: a\nVia: b"),
        message(OPTIONS, "Subject: a\rVia: b"),
        message(OPTIONS, "No colon"),
        message(OPTIONS, "N\xe4me: x"),
        b"\r\n\r\n" * 30000 + b"x",
    ],
)
def test_what_is_too_much_or_no_header_is_nobody_s(data: bytes) -> None:
    with pytest.raises(MessageError):
        parse(data)
