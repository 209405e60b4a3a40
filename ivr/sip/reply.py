"""What a response copies from its request (RFC 3261 8.2.6, 12.1.1), kept apart from the request so that it can be stored."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ivr.sip.events import Address, Send
from ivr.sip.message import Head
from ivr.sip.via import Via

REASONS = {
    100: "Trying",
    180: "Ringing",
    183: "Session Progress",
    200: "OK",
    202: "Accepted",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    406: "Not Acceptable",
    408: "Request Timeout",
    415: "Unsupported Media Type",
    416: "Unsupported URI Scheme",
    420: "Bad Extension",
    422: "Session Interval Too Small",
    423: "Interval Too Brief",
    480: "Temporarily Unavailable",
    481: "Call/Transaction Does Not Exist",
    482: "Loop Detected",
    486: "Busy Here",
    487: "Request Terminated",
    488: "Not Acceptable Here",
    491: "Request Pending",
    500: "Server Internal Error",
    501: "Not Implemented",
    503: "Service Unavailable",
    505: "Version Not Supported",
    504: "Server Time-out",
    603: "Decline",
}


@dataclass(frozen=True, slots=True)
class Reply:
    """The headers a response must repeat, and where it goes. to: with the tag that the peer sent, if any."""

    vias: tuple[str, ...]
    from_: str
    to: str
    to_tag: str
    call_id: str
    cseq: str
    record_routes: tuple[str, ...]
    destination: Address

    @classmethod
    def to_request(cls, request: Head, source: Address, *, reliable: bool = False) -> Reply:
        """For this request, which came from `source`, over a reliable transport or not."""
        return cls(
            (request.via.stamped(source), *request.vias[1:]),
            request.get("From"),
            request.get("To"),
            request.to.tag,
            request.call_id,
            f"{request.cseq} {request.method}",
            tuple(request.headers.getlist("Record-Route")),
            request.via.reply_to(source, reliable=reliable),
        )

    def elsewhere(self) -> Reply:
        """The same, to the port that the peer's Via names: the connection it came by is gone (RFC 3261 18.2.2)."""
        return replace(self, destination=self.destination._replace(port=Via.parse(self.vias[0]).port))

    def write(
        self,
        status: int,
        *,
        tag: str = "",
        reason: str = "",
        headers: Iterable[tuple[str, str]] = (),
        body: bytes = b"",
    ) -> bytes:
        """The response's bytes. tag: ours, added to To where the request had none and the status is above 100."""
        to = self.to if self.to_tag or status == 100 or not tag else f"{self.to};tag={tag}"
        lines = [f"SIP/2.0 {status} {reason or REASONS.get(status, 'Unknown')}"]
        lines += [f"Via: {via}" for via in self.vias]
        if 100 < status < 300:
            lines += [f"Record-Route: {route}" for route in self.record_routes]
        lines += [f"From: {self.from_}", f"To: {to}", f"Call-ID: {self.call_id}", f"CSeq: {self.cseq}"]
        lines += [f"{name}: {value}" for name, value in headers]
        if body:
            lines.append("Content-Type: application/sdp")
        lines.append(f"Content-Length: {len(body)}\r\n\r\n")
        return "\r\n".join(lines).encode() + body

    def send(self, data: bytes) -> Send:
        """A written response as a datagram."""
        return Send(data, self.destination)

    def to_json(self) -> dict[str, Any]:
        """A JSON object; from_json() takes it back."""
        return {
            "vias": list(self.vias),
            "from": self.from_,
            "to": self.to,
            "to_tag": self.to_tag,
            "call_id": self.call_id,
            "cseq": self.cseq,
            "record_routes": list(self.record_routes),
            "destination": self.destination.to_json(),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Reply:
        """The Reply that to_json() wrote."""
        return cls(
            tuple(data["vias"]),
            data["from"],
            data["to"],
            data["to_tag"],
            data["call_id"],
            data["cseq"],
            tuple(data["record_routes"]),
            Address(*data["destination"]),
        )
