"""Spoiled messages in the midst of live calls: the agent never raises, and the calls it has live on or end by the rules."""

from __future__ import annotations

from random import Random

import pytest

from ivr.sip.events import Address
from tests.ivr.sip.conftest import (
    OURS,
    PEER,
    SDP,
    Phone,
    answered,
    dialled,
    from_peer,
    incoming,
    pass_time,
    response,
    sends,
    talking,
)

REPLACES = "call-1%40phone%3Bto-tag%3Da000000000000001%3Bfrom-tag%3Dft"
WHO = (
    'P-Asserted-Identity: "x" <sip:+8613912345678@ims.example;user=phone>, <tel:+86139>',
    "Privacy: id;user",
    "Diversion: <sip:4001@x>;reason=unconditional",
    "History-Info: <sip:4001@x?Reason=SIP%3Bcause%3D302>;index=1, <sip:4000@x;cause=302>;index=1.1",
    "Replaces: call-1@phone;to-tag=a000000000000001;from-tag=ft",
    "Supported: 100rel, timer",
    "Session-Expires: 600;refresher=uac",
)
PIECES = [
    b"\r\n",
    b";",
    b"=",
    b'"',
    b"<",
    b">",
    b",",
    b":",
    b"@",
    b"%",
    b"\\",
    b" ",
    b"\0",
    b"\xff",
    b"lr",
    b"tag=",
    b"sip:",
    b"tel:",
    b"*",
    b"99999999999",
]


def spoil(random: Random, data: bytes) -> bytes:
    """One to four cuts, doublings or insertions."""
    for _ in range(random.randint(1, 4)):
        at = random.randrange(len(data) + 1)
        until = min(len(data), at + random.choice([0, 1, 3, 20]))
        middle = random.choice([b"", random.choice(PIECES), data[at:until] * 2])
        data = data[:at] + middle + data[until:]
    return data


@pytest.mark.parametrize("seed", range(40))
def test_spoiled_messages(seed: int) -> None:
    random = Random(seed)
    called, calling, ringing, early = talking(), answered(), dialled(password="pw"), incoming()
    early.agent.progress(early.session, OURS, 0.1)
    reinvite = sends(called.agent.reinvite(called.session, OURS, 2.0))[0]
    challenge = 'WWW-Authenticate: Digest realm="r", nonce="n", qop="auth,auth-int"'
    routes = "Record-Route: <sip:192.0.2.8;lr>, <sip:192.0.2.7>"
    seat = Phone(caller="1001", call_id="new")
    proof = 'Authorization: Digest username="1001", realm="hotline", nonce="1-2-3", uri="sip:x", response="0", qop=auth'
    stock = [
        (called.agent, called.phone.next("INVITE", body=SDP, extra=[routes])),
        (called.agent, called.phone.next("INFO", body=b"Signal=1\r\nDuration=100", content_type="application/dtmf-relay")),
        (called.agent, called.phone.next("BYE")),
        (called.agent, called.phone.next("UPDATE", body=SDP, extra=["Supported: timer", "Session-Expires: 600;refresher=uac"])),
        (called.agent, called.phone.next("REFER", extra=[f"Refer-To: <sip:1002@192.0.2.1?Replaces={REPLACES}>"])),
        (called.agent, response(reinvite, 200, body=SDP)),
        (calling.agent, from_peer(calling, "INVITE", 9, body=SDP)),
        (ringing.agent, response(ringing.invite, 180)),
        (ringing.agent, response(ringing.invite, 183, body=SDP, extra=["Require: 100rel", "RSeq: 1"])),
        (ringing.agent, response(ringing.invite, 302, contact="<sip:a@192.0.2.20>;q=0.5, <tel:+861>;q=1")),
        (ringing.agent, response(ringing.invite, 422, extra=["Min-SE: 3600"])),
        (ringing.agent, from_peer(ringing, "UPDATE", 2, body=SDP)),
        (ringing.agent, response(ringing.invite, 401, extra=[challenge])),
        (ringing.agent, response(ringing.invite, 200, body=SDP, extra=[routes])),
        (early.agent, early.phone.cancel()),
        (early.agent, early.phone.next("PRACK", extra=["RAck: 1 1 INVITE"], body=SDP)),
        (early.agent, Phone(call_id="other").invite(extra=[routes, *WHO])),
        (early.agent, seat.request("REGISTER", extra=[proof, "Expires: 60"])),
        (early.agent, seat.request("INVITE", body=SDP, extra=[proof])),
        (early.agent, Phone(call_id="o").request("OPTIONS")),
    ]
    for step in range(150):
        agent, data = random.choice(stock)
        agent.receive(spoil(random, data), PEER if step % 3 else Address("203.0.113.1", 5060), 3.0 + step / 100)
    for agent in (called.agent, calling.agent, ringing.agent, early.agent):
        pass_time(agent, 1000.0)
    for agent, session in ((called.agent, called.session), (calling.agent, "leg"), (early.agent, early.session)):
        agent.bye(session, 1000.0)
        pass_time(agent, 2000.0)
        assert agent.deadline() is None
