"""[io] A UDP listener's socket."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import cast

from ivr.listen import mark
from ivr.sip.events import Address
from ivr.sip.listener import Listener


class Datagrams(asyncio.DatagramProtocol):
    """on_message gets what comes; on_error gets errors of sending, for the log. What can't be sent is lost like any datagram:
    the transactions make it good."""

    def __init__(
        self, listener: Listener, on_message: Callable[[bytes, Address], None], on_error: Callable[[OSError], None]
    ) -> None:
        self._listener = listener
        self._on_message = on_message
        self._on_error = on_error
        self._transport: asyncio.DatagramTransport | None = None
        self._closed = asyncio.Event()

    async def start(self, sock: socket.socket, dscp: int) -> None:
        """Listen on a bound socket, which is ours from now on. Its receive buffer should be large: datagrams wait there while
        an engine is replaced."""
        mark(sock, dscp)
        sock.setblocking(False)
        await asyncio.get_running_loop().create_datagram_endpoint(lambda: self, sock=sock)

    def send(self, data: bytes, destination: Address) -> None:
        """Send, or drop it once closed."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.sendto(data, destination[:2])

    def close(self) -> None:
        """Stop; the socket is closed in the loop's next turn."""
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
        self._on_message(data, Address(addr[0], addr[1], self._listener.name))

    def error_received(self, exc: Exception) -> None:
        """asyncio's: an ICMP error, or a sendto that failed."""
        if isinstance(exc, OSError):
            self._on_error(exc)

    def connection_lost(self, exc: Exception | None) -> None:
        """asyncio's."""
        self._closed.set()
