"""[io] The bench's site as a process of its own."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

HERE = Path(__file__).parent
PORTS = range(8460, 8560)
"""Below the ports of the client's seats, 9000 to 19000 (bench/load.py), above those of tests (tests/ports.py)."""


@contextlib.contextmanager
def site(settings: Mapping[str, str] | None = None) -> Iterator[tuple[str, int]]:
    """The running site (serve.sh): its SIP address (host:port), and the process whose children its processes are. settings: the
    variables of site.py, else those of the environment."""
    port = next(port for port in PORTS if _is_free(port))
    environ = {**os.environ, **(settings or {})}
    process = subprocess.Popen([str(HERE / "serve.sh"), str(port)], stdout=subprocess.PIPE, text=True, env=environ)
    try:
        assert process.stdout is not None
        ready = re.fullmatch(r"ready pid (\d+)\n", process.stdout.readline())
        if ready is None:
            raise SystemExit("the site did not come up")
        yield f"127.0.0.1:{port}", int(ready[1])
    finally:
        process.terminate()
        process.wait()


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock, contextlib.suppress(OSError):
        sock.bind(("127.0.0.1", port))
        return True
    return False
