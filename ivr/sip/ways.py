"""Which way a request of ours goes: listener, transport and connection (RFC 3261 18.1.1, 8.1.2)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from ivr.sip.events import Address
from ivr.sip.listener import TRANSPORTS, Listener, TransportName
from ivr.sip.outgoing import Outgoing
from ivr.sip.uri import parse_name_addr, parse_uri

MAX_UDP_BYTES = 1300
"""A longer request goes by TCP where the peer takes it (18.1.1)."""


class Ways:
    """The node's listeners, the first one first. large_over_tcp: whether the peer with this address takes long requests by
    TCP."""

    def __init__(self, listeners: Sequence[Listener], large_over_tcp: Callable[[Address], bool]) -> None:
        self._by_name = {listener.name: listener for listener in listeners}
        self._large_over_tcp = large_over_tcp
        self._no_tcp: set[Address] = set()

    def listener(self, address: Address) -> Listener:
        """The listener that this address is spoken to by; the first one where the named one is no more (settings change)."""
        return self._by_name.get(address.listener) or self._by_name[""]

    def reliable(self, destination: Address) -> bool:
        """Whether what goes there needs no repetition of ours."""
        return self.listener(destination).reliable

    def contact(self, peer: Address, user: str = "") -> tuple[str, str]:
        """Our Contact header for this peer."""
        return "Contact", f"<{self.listener(peer).uri(peer.host, user)}>"

    def fit(self, outgoing: Outgoing) -> tuple[Outgoing, bytes]:
        """The request and its bytes; one that is too long for UDP goes by TCP, where both sides have it."""
        data = outgoing.write()
        if len(data) <= MAX_UDP_BYTES or outgoing.transport != "udp" or outgoing.destination in self._no_tcp:
            return outgoing, data
        tcp = self._sibling(outgoing.destination, "tcp")
        if tcp is None or not self._large_over_tcp(outgoing.destination):
            return outgoing, data
        outgoing = self.readdress(outgoing, tcp)
        return outgoing, outgoing.write()

    def unfit(self, outgoing: Outgoing) -> Outgoing | None:
        """The same request by UDP, where fit() had chosen TCP and the peer won't have that (18.1.1); None for any other."""
        udp = self._sibling(outgoing.destination, "udp")
        if outgoing.transport != "tcp" or udp is None or not self._large_over_tcp(udp):
            return None
        self._no_tcp.add(udp)
        return self.readdress(outgoing, udp)

    def readdress(self, outgoing: Outgoing, destination: Address) -> Outgoing:
        """The same request to another place, with the Via of the listener it leaves by."""
        listener = self.listener(destination)
        sent_by = listener.sent_by(destination.host)
        return replace(outgoing, destination=destination, sent_by=sent_by, transport=listener.transport)

    def next_hop(self, hop: str, destination: Address, peer: Address) -> Address:
        """The destination with the transport that the hop's URI names, where we have it. A connection that the peer speaks
        on is used rather than a new one to the same host."""
        if destination == peer:
            return peer
        uri = parse_uri(parse_name_addr(hop).uri)
        named = uri.params.get("transport", "tls" if uri.scheme == "sips" else "").lower()
        if named in TRANSPORTS and named != self.listener(destination).transport:
            return self._sibling(destination, named) or destination
        return peer if self.reliable(destination) and peer.host == destination.host else destination

    def _sibling(self, address: Address, transport: TransportName) -> Address | None:
        """The same place by another transport, if we have a listener of it on the same address."""
        host = self.listener(address).host
        found = (one.name for one in self._by_name.values() if one.transport == transport and one.host == host)
        name = next(found, None)
        return None if name is None else address._replace(listener=name)
