"""The seats' telephones in Redis: behind NAT they are kept awake, by a lost connection they are gone."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from redis.asyncio import Redis

from ivr import registrations as module
from ivr.registrations import Registrations
from ivr.sip.agent import UserAgent
from ivr.sip.events import Address, Contact, Output, RegisterRequested, Send
from ivr.sip.listener import Listener
from ivr.sip.peers import Peers
from routing.seats import SeatProfile
from routing.store import Store
from storage.journal import Journal
from storage.redis import connect

NAT, FLOW = Address("192.0.2.20", 40001), Address("192.0.2.20", 40002, "t")


class Site:
    """A registrar over Redis whose messages are kept."""

    def __init__(self, store: Store) -> None:
        self.sent: list[Send] = []
        self.sending = asyncio.Event()
        self.peers = Peers((), {"1001": "pw"})
        listeners = [Listener("192.0.2.1", 5060), Listener("192.0.2.1", 5060, "t", "tcp")]
        token = lambda: secrets.token_hex(8)  # noqa: E731
        agent = UserAgent(listeners=listeners, realm="r", peers=self.peers, token=token, secret=b"k" * 32)
        self.registrations = Registrations(agent, self.peers, store, asyncio.get_running_loop().time, self.send, {})

    def send(self, outputs: Sequence[Output]) -> None:
        self.sent += [output for output in outputs if isinstance(output, Send)]
        self.sending.set()

    async def register(self, uri: str, source: Address, cseq: int = 1, expires_s: int = 60) -> None:
        asked = RegisterRequested("r", "1001", (Contact(uri, expires_s),), source, f"call-{uri}", cseq)
        await self.registrations.register(asked)

    async def where(self) -> Address | None:
        targets = await self.registrations.targets("1001", from_user="139", from_display="")
        return targets[0].destination if targets else None


@pytest.fixture
async def site(redis_url: str, redis: Redis, tmp_path: Path) -> AsyncIterator[Site]:
    client, journal = connect(redis_url), Journal(tmp_path / "journal")
    store = Store(client, node="one", journal=journal)
    await store.start()
    await store.set_seats([SeatProfile("1001", "Wang", ("service",))])
    yield Site(store)
    await client.aclose()
    journal.close()


async def test_a_lost_connection_is_no_way_to_a_seat(site: Site) -> None:
    await site.register("sip:1001@192.168.7.2:5060;transport=tcp", FLOW)
    assert await site.where() == FLOW
    site.registrations.on_lost(Address("192.0.2.20", 40003, "t"))
    assert not site.registrations._forgetting
    site.registrations.on_lost(FLOW)
    await asyncio.gather(*site.registrations._forgetting)
    assert await site.where() is None
    assert FLOW not in site.peers.flows


async def test_who_has_connected_again_stays(site: Site) -> None:
    """The old connection is missed only after the new one has been registered."""
    await site.register("sip:1001@192.168.7.2:5060;transport=tcp", FLOW)
    forgetting = site.registrations._forget("1001", FLOW)
    again = FLOW._replace(port=40009)
    await site.register("sip:1001@192.168.7.2:5060;transport=tcp", again, cseq=2)
    await forgetting
    assert await site.where() == again
    assert site.peers.flows == {again: "1001"}


async def test_telephones_behind_nat_are_kept_awake(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not those that we see as they see themselves, nor those on connections, nor those that are gone."""
    monkeypatch.setattr(module, "KEEP_ALIVE_S", (0.0, 0.0))
    await site.register("sip:1001@192.168.7.2:5060", NAT)
    await site.register("sip:1001@192.0.2.21:5060", Address("192.0.2.21", 5060))
    await site.register("sip:1001@192.168.7.3:5060;transport=tcp", FLOW)
    await site.register("sip:1001@192.168.7.4:5060", Address("192.0.2.22", 40001))
    await site.register("sip:1001@192.168.7.4:5060", Address("192.0.2.22", 40001), cseq=2, expires_s=0)
    site.sent.clear()
    site.sending.clear()
    running = asyncio.get_running_loop().create_task(site.registrations.keep_alive())
    async with asyncio.timeout(10):
        await site.sending.wait()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert {send.destination for send in site.sent} == {NAT}
    assert site.sent[0].data.startswith(b"OPTIONS sip:1001@192.168.7.2:5060 SIP/2.0\r\n")
