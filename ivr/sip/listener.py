"""A listener: where messages of one transport come in and leave by, and the addresses its peers are told."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Literal

from ivr.sip.uri import host_port, write_user

TransportName = Literal["udp", "tcp", "tls"]
Srtp = Literal["off", "optional", "required"]
TRANSPORTS: tuple[TransportName, ...] = ("udp", "tcp", "tls")


@dataclass(frozen=True, slots=True)
class Listener:
    """name: as in Address.listener, "" for the first one. host, port: bound. media_bind: the address its calls' RTP is bound
    to.

    advertised_host and media_advertised_host stand for those two where peers are told of them (hosts behind 1:1 NAT; "" when
    they are the same); peers in local_networks are told the bound addresses. srtp: whether media of its calls is encrypted.
    """

    host: str
    port: int
    name: str = ""
    transport: TransportName = "udp"
    advertised_host: str = ""
    media_bind: str = ""
    media_advertised_host: str = ""
    local_networks: tuple[IPv4Network | IPv6Network, ...] = ()
    srtp: Srtp = "off"

    @property
    def label(self) -> str:
        """Its name as settings and log have it."""
        return self.name or "main"

    @property
    def reliable(self) -> bool:
        """Whether its transport repeats what was lost by itself (RFC 3261 17)."""
        return self.transport != "udp"

    def signalling_host(self, peer: str) -> str:
        """The host that this peer (an IP address) is told in Via and Contact."""
        return self.host if self._local(peer) else self.advertised_host or self.host

    def media_host(self, peer: str) -> str:
        """The host that this peer (an IP address) is told in SDP."""
        return self.media_bind if self._local(peer) else self.media_advertised_host or self.media_bind

    def sent_by(self, peer: str) -> str:
        """host:port for our Via to this peer."""
        return host_port(self.signalling_host(peer), self.port)

    def aor(self, peer: str, user: str = "") -> str:
        """A user of ours, for From."""
        return f"sip:{write_user(user)}@{self.sent_by(peer)}" if user else f"sip:{self.sent_by(peer)}"

    def uri(self, peer: str, user: str = "") -> str:
        """Where this peer reaches a user of ours, for Contact."""
        return self.aor(peer, user) + (f";transport={self.transport}" if self.reliable else "")

    def _local(self, peer: str) -> bool:
        return bool(self.local_networks) and any(ip_address(peer) in network for network in self.local_networks)
