"""[io] Names to addresses by DNS (RFC 3263 4.2): SRV, then A or AAAA. Nothing here holds the loop up."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import ip_address

import structlog
from dns.asyncresolver import Resolver as Asking
from dns.exception import DNSException
from dns.resolver import NXDOMAIN, Answer, NoAnswer, NoResolverConfiguration

from ivr.sip.listener import TransportName
from ivr.sip.locating import Place, Service, ordered, service_name, usual_port

TIMEOUT_S = 4.0
NOTHING_TTL_S = 30.0
"""A name that isn't there, or that nobody could tell us of, is asked for again after so long."""
MAX_SERVICES = 16

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Known:
    until: float
    records: tuple[tuple[int, int, str, int], ...]


class Resolver:
    """Asks `servers`, or those of the system where none are given; answers are kept as long as their TTL says, and longer
    where no server answers: an outage of DNS is none of calls."""

    def __init__(
        self, servers: Sequence[Place] = (), pick: Callable[[int], int] = lambda most: random.randint(0, most)
    ) -> None:
        try:
            self._asking = Asking(configure=not servers)
        except NoResolverConfiguration as error:
            log.warning("names can't be looked up", why=str(error))
            self._asking = Asking(configure=False)
        if servers:
            self._asking.nameservers = [server.host for server in servers]
            self._asking.nameserver_ports = {server.host: server.port or 53 for server in servers}
        self._pick = pick
        self._known: dict[tuple[str, str], _Known] = {}

    async def locate(self, place: Place, transport: TransportName, *, ipv6: bool) -> list[tuple[str, int]]:
        """The place's (IP address, port)s in the order in which to try them; [] when nothing is known of it."""
        if place.is_ip:
            return [(str(ip_address(place.host)), place.port or usual_port(transport))]
        if place.port is not None:
            return await self._addresses(place.host, place.port, ipv6)
        services = await self._ask(service_name(place.host, transport), "SRV")
        if not services:
            return await self._addresses(place.host, usual_port(transport), ipv6)
        chosen = ordered((Service(*record) for record in services), self._pick)[:MAX_SERVICES]
        found = [address for one in chosen for address in await self._addresses(one.host, one.port, ipv6)]
        return list(dict.fromkeys(found))

    async def _addresses(self, host: str, port: int, ipv6: bool) -> list[tuple[str, int]]:
        records = await self._ask(host, "AAAA" if ipv6 else "A")
        return [(record[2], port) for record in records]

    async def _ask(self, name: str, kind: str) -> Sequence[tuple[int, int, str, int]]:
        """(priority, weight, host, port) of SRV records; of the others only the host counts."""
        now = asyncio.get_running_loop().time()
        known = self._known.get((name, kind))
        if known is not None and now < known.until:
            return known.records
        try:
            answer = await self._asking.resolve(f"{name.rstrip('.')}.", kind, lifetime=TIMEOUT_S, search=False)
        except (NXDOMAIN, NoAnswer):
            known = _Known(now + NOTHING_TTL_S, ())
        except (DNSException, OSError) as error:
            log.warning("no DNS server answers", name=name, kind=kind, why=str(error))
            known = _Known(now + NOTHING_TTL_S, known.records if known is not None else ())
        else:
            ttl = answer.rrset.ttl if answer.rrset is not None else NOTHING_TTL_S
            known = _Known(now + max(1, ttl), _records(answer, kind))
        self._known[name, kind] = known
        return known.records


def _records(answer: Answer, kind: str) -> tuple[tuple[int, int, str, int], ...]:
    if kind == "SRV":
        # A target of "." says that the service is not there (RFC 2782).
        return tuple(
            (one.priority, one.weight, one.target.to_text(omit_final_dot=True), one.port)
            for one in answer
            if one.target.to_text() != "."
        )
    return tuple((0, 0, one.address, 0) for one in answer)
