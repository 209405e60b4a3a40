"""A DNS server on loopback whose zone is a dict, for tests."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

from ivr.sip.locating import Place


class NameServer(asyncio.DatagramProtocol):
    """zone: (name, type) → texts of the records; a name without any is NXDOMAIN. `silent`: it answers nobody."""

    def __init__(self, zone: dict[tuple[str, str], list[str]], ttl: int) -> None:
        self.zone = zone
        self.ttl = ttl
        self.silent = False
        self.asked: Counter[tuple[str, str]] = Counter()
        self.place = Place("127.0.0.1")
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)
        self.place = Place(*transport.get_extra_info("sockname"))

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        query = dns.message.from_wire(data)
        [question] = query.question
        name, kind = question.name.to_text(omit_final_dot=True), dns.rdatatype.to_text(question.rdtype)
        self.asked[name, kind] += 1
        if self.silent:
            return
        response = dns.message.make_response(query)
        response.flags |= dns.flags.AA
        records = self.zone.get((name, kind), [])
        if records:
            response.answer.append(dns.rrset.from_text(question.name, self.ttl, "IN", kind, *records))
        elif not any(known == name for known, _ in self.zone):
            response.set_rcode(dns.rcode.NXDOMAIN)
        assert self._transport is not None
        self._transport.sendto(response.to_wire(), addr)


@asynccontextmanager
async def name_server(zone: dict[tuple[str, str], list[str]], ttl: int = 60) -> AsyncIterator[NameServer]:
    """A running one."""
    transport, server = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: NameServer(zone, ttl), local_addr=("127.0.0.1", 0)
    )
    try:
        yield server
    finally:
        transport.close()
