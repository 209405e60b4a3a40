"""Real sockets: two agents call each other through asyncio, and pyVoIP's way of registering."""

from __future__ import annotations

import asyncio
import secrets
import socket
from collections.abc import AsyncIterator

import pytest

from ivr.sip import events as sip
from ivr.sip.agent import UserAgent
from ivr.sip.events import Address, Event, Send
from ivr.sip.listener import Listener
from ivr.sip.peers import Peers
from ivr.sip.target import Target
from ivr.sip.transport import Transport
from ivr.sip.trunk import TrunkPeer
from tests.ivr.sip.conftest import OURS, SDP


class Node:
    """An agent on a loopback socket; its events queue up."""

    def __init__(self) -> None:
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(("127.0.0.1", 0))
        self.address = Address(*self.sock.getsockname())
        self.events: asyncio.Queue[Event] = asyncio.Queue()
        self.errors: list[OSError] = []
        peers = Peers([TrunkPeer.of("local", ["127.0.0.0/8"], ["4000"])])
        listeners = [Listener("127.0.0.1", self.address.port)]
        self.agent = UserAgent(
            listeners=listeners,
            realm="r",
            peers=peers,
            token=lambda: secrets.token_hex(8),
            secret=secrets.token_bytes(32),
        )
        self.transport = Transport(self.agent, listeners, self.events.put_nowait, self.errors.append)

    async def wait(self, kind: type[Event]) -> Event:
        """The next event of this kind."""
        async with asyncio.timeout(10):
            while True:
                event = await self.events.get()
                if isinstance(event, kind):
                    return event


@pytest.fixture
async def nodes() -> AsyncIterator[tuple[Node, Node]]:
    pair = Node(), Node()
    for node in pair:
        await node.transport.start({"": node.sock})
    yield pair
    for node in pair:
        node.transport.close()
        await node.transport.wait_closed()


def now() -> float:
    return asyncio.get_running_loop().time()


async def test_a_call(nodes: tuple[Node, Node]) -> None:
    a, b = nodes
    target = Target(f"sip:4000@127.0.0.1:{b.address.port}", b.address, from_user="139")
    a.transport.send(a.agent.invite("leg", target, SDP, now()))
    invited = await b.wait(sip.Invited)
    assert isinstance(invited, sip.Invited)
    b.transport.send(b.agent.ring(invited.session, now()))
    assert await a.wait(sip.Progressed) == sip.Progressed("leg", 180)
    b.transport.send(b.agent.answer(invited.session, OURS, now()))
    assert await a.wait(sip.Answered) == sip.Answered("leg", OURS)
    assert await b.wait(sip.Acknowledged) == sip.Acknowledged(invited.session)
    a.transport.send(a.agent.bye("leg", now()))
    await b.wait(sip.HungUp)
    b.transport.send(b.agent.confirm_bye(invited.session, now()))
    await a.wait(sip.Over)


async def test_the_timer_repeats_what_was_lost(nodes: tuple[Node, Node]) -> None:
    a, b = nodes
    outputs = a.agent.invite("leg", Target("sip:4000@127.0.0.1", b.address, from_user="139"), SDP, now())
    a.transport.send([output for output in outputs if not isinstance(output, Send)])
    await b.wait(sip.Invited)


async def test_datagrams_wait_in_an_inherited_socket() -> None:
    a, b = Node(), Node()
    await a.transport.start({"": a.sock})
    a.transport.send(a.agent.invite("leg", Target("sip:4000@127.0.0.1", b.address, from_user="139"), SDP, now()))
    await b.transport.start({"": b.sock})
    await b.wait(sip.Invited)
    for node in (a, b):
        node.transport.close()
        node.transport.send([Send(b"x", a.address)])
        await node.transport.wait_closed()


async def test_an_unreachable_peer_is_the_networks_loss(nodes: tuple[Node, Node]) -> None:
    a, _ = nodes
    a.transport.send([Send(b"x", Address("255.255.255.255", 9))])
    assert a.errors


async def test_closed_before_the_start() -> None:
    node = Node()
    node.transport.close()
    await node.transport.wait_closed()
    node.sock.close()
