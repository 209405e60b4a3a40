"""[io] UDP sockets of the legs: a pair of ports each out of a range, and two ways to wait for packets.

Hurried sockets wake the process on arrival: what comes there is relayed. The others are looked at before each slot in which
a leg sends, which costs one wake-up for all of them; RTCP is looked at every fourth slot. When a packet came is the kernel's
word, asked for where it matters (Pair.arrived()), so that waiting falsifies neither jitter nor round trip. The kernel also
keeps strangers away from a port whose peer is certain (lock()): at most one packet is taken at a time, which a flood would
fill.
"""

from __future__ import annotations

import contextlib
import ctypes
import select
import socket
from collections import deque
from collections.abc import Sequence
from typing import Any

from ivr.media.loops import Loops, Taker
from ivr.media.outgoing import Address, Receive
from ivr.media.packet import Buffers, Counters
from ivr.media.pair import Pair
from ivr.media.schedule import Schedule

_LIBC = ctypes.CDLL(None)
_NOBODY = bytes(16)  # an address of AF_UNSPEC, which Python's connect() can't say


class NoPort(OSError):
    """All ports of the range are in use."""


class Ports:
    """Pairs from `port_min` to `port_max` of each host, given out in turn: one just freed rests longest, its peer may talk."""

    def __init__(
        self,
        hosts: Sequence[str],
        port_min: int,
        port_max: int,
        *,
        dscp: int,
        buffers: Buffers,
        counters: Counters,
        loops: Loops,
    ) -> None:
        """`hosts`: the addresses that may be bound, the first where none is named. `dscp` goes into each packet's IP header."""
        self._default = hosts[0]
        self._free = {host: deque(range(port_min + port_min % 2, port_max, 2)) for host in hosts}
        self._dscp = dscp
        self._packet = buffers.packet
        self._counters = counters
        self._loops = loops
        self._pairs: set[Pair] = set()
        self._receivers: dict[int, Taker] = {}  # by descriptor
        self.hurried = select.epoll()
        """Hurried sockets, and what else wakes the process."""
        self.hurrying = 0
        """How many sockets are hurried."""
        self._patient = select.epoll()
        self._reports = select.epoll()

    def __len__(self) -> int:
        return len(self._pairs)

    def open(self, host: str) -> Pair:
        """Bind a pair. Raises OSError, NoPort."""
        host = host or self._default
        free = self._free.get(host)
        if free is None:
            raise OSError(f"{host}: not an address of this process")
        for _ in range(len(free)):
            port = free.popleft()
            with contextlib.ExitStack() as undo:
                try:
                    rtp, rtcp = (undo.enter_context(self._bind(host, port + odd)) for odd in (0, 1))
                except OSError:  # somebody else's, for now
                    free.append(port)
                    continue
                undo.pop_all()
            pair = Pair(host, port, rtp, rtcp)
            self._pairs.add(pair)
            return pair
        raise NoPort("no free port")

    def _bind(self, host: str, port: int) -> socket.socket:
        six = ":" in host
        sock = socket.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        try:
            sock.bind((host, port))
        except OSError:
            sock.close()
            raise
        with contextlib.suppress(OSError):  # not allowed everywhere
            if six:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, self._dscp << 2)
            else:
                sock.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, self._dscp << 2)
        return sock

    def attach(self, pair: Pair, receive: Receive, receive_report: Receive) -> None:
        """Begin to receive: receive(size, source, now) is called with each packet in the buffer, RTCP's with its own."""
        self.redirect(pair, receive, receive_report)
        self._patient.register(pair.rtp, select.EPOLLIN)
        self._reports.register(pair.rtcp, select.EPOLLIN)

    def redirect(self, pair: Pair, receive: Receive, receive_report: Receive) -> None:
        """Have others receive from now on."""
        pair.receive = receive
        self._listen(pair)
        self._receivers[pair.rtcp.fileno()] = (pair.rtcp.recvfrom_into, _fitting(pair, receive_report), None)

    def _listen(self, pair: Pair) -> None:
        if pair.connected:
            self._receivers[pair.rtp.fileno()] = (pair.rtp.recv_into, pair.receive, pair.peer)
        else:
            self._receivers[pair.rtp.fileno()] = (pair.rtp.recvfrom_into, _fitting(pair, pair.receive), None)

    def hurry(self, pair: Pair, hurried: bool) -> None:
        """Whether RTP is taken on arrival or before the next slot."""
        old, new = (self._patient, self.hurried) if hurried else (self.hurried, self._patient)
        self.hurrying += 1 if hurried else -1
        pair.hurried = hurried
        old.unregister(pair.rtp)
        new.register(pair.rtp, select.EPOLLIN)

    def lock(self, pair: Pair, peer: Address | None, now: int) -> None:
        """Have the kernel drop RTP that isn't `peer`'s; None: no longer. Not for a port bound to all addresses: it would hear
        only one of them then. What waits already is sorted out here."""
        if pair.host in {"0.0.0.0", "::"}:
            return
        pair.peer = peer
        pair.connected = False
        if peer is None:
            _LIBC.connect(pair.rtp.fileno(), _NOBODY, len(_NOBODY))
        else:
            with contextlib.suppress(OSError):  # unreachable: it stays open
                pair.rtp.connect(peer)
                pair.connected = True
        if pair.connected:
            self._sort_out(pair, now)
        pair.send = pair.to_peer if pair.connected else pair.to_any
        self._listen(pair)

    def _sort_out(self, pair: Pair, now: int) -> None:
        """Take all that came before the kernel looked whose it is."""
        receive = _fitting(pair, pair.receive)
        while True:
            try:
                size, source = pair.rtp.recvfrom_into(self._packet)
            except BlockingIOError:
                return
            except OSError:  # an earlier packet's ICMP error
                continue
            receive(size, source, now)

    def close(self, pair: Pair) -> None:
        """Free the pair; the kernel watches no closed socket."""
        self._pairs.remove(pair)
        self.hurrying -= pair.hurried
        for sock in (pair.rtp, pair.rtcp):
            del self._receivers[sock.fileno()]
        pair.close()
        self._free[pair.host].append(pair.port)

    def drain(self, now: int, rounds: int) -> None:
        """Take up to `rounds` packets from each unhurried socket, in turn."""
        for _ in range(rounds):
            ready = self._patient.poll(0, max(1, len(self._pairs)))
            if not ready:
                break
            self.take(ready, now)

    def drain_reports(self, now: int) -> None:
        """Take a packet from each RTCP socket that has one."""
        self.take(self._reports.poll(0, max(1, len(self._pairs))), now)

    def take(self, ready: list[tuple[int, int]], now: int) -> list[int]:
        """Take a packet from each leg's socket that epoll found ready; returns the descriptors that are none."""
        return self._loops.take(ready, self._receivers, self._packet, now, self._counters)

    def take_slots(self, schedule: Schedule) -> list[int]:
        """The same for hurried sockets, slot by slot until the schedule's next one is due; or until there are descriptors that
        are no leg's, which are returned."""
        return self._loops.take_slots(self.hurried, schedule, self._receivers, self._packet, self._counters)

    def shut(self) -> None:
        """Close everything."""
        for pair in self._pairs:
            pair.close()
        for poll in (self.hurried, self._patient, self._reports):
            poll.close()


def _fitting(pair: Pair, receive: Receive) -> Receive:
    """Addresses of IPv6 sockets have four parts: two go on."""
    if ":" not in pair.host:
        return receive

    def receive_6(size: int, source: tuple[Any, ...], now: int) -> None:
        receive(size, source[:2], now)

    return receive_6
