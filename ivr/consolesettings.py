"""[console] of hotline.toml: where people's pages are, and who may stand before them."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from ivr.sections import Network, Port, Section, as_ip

NO_BROWSER_OPENS = frozenset({
    1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103, 104, 109, 110,
    111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465, 512, 513, 514, 515, 526, 530, 531, 532,
    540, 548, 554, 556, 563, 587, 601, 636, 989, 990, 993, 995, 1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061,
    6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080,
})  # fmt: skip
"""Ports that browsers refuse: https://fetch.spec.whatwg.org/#port-blocking."""


class Console(Section):
    """People's pages. Beyond loopback passwords must not travel in the clear: a proxy that ends TLS stands before, or whoever
    runs this says that the network may be trusted."""

    host: Annotated[str, AfterValidator(lambda text: text if text == "localhost" else as_ip(text))] = "127.0.0.1"
    port: Port = 8080
    language: Literal["zh", "en"] = "zh"
    names: tuple[Annotated[str, Field(pattern=r"^[A-Za-z0-9.:-]{1,253}$")], ...] = ()
    """Host names and addresses by which browsers reach it; `host` and loopback are known by themselves."""
    trusted_proxies: tuple[Network, ...] = ()
    """Where the TLS proxy stands: believed in X-Forwarded-For and X-Forwarded-Proto, which it must set itself."""
    plain_http: bool = False
    """Serve beyond loopback without TLS all the same: whoever can listen on that network can read passwords."""
    idle_s: float = Field(default=7200.0, ge=60, le=86400)
    """A login ends so long after its last use; a page that only looks on is no use."""
    session_s: float = Field(default=43200.0, ge=300, le=7 * 86400)
    """A login ends so long after it began, whatever happens: a shift."""

    @property
    def loopback(self) -> bool:
        """Whether only this machine reaches it."""
        return self.host == "localhost" or ip_address(self.host).is_loopback

    @property
    def tls_only(self) -> bool:
        """Whether pages go out by TLS alone, but to this machine."""
        return not self.loopback and not self.plain_http

    @property
    def own_host(self) -> str:
        """Where this machine finds it, as URLs write it."""
        if self.host != "localhost" and ip_address(self.host).is_unspecified:
            return "[::1]" if ":" in self.host else "127.0.0.1"
        return f"[{self.host}]" if ":" in self.host else self.host

    @property
    def url(self) -> str:
        """Where people find it, as far as the settings tell."""
        if self.trusted_proxies and self.names:
            return f"https://{self.names[0]}/"
        return f"http://{self.names[0] if self.names and not self.loopback else self.own_host}:{self.port}/"

    @model_validator(mode="after")
    def _safe(self) -> Console:
        if self.tls_only and not self.trusted_proxies:
            raise ValueError(
                f"console.host: beyond loopback ({self.host}) passwords would travel in the clear; name the proxy that ends "
                "TLS in console.trusted_proxies, or, on a network that you trust, set console.plain_http = true"
            )
        if self.port in NO_BROWSER_OPENS and not self.trusted_proxies:
            raise ValueError(f"console.port: browsers refuse to open port {self.port}, another service's; take 8080, say")
        if not self.loopback and ip_address(self.host).is_unspecified and not self.names:
            raise ValueError(f"console.names: {self.host} is no address that browsers can be told; name what they call")
        return self
