"""Legs in one process without an exchange: packets to them and from them pass through sockets, taken by either of the loops."""

from __future__ import annotations

import contextlib
import socket
import struct
from typing import Any, ClassVar

from ivr.media.control import Message, Remote
from ivr.media.leg import Leg
from ivr.media.loops import PYTHON, Loops
from ivr.media.outgoing import Address, Outgoing
from ivr.media.packet import Buffers, Counters
from ivr.media.pair import Pair
from ivr.media.reports import Reports

PEER: Address = ("192.0.2.1", 4000)
ELSEWHERE: Address = ("192.0.2.9", 5555)
START = 2**32 - 100


def ends() -> tuple[socket.socket, socket.socket]:
    """Two sockets that hear each other, datagram by datagram."""
    one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    one.setblocking(False)
    other.setblocking(False)
    return one, other


class Bench:
    """Two legs in one process; `sent` is what leaves, as (to, second byte, sequence, timestamp, ssrc, payload).

    There is one at a time: the next one closes its sockets."""

    loops: ClassVar[Loops] = PYTHON
    sockets: ClassVar[list[socket.socket]] = []

    def __init__(self) -> None:
        self.close()
        self.buffers, self.counters = Buffers(), Counters()
        self.outs: list[tuple[Outgoing, socket.socket]] = []
        self._sent: list[tuple[Any, ...]] = []
        self.reports: list[Message] = []
        self.moved = 0
        self.now = 0
        self.arrived_s = 0.0
        self.near, self.far = self.keep(*ends())
        self.a, self.b = self.leg("a"), self.leg("b")

    @classmethod
    def close(cls) -> None:
        while cls.sockets:
            cls.sockets.pop().close()

    @classmethod
    def keep(cls, *sockets: socket.socket) -> tuple[socket.socket, ...]:
        cls.sockets += sockets
        return sockets

    def leg(self, name: str, **remote: Any) -> Leg:
        near, far = self.keep(*ends())

        def moved() -> None:
            self.moved += 1

        out = Outgoing(
            ssrc=7,
            sequence=65534,
            timestamp=START,
            send=Pair("", 0, near, near).to_peer,
            moved=moved,
            buffers=self.buffers,
            counters=self.counters,
        )
        self.outs.append((out, far))
        leg = self.bare(name, out)
        terms: dict[str, Any] = {"codec": "PCMA", "payload_type": 8, "dtmf_payload_type": 101}
        leg.set_remote(Remote(name, *PEER, **(terms | remote)))
        return leg

    @property
    def sent(self) -> list[tuple[Any, ...]]:
        for out, far in self.outs:
            with contextlib.suppress(BlockingIOError):
                while True:
                    packet = far.recv(2048)
                    assert packet[0] == 0x80
                    self._sent.append((out.remote, *struct.unpack_from(">BHII", packet, 1), packet[12:]))
        return self._sent

    def bare(self, name: str, out: Outgoing) -> Leg:
        return Leg(
            name,
            "c",
            out=out,
            reports=Reports(7, "us", lambda: self.arrived_s),
            arrived=lambda: self.arrived_s,
            report=self.reports.append,
            buffers=self.buffers,
            counters=self.counters,
        )

    def join(self) -> None:
        self.a.listeners = (self.b.out,)

    def receive(self, data: bytes, source: Address = PEER, leg: Leg | None = None) -> None:
        """A datagram, said to be of `source`."""
        self.far.send(data[:2048])
        takers = {self.near.fileno(): (self.near.recv_into, (leg or self.a).receive, source)}
        assert self.loops.take([(self.near.fileno(), 1)], takers, self.buffers.packet, self.now, self.counters) == []
        assert self.sent is self._sent

    def packet(self, sequence: int, timestamp: int, *, second: int = 8, ssrc: int = 5, payload: bytes = b"\x11" * 160) -> None:
        self.receive(struct.pack(">BBHII", 0x80, second, sequence & 0xFFFF, timestamp & 0xFFFFFFFF, ssrc) + payload)

    def numbers(self) -> list[tuple[int, int]]:
        """Sequence and timestamp of what was sent, counted from the stream's begin."""
        return [
            ((sequence - 65534) & 0xFFFF, (timestamp - START) & 0xFFFFFFFF) for _, _, sequence, timestamp, _, _ in self.sent
        ]
