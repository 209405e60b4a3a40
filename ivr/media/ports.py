"""[io] UDP sockets of the legs: a port each out of a range, and two ways to wait for packets.

Hurried sockets wake the process on arrival: what comes there is relayed. The others are looked at before each slot of the
schedule, which costs one wake-up for all of them.
"""

from __future__ import annotations

import contextlib
import select
import socket
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from ivr.media.outgoing import Address, Send
from ivr.media.packet import Buffers, Counters

EXPEDITED = 0xB8
"""DSCP EF in the IP header's byte (RFC 4594 4.1)."""

Receive: TypeAlias = Callable[[int, Address, int], None]


class NoPort(OSError):
    """All ports of the range are in use."""


class Ports:
    """Even ports from `port_min` to `port_max`, given out in turn: one just freed rests longest, its peer may still talk."""

    def __init__(self, host: str, port_min: int, port_max: int, *, buffers: Buffers, counters: Counters) -> None:
        self._host = host
        self._family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._free = deque(range(port_min + port_min % 2, port_max + 1, 2))
        self._packet = buffers.packet
        self._counters = counters
        self._sockets: dict[int, socket.socket] = {}
        self._receivers: dict[int, tuple[Callable[..., tuple[int, tuple[str, int]]], Receive]] = {}
        self.hurried = select.epoll()
        """Hurried sockets, and what else wakes the process."""
        self.hurrying = 0
        """How many sockets are hurried."""
        self._patient = select.epoll()

    def __len__(self) -> int:
        return len(self._sockets)

    def open(self) -> tuple[int, Send]:
        """Bind a port; returns it and what sends from it, raising OSError. Raises NoPort."""
        for _ in range(len(self._free)):
            port = self._free.popleft()
            sock = socket.socket(self._family, socket.SOCK_DGRAM)
            try:
                sock.bind((self._host, port))
            except OSError:  # somebody else's, for now
                sock.close()
                self._free.append(port)
                continue
            sock.setblocking(False)
            with contextlib.suppress(OSError):  # not allowed everywhere
                sock.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, EXPEDITED)
            self._sockets[port] = sock
            return port, sock.sendto
        raise NoPort("no free port")

    def attach(self, port: int, receive: Receive) -> None:
        """Begin to receive: receive(size, source, now) is called with each packet in the buffer."""
        sock = self._sockets[port]
        if self._family == socket.AF_INET6:  # its addresses have four parts

            def receive_6(size: int, source: tuple[Any, ...], now: int) -> None:
                receive(size, source[:2], now)

            self._receivers[sock.fileno()] = (sock.recvfrom_into, receive_6)
        else:
            self._receivers[sock.fileno()] = (sock.recvfrom_into, receive)
        self._patient.register(sock, select.EPOLLIN)

    def hurry(self, port: int, hurried: bool) -> None:
        """Whether packets are taken on arrival or before the next slot."""
        old, new = (self._patient, self.hurried) if hurried else (self.hurried, self._patient)
        self.hurrying += 1 if hurried else -1
        old.unregister(self._sockets[port])
        new.register(self._sockets[port], select.EPOLLIN)

    def close(self, port: int, hurried: bool) -> None:
        """Free the port."""
        sock = self._sockets.pop(port)
        del self._receivers[sock.fileno()]
        (self.hurried if hurried else self._patient).unregister(sock)
        self.hurrying -= hurried
        sock.close()
        self._free.append(port)

    def drain(self, now: int) -> None:
        """Take a packet from each unhurried socket that has one."""
        self.take(self._patient.poll(0, max(1, len(self._sockets))), now)

    def take(self, ready: Sequence[tuple[int, int]], now: int) -> list[int]:
        """Take a packet from each leg's socket that epoll found ready; returns the descriptors that are none."""
        others = []
        packet, receivers = self._packet, self._receivers
        for descriptor, _ in ready:
            found = receivers.get(descriptor)
            if found is None:
                others.append(descriptor)
                continue
            try:
                size, source = found[0](packet)
            except OSError:  # none there after all, or an earlier packet's ICMP error
                continue
            found[1](size, source, now)
        self._counters.received += len(ready) - len(others)
        return others

    def shut(self) -> None:
        """Close everything."""
        for sock in self._sockets.values():
            sock.close()
        self.hurried.close()
        self._patient.close()
