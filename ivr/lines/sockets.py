"""[io] The listening side of a control socket: connections of engines, lines in, lines out, never waiting for either."""

from __future__ import annotations

import contextlib
import os
import select
import socket
from collections.abc import Callable
from pathlib import Path

from ivr.lines.wire import MAX_LINE

MAX_UNSENT = 8 << 20
"""Bytes that wait for an engine that does not read; then the connection is dropped. Its events are kept."""


class SocketTaken(OSError):
    """Another process listens on the control socket."""


class Connection:
    """One engine's connection."""

    __slots__ = ("blocked", "received", "sock", "unsent")

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.received = bytearray()
        self.unsent = bytearray()
        self.blocked = False


class Lines:
    """Listens at `path`; watches its sockets through the caller's epoll, who passes ready descriptors to handle()."""

    def __init__(
        self,
        path: Path,
        poll: select.epoll,
        *,
        on_line: Callable[[Connection, bytes], None],
        on_gone: Callable[[Connection], None],
    ) -> None:
        """on_gone(connection) is called after a connection has ended, not when drop() ended it. Raises SocketTaken, OSError."""
        self._path = path
        self._poll = poll
        self._on_line = on_line
        self._on_gone = on_gone
        self._connections: dict[int, Connection] = {}
        self._listener = _listen(path)
        poll.register(self._listener, select.EPOLLIN)

    def handle(self, descriptor: int) -> None:
        """A descriptor that is ready."""
        if descriptor == self._listener.fileno():
            self._accept()
        elif descriptor in self._connections:
            connection = self._connections[descriptor]
            self._flush(connection)
            self._read(connection)

    def send(self, connection: Connection, line: bytes) -> None:
        """Write a line now or as soon as there is room."""
        connection.unsent += line
        self._flush(connection)

    def drop(self, connection: Connection) -> None:
        """End a connection."""
        if self._connections.pop(connection.sock.fileno(), None) is not None:
            self._poll.unregister(connection.sock)
            connection.sock.close()

    def close(self) -> None:
        """End all and remove the socket."""
        for connection in list(self._connections.values()):
            self.drop(connection)
        self._poll.unregister(self._listener)
        self._listener.close()
        with contextlib.suppress(FileNotFoundError):
            self._path.unlink()

    def _accept(self) -> None:
        try:
            sock, _ = self._listener.accept()
        except OSError:  # gone again
            return
        sock.setblocking(False)
        self._connections[sock.fileno()] = Connection(sock)
        self._poll.register(sock, select.EPOLLIN)

    def _read(self, connection: Connection) -> None:
        if connection.sock.fileno() < 0:
            return
        try:
            data = connection.sock.recv(1 << 16)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._gone(connection)
            return
        connection.received += data
        *lines, rest = connection.received.split(b"\n")
        connection.received = rest
        for line in lines:
            if connection.sock.fileno() >= 0:
                self._on_line(connection, bytes(line))
        if len(rest) > MAX_LINE:
            self._gone(connection)

    def _flush(self, connection: Connection) -> None:
        if not connection.unsent or connection.sock.fileno() < 0:
            return
        try:
            sent = connection.sock.send(connection.unsent)
        except BlockingIOError:
            sent = 0
        except OSError:
            self._gone(connection)
            return
        del connection.unsent[:sent]
        if len(connection.unsent) > MAX_UNSENT:
            self._gone(connection)
            return
        if connection.blocked != bool(connection.unsent):
            connection.blocked = not connection.blocked
            self._poll.modify(connection.sock, select.EPOLLIN | select.EPOLLOUT if connection.blocked else select.EPOLLIN)

    def _gone(self, connection: Connection) -> None:
        if connection.sock.fileno() in self._connections:
            self.drop(connection)
            self._on_gone(connection)


def _listen(path: Path) -> socket.socket:
    """A listening socket at `path`, in place of one that a dead process left."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with contextlib.suppress(FileNotFoundError, ConnectionRefusedError):
            sock.connect(str(path))
            raise SocketTaken(f"{path}: another process listens here")
        sock.close()
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
        path.parent.mkdir(parents=True, exist_ok=True)
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.bind(str(path))
        os.chmod(path, 0o600)
        sock.listen(8)
    except OSError:
        sock.close()
        raise
    sock.setblocking(False)
    return sock
