"""Who is asking, where a proxy stands before the console: only named proxies are believed what they say of others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Any

Network = IPv4Network | IPv6Network

_FORWARDING = ("HTTP_X_FORWARDED_FOR", "HTTP_FORWARDED", "HTTP_VIA", "HTTP_X_REAL_IP")
LOCAL = "hotline.local"
"""Key of the WSGI environment: True for a request that a program of this very machine made, by no proxy."""


@dataclass(frozen=True, slots=True)
class Asker:
    """address: of who asks; scheme: "https" where it came by TLS; local: from this machine and by no proxy."""

    address: str
    scheme: str
    local: bool


def asker(
    peer: str, scheme: str, forwarded_for: str, forwarded_proto: str, trusted: Sequence[Network], by_proxy: bool
) -> Asker:
    """Who asks. `peer` has connected; of X-Forwarded-For the last address counts that is no trusted proxy's: whatever stands
    before it was written by that one. `by_proxy`: some header says that a proxy was passed."""
    if not _among(peer, trusted):
        return Asker(peer, scheme, _loopback(peer) and not by_proxy)
    address = peer
    for hop in reversed([part.strip() for part in forwarded_for.split(",") if part.strip()]):
        if not _is_address(hop):
            break
        address = hop
        if not _among(hop, trusted):
            break
    proto = forwarded_proto.rsplit(",", 1)[-1].strip().lower()
    return Asker(address, "https" if proto == "https" else scheme, _loopback(address) and not by_proxy)


class Proxies:
    """WSGI middleware: writes the true asker into the environment."""

    def __init__(self, app: Callable[..., Iterable[bytes]], trusted: Sequence[Network]) -> None:
        self._app = app
        self._trusted = trusted

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        found = asker(
            environ.get("REMOTE_ADDR", ""),
            environ["wsgi.url_scheme"],
            environ.get("HTTP_X_FORWARDED_FOR", ""),
            environ.get("HTTP_X_FORWARDED_PROTO", ""),
            self._trusted,
            any(key in environ for key in _FORWARDING),
        )
        environ["REMOTE_ADDR"], environ["wsgi.url_scheme"], environ[LOCAL] = found.address, found.scheme, found.local
        return self._app(environ, start_response)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _among(address: str, networks: Sequence[Network]) -> bool:
    return _is_address(address) and any(ip_address(address) in network for network in networks)


def _loopback(address: str) -> bool:
    return _is_address(address) and ip_address(address).is_loopback
