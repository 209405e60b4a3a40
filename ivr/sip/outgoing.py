"""A request of ours as a value: written, repeated with credentials, and the CANCEL and ACK that belong to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ivr.sip.events import Address, Send
from ivr.sip.listener import TransportName
from ivr.sip.uri import clean


@dataclass(frozen=True, slots=True)
class Outgoing:
    """method, Request-URI, the Via's sent-by, branch and transport, the dialog's headers, further headers in order, body
    (SDP, unless the headers name another Content-Type), and the next hop's address."""

    method: str
    uri: str
    sent_by: str
    branch: str
    from_: str
    to: str
    call_id: str
    cseq: int
    destination: Address
    routes: tuple[str, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    transport: TransportName = "udp"

    def write(self) -> bytes:
        """The request's bytes: the same each time."""
        lines = [
            f"{self.method} {self.uri} SIP/2.0",
            f"Via: SIP/2.0/{self.transport.upper()} {self.sent_by};branch={self.branch};rport",
            "Max-Forwards: 70",
        ]
        lines += [f"Route: {route}" for route in self.routes]
        lines += [f"From: {self.from_}", f"To: {self.to}", f"Call-ID: {self.call_id}", f"CSeq: {self.cseq} {self.method}"]
        lines += [f"{name}: {clean(value)}" for name, value in self.headers]
        if self.body and not any(name == "Content-Type" for name, _ in self.headers):
            lines.append("Content-Type: application/sdp")
        lines.append(f"Content-Length: {len(self.body)}\r\n\r\n")
        return "\r\n".join(lines).encode() + self.body

    def send(self) -> Send:
        """Its datagram."""
        return Send(self.write(), self.destination)

    def cancel(self) -> Outgoing:
        """The CANCEL of this INVITE: same branch, target, route and CSeq number (RFC 3261 9.1)."""
        return replace(self, method="CANCEL", headers=(), body=b"")

    def ack(self, to: str) -> Outgoing:
        """The ACK of a non-2xx final response, whose To it copies (RFC 3261 17.1.1.3)."""
        return replace(self, method="ACK", to=to, headers=(), body=b"")

    def again(self, branch: str, *headers: tuple[str, str], cseq: int = 0) -> Outgoing:
        """The same request with credentials (RFC 3261 22.2) or other headers in place of its own: a new transaction, with
        the next CSeq unless one is given."""
        names = {name for name, _ in headers}
        kept = tuple((name, value) for name, value in self.headers if name not in names)
        return replace(self, branch=branch, cseq=cseq or self.cseq + 1, headers=(*kept, *headers))

    def to_json(self) -> dict[str, Any]:
        """A JSON object; from_json() takes it back."""
        return {
            "method": self.method,
            "uri": self.uri,
            "sent_by": self.sent_by,
            "branch": self.branch,
            "from": self.from_,
            "to": self.to,
            "call_id": self.call_id,
            "cseq": self.cseq,
            "destination": self.destination.to_json(),
            "routes": list(self.routes),
            "headers": [list(header) for header in self.headers],
            "body": self.body.decode("utf-8", "surrogateescape"),
            "transport": self.transport,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Outgoing:
        """The Outgoing that to_json() wrote."""
        return cls(
            data["method"],
            data["uri"],
            data["sent_by"],
            data["branch"],
            data["from"],
            data["to"],
            data["call_id"],
            data["cseq"],
            Address(*data["destination"]),
            tuple(data["routes"]),
            tuple((name, value) for name, value in data["headers"]),
            data["body"].encode("utf-8", "surrogateescape"),
            data.get("transport", "udp"),
        )
