"""Networks of a test's own: a hotline behind a 1:1 NAT, a caller in the open, a telephone behind a NAT of its own.

house  10.0.0.5 ───── router ───── open  44.0.0.9
                        │  44.0.0.5 is 10.0.0.5, both ways; 44.0.0.20 hides the home
home   192.168.7.2 ─────┘
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import shutil
import subprocess
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")
HOUSE, ADVERTISED, OPEN, HOME, HOME_SEEN = "10.0.0.5", "44.0.0.5", "44.0.0.9", "192.168.7.2", "44.0.0.20"
FLOW_LIFE_S = 32
"""The router forgets a UDP flow that is silent for so long."""
RULES = f"""
table ip nat {{
  chain before {{ type nat hook prerouting priority dstnat; ip daddr {ADVERTISED} dnat to {HOUSE}; }}
  chain after {{
    type nat hook postrouting priority srcnat;
    ip saddr {HOUSE} snat to {ADVERTISED};
    ip saddr {HOME} ip protocol udp snat to {HOME_SEEN}:30000-40000;
  }}
}}
"""
PLACES = {"house": (HOUSE, "10.0.0.1", 24), "open": (OPEN, "44.0.0.1", 24), "home": (HOME, "192.168.7.1", 24)}
_CLONE_NEWNET = 0x40000000


_FORBIDDEN = ("not permitted", "Permission denied", "Read-only file system", "not supported")


class Forbidden(Exception):
    """The kernel, or a container around us, lets nobody make networks here; the text is what was refused."""


def missing() -> list[str]:
    """The tools that this machine lacks for it."""
    return [tool for tool in ("ip", "nft", "sysctl") if shutil.which(tool) is None]


class Networks:
    """The namespaces, by their short names."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix

    def name(self, place: str) -> str:
        return f"{self._prefix}-{place}"

    def inside(self, place: str) -> tuple[str, ...]:
        """What a command begins with that is to run there."""
        return "ip", "netns", "exec", self.name(place)

    def run(self, *command: str, stdin: str = "") -> None:
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
        if done.returncode and any(words in done.stderr for words in _FORBIDDEN):
            raise Forbidden(f"{' '.join(command)}: {done.stderr.strip()}")
        assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"

    def build(self) -> None:
        for place in ("router", *PLACES):
            self.run("ip", "netns", "add", self.name(place))
            self.run(*self.inside(place), "ip", "link", "set", "lo", "up")
        for place, (host, gateway, bits) in PLACES.items():
            self.run(
                "ip", "link", "add", "up0", "netns", self.name(place), "type", "veth",
                "peer", "name", place, "netns", self.name("router"),
            )  # fmt: skip
            for where, link, address in ((place, "up0", host), ("router", place, gateway)):
                self.run(*self.inside(where), "ip", "address", "add", f"{address}/{bits}", "dev", link)
                self.run(*self.inside(where), "ip", "link", "set", link, "up")
            self.run(*self.inside(place), "ip", "route", "add", "default", "via", gateway)
        for address in (ADVERTISED, HOME_SEEN):
            self.run(*self.inside("router"), "ip", "address", "add", f"{address}/32", "dev", "open")
        self.run(*self.inside("router"), "nft", "-f", "-", stdin=RULES)
        for key, value in (
            ("net.ipv4.ip_forward", 1),
            ("net.netfilter.nf_conntrack_udp_timeout", FLOW_LIFE_S),
            ("net.netfilter.nf_conntrack_udp_timeout_stream", FLOW_LIFE_S),
        ):
            self.run(*self.inside("router"), "sysctl", "-q", "-w", f"{key}={value}")

    def remove(self) -> None:
        for place in ("router", *PLACES):
            subprocess.run(["ip", "netns", "del", self.name(place)], capture_output=True, check=False)


@contextmanager
def networks() -> Iterator[Networks]:
    """Raises Forbidden."""
    made = Networks(f"hotline{os.getpid()}")
    try:
        made.build()
        yield made
    finally:
        made.remove()


class Dweller:
    """A thread with an event loop that lives in a namespace: every socket it opens is there."""

    def __init__(self, namespace: str) -> None:
        self._namespace = Path("/run/netns") / namespace
        self._loop = asyncio.new_event_loop()
        self._entered = threading.Event()
        self._thread = threading.Thread(target=self._live, daemon=True)

    def _live(self) -> None:
        with self._namespace.open() as file:
            if ctypes.CDLL(None, use_errno=True).setns(file.fileno(), _CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "setns")
        self._entered.set()
        self._loop.run_forever()

    async def do(self, work: Coroutine[Any, Any, T]) -> T:
        """Run it there."""
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))

    def __enter__(self) -> Dweller:
        self._thread.start()
        assert self._entered.wait(10), "the namespace can't be entered"
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()
