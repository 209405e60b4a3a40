"""[io] Ports for tests: of each pytest worker its own, and below those that the kernel gives away, so that nobody comes by one
between the look and its use; none that a browser would refuse; none of another test run's on this machine."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import random
import socket
import tempfile
from itertools import count
from pathlib import Path

import pytest

from ivr.consolesettings import NO_BROWSER_OPENS

EACH = 1000
_worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw16").removeprefix("gw"))
_first, _numbers = 2000 + _worker % 17 * EACH, count(random.randrange(EACH))
_file = Path(tempfile.gettempdir()) / f"hotline-test-ports-{os.getuid()}"
_given = os.open(_file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
"""Byte N is locked by the test process that was given port N, until that ends."""

TAKEN = (errno.EADDRINUSE, errno.EACCES, errno.EAGAIN)
"""By another program, or by another test process (fcntl(2))."""
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
        with contextlib.ExitStack() as stack:
            try:
                fcntl.lockf(_given, fcntl.LOCK_EX | fcntl.LOCK_NB, many, port)
                for one in range(port, port + many):
                    family = socket.AF_INET6 if ":" in host else socket.AF_INET
                    stack.enter_context(socket.socket(family, kind)).bind((host, one))
            except OSError as error:
                if error.errno in TAKEN:
                    continue
                raise
            for _ in range(many - 1):
                next(_numbers)
            return port
    raise AssertionError("numbers never end")


def has_ipv6() -> bool:
    """Whether this machine can speak IPv6 with itself: containers often can't."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as one:
            one.bind(("::1", 0))
    except OSError:
        return False
    return True


NO_IPV6 = "this machine has no IPv6: nothing can have the address ::1"
needs_ipv6 = pytest.mark.skipif(not has_ipv6(), reason=NO_IPV6)
"""A test that is not run elsewhere."""
