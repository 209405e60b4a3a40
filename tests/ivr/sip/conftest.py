"""Two ways to test the agent: against a peer written as text, and against a second agent over a wire that loses, doubles and
reorders."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any, TypeVar

from ivr.sip import events as sip
from ivr.sip.agent import UserAgent
from ivr.sip.events import Address, Event, Output, Send
from ivr.sip.listener import Listener
from ivr.sip.peers import Peers
from ivr.sip.target import Target
from ivr.sip.trunk import TrunkPeer

US = Address("192.0.2.1", 5060)
PEER = Address("192.0.2.9", 5060)
SDP = (
    b"v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\n"
    b"m=audio 30000 RTP/AVP 8 0 101\r\na=rtpmap:101 telephone-event/8000\r\n"
)
OURS = SDP.replace(b"192.0.2.9", b"192.0.2.1")
E = TypeVar("E")


def tokens(prefix: str) -> Callable[[], str]:
    """Tokens that can be foreseen."""
    numbers = count(1)
    return lambda: f"{prefix}{next(numbers):015x}"


def make_agent(
    address: Address = US,
    *,
    prefix: str = "a",
    peers: Peers | None = None,
    realm: str = "hotline",
    algorithms: Sequence[str] = ("MD5",),
    session_expires_s: int = 1800,
) -> UserAgent:
    """An agent whose trunk "carrier" is 192.0.2.0/24 with the landing number 4000, and with the accounts 1001 and 1002."""
    if peers is None:
        peers = Peers([TrunkPeer.of("carrier", ["192.0.2.0/24"], ["4000"])], {"1001": "secret", "1002": "other"})
    return UserAgent(
        listeners=[Listener(address.host, address.port)],
        realm=realm,
        peers=peers,
        token=tokens(prefix),
        secret=b"k" * 32,
        algorithms=algorithms,
        session_expires_s=session_expires_s,
    )


def target(**changes: Any) -> Target:
    """A seat's telephone."""
    return Target(**{"uri": "sip:1001@192.0.2.9:5060", "destination": PEER, "from_user": "13912345678", **changes})


def sends(outputs: Sequence[Output]) -> list[str]:
    """The datagrams as text."""
    return [output.data.decode() for output in outputs if isinstance(output, Send)]


def lines(outputs: Sequence[Output]) -> list[str]:
    """What was sent, in short: "INVITE", "200 INVITE"."""
    found = []
    for text in sends(outputs):
        first = text.split("\r\n")[0].split(" ")
        found.append(f"{first[1]} {header(text, 'CSeq').split()[1]}" if first[0] == "SIP/2.0" else first[0])
    return found


def events(outputs: Sequence[Output]) -> list[Event]:
    """What the app is told."""
    return [output for output in outputs if not isinstance(output, Send)]


def only(outputs: Sequence[Output], kind: type[E]) -> E:
    """The one event of this kind."""
    found = [output for output in outputs if isinstance(output, kind)]
    assert len(found) == 1, outputs
    return found[0]


def header(text: str, name: str) -> str:
    """A header's first value."""
    match = re.search(rf"(?im)^{name}: *(.*?)\r$", text)
    assert match is not None, f"no {name} in {text}"
    return match[1]


def has(text: str, name: str) -> bool:
    """Whether the header is there."""
    return re.search(rf"(?im)^{name}:", text) is not None


def tag(value: str) -> str:
    """The tag of a From or To."""
    match = re.search(r";tag=([^;>\s]+)", value)
    return match[1] if match else ""


@dataclass
class Phone:
    """A peer that writes its messages by hand."""

    address: Address = PEER
    call_id: str = "call-1@phone"
    from_tag: str = "ft"
    to_tag: str = ""
    cseq: int = 1
    caller: str = "13912345678"
    called: str = "4000"
    branches: Iterator[int] = field(default_factory=lambda: count(1))

    def request(
        self,
        method: str,
        *,
        branch: str | None = None,
        cseq: int | None = None,
        body: bytes = b"",
        content_type: str = "application/sdp",
        extra: Sequence[str] = (),
        to_tag: str | None = None,
        uri: str | None = None,
        contact: bool = True,
        via: str = "",
    ) -> bytes:
        """A request of this peer; its last branch is kept in `branch`."""
        self.branch = branch or f"z9hG4bK-{self.from_tag}-{next(self.branches)}"
        to_tag = self.to_tag if to_tag is None else to_tag
        head = [
            f"{method} {uri or f'sip:{self.called}@{US.host}:{US.port}'} SIP/2.0",
            via or f"Via: SIP/2.0/UDP {self.address.host}:{self.address.port};branch={self.branch};rport",
            "Max-Forwards: 70",
            f'From: "Wang" <sip:{self.caller}@{self.address.host}>;tag={self.from_tag}',
            f"To: <sip:{self.called}@{US.host}>" + (f";tag={to_tag}" if to_tag else ""),
            f"Call-ID: {self.call_id}",
            f"CSeq: {self.cseq if cseq is None else cseq} {method}",
        ]
        if contact:
            head.append(f"Contact: <sip:{self.caller}@{self.address.host}:{self.address.port}>")
        head += extra
        if body:
            head.append(f"Content-Type: {content_type}")
        head.append(f"Content-Length: {len(body)}")
        return "\r\n".join(head).encode() + b"\r\n\r\n" + body

    def invite(self, body: bytes = SDP, **changes: Any) -> bytes:
        """The first INVITE."""
        data = self.request("INVITE", body=body, **changes)
        self.invite_branch = self.branch
        return data

    def cancel(self) -> bytes:
        """CANCEL of the first INVITE."""
        return self.request("CANCEL", branch=self.invite_branch, to_tag="", contact=False)

    def learn(self, outputs: Sequence[Output]) -> None:
        """Take the To-tag of a response."""
        self.to_tag = tag(header(sends(outputs)[-1], "To")) or self.to_tag

    def next(self, method: str, **changes: Any) -> bytes:
        """The next request in the dialog."""
        self.cseq += 1
        return self.request(method, **changes)

    def ack(self, **changes: Any) -> bytes:
        """ACK of a 2xx."""
        return self.request("ACK", contact=False, **changes)


def response(
    request: str,
    status: int,
    *,
    to_tag: str = "remote",
    body: bytes = b"",
    extra: Sequence[str] = (),
    contact: str | None = f"<sip:1001@{PEER.host}:{PEER.port}>",
) -> bytes:
    """A response to a request of the agent's."""
    to = header(request, "To")
    head = [
        f"SIP/2.0 {status} Whatever",
        f"Via: {header(request, 'Via')};received={US.host}",
        f"From: {header(request, 'From')}",
        f"To: {to}" + (f";tag={to_tag}" if to_tag and not tag(to) else ""),
        f"Call-ID: {header(request, 'Call-ID')}",
        f"CSeq: {header(request, 'CSeq')}",
    ]
    if contact:
        head.append(f"Contact: {contact}")
    head += extra
    if body:
        head.append("Content-Type: application/sdp")
    head.append(f"Content-Length: {len(body)}")
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


@dataclass
class Incoming:
    """A call that the phone made: `agent` was invited at 0."""

    agent: UserAgent
    phone: Phone
    session: str


def incoming(agent: UserAgent | None = None, phone: Phone | None = None, body: bytes = SDP) -> Incoming:
    """An INVITE that waits for the app."""
    agent, phone = agent or make_agent(), phone or Phone()
    outputs = agent.receive(phone.invite(body), phone.address, 0.0)
    assert lines(outputs) == ["100 INVITE"]
    return Incoming(agent, phone, only(outputs, sip.Invited).session)


def talking(agent: UserAgent | None = None, phone: Phone | None = None) -> Incoming:
    """An incoming call, answered and acknowledged at 1."""
    call = incoming(agent, phone)
    call.phone.learn(call.agent.answer(call.session, OURS, 1.0))
    assert events(call.agent.receive(call.phone.ack(), call.phone.address, 1.0)) == [sip.Acknowledged(call.session)]
    return call


@dataclass
class Dialled:
    """A call of ours. `invite` is the text of the last INVITE, `ack` of the last ACK."""

    agent: UserAgent
    session: str
    invite: str
    ack: str = ""


def dialled(agent: UserAgent | None = None, **changes: Any) -> Dialled:
    """Our INVITE went out at 0."""
    agent = agent or make_agent()
    outputs = agent.invite("leg", target(**changes), OURS, 0.0)
    assert lines(outputs) == ["INVITE"]
    return Dialled(agent, "leg", sends(outputs)[0])


def answered(agent: UserAgent | None = None, *, extra: Sequence[str] = (), **changes: Any) -> Dialled:
    """Our call, answered at 1."""
    call = dialled(agent, **changes)
    outputs = call.agent.receive(response(call.invite, 200, body=SDP, extra=extra), PEER, 1.0)
    assert lines(outputs) == ["ACK"]
    assert events(outputs) == [sip.Answered("leg", SDP)]
    call.ack = sends(outputs)[0]
    return call


def from_peer(
    call: Dialled, method: str, cseq: int, *, body: bytes = b"", content_type: str = "application/sdp", branch: str = ""
) -> bytes:
    """A request of the called phone in the dialog of our call."""
    phone = Phone(call_id=header(call.invite, "Call-ID"), from_tag="remote", to_tag=tag(header(call.invite, "From")))
    return phone.request(method, cseq=cseq, body=body, content_type=content_type, branch=branch or f"z9hG4bKp{cseq}{method}")


def pass_time(agent: UserAgent, until: float) -> list[tuple[float, Output]]:
    """Everything the agent does by itself up to then, with its times."""
    found: list[tuple[float, Output]] = []
    while (at := agent.deadline()) is not None and at <= until:
        found += [(at, output) for output in agent.tick(at)]
    return found


def reborn(agent: UserAgent, sessions: Sequence[str], now: float, **changes: Any) -> UserAgent:
    """The agent after kill -9: a new one with what was stored."""
    stored = json.loads(json.dumps([agent.dump(session, now) for session in sessions]))
    new = make_agent(**{"prefix": "b", **changes})
    for data in stored:
        new.restore(data, now)
    return new
