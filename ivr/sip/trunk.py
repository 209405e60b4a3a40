"""A trunk as the user agent sees it: where its datagrams come from and which landing numbers it brings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network


@dataclass(frozen=True, slots=True)
class TrunkPeer:
    """name: the trunk's name. networks: its source addresses. numbers: its landing numbers (落地号码), user parts of the
    Request-URI. user: the user part of the Contact that we register with it, "" where we don't. large_over_tcp: it takes
    requests that are too long for UDP by TCP. called_from: the header whose user part is the dialled number, "" for the
    Request-URI. takes_register: its REGISTERs are answered 200, though nothing is bound. own_listener: the name of the listener
    that it has for itself: it comes by no other, and nobody else by that one; None where it shares one."""

    name: str
    networks: tuple[IPv4Network | IPv6Network, ...]
    numbers: frozenset[str]
    user: str = ""
    large_over_tcp: bool = False
    called_from: str = ""
    takes_register: bool = False
    own_listener: str | None = None

    @classmethod
    def of(
        cls,
        name: str,
        networks: Sequence[str],
        numbers: Sequence[str],
        *,
        user: str = "",
        large_over_tcp: bool = False,
        called_from: str = "",
        takes_register: bool = False,
        own_listener: str | None = None,
    ) -> TrunkPeer:
        """From texts: TrunkPeer.of("carrier", ["10.0.0.0/24"], ["4713614000"]). ValueError for a bad network."""
        return cls(
            name,
            tuple(ip_network(text) for text in networks),
            frozenset(numbers),
            user,
            large_over_tcp,
            called_from,
            takes_register,
            own_listener,
        )

    def sends_from(self, address: IPv4Address | IPv6Address) -> bool:
        """Whether a datagram from this address is the trunk's."""
        return any(address in network for network in self.networks)


@lru_cache(maxsize=1024)
def source_address(host: str) -> IPv4Address | IPv6Address | None:
    """The source host of a datagram as an address; IPv4 mapped into IPv6 comes out as IPv4; None for what is no address."""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address
