"""The topmost Via: the key of a transaction and the way back of a response (RFC 3261 18.2, RFC 3581)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ivr.sip.events import Address
from ivr.sip.uri import SIP_PORT

COOKIE = "z9hG4bK"
_VIA = re.compile(
    r"SIP\s*+/\s*+2\.0\s*+/\s*+(?P<transport>[A-Za-z0-9.!%*_+`'~-]++)\s++(?P<host>\[[0-9A-Fa-f:.%]++\]|[A-Za-z0-9._-]++)\s*+"
    r"(?::\s*+(?P<port>[0-9]{1,5}))?\s*+(?P<rest>(?:;.*)?)",
    re.DOTALL | re.IGNORECASE,
)
_BRANCH = re.compile(r";\s*branch\s*=\s*([^\s;,]+)", re.IGNORECASE)
_RPORT = re.compile(r";\s*rport\b(?:\s*=\s*[0-9]*)?", re.IGNORECASE)
_RECEIVED = re.compile(r";\s*received\s*=\s*[^\s;,]+", re.IGNORECASE)


class ViaError(ValueError):
    """Not a Via value."""


@dataclass(frozen=True, slots=True)
class Via:
    """raw: as it came. sent_by: host[:port] in lower case. port: of sent-by, 5060 where none is named."""

    raw: str
    sent_by: str
    port: int
    branch: str
    rport: bool

    @property
    def host(self) -> str:
        """The host of sent-by, IPv6 without brackets."""
        bare = self.sent_by if self.sent_by.endswith("]") else self.sent_by.rpartition(":")[0] or self.sent_by
        return bare.strip("[]")

    @classmethod
    def parse(cls, raw: str) -> Via:
        """Read one Via value. ViaError when it is none."""
        match = _VIA.fullmatch(raw)
        port = int(match["port"] or SIP_PORT) if match else 0
        if match is None or not 0 < port < 65536:
            raise ViaError("bad Via")
        branch = _BRANCH.search(match["rest"])
        sent_by = match["host"].lower() + (f":{port}" if match["port"] else "")
        return cls(raw, sent_by, port, branch[1] if branch else "", _RPORT.search(match["rest"]) is not None)

    def stamped(self, source: Address) -> str:
        """The value for the response: with the source as received, and as rport where the client asked for it (RFC 3581 4)."""
        text = _RECEIVED.sub("", self.raw)
        if self.rport:
            text = _RPORT.sub(f";rport={source.port}", text, count=1)
        return f"{text};received={source.host}"

    def reply_to(self, source: Address, *, reliable: bool = False) -> Address:
        """Where the response goes: the source address, over a reliable transport by the same connection; its port if rport was
        asked for, else the port of sent-by (RFC 3261 18.2.2)."""
        return source if self.rport or reliable else source._replace(port=self.port)
