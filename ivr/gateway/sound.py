"""[io] A pair of UDP ports on loopback: one call's sound between the gateway and media. The second port is there for RTCP,
whose reports nobody needs on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable

from ivr.gatewaysettings import LOOPBACK

_TRIES = 50
_AT_ONCE = 16
MAX_PACKET = 2048


class Sound:
    """on_packet gets every datagram that comes from the agreed address. A plain socket, for a transport would cost as much as
    all the rest; and not a connected one: when media's port is gone, libuv would take the error that it gets for the socket's
    end."""

    def __init__(self, on_packet: Callable[[bytes], None]) -> None:
        self._on_packet = on_packet
        self._rtp: socket.socket | None = None
        self._rtcp: socket.socket | None = None
        self._remote: tuple[str, int] | None = None
        self.port = 0

    async def open(self) -> None:
        """Bind. Raises OSError when there are no ports."""
        self._rtp, self._rtcp = _pair()
        self.port = self._rtp.getsockname()[1]
        asyncio.get_running_loop().add_reader(self._rtp, self._readable)

    def agree(self, remote: tuple[str, int] | None) -> None:
        """Where media's port is now; None: nowhere."""
        self._remote = remote

    def send(self, packet: bytes) -> None:
        """To media; lost where nothing is agreed yet, or its port is gone: the engine will name another, or end the call."""
        if self._remote is not None and self._rtp is not None:
            with contextlib.suppress(OSError):
                self._rtp.sendto(packet, self._remote)

    def close(self) -> None:
        """Give the ports back."""
        if self._rtp is not None:
            asyncio.get_running_loop().remove_reader(self._rtp)
            self._rtp.close()
            self._rtp = None
        if self._rtcp is not None:
            self._rtcp.close()
            self._rtcp = None

    def _readable(self) -> None:
        for _ in range(_AT_ONCE):
            if self._rtp is None:
                return
            try:
                packet, source = self._rtp.recvfrom(MAX_PACKET)
            except OSError:
                return
            if source == self._remote:
                self._on_packet(packet)


def _pair() -> tuple[socket.socket, socket.socket]:
    for _ in range(_TRIES):
        rtp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        rtcp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            rtp.bind((LOOPBACK, 0))
            port = rtp.getsockname()[1]
            if port % 2 == 0:
                rtcp.bind((LOOPBACK, port + 1))
                rtp.setblocking(False)
                return rtp, rtcp
        except OSError:
            pass
        rtp.close()
        rtcp.close()
    raise OSError("no pair of ports is free")
