"""Where a server is to be found (RFC 3263): places as settings name them, the order of SRV records, and which addresses
answered last."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from itertools import groupby

from ivr.sip.events import Address
from ivr.sip.listener import TransportName
from ivr.sip.uri import SIP_PORT, UriError, host_port, parse_uri

TLS_PORT = 5061
DEAD_S = 60.0
"""So long an address that did not answer is tried after all others."""
LONGEST_S = 3600.0
"""So long one at most that names a time of its own (Retry-After)."""


@dataclass(frozen=True, slots=True)
class Place:
    """A server: an IP address or a name. port None: as SRV records say, else the transport's usual one."""

    host: str
    port: int | None = None

    @classmethod
    def parse(cls, text: str) -> Place:
        """host, host:port, [IPv6] or [IPv6]:port. ValueError when it is none."""
        try:
            uri = parse_uri(f"sip:{text}")
        except UriError as error:
            raise ValueError("no host or host:port") from error
        if uri.user or uri.params:
            raise ValueError("no host or host:port")
        return cls(uri.host, uri.port)

    def __str__(self) -> str:
        return self.bare_host if self.port is None else host_port(self.host, self.port)

    @property
    def bare_host(self) -> str:
        """The host as URIs have it, IPv6 in brackets."""
        return f"[{self.host}]" if ":" in self.host else self.host

    @property
    def is_ip(self) -> bool:
        """Whether it can be reached without asking DNS."""
        try:
            ip_address(self.host)
        except ValueError:
            return False
        return True


def usual_port(transport: TransportName) -> int:
    """The port where nothing names one (RFC 3261 19.1.2)."""
    return TLS_PORT if transport == "tls" else SIP_PORT


def service_name(host: str, transport: TransportName) -> str:
    """The name whose SRV records tell where the domain's servers are (RFC 3263 4.1)."""
    service, protocol = ("_sips", "tcp") if transport == "tls" else ("_sip", transport)
    return f"{service}._{protocol}.{host}"


@dataclass(frozen=True, slots=True)
class Service:
    """One SRV record."""

    priority: int
    weight: int
    host: str
    port: int


def ordered(services: Iterable[Service], pick: Callable[[int], int]) -> list[Service]:
    """In the order in which to try them (RFC 2782): by priority, among equals by chance as their weights say. pick(n) is a
    random whole number from 0 to n."""
    found: list[Service] = []
    for _, group in groupby(sorted(services, key=lambda one: (one.priority, one.weight)), key=lambda one: one.priority):
        left = list(group)
        while left:
            lot = pick(sum(one.weight for one in left))
            index, reached = 0, left[0].weight
            while reached < lot:
                index += 1
                reached += left[index].weight
            found.append(left.pop(index))
    return found


class Health:
    """Which addresses gave no answer of late, or wish to be left alone."""

    def __init__(self) -> None:
        self._dead_until: dict[Address, float] = {}
        self._resting_until: dict[Address, float] = {}

    def died(self, address: Address, now: float, retry_after_s: float = 0.0) -> None:
        """It did not answer, could not be reached, or said that it can't serve: for retry_after_s, where it said that (RFC 3261
        20.33)."""
        if retry_after_s > 0:
            self._resting_until[address] = now + min(retry_after_s, LONGEST_S)
        else:
            self._dead_until[address] = now + DEAD_S

    def lives(self, address: Address) -> None:
        """It answered. That it can be reached changes nothing of how long it wishes to be left alone."""
        self._dead_until.pop(address, None)

    def sorted(self, addresses: Sequence[Address], now: float) -> list[Address]:
        """The same addresses, those last that are dead or rest, else in their order."""
        kinds = (self._dead_until, self._resting_until)
        return sorted(addresses, key=lambda address: any(now < until.get(address, now) for until in kinds))
