"""[io] The TCP or TLS connections of one listener (RFC 3261 18.1, 18.2): taken from peers, made on demand, used again in both
directions, bounded in number, time and memory. A peer that does not read, or not write, costs nobody else anything."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import ssl
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from ivr.listen import mark
from ivr.sip.events import Address
from ivr.sip.listener import Listener
from ivr.sip.stream import PING, PONG, Stream, StreamError

CONNECT_S = 5.0
PROVE_S = 10.0
"""A peer that connects has so long to become one we know (Hooks.known), and later for the rest of a message it has begun."""
IDLE_S = 4000.0
"""Longer than any registration: a telephone's connection is the way back to it."""
PING_S = (95.0, 120.0)
"""So often we ping on connections that we made, where their peer names no other time (RFC 5626 4.4.1)."""
PONG_S = 10.0
"""So long a peer that is known to answer pings may take."""
CLOSE_S = 2.0
MAX_WAITING_BYTES = 1 << 18
"""What may wait for a peer that does not read, or for a connection that is being made."""
FULL_S = 0.2
"""Where one can't be taken (no descriptor is left), the next is tried after so long."""
TCP_OPTIONS = {"TCP_KEEPIDLE": 30, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 3, "TCP_USER_TIMEOUT": 20_000, "TCP_NODELAY": 1}


@dataclass(frozen=True, slots=True)
class Limits:
    """How many connections a listener has: in all, and with one host."""

    total: int = 2000
    per_host: int = 200


@dataclass(frozen=True, slots=True)
class Tls:
    """server: for peers that connect. client: for our own connections."""

    server: ssl.SSLContext
    client: ssl.SSLContext


@dataclass(frozen=True, slots=True)
class Hooks:
    """What the connections tell and ask. message: a whole one. lost: a connection that was there is gone. unreachable: none
    could be made; what waited for it is dropped. refused: why, for the log. spoiled: what came is no SIP, and why. barred:
    whether this peer is banned: it gets no connection, and the log no line. known: whether we have business with this peer;
    strangers are shown out after PROVE_S. name: what a server must prove to be by its certificate ("": its IP address)."""

    message: Callable[[bytes, Address], None]
    lost: Callable[[Address], None]
    unreachable: Callable[[Address], None]
    refused: Callable[[Address, str], None]
    spoiled: Callable[[Address, str], None]
    barred: Callable[[Address], bool]
    known: Callable[[Address], bool]
    name: Callable[[Address], str]


class Connections:
    """See the module. Everything runs in the loop and returns at once."""

    def __init__(self, listener: Listener, tls: Tls | None, hooks: Hooks, *, limits: Limits, dscp: int) -> None:
        self.listener = listener
        self.hooks = hooks
        self._tls = tls
        self._limits = limits
        self._dscp = dscp
        self._open: dict[Address, Connection] = {}
        self._connecting: dict[Address, list[bytes]] = {}
        self._hosts: Counter[str] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False

    def start(self, sock: socket.socket) -> None:
        """Take connections on a listening socket, which is ours from now on."""
        sock.setblocking(False)
        self._spawn(self._accept(sock))

    def send(self, data: bytes, destination: Address) -> None:
        """Send on the connection with this address, or make one; hooks.unreachable tells when that fails."""
        if self._closed:
            return
        connection = self._open.get(destination)
        if connection is not None:
            connection.send(data)
            return
        waiting = self._connecting.get(destination)
        if waiting is None:
            self._connecting[destination] = [data]
            self._spawn(self._connect(destination))
        elif sum(map(len, waiting)) + len(data) <= MAX_WAITING_BYTES:
            waiting.append(data)

    def keep_alive(self, destination: Address, flow_timer_s: int) -> None:
        """The peer of our connection there answers pings, and wants one within so many seconds; 0: as often as usual."""
        connection = self._open.get(destination)
        if connection is not None:
            connection.keep_alive(flow_timer_s)

    def close(self) -> None:
        """Take no more, let go of all."""
        self._closed = True
        for task in tuple(self._tasks):
            task.cancel()
        for connection in tuple(self._open.values()):
            connection.close()

    async def wait_closed(self) -> None:
        """After close(): until every connection is closed, or dropped because its peer would not have it."""
        await asyncio.gather(*self._tasks, return_exceptions=True)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_S):
                for connection in tuple(self._open.values()):
                    await connection.closed.wait()
        for connection in tuple(self._open.values()):
            connection.abort()

    def opened(self, peer: Address, connection: Connection) -> None:
        """Connection's: it can be used."""
        self._open[peer] = connection

    def gone(self, peer: Address) -> None:
        """Connection's: it is not there any more."""
        del self._open[peer]
        self._release(peer)
        if not self._closed:
            self.hooks.lost(peer)

    async def _accept(self, listening: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        with listening:
            while True:
                try:
                    sock, address = await loop.sock_accept(listening)
                except OSError:
                    await asyncio.sleep(FULL_S)
                    continue
                peer = Address(address[0], address[1], self.listener.name)
                if not self.hooks.barred(peer) and self._admit(peer):
                    self._spawn(self._take(sock, peer))
                else:
                    sock.close()

    async def _take(self, sock: socket.socket, peer: Address) -> None:
        loop = asyncio.get_running_loop()
        options: dict[str, Any] = {} if self._tls is None else {"ssl": self._tls.server, "ssl_handshake_timeout": CONNECT_S}
        try:
            prepare(sock, self._dscp)
            await loop.connect_accepted_socket(lambda: Connection(self, peer, ours=False), sock, **options)
        except OSError as error:
            self._failed(sock, peer, error)
        except asyncio.CancelledError:
            sock.close()
            raise

    async def _connect(self, destination: Address) -> None:
        if not self._admit(destination):
            del self._connecting[destination]
            self.hooks.unreachable(destination)
            return
        loop = asyncio.get_running_loop()
        name = self.hooks.name(destination) or destination.host
        options: dict[str, Any] = {} if self._tls is None else {"ssl": self._tls.client, "server_hostname": name}
        sock = socket.socket(socket.AF_INET6 if ":" in destination.host else socket.AF_INET, socket.SOCK_STREAM)
        try:
            prepare(sock, self._dscp)
            sock.setblocking(False)
            sock.bind((self.listener.host, 0))
            async with asyncio.timeout(CONNECT_S):
                await loop.sock_connect(sock, destination[:2])
                _, connection = await loop.create_connection(
                    lambda: Connection(self, destination, ours=True), sock=sock, **options
                )
        except OSError as error:
            del self._connecting[destination]
            self._failed(sock, destination, error)
            self.hooks.unreachable(destination)
            return
        except asyncio.CancelledError:
            sock.close()
            raise
        for data in self._connecting.pop(destination):
            connection.send(data)

    def _admit(self, peer: Address) -> bool:
        room = self._hosts.total() < self._limits.total and self._hosts[peer.host] < self._limits.per_host
        if room:
            self._hosts[peer.host] += 1
        else:
            self.hooks.refused(peer, "too many connections")
        return room

    def _release(self, peer: Address) -> None:
        self._hosts[peer.host] -= 1
        if not self._hosts[peer.host]:
            del self._hosts[peer.host]

    def _failed(self, sock: socket.socket, peer: Address, error: OSError) -> None:
        sock.close()
        self._release(peer)
        self.hooks.refused(peer, str(error) or "no connection in time")

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class Connection(asyncio.Protocol):
    """One connection. ours: we made it."""

    def __init__(self, connections: Connections, peer: Address, *, ours: bool) -> None:
        self.closed = asyncio.Event()
        self._connections = connections
        self._peer = peer
        self._trusted = ours
        self._half = False
        self._stream = Stream()
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._ours = ours
        self._ping_s = PING_S
        self._answers_pings = False
        self._pinged = False
        """Whether nothing has come since our last ping."""
        self._ping_timer: asyncio.TimerHandle | None = None

    def keep_alive(self, flow_timer_s: int) -> None:
        """See Connections; on connections that we made."""
        ping_s = (0.8 * flow_timer_s, float(flow_timer_s)) if flow_timer_s else PING_S
        if self._ours and (not self._answers_pings or ping_s != self._ping_s):
            self._answers_pings, self._ping_s = True, ping_s
            self._ping_later()

    def send(self, data: bytes) -> None:
        """Send. A peer that has not read what was sent before is given up."""
        if self._transport is None or self._transport.is_closing():
            return
        if self._transport.get_write_buffer_size() + len(data) > MAX_WAITING_BYTES:
            self._drop("it does not read")
        else:
            self._transport.write(data)

    def close(self) -> None:
        """Close after what is written."""
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Close at once."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio's."""
        self._transport = cast(asyncio.Transport, transport)
        self._connections.opened(self._peer, self)
        if self._ours:
            self._wait(IDLE_S, "it is idle")
            self._ping_later()
        else:
            self._timer = asyncio.get_running_loop().call_later(PROVE_S, self._judge)

    def data_received(self, data: bytes) -> None:
        """asyncio's."""
        if self._pinged:
            self._pinged = False
            if self._stream.empty and data.startswith(PONG) and not data.startswith(PING):
                self._answers_pings = True
                data = data[len(PONG) :]  # with what follows it would be a ping
            self._ping_later()
        try:
            messages = self._stream.receive(data)
        except StreamError as error:
            self._read(error.before)
            self._connections.hooks.spoiled(self._peer, str(error))
            self._drop(str(error))
            return
        self._read(messages)
        half = not self._stream.empty
        if self._trusted and (messages or half != self._half):
            self._half = half
            self._wait(PROVE_S if half else IDLE_S, "half a message" if half else "it is idle")

    def connection_lost(self, exc: Exception | None) -> None:
        """asyncio's."""
        for timer in (self._timer, self._ping_timer):
            if timer is not None:
                timer.cancel()
        self._connections.gone(self._peer)
        self.closed.set()

    def _read(self, messages: Iterable[bytes]) -> None:
        for message in messages:
            if message == PING:
                self.send(PONG)
            else:
                self._connections.hooks.message(message, self._peer)

    def _judge(self) -> None:
        if self._stream.empty and self._connections.hooks.known(self._peer):
            self._trusted = True
            self._wait(IDLE_S, "it is idle")
        else:
            self._drop("a stranger")

    def _ping_later(self) -> None:
        if self._ping_timer is not None:
            self._ping_timer.cancel()
        self._ping_timer = asyncio.get_running_loop().call_later(random.uniform(*self._ping_s), self._ping)

    def _ping(self) -> None:
        """A ping; who is known to answer them has so long for the pong, or to say anything else."""
        self._pinged = True
        self.send(PING)
        if self._answers_pings:
            self._ping_timer = asyncio.get_running_loop().call_later(PONG_S, self._drop, "no pong")
        else:
            self._ping_later()

    def _wait(self, seconds: float, why: str) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(seconds, self._drop, why)

    def _drop(self, why: str) -> None:
        self._connections.hooks.refused(self._peer, why)
        self.abort()


def prepare(sock: socket.socket, dscp: int) -> None:
    """Mark what it sends. The kernel asks a silent peer whether it is there, which keeps a NAT's memory of the connection
    alive too, and gives up a connection whose peer acknowledges nothing."""
    mark(sock, dscp)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in TCP_OPTIONS.items():
        if hasattr(socket, option):  # Linux has all of them
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)


def contexts(certificate: Path, private_key: Path, ca: Path | None, *, verify: bool) -> Tls:
    """The TLS contexts of a listener. Our certificate is shown in both directions. Raises OSError (ssl.SSLError) for files
    that are no certificate and its key."""
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    client = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=ca)
    for context in (server, client):
        context.load_cert_chain(certificate, private_key)
    if not verify:
        client.check_hostname = False
        client.verify_mode = ssl.CERT_NONE
    return Tls(server, client)
