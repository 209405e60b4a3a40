"""[io] Ports for tests: of each pytest worker its own, and below those that the kernel gives away, so that nobody comes by one
between the look and its use; none that a browser would refuse."""

from __future__ import annotations

import contextlib
import os
import random
import socket
from itertools import count

from ivr.consolesettings import NO_BROWSER_OPENS

EACH = 1000
_worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw16").removeprefix("gw"))
_first, _numbers = 2000 + _worker % 17 * EACH, count(random.randrange(EACH))


SOUND, SOUND_EACH = 20000, 700
"""All of it below those that the kernel gives away, above those of free_ports()."""


def sound_ports() -> tuple[int, int]:
    """The first and the last for the legs of this worker's media processes, which pass over what is in use."""
    first = SOUND + _worker % 17 * SOUND_EACH
    return first, first + SOUND_EACH - 1


def free_port(kind: socket.SocketKind = socket.SOCK_DGRAM, host: str = "127.0.0.1") -> int:
    """One that nobody uses now, and that is not given away here again soon."""
    return free_ports(1, kind, host)


def free_ports(many: int, kind: socket.SocketKind = socket.SOCK_DGRAM, host: str = "127.0.0.1") -> int:
    """The first of so many in a row; it divides by `many`, which divides EACH."""
    for number in _numbers:
        if number % many:
            continue
        port = _first + number % EACH
        if not NO_BROWSER_OPENS.isdisjoint(range(port, port + many)):
            continue
        with contextlib.ExitStack() as stack, contextlib.suppress(OSError):
            for one in range(port, port + many):
                stack.enter_context(socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, kind)).bind((host, one))
            for _ in range(many - 1):
                next(_numbers)
            return port
    raise AssertionError("numbers never end")
