"""Scanners and senders of garbage at a whole hotline, by UDP and TCP: banned, seen, and let in again, while others talk."""

from __future__ import annotations

import asyncio
import json
import random
import re
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

import pytest
import pytest_asyncio

from console.roles import Role
from ivr.phones.scripted import NoAnswer
from tests.console.wire import Wire, employ
from tests.ports import free_port
from tests.site import PATIENCE_S, Site, running
from tests.talk import still_talking, talking

pytestmark = pytest.mark.asyncio(loop_scope="module")

TRUNK, DESK = "127.0.0.2", "127.0.0.3"
TCP = """
[[listeners]]
name = "stream"
transport = "tcp"
port = {port}
"""
AGENTS = ("friendly-scanner", "sipvicious", "Yealink SIP-T46U 108.86.0.20", "Linphone/5.2")
PAGE = "/strangers/"
MANY = 2000
"""More than any limit of `[guard]`."""


def scan(transport: str) -> Iterator[bytes]:
    """Requests for one extension after the other."""
    for number in count(100):
        for method in ("OPTIONS", "REGISTER", "INVITE"):
            yield (
                f"{method} sip:{number}@127.0.0.1 SIP/2.0\r\n"
                f"Via: SIP/2.0/{transport} 127.0.0.1:5060;branch=z9hG4bK{method}{number};rport\r\n"
                f"From: <sip:{number}@127.0.0.1>;tag={number}\r\nTo: <sip:{number}@127.0.0.1>\r\nCall-ID: {method}{number}\r\n"
                f"CSeq: 1 {method}\r\nContact: <sip:{number}@127.0.0.1:5060>\r\nUser-Agent: {AGENTS[number % len(AGENTS)]}\r\n"
                "Content-Length: 0\r\n\r\n"
            ).encode()


def garbage(transport: str) -> Iterator[bytes]:
    """What is no SIP, each with an end of headers: a stream can't go on after it."""
    noise = random.Random(4475)
    for number in count():
        yield (b"GET / HTTP/1.1\r\nHost: x", noise.randbytes(200), b"\xff" * number)[number % 3] + b"\r\n\r\n"


class Stranger:
    """Sends from an address of its own."""

    def __init__(self, host: str, server: tuple[str, int], transport: str) -> None:
        self._host = host
        self._server = server
        self._kind = socket.SOCK_STREAM if transport == "TCP" else socket.SOCK_DGRAM
        self._sock: socket.socket | None = None
        self.heard = b""

    async def send(self, data: bytes, *, closes: bool) -> None:
        """By a new connection where the last one is gone. closes: it is waited for until the hotline closes it."""
        loop = asyncio.get_running_loop()
        if self._sock is None:
            self._sock = socket.socket(socket.AF_INET, self._kind)
            self._sock.bind((self._host, 0))
            self._sock.setblocking(False)
            await loop.sock_connect(self._sock, self._server)
        try:
            await loop.sock_sendall(self._sock, data)
            if closes:
                async with asyncio.timeout(PATIENCE_S):
                    said = await loop.sock_recv(self._sock, 4096)
            else:
                said = self._sock.recv(4096)
        except BlockingIOError:
            return
        except ConnectionError:
            said = b""
        self.heard += said
        if not said:
            self.close()

    def close(self) -> None:
        if self._sock is not None:
            self._sock.close()
            self._sock = None


@dataclass
class House:
    """A hotline that listens for TCP too, and a supervisor's browser."""

    site: Site
    tcp: int
    page: Wire


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    port = free_port(socket.SOCK_STREAM)
    async with running(tmp_path_factory.mktemp("scanned"), networks=f"{TRUNK}/32", extra=TCP.format(port=port)) as site:
        employ(f"sqlite:///{site.data_dir / 'hotline.db'}", "zhao", Role.SUPERVISOR)
        page = Wire(site.console_port)
        await asyncio.to_thread(page.log_in, "zhao")
        yield House(site, port, page)


@pytest.mark.parametrize(
    ("host", "transport", "messages", "reason", "word"),
    [
        ("127.0.0.11", "UDP", scan, "scan", "扫描号码"),
        ("127.0.0.12", "TCP", scan, "scan", "扫描号码"),
        ("127.0.0.13", "UDP", garbage, "garbage", "垃圾报文"),
        ("127.0.0.14", "TCP", garbage, "garbage", "垃圾报文"),
    ],
)
async def test_who_scans_or_sends_garbage_is_kept_out_until_it_is_forgiven(
    house: House, host: str, transport: str, messages: Callable[[str], Iterator[bytes]], reason: str, word: str
) -> None:
    """It hears nothing, all the time; whoever talks meanwhile hears nothing of it, nor does who calls with a scanner's name."""
    site, page = house.site, house.page
    seat = await site.seat("1026", bind=DESK)
    caller, agent = await talking(site, seat, bind=TRUNK)
    stranger = Stranger(host, ("127.0.0.1", house.tcp) if transport == "TCP" else site.server, transport)
    try:
        for number, message in enumerate(messages(transport)):
            await stranger.send(message, closes=transport == "TCP" and messages is garbage)
            if number % 20 == 19:
                await asyncio.sleep(0.02)
                if bans_of(site, host):
                    break
            assert number < MANY, site.logs()
    finally:
        stranger.close()
    assert stranger.heard == b""
    [ban] = bans_of(site, host)
    assert (ban["reason"], ban["seconds"]) == (reason, 600.0)
    await site.until(lambda: host in page.get(PAGE), "the page shows the ban")
    assert word in page.get(PAGE)
    status, said = await site.command("bans", "list")
    shown = re.fullmatch(r"(\S+) +(\S+ \S+)  until (\S+ \S+)  (\S+) +node1\n", said)
    assert status == 0
    assert shown is not None, said
    assert (shown[1], shown[4]) == (host, reason)
    assert shown[2] < shown[3]

    phone = await site.phone("1027", password="pw-1027", bind=host)
    with pytest.raises(NoAnswer):
        await phone.register(timeout_s=1)
    await still_talking(caller, agent)
    good = await site.phone("13912345678", bind=TRUNK)
    other = await good.dial("4001", headers=[("User-Agent", AGENTS[0])])
    await other.wait_answered(PATIENCE_S)
    await other.hang_up()

    if transport == "UDP":
        page.send(PAGE, action="lift", address=host)
    else:
        assert await site.command("bans", "lift", host) == (0, "")
    assert await site.command("bans", "list") == (0, "")
    assert await site.command("bans", "lift", host) == (1, f"{host} is not banned\n")
    await phone.register()
    site.registered.append(phone)
    await site.code(phone, "*81")
    await still_talking(caller, agent)
    await agent.hang_up()
    assert await caller.wait_ended(PATIENCE_S) == "remote"
    assert [one.complaints for one in site.phones] == [[]] * 4
    await site.cleared()


def bans_of(site: Site, host: str) -> list[dict[str, Any]]:
    """What the engine's log tells of this address's bans."""
    lines = (site.data_dir / "log" / "engine.log").read_text(encoding="utf-8").splitlines()
    told = [json.loads(line) for line in lines if "an address is banned" in line]
    return [one for one in told if one["source"] == host]
