"""A nursery for a whole test run: what `hotline serve` and its processes load is loaded once, not for each site anew.

python -m tests.nursery FD PARENT
"""

from __future__ import annotations

import functools
import importlib
import os
import socket
import subprocess
import sys

from ivr.nursery import LOADS, Nursery, be_one, load
from storage.lifeline import die_with_parent

_LIVING: list[subprocess.Popen[bytes]] = []
"""Until this process ends."""


@functools.cache
def nursery() -> Nursery:
    """This test process's own; it ends with us."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        command = [sys.executable, "-m", "tests.nursery", str(theirs.fileno()), str(os.getpid())]
        _LIVING.append(subprocess.Popen(command, pass_fds=[theirs.fileno()], start_new_session=True))
    return Nursery(ours, patience_s=120.0)


def _main() -> None:
    way, parent = socket.socket(fileno=int(sys.argv[1])), int(sys.argv[2])
    die_with_parent(parent=parent)
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    for command in LOADS:
        load(command)
    importlib.import_module("ivr.serve")
    be_one(way, parent)


if __name__ == "__main__":
    _main()
