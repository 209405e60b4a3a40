"""Real TCP and TLS connections: used in both directions, bounded, and no call's end when they are lost."""

from __future__ import annotations

import asyncio
import os
import random
import resource
import secrets
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, cast

import pytest
import trustme

from ivr.listen import bind_listener
from ivr.sip import connections
from ivr.sip import events as sip
from ivr.sip.agent import UserAgent
from ivr.sip.connections import Limits, Tls, contexts
from ivr.sip.events import Address, Event, Send
from ivr.sip.guard import Policy
from ivr.sip.listener import Listener, TransportName
from ivr.sip.peers import Peers
from ivr.sip.stream import PING, PONG
from ivr.sip.target import Target
from ivr.sip.transport import Transport
from ivr.sip.trunk import TrunkPeer
from tests.ivr.sip.conftest import OURS, SDP
from tests.ports import free_port, needs_ipv6


def options() -> bytes:
    """A request that is answered, a new one each time."""
    return (
        f"OPTIONS sip:127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1:9;branch=z9hG4bK{next(NUMBERS)};rport\r\n"
        "From: <sip:a@a>;tag=t\r\nTo: <sip:b@b>\r\nCall-ID: c\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
    ).encode()


NUMBERS = count(1)


def now() -> float:
    return asyncio.get_running_loop().time()


@dataclass
class Node:
    """An agent with a UDP listener and one of `transport`."""

    transport_name: TransportName = "tcp"
    host: str = "127.0.0.1"
    tls: Tls | None = None
    limits: Limits = field(default_factory=Limits)
    networks: tuple[str, ...] = ("127.0.0.0/8", "::1/128")
    names: dict[Address, str] = field(default_factory=dict)
    policy: Policy = field(default_factory=Policy)
    refused: list[str] = field(default_factory=list)
    lost: list[Address] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.port = free_port(socket.SOCK_STREAM, self.host)
        datagrams = free_port(socket.SOCK_DGRAM, self.host)
        self.listeners = [Listener(self.host, datagrams), Listener(self.host, self.port, "s", self.transport_name)]
        self.events: asyncio.Queue[Event] = asyncio.Queue()
        self.agent = UserAgent(
            listeners=self.listeners,
            realm="r",
            peers=Peers([TrunkPeer.of("local", self.networks, ["4000"])], {"1001": "pw"}),
            token=lambda: secrets.token_hex(8),
            secret=secrets.token_bytes(32),
            policy=self.policy,
        )
        self.transport = Transport(
            self.agent,
            self.listeners,
            self.events.put_nowait,
            on_refused=lambda _, why: self.refused.append(why),
            on_lost=self.lost.append,
            tls={"s": self.tls} if self.tls is not None else {},
            names=self.names,
            limits=self.limits,
            dscp=24,
        )

    @property
    def address(self) -> Address:
        return Address(self.host, self.port, "s")

    @property
    def open(self) -> list[Any]:
        """Its connections."""
        way = self.transport._ways["s"]
        assert isinstance(way, connections.Connections)
        return list(way._open.values())

    async def wait(self, kind: type[Event]) -> Event:
        """The next event of this kind."""
        async with asyncio.timeout(10):
            while True:
                event = await self.events.get()
                if isinstance(event, kind):
                    return event

    async def invited(self) -> str:
        """The session of the next call."""
        event = await self.wait(sip.Invited)
        assert isinstance(event, sip.Invited)
        return event.session


@asynccontextmanager
async def node(**options: object) -> AsyncIterator[Node]:
    made = Node(**options)  # type: ignore[arg-type]  # the tests name its own fields
    await made.transport.start({one.name: bind_listener(one) for one in made.listeners})
    try:
        yield made
    finally:
        made.transport.close()
        await made.transport.wait_closed()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - what it waits for tells nobody
            await asyncio.sleep(0.005)


async def talk(a: Node, b: Node) -> str:
    """A call from a to b, answered; b's name for it."""
    scheme = f"sip:4000@{'[::1]' if ':' in b.host else b.host}:{b.port};transport={b.transport_name}"
    a.transport.send(a.agent.invite("leg", Target(scheme, b.address, from_user="139"), SDP, now()))
    session = await b.invited()
    b.transport.send(b.agent.answer(session, OURS, now()))
    assert await a.wait(sip.Answered) == sip.Answered("leg", OURS)
    assert await b.wait(sip.Acknowledged) == sip.Acknowledged(session)
    return session


async def test_a_call_over_one_connection() -> None:
    async with node() as a, node() as b:
        session = await talk(a, b)
        b.transport.send(b.agent.bye(session, now()))
        await a.wait(sip.HungUp)
        a.transport.send(a.agent.confirm_bye("leg", now()))
        await b.wait(sip.Over)
        assert (a.refused, b.refused, a.lost, b.lost) == ([], [], [], [])
        assert b.agent.listener(Address("127.0.0.1", 1, "s")).transport == "tcp"


@needs_ipv6
async def test_a_call_over_ipv6() -> None:
    async with node(host="::1") as a, node(host="::1") as b:
        await talk(a, b)
        a.transport.send(a.agent.bye("leg", now()))
        await b.wait(sip.HungUp)


async def test_a_lost_connection_ends_no_call() -> None:
    """Its other end goes on by a connection to the caller's Contact."""
    async with node() as a, node() as b:
        session = await talk(a, b)
        for connection in a.open:
            connection.abort()
        await until(lambda: bool(b.lost) and bool(a.lost))
        b.transport.send(b.agent.bye(session, now()))
        await a.wait(sip.HungUp)


async def test_a_server_that_is_not_there() -> None:
    async with node() as a:
        nobody = Address("127.0.0.1", free_port(socket.SOCK_STREAM), "s")
        a.transport.send(a.agent.invite("leg", Target("sip:4000@127.0.0.1", nobody, from_user="139"), SDP, now()))
        assert await a.wait(sip.Rejected) == sip.Rejected("leg", 503, "Service Unavailable")
        assert len(a.refused) == 1


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def pem(authority: trustme.CA, directory: Path, *names: str) -> tuple[Path, Path, Path]:
    """Files: certificate, key, who signed it."""
    issued = authority.issue_cert(*names)
    certificate, key, ca = (directory / name for name in ("cert.pem", "key.pem", "ca.pem"))
    certificate.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    issued.private_key_pem.write_to_path(key)
    authority.cert_pem.write_to_path(ca)
    return certificate, key, ca


def tls(authority: trustme.CA, directory: Path, *names: str, verify: bool = True) -> Tls:
    certificate, key, ca = pem(authority, directory, *names)
    return contexts(certificate, key, ca, verify=verify)


async def test_a_call_over_tls(authority: trustme.CA, tmp_path: Path) -> None:
    """The server proves its name; where none is expected, its IP address."""
    named, plain = tls(authority, tmp_path, "sip.carrier.cn"), tls(authority, tmp_path, "127.0.0.1")
    async with node(transport_name="tls", tls=plain) as a, node(transport_name="tls", tls=named) as b:
        a.names[b.address] = "sip.carrier.cn"
        await talk(a, b)
    async with node(transport_name="tls", tls=named) as a, node(transport_name="tls", tls=plain) as b:
        await talk(a, b)


@pytest.mark.parametrize("wrong", ["name", "authority"])
async def test_a_server_that_proves_nothing_gets_no_call(authority: trustme.CA, tmp_path: Path, wrong: str) -> None:
    ours = tls(authority, tmp_path, "127.0.0.1")
    theirs = tls(authority if wrong == "name" else trustme.CA(), tmp_path, "other.cn" if wrong == "name" else "127.0.0.1")
    async with node(transport_name="tls", tls=ours) as a, node(transport_name="tls", tls=theirs) as b:
        a.transport.send(a.agent.invite("leg", Target("sip:4000@127.0.0.1", b.address, from_user="139"), SDP, now()))
        assert await a.wait(sip.Rejected) == sip.Rejected("leg", 503, "Service Unavailable")
        assert "certificate verify failed" in a.refused[0]
        assert b.events.empty()


async def test_it_may_go_unproved(authority: trustme.CA, tmp_path: Path) -> None:
    careless = tls(authority, tmp_path, "other.cn", verify=False)
    async with node(transport_name="tls", tls=careless) as a, node(transport_name="tls", tls=careless) as b:
        await talk(a, b)


def test_files_that_are_no_certificate(authority: trustme.CA, tmp_path: Path) -> None:
    certificate, key, ca = pem(authority, tmp_path, "a")
    key.write_text("no key")
    with pytest.raises(OSError, match=r"PEM|pem"):
        contexts(certificate, key, ca, verify=True)


# What strangers and broken peers can do


async def answered(reader: asyncio.StreamReader, ends: bytes = b"Content-Length: 0\r\n\r\n") -> bytes:
    async with asyncio.timeout(10):
        return await reader.readuntil(ends)


async def closed(reader: asyncio.StreamReader) -> bool:
    async with asyncio.timeout(10):
        try:
            return await reader.read() == b""
        except ConnectionError:
            return True


@asynccontextmanager
async def stranger(port: int, host: str = "127.0.0.1") -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A plain connection from `host`."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(host, 0))
    try:
        yield reader, writer
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


async def test_messages_in_pieces_and_pings() -> None:
    async with node() as a:
        async with stranger(a.port) as (reader, writer):
            writer.write(b"\r\n\r\n")
            assert await answered(reader, b"\r\n") == b"\r\n"
            for octet in options():
                writer.write(bytes([octet]))
                await writer.drain()
            assert (await answered(reader)).startswith(b"SIP/2.0 200 OK\r\n")
        await until(lambda: len(a.lost) == 1)


class Server(asyncio.Protocol):
    """A peer that we connect to. It answers so many pings."""

    def __init__(self, *, answers: int, also: bytes = b"") -> None:
        self.answers, self.also = answers, also
        self.heard: list[bytes] = []
        self.gone = False
        self.way: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.way = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        assert self.way is not None
        self.heard.append(data)
        if data == PING and self.pings <= self.answers:
            self.way.write(PONG + self.also)

    def connection_lost(self, exc: Exception | None) -> None:
        self.gone = True

    @property
    def pings(self) -> int:
        return self.heard.count(PING)


@asynccontextmanager
async def connected(a: Node, peer: Server) -> AsyncIterator[Address]:
    """Our connection to it; the address."""
    server = await asyncio.get_running_loop().create_server(lambda: peer, "127.0.0.1", 0)
    async with server:
        address = Address("127.0.0.1", server.sockets[0].getsockname()[1], "s")
        a.transport.send([Send(b"hello", address)])
        await until(lambda: bool(peer.heard))
        yield address
        if peer.way is not None:
            peer.way.close()


async def test_we_ping_whom_we_connect_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """Again and again; what follows a pong is read, and no pong is taken for a ping."""
    monkeypatch.setattr(connections, "PING_S", (0.01, 0.02))
    peer = Server(answers=1000, also=options())
    async with node() as a, connected(a, peer):
        await until(lambda: peer.pings >= 3)
        assert (a.refused, a.lost) == ([], [])
        said = b"".join(peer.heard)
        assert said.count(b"SIP/2.0 200 OK") >= 1
        assert PONG * 3 not in said.replace(b"\r\n\r\nSIP/2.0", b"SIP/2.0").replace(PING, b"")


async def test_who_has_ponged_and_does_not_any_more_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "PING_S", (0.01, 0.02))
    monkeypatch.setattr(connections, "PONG_S", 0.5)
    peer = Server(answers=2)
    async with node() as a, connected(a, peer) as address:
        await until(lambda: a.lost == [address])
        assert a.refused == ["no pong"]
        await until(lambda: peer.gone)


async def test_who_has_never_ponged_is_not_held_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "PING_S", (0.01, 0.02))
    monkeypatch.setattr(connections, "PONG_S", 0.0)
    peer = Server(answers=0)
    async with node() as a, connected(a, peer) as address:
        await until(lambda: peer.pings >= 3)
        assert (a.refused, a.lost) == ([], [])
        a.transport.keep_alive(address, 0)
        await until(lambda: a.refused == ["no pong"])


async def test_a_message_is_as_good_as_a_pong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "PING_S", (0.01, 0.02))
    peer = Server(answers=0)
    async with node() as a, connected(a, peer) as address:
        a.transport.keep_alive(address, 0)
        for _ in range(3):
            before = peer.pings
            assert peer.way is not None
            peer.way.write(options())
            await until(lambda: peer.pings > before)  # noqa: B023 - it ends in this turn
        assert (a.refused, a.lost) == ([], [])


async def test_a_flow_timer_says_how_often_we_ping(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between four fifths of it and all of it."""
    drawn: list[tuple[float, float]] = []

    def uniform(least: float, most: float) -> float:
        drawn.append((least, most))
        return 0.01

    monkeypatch.setattr(random, "uniform", uniform)
    peer = Server(answers=1000)
    async with node() as a, connected(a, peer) as address:
        a.transport.keep_alive(address, 50)
        a.transport.keep_alive(Address("127.0.0.1", 1, "s"), 50)
        a.transport.keep_alive(Address("127.0.0.1", 1), 50)
        await until(lambda: peer.pings >= 3)
        count = len(drawn)
        a.transport.keep_alive(address, 50)
        assert len(drawn) == count, "nothing new"
    assert drawn[0] == connections.PING_S
    assert set(drawn[1:]) - {connections.PING_S} == {(40.0, 50.0)}


async def test_who_connects_to_us_is_not_pinged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "PING_S", (0.0, 0.0))
    async with node() as a, stranger(a.port) as (reader, writer):
        writer.write(options())
        await answered(reader)
        host, port = writer.get_extra_info("sockname")
        a.transport.keep_alive(Address(host, port, "s"), 1)
        writer.write(options())
        assert (await answered(reader)).startswith(b"SIP/2.0 200 OK\r\n")
        assert [one._ping_timer for one in a.open] == [None]


async def test_garbage_closes_its_connection_only() -> None:
    async with node() as a, stranger(a.port) as (good_reader, good), stranger(a.port) as (reader, writer):
        host, port = writer.get_extra_info("sockname")
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert await closed(reader)
        assert a.refused == ["not one Content-Length"]
        assert await a.wait(sip.Garbage) == sip.Garbage(Address(host, port, "s"), "not one Content-Length")
        good.write(options())
        assert (await answered(good_reader)).startswith(b"SIP/2.0 200 OK\r\n")


async def test_what_comes_before_garbage_is_answered() -> None:
    async with node() as a, stranger(a.port) as (reader, writer):
        writer.write(b"\r\n\r\n" + options() + b"INVITE sip:a SIP/2.0\r\nVia: x\r\n\r\n")
        assert await answered(reader, b"\r\n") == b"\r\n"
        assert (await answered(reader)).startswith(b"SIP/2.0 200 OK\r\n")
        assert await closed(reader)


async def test_who_sends_garbage_again_and_again_gets_no_connection_more() -> None:
    async with node(networks=("127.0.0.2/32",), policy=Policy(max_garbage=3)) as a:
        for _ in range(4):
            async with stranger(a.port) as (reader, writer):
                writer.write(b"GET / HTTP/1.1\r\n\r\n")
                assert await closed(reader)
        assert await a.wait(sip.Banned) == sip.Banned("127.0.0.1", "garbage", 600.0)
        before = list(a.refused)
        async with stranger(a.port) as (reader, _):
            assert await closed(reader)
        async with stranger(a.port, "127.0.0.2") as (reader, writer):
            writer.write(options())
            assert (await answered(reader)).startswith(b"SIP/2.0 200 OK\r\n"), "others aren't hurt"
        assert a.refused == before, "and the log no line"


async def test_a_host_has_so_many_connections_and_all_have_so_many() -> None:
    async with node(limits=Limits(total=3, per_host=2)) as a, AsyncExitStack() as stack:
        first = await stack.enter_async_context(stranger(a.port))
        for reader, writer in (first, await stack.enter_async_context(stranger(a.port))):
            writer.write(options())
            await answered(reader)
        refused, _ = await stack.enter_async_context(stranger(a.port))
        assert await closed(refused)
        reader, writer = await stack.enter_async_context(stranger(a.port, "127.0.0.2"))
        writer.write(options())
        await answered(reader)
        refused, _ = await stack.enter_async_context(stranger(a.port, "127.0.0.3"))
        assert await closed(refused)
        assert a.refused == ["too many connections"] * 2
        nobody = Address("127.0.0.1", free_port(socket.SOCK_STREAM), "s")
        a.transport.send(a.agent.invite("leg", Target("sip:4000@127.0.0.1", nobody, from_user="139"), SDP, now()))
        assert await a.wait(sip.Rejected) == sip.Rejected("leg", 503, "Service Unavailable"), "ours count too"
        first[1].close()
        await until(lambda: len(a.lost) == 1)
        reader, writer = await stack.enter_async_context(stranger(a.port))
        writer.write(options())
        await answered(reader)


@pytest.mark.parametrize("says", [b"", b"\r\n\r\n", options()[:40], options()])
async def test_strangers_are_shown_out(says: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever they say: only a peer we have business with may stay."""
    monkeypatch.setattr(connections, "PROVE_S", 0.1)
    async with node(networks=("192.0.2.0/24",)) as a, stranger(a.port) as (reader, writer):
        writer.write(says)
        heard = b""
        with suppress(ConnectionError):  # where it was shown out before all was read that it said
            async with asyncio.timeout(10):
                while data := await reader.read(1000):
                    heard += data
        assert heard in {b"", b"\r\n"}
        assert a.refused == ["a stranger"]


async def test_a_peer_we_know_may_be_silent_but_not_in_mid_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "PROVE_S", 0.1)
    async with node() as a, stranger(a.port) as (idle_reader, idle), stranger(a.port) as (reader, writer):
        await until(lambda: all(connection._trusted for connection in a.open) and len(a.open) == 2)
        writer.write(options() + options()[:40])
        assert (await answered(reader)).startswith(b"SIP/2.0 200 OK\r\n")
        assert await closed(reader)
        assert a.refused == ["half a message"]
        idle.write(options())
        assert (await answered(idle_reader)).startswith(b"SIP/2.0 200 OK\r\n")


async def test_an_idle_connection_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    async with node() as a, node() as b:
        session = await talk(a, b)
        monkeypatch.setattr(connections, "IDLE_S", 0.1)
        b.transport.send(b.agent.bye(session, now()))  # it is idle for so long after the last message
        await until(lambda: a.refused == ["it is idle"] and len(b.lost) == 1)


async def test_who_does_not_read_is_given_up_and_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "MAX_WAITING_BYTES", 200_000)
    async with node() as a, node() as b, stranger(a.port) as (reader, writer):
        writer.write(options())
        await answered(reader)
        writer.transport.pause_reading()  # type: ignore[attr-defined]  # it has it
        host, port = writer.get_extra_info("sockname")
        while not a.refused:
            a.transport.send([Send(b"x" * 60_000, Address(host, port, "s"))])
        assert a.refused == ["it does not read"]
        a.transport.send([Send(b"x", Address(host, port, "s"))])
        await talk(b, a)


async def test_what_waits_for_a_connection_is_bounded_and_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "MAX_WAITING_BYTES", 7)
    async with node() as a:
        with socket.create_server(("127.0.0.1", 0)) as server:
            peer = Address("127.0.0.1", server.getsockname()[1], "s")
            a.transport.send([Send(data, peer) for data in (b"one", b"two", b"three", b"4")])
            taken, _ = await asyncio.to_thread(server.accept)
            with taken:
                assert await asyncio.to_thread(taken.recv, 7, socket.MSG_WAITALL) == b"onetwo4"


async def test_closing_while_connecting() -> None:
    """A server that does not take the connection doesn't hold our end up."""
    async with node() as a:
        with socket.create_server(("127.0.0.1", 0), backlog=0) as server, ExitStack() as stack:
            peer = Address("127.0.0.1", server.getsockname()[1], "s")
            for _ in range(4):
                filler = stack.enter_context(socket.socket())
                filler.setblocking(False)
                filler.connect_ex(peer[:2])
            a.transport.send([Send(b"x", peer)])
            await asyncio.sleep(0)
            a.transport.close()
            await a.transport.wait_closed()
            a.transport.send([Send(b"x", peer)])
        assert a.lost == []


async def test_what_leaves_is_marked() -> None:
    """DSCP CS3, also on the connections that peers make."""
    async with node() as a, node() as b:
        await talk(a, b)
        socks = [connection._transport.get_extra_info("socket") for connection in (*a.open, *b.open)]
        assert [sock.getsockopt(socket.IPPROTO_IP, socket.IP_TOS) for sock in socks] == [24 << 2] * 2


async def test_without_descriptors_connections_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """The listener outlives it, and takes who has waited."""
    monkeypatch.setattr(connections, "FULL_S", 0.01)
    loop, (soft, hard) = asyncio.get_running_loop(), resource.getrlimit(resource.RLIMIT_NOFILE)
    async with node() as a, stranger(a.port) as (reader, writer):
        writer.write(options())
        await answered(reader)
        with socket.socket() as late:
            late.setblocking(False)
            lowest = os.dup(late.fileno())
            os.close(lowest)
            resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, hard))
            try:
                await loop.sock_connect(late, ("127.0.0.1", a.port))
                await loop.sock_sendall(late, options())
                for _ in range(3):
                    writer.write(options())
                    await answered(reader)
                assert len(a.open) == 1, "there is no descriptor for another"
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            async with asyncio.timeout(10):
                assert (await loop.sock_recv(late, 100)).startswith(b"SIP/2.0 200 OK\r\n")
