"""[io] The agent on an asyncio UDP socket: receives, sends at once, keeps one loop timer."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterable
from typing import cast

from ivr.sip.agent import UserAgent
from ivr.sip.events import Address, Event, Output, Send


class Transport(asyncio.DatagramProtocol):
    """Feeds a UserAgent; its clock is the loop's time().

    on_event gets the events, in the loop, and must not block; on_error gets errors of sending, for the log. Outputs of the
    app's own calls to the agent go through send().
    """

    def __init__(
        self, agent: UserAgent, on_event: Callable[[Event], None], on_error: Callable[[OSError], None] = lambda _: None
    ) -> None:
        self._agent = agent
        self._on_event = on_event
        self._on_error = on_error
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._due: float | None = None
        self._transport: asyncio.DatagramTransport | None = None
        self._closed = asyncio.Event()

    async def start(self, sock: socket.socket) -> None:
        """Listen on a bound UDP socket, which is the transport's from now on. Its receive buffer should be large: datagrams
        wait there while an engine is replaced."""
        sock.setblocking(False)
        self._loop = asyncio.get_running_loop()
        await self._loop.create_datagram_endpoint(lambda: self, sock=sock)
        self._arm()

    def send(self, outputs: Iterable[Output]) -> None:
        """Put the datagrams on the wire, hand the events on, set the timer anew. What can't be sent is lost like any
        datagram: the transactions make it good."""
        for output in outputs:
            if not isinstance(output, Send):
                self._on_event(output)
            elif self._transport is not None and not self._transport.is_closing():
                self._transport.sendto(output.data, output.destination)
        self._arm()

    def close(self) -> None:
        """Stop; the socket is closed in the loop's next turn."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._transport is not None:
            self._transport.close()

    async def wait_closed(self) -> None:
        """After close(): until the socket is closed."""
        if self._transport is not None:
            await self._closed.wait()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio's."""
        # Before Python 3.13 asyncio's own transport does not derive from DatagramTransport.
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """asyncio's."""
        self.send(self._agent.receive(data, Address(addr[0], addr[1]), self._now()))

    def error_received(self, exc: Exception) -> None:
        """asyncio's: an ICMP error, or a sendto that failed."""
        if isinstance(exc, OSError):
            self._on_error(exc)

    def connection_lost(self, exc: Exception | None) -> None:
        """asyncio's."""
        self._closed.set()

    def _now(self) -> float:
        assert self._loop is not None, "start() comes first"
        return self._loop.time()

    def _arm(self) -> None:
        due = self._agent.deadline()
        if due == self._due or self._loop is None or (self._transport is not None and self._transport.is_closing()):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._due = due
        self._timer = None if due is None else self._loop.call_at(due, self._tick)

    def _tick(self) -> None:
        self._timer = self._due = None
        self.send(self._agent.tick(self._now()))
