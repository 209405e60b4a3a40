"""[io] The socket by which heard legs' sound leaves for speech processes: nothing is ever waited for."""

from __future__ import annotations

import socket


class FramePort:
    """Sends to the datagram sockets that speech processes listen on."""

    def __init__(self) -> None:
        self._sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._sock.setblocking(False)

    def send(self, path: str, datagram: bytes) -> bool:
        """False when it did not get there: the receiver's queue is full, or nobody is there."""
        try:
            self._sock.sendto(datagram, path)
        except OSError:
            return False
        return True

    def close(self) -> None:
        """No more."""
        self._sock.close()
