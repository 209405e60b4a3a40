"""[io] Whether a Redis still answers, asked without ever waiting for it."""

from __future__ import annotations

import contextlib
import socket
from pathlib import Path


class Pulse:
    """Of the server on the unix socket `path`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._socket: socket.socket | None = None

    def felt(self) -> bool:
        """Whether it has answered what it was asked at an earlier look; then it is asked again. Where it can't be reached, the
        next look tries again. Any answer will do, a refusal too."""
        try:
            answered = self._socket is not None and bool(self._socket.recv(4096))
            if self._socket is None:
                self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
                self._socket.setblocking(False)
                self._socket.connect(str(self._path))
            self._socket.send(b"PING\r\n")
        except BlockingIOError:  # nothing yet
            return False
        except OSError:
            self.close()
            return False
        return answered

    def close(self) -> None:
        """Ask no more, until it is asked again."""
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.close()
            self._socket = None
