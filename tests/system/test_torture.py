"""RFC 4475's torture messages against a whole hotline, by UDP and TCP: each is answered as it should be, or not at all. Then a
good call comes through, and nothing is left of them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, cast

import pytest
import pytest_asyncio

from ivr.sip.auth import respond
from ivr.sip.events import Address
from ivr.sip.stream import Stream
from tests.ivr.sip.conftest import Phone, header, response
from tests.ivr.sip.test_torture import BAD_BRANCH, INVALID, REGISTERS, RESPONSES, VALID
from tests.ports import free_port
from tests.site import PATIENCE_S, Site, running
from tests.talk import talking

pytestmark = pytest.mark.asyncio(loop_scope="module")

PEERS = {"UDP": "127.0.0.8", "TCP": "127.0.0.9"}
OPERATOR = "127.0.0.10"
LISTENER = """
[[listeners]]
name = "stream"
transport = "tcp"
port = {port}
"""
TRUNK = """
[[trunks]]
name = "{name}"
listener = "{listener}"
proxy = "{host}:{port}"
domain = "{name}"
ping_s = 3600
numbers = {{}}
"""
CASES = VALID + INVALID + BAD_BRANCH
ENDLESS = ("3.1.2.2", "3.1.2.3", "3.3.9")
"""By TCP the end of these never comes, or can't be known: they get no answer."""
_VIA = re.compile(rb"UDP(\s+)192\.0\.2\.9(?::5060)?")
_NUMBERS = count(1)


@dataclass(frozen=True)
class Answer:
    """A response, read without asking much of it: it repeats what was tortured."""

    text: str

    @property
    def status(self) -> int:
        return int(self.text.split(" ")[1])

    @property
    def cseq(self) -> int:
        return int(self.get("CSeq").split()[0])

    @property
    def method(self) -> str:
        return self.get("CSeq").split()[1]

    @property
    def short(self) -> str:
        """As "200 INVITE"."""
        return f"{self.status} {self.method}"

    def get(self, name: str) -> str:
        return header(self.text, name)


class Line:
    """One peer of the hotline: a UDP socket, or a connection."""

    def __init__(self, server: tuple[str, int], transport: str) -> None:
        self.transport = transport
        self._sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM if transport == "TCP" else socket.SOCK_DGRAM)
        self._sock.bind((PEERS[transport], 0))
        self._sock.connect(server)
        self._sock.setblocking(False)
        self._stream = Stream()
        self._heard: list[bytes] = []
        self.place = Address(*self._sock.getsockname())

    def __enter__(self) -> Line:
        return self

    def __exit__(self, *_: object) -> None:
        self._sock.close()

    async def send(self, data: bytes) -> None:
        with contextlib.suppress(ConnectionError):  # answer() tells that it is closed
            await asyncio.get_running_loop().sock_sendall(self._sock, data)

    async def answer(self) -> Answer | None:
        """The next final answer, None when the connection is closed."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(PATIENCE_S):
            while True:
                while not self._heard:
                    try:
                        data = await loop.sock_recv(self._sock, 65536)
                    except ConnectionError:
                        data = b""
                    if not data:
                        return None
                    self._heard = self._stream.receive(data) if self.transport == "TCP" else [data]
                found = Answer(self._heard.pop(0).decode())
                if found.status >= 200:
                    return found

    async def answers(self, *, call: bool = False, last: bool = False) -> list[Answer]:
        """What is answered before the answer to an OPTIONS that is sent now, or until the connection is closed. call: until
        a call is answered, which may be later. last: nothing more is said by this connection."""
        end = f"end-{next(_NUMBERS)}"
        await self.send(self.request("OPTIONS", end))
        if last:
            with contextlib.suppress(OSError):
                self._sock.shutdown(socket.SHUT_WR)
        found: list[Answer] = []
        asked = False
        while not asked or (call and not found):
            one = await self.answer()
            if one is None:
                break
            if one.get("Call-ID") == end:
                asked = True
            else:
                found.append(one)
        return found

    def request(self, method: str, name: str, **more: Any) -> bytes:
        """A good one of seat 1026."""
        data = Phone(self.place, name, name, caller="1026", called="1026").request(method, **more)
        return data.replace(b"SIP/2.0/UDP", f"SIP/2.0/{self.transport}".encode())

    def tortured(self, data: bytes) -> bytes:
        """The same message, from here to this hotline."""
        data = _VIA.sub(rf"{self.transport}\g<1>{self.place.host}:{self.place.port}".encode(), data)
        data = data.replace(b"Call-ID: torture.", f"Call-ID: torture-{next(_NUMBERS)}.".encode())
        return re.sub(rb"192\.0\.2\.1\b", b"127.0.0.1", data.replace(b"192.0.2.9", self.place.host.encode()))

    async def acknowledge(self, found: Answer) -> None:
        """ACK, and BYE to who has answered."""
        branch = re.search(r"(?m)^Via:.*?;branch=([^;\r]+)", found.text)
        await self.send(self._follow(found, "ACK", found.cseq, branch[1] if branch and found.status >= 300 else ""))
        if found.status < 300:
            await self.send(self._follow(found, "BYE", found.cseq + 1))
            while (bye := await self.answer()) is not None and bye.method != "BYE":
                pass
            assert bye is not None
            assert bye.status == 200

    def _follow(self, found: Answer, method: str, cseq: int, branch: str = "") -> bytes:
        via = f"SIP/2.0/{self.transport} {self.place.host}:{self.place.port};branch={branch or f'z9hG4bK-{next(_NUMBERS)}'}"
        lines = [f"{method} sip:4000@127.0.0.1 SIP/2.0", f"Via: {via}", f"CSeq: {cseq} {method}", "Content-Length: 0"]
        lines += [f"{name}: {found.get(name)}" for name in ("From", "To", "Call-ID")]
        return "\r\n".join([*lines, "", ""]).encode()


class Operator(asyncio.Protocol, asyncio.DatagramProtocol):
    """Answers each trunk's ping by a torture message; where nobody may hear of that, by a 503 after it."""

    def __init__(self) -> None:
        self._stream = Stream()
        self._transport: asyncio.BaseTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        for answer in self._answers(data):
            cast(asyncio.DatagramTransport, self._transport).sendto(answer, addr)

    def data_received(self, data: bytes) -> None:
        for ping in self._stream.receive(data):
            cast(asyncio.Transport, self._transport).write(b"".join(self._answers(ping)))

    @staticmethod
    def _answers(data: bytes) -> list[bytes]:
        text = data.decode()
        assert text.startswith("OPTIONS"), text
        _, wrong, torture, heard = RESPONSES[int(re.findall(r"sip:r(\d+)", text)[0])]
        tortured, found = re.subn(wrong, torture, response(text, 200, contact=None).decode(), count=1)
        assert found
        return [tortured.encode()] if heard else [tortured.encode(), response(text, 503, contact=None)]


@dataclass
class House:
    """keys, sockets: what there is before the tests: see keys_of() and held()."""

    site: Site
    tcp: int
    keys: set[str]
    sockets: dict[str, int]

    def line(self, transport: str) -> Line:
        return Line(("127.0.0.1", self.tcp) if transport == "TCP" else self.site.server, transport)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    """It ends with the tests, and in good order: no call is left, and no part has anything to say of errors."""
    loop = asyncio.get_running_loop()
    tcp = free_port(socket.SOCK_STREAM)
    datagrams, _ = await loop.create_datagram_endpoint(Operator, local_addr=(OPERATOR, 0))
    connections = await loop.create_server(Operator, OPERATOR, 0)
    ports = {"main": datagrams.get_extra_info("sockname")[1], "stream": connections.sockets[0].getsockname()[1]}
    extra = LISTENER.format(port=tcp)
    for listener, port in ports.items():
        for number in range(len(RESPONSES)):
            extra += TRUNK.format(name=f"r{number}-{listener}", listener=listener, host=OPERATOR, port=port)
    directory = tmp_path_factory.mktemp("torture")
    async with running(directory, networks="127.0.0.8/31", numbers={"4000": "sample"}, extra=extra) as site:
        await good_call(site)
        yield House(site, tcp, keys_of(site), held(site))
    datagrams.close()
    connections.close()
    lines = logged(site)
    assert [line["calls"] for line in lines if line["event"] == "engine stops"] == [0]
    assert [line for line in lines if line["level"] in ("error", "critical")] == []


def logged(site: Site) -> list[dict[str, object]]:
    """All lines of engine and media process."""
    files = ("engine", "media-0")
    texts = [(site.data_dir / "log" / f"{name}.log").read_text(encoding="utf-8") for name in files]
    return [json.loads(line) for text in texts for line in text.splitlines()]


def held(site: Site) -> dict[str, int]:
    """How many sockets to the outside engine and media process hold: of legs, of connections."""
    counts = {}
    for name in ("engine", "media-0"):
        process = Path(f"/proc/{site.pid(name)}")
        tables = [(process / "net" / kind).read_text(encoding="ascii") for kind in ("udp", "tcp")]
        outside = {f"socket:[{line.split()[9]}]" for table in tables for line in table.splitlines()[1:]}
        counts[name] = 0
        for one in os.listdir(process / "fd"):
            with contextlib.suppress(FileNotFoundError):  # closed meanwhile
                counts[name] += os.readlink(process / "fd" / one) in outside
    return counts


async def good_call(site: Site) -> None:
    """A caller and a seat hear each other."""
    seat = await site.seat()
    caller, agent = await talking(site, seat, bind=PEERS["UDP"])
    await agent.hang_up()
    assert await caller.wait_ended(PATIENCE_S) == "remote"
    assert [phone.complaints for phone in site.phones] == [[], []]
    await site.cleared()


@pytest_asyncio.fixture(loop_scope="module")
async def site(house: House) -> AsyncIterator[Site]:
    """After the test a good call comes through, and then there is what was there before the test, and no more."""
    yield house.site
    await good_call(house.site)
    await house.site.until(lambda: keys_of(house.site) <= house.keys, "nothing more is in Redis than before")
    await house.site.until(lambda: held(house.site) == house.sockets, f"the sockets are {house.sockets} again")


def keys_of(site: Site) -> set[str]:
    """The keys in Redis; but for those that remember for a while what is over, and end by themselves."""
    with site.redis() as redis:
        return {str(key) for key in redis.scan_iter() if redis.ttl(key) == -1}


@pytest.mark.parametrize("transport", ["UDP", "TCP"])
async def test_requests(site: Site, house: House, transport: str) -> None:
    found, expected = {}, {}
    for name, data, answer in CASES:
        endless = transport == "TCP" and name.split()[0] in ENDLESS
        expected[name] = [] if endless or not answer else [answer.replace("100 INVITE", "200 INVITE")]
        with house.line(transport) as line:
            await line.send(line.tortured(data))
            answers = await line.answers(call=answer == "100 INVITE", last=endless)
            found[name] = [one.short for one in answers]
            for one in answers:
                if one.method == "INVITE":
                    await line.acknowledge(one)
    assert found == expected
    calls = sum(heard == ["200 INVITE"] for heard in found.values())
    assert [row["trunk"] for row in await site.ended(calls)] == ["local"] * calls


@pytest.mark.parametrize("transport", ["UDP", "TCP"])
async def test_registers(site: Site, house: House, transport: str) -> None:
    found, expected = {}, {}
    with house.line(transport) as line:
        for number, (name, contact, answer) in enumerate(REGISTERS):
            expected[name] = [answer]
            found[name] = await register(line, f"{number}-{transport}", f"Contact: {line.tortured(contact.encode()).decode()}")
        none = "3.3.7 an unknown authorization scheme"
        unknown = "Authorization: NoOneKnowsThisScheme opaque-data=here"
        await line.send(line.request("REGISTER", f"unknown-{transport}", extra=[unknown], contact=False))
        found[none], expected[none] = [one.short for one in await line.answers()], ["401 REGISTER"]
        assert await register(line, f"all-{transport}", "Contact: *", "Expires: 0") == ["200 REGISTER"]
    assert found == expected


async def register(line: Line, name: str, *headers: str) -> list[str]:
    """What is answered to the right digest."""
    await line.send(line.request("REGISTER", name, contact=False))
    [asked] = await line.answers()
    challenge = [asked.get("WWW-Authenticate")]
    proof = respond(challenge, user="1026", password="pw-1026", method="REGISTER", uri="sip:x", cnonce="c")
    await line.send(line.request("REGISTER", name, cseq=2, extra=[*headers, f"Authorization: {proof}"], contact=False))
    found = None
    while found is None or found.cseq < 2:
        found = await line.answer()
        assert found is not None
    return [found.short]


async def test_responses(site: Site) -> None:
    """A trunk whose ping is answered is up; where nobody may hear of the answer, the 503 that follows it counts."""
    expected = {
        f"r{number}-{listener}": "trunk is up" if heard else "trunk is down"
        for number, (_, _, _, heard) in enumerate(RESPONSES)
        for listener in ("main", "stream")
    }

    def told() -> dict[object, object]:
        return {line["trunk"]: line["event"] for line in logged(site) if "trunk" in line}

    await site.until(lambda: told() == expected, "each trunk is up or down as its answer says")
