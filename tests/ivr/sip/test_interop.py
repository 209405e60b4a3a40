"""The agent behind a real socket against telephones that share no code with it: SIPp, and pyVoIP in a process of its own."""

from __future__ import annotations

import asyncio
import secrets
import shutil
import socket
import sys
from collections.abc import AsyncIterator

import pytest

from ivr.sip import events as sip
from ivr.sip import sdp
from ivr.sip.agent import UserAgent
from ivr.sip.events import Address, Event
from ivr.sip.listener import Listener
from ivr.sip.peers import Peers
from ivr.sip.registrar import update
from ivr.sip.transport import Transport
from ivr.sip.trunk import TrunkPeer
from tests.ports import free_port, free_ports

SIPP = shutil.which("sipp")
PYVOIP = """
import sys, time
from pyVoIP.VoIP import CallState, VoIPPhone
server, own, sound = map(int, sys.argv[1:])
phone = VoIPPhone("127.0.0.1", server, "1001", "secret", myIP="127.0.0.1", sipPort=own, rtpPortLow=sound, rtpPortHigh=sound + 3)
phone.start()
while phone.get_status().value != "REGISTERED":
    time.sleep(0.05)
call = phone.call("4000")
while call.state is not CallState.ANSWERED:
    time.sleep(0.05)
time.sleep(1.5)
call.hangup()
time.sleep(0.5)
phone.stop()
"""


class Desk:
    """An app that answers every call and confirms every BYE; it counts."""

    def __init__(self) -> None:
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(("127.0.0.1", 0))
        self.address = Address(*self.sock.getsockname())
        peers = Peers([TrunkPeer.of("local", ["127.0.0.0/8"], ["4001"])], {"1001": "secret"})
        listeners = [Listener("127.0.0.1", self.address.port)]
        self.agent = UserAgent(
            listeners=listeners,
            realm="hotline",
            peers=peers,
            token=lambda: secrets.token_hex(8),
            secret=secrets.token_bytes(32),
        )
        self.transport = Transport(self.agent, listeners, self.react)
        self.seen: list[str] = []
        self.told = asyncio.Event()
        self.parties: set[str] = set()

    def react(self, event: Event) -> None:
        """The app."""
        self.seen.append(type(event).__name__)
        self.told.set()
        now = asyncio.get_running_loop().time()
        match event:
            case sip.Invited(session, party, _, _, _, _, offer):
                self.parties.add(party.name)
                answer, _ = sdp.answer(offer, host="127.0.0.1", port=9, session_id=1, version=1)
                self.transport.send([*self.agent.ring(session, now), *self.agent.answer(session, answer, now)])
            case sip.HungUp(session):
                self.transport.send(self.agent.confirm_bye(session, now))
            case sip.RegisterRequested():
                self.transport.send(self.agent.registered(event.request, update([], event).bound, now))

    async def until(self, kind: str, count: int) -> None:
        """Wait until the app was told so often."""
        async with asyncio.timeout(30):
            while self.seen.count(kind) < count:
                self.told.clear()
                await self.told.wait()


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    desk = Desk()
    await desk.transport.start({"": desk.sock})
    yield desk
    desk.transport.close()
    await desk.transport.wait_closed()


@pytest.mark.interop(peer="SIPp")
@pytest.mark.skipif(SIPP is None, reason="SIPp is not installed")
async def test_sipp_calls(desk: Desk) -> None:
    assert SIPP is not None
    process = await asyncio.create_subprocess_exec(
        *(SIPP, f"127.0.0.1:{desk.address.port}", "-sn", "uac", "-s", "4001", "-m", "200", "-r", "100", "-d", "50"),
        # So few at a time find room in the socket where this process stands still: an ACK that is lost is not sent again.
        *("-l", "20", "-i", "127.0.0.1", "-nostdin", "-timeout", "60s"),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert await process.wait() == 0
    assert desk.seen.count("Invited") == desk.seen.count("Acknowledged") == desk.seen.count("HungUp") == 200
    assert desk.parties == {"local"}
    assert "Garbage" not in desk.seen


async def test_pyvoip_registers_and_calls(desk: Desk) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", PYVOIP, str(desk.address.port), str(free_port()), str(free_ports(4))),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        await desk.until("HungUp", 1)
        assert desk.seen.count("Acknowledged") == 1
        assert desk.parties & {"1001", "local"}
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
