"""[io] The agent on its listeners' sockets: receives, sends at once, keeps one loop timer."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterable, Mapping, Sequence

from ivr.sip.agent import UserAgent
from ivr.sip.connections import Connections, Hooks, Limits, Tls
from ivr.sip.datagrams import Datagrams
from ivr.sip.events import Address, Answered, Event, Output, Send
from ivr.sip.listener import Listener


class Transport:
    """Feeds a UserAgent; its clock is the loop's time().

    on_event gets the events, in the loop, and must not block; on_error gets errors of sending datagrams, on_refused why a
    connection was refused, given up or could not be made: both for the log. on_lost is told of connections that are gone.
    tls: the contexts of each tls listener; names: what TLS servers must prove to be, by their addresses (others prove their IP
    address), looked up at each use. Outputs of the app's own calls to the agent go through send().
    """

    def __init__(
        self,
        agent: UserAgent,
        listeners: Sequence[Listener],
        on_event: Callable[[Event], None],
        on_error: Callable[[OSError], None] = lambda _: None,
        on_refused: Callable[[Address, str], None] = lambda _, __: None,
        on_lost: Callable[[Address], None] = lambda _: None,
        *,
        on_answered: Callable[[Answered, Sequence[Send]], None] | None = None,
        tls: Mapping[str, Tls] | None = None,
        names: Mapping[Address, str] | None = None,
        limits: Limits = Limits(),  # noqa: B008 - a frozen value
        dscp: int = 0,
    ) -> None:
        self._agent = agent
        self._on_event = on_event
        self._on_lost = on_lost
        self._on_answered = on_answered  # gets an Answered with its ACK, which it has to send; by default that leaves at once
        self._dscp = dscp
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._due: float | None = None
        self._closed = False
        hooks = Hooks(
            message=self._receive,
            lost=self._lost,
            unreachable=lambda peer: self.send(agent.unreachable(peer, self._now())),
            refused=on_refused,
            spoiled=lambda peer, why: self.send(agent.spoiled(peer, why, self._now())),
            barred=lambda peer: agent.guard.bars(peer, self._now()),
            known=agent.peers.knows,
            name=lambda peer: (names or {}).get(peer, ""),
        )
        self._ways: dict[str, Datagrams | Connections] = {
            one.name: Connections(one, (tls or {}).get(one.name), hooks, limits=limits, dscp=dscp)
            if one.reliable
            else Datagrams(one, self._receive, on_error)
            for one in listeners
        }

    async def start(self, sockets: Mapping[str, socket.socket]) -> None:
        """Listen on bound sockets, one for each listener's name; they are the transport's from now on."""
        self._loop = asyncio.get_running_loop()
        for name, sock in sockets.items():
            way = self._ways[name]
            if isinstance(way, Datagrams):
                await way.start(sock, self._dscp)
            else:
                way.start(sock)
        self._arm()

    def send(self, outputs: Iterable[Output]) -> None:
        """Put the messages on the wire, hand the events on, set the timer anew."""
        for output in outputs:
            if isinstance(output, Send):
                way = self._ways.get(output.destination.listener) or self._ways[""]
                way.send(output.data, output.destination)
            else:
                self._on_event(output)
        self._arm()

    def keep_alive(self, peer: Address, flow_timer_s: int) -> None:
        """The peer of our connection to this address answers pings (RFC 5626 4.4.1), and wants one within so many seconds, 0:
        as often as usual. One that does not answer from now on is given up, and on_lost is told."""
        way = self._ways.get(peer.listener)
        if isinstance(way, Connections):
            way.keep_alive(peer, flow_timer_s)

    def close(self) -> None:
        """Stop; the sockets are closed in the loop's next turns."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for way in self._ways.values():
            way.close()

    async def wait_closed(self) -> None:
        """After close(): until the sockets are closed."""
        for way in self._ways.values():
            await way.wait_closed()

    def _receive(self, data: bytes, source: Address) -> None:
        outputs = self._agent.receive(data, source, self._now())
        answered = next((output for output in outputs if isinstance(output, Answered)), None)
        if answered is None or self._on_answered is None:
            self.send(outputs)
            return
        self._on_answered(answered, [output for output in outputs if isinstance(output, Send)])
        self.send(output for output in outputs if output is not answered and not isinstance(output, Send))

    def _lost(self, connection: Address) -> None:
        self.send(self._agent.disconnected(connection, self._now()))
        self._on_lost(connection)

    def _now(self) -> float:
        assert self._loop is not None, "start() comes first"
        return self._loop.time()

    def _arm(self) -> None:
        due = self._agent.deadline()
        if due == self._due or self._loop is None or self._closed:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._due = due
        self._timer = None if due is None else self._loop.call_at(due, self._tick)

    def _tick(self) -> None:
        self._timer = self._due = None
        self.send(self._agent.tick(self._now()))
