"""Datagrams in: sipmessage does the framing, this adds what every SIP message must have and keeps it read once."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

from sipmessage import Headers, Message
from sipmessage import Request as ParsedRequest
from sipmessage import Response as ParsedResponse

from ivr.sip.uri import NameAddr, Uri, UriError, parse_name_addr, parse_uri, split_list
from ivr.sip.via import COOKIE, Via, ViaError

MAX_BYTES = 65535
_SPACED_COLON = re.compile(rb"(?m)^([A-Za-z0-9-]+)[ \t]+:")
_FOLD = re.compile(rb"\r\n[ \t]+")
_CSEQ = re.compile(r"\s*([0-9]{1,10})\s+([A-Za-z0-9.!%*_+`'~-]+)\s*")
_PLAIN_TARGET = b"sip:invalid"


class MessageError(ValueError):
    """A datagram that is no SIP message, or lacks what each must have (RFC 3261 8.1.1). The text holds nothing of the
    peer's words."""


class TransactionKey(NamedTuple):
    """What matches a request to its server transaction (RFC 3261 17.2.3)."""

    branch: str
    sent_by: str
    method: str


@dataclass(frozen=True, slots=True)
class Head:
    """What requests and responses share."""

    headers: Headers
    body: bytes
    via: Via
    vias: tuple[str, ...]
    call_id: str
    from_: NameAddr
    to: NameAddr
    cseq: int
    method: str

    def get(self, name: str) -> str:
        """The first value of a header, "" if there is none."""
        return self.headers.get(name) or ""

    def values(self, name: str) -> list[str]:
        """All elements of a comma-separated header."""
        return split_list(self.headers.getlist(name))

    @property
    def contact(self) -> str:
        """The URI of the first Contact, "" without one or when it can't be read."""
        values = self.values("Contact")
        try:
            return parse_name_addr(values[0]).uri if values else ""
        except UriError:
            return ""

    @property
    def content_type(self) -> str:
        """The media type in lower case, without parameters."""
        return self.get("Content-Type").partition(";")[0].strip().lower()


@dataclass(frozen=True, slots=True)
class Request(Head):
    """A request. target: the Request-URI as written; uri: the same taken apart."""

    target: str
    uri: Uri

    @property
    def key(self) -> TransactionKey:
        """Its server transaction; a branch without the magic cookie is no key, so the RFC 2543 fields stand in."""
        if self.via.branch.startswith(COOKIE):
            return TransactionKey(self.via.branch, self.via.sent_by, self.method)
        return TransactionKey(
            f"{self.call_id}\n{self.cseq}\n{self.from_.tag}\n{self.via.branch}", self.via.sent_by, self.method
        )


@dataclass(frozen=True, slots=True)
class Response(Head):
    """A response."""

    status: int
    reason: str


def parse(data: bytes) -> Request | Response:
    """Read one datagram. MessageError for everything that is not a whole SIP message."""
    if len(data) > MAX_BYTES:
        raise MessageError("too long")
    head, separator, _ = data.partition(b"\r\n\r\n")
    if not separator:
        raise MessageError("no end of headers")
    if b"\r\n " in head or b"\r\n\t" in head or b" :" in head or b"\t:" in head:
        # Folded lines and blanks before the colon are legal (RFC 3261 7.3.1) but unknown to sipmessage.
        data = _SPACED_COLON.sub(rb"\1:", _FOLD.sub(b" ", head)) + data[len(head) :]
    try:
        return _read(data)
    except (UriError, ViaError) as error:
        raise MessageError(str(error)) from error


def _read(data: bytes) -> Request | Response:
    line = data[: data.index(b"\r\n")].split(b" ")
    is_response = line[0] == b"SIP/2.0"
    if not is_response and len(line) != 3:
        raise MessageError("bad start line")
    target = ""
    if not is_response:
        # The target is read by us (see uri.py); sipmessage gets one that it takes for certain.
        target = line[1].decode("utf-8", "replace")
        data = b" ".join((line[0], _PLAIN_TARGET, line[2])) + data[data.index(b"\r\n") :]
    try:
        message = Message.parse(data)
    except ValueError as error:
        raise MessageError("bad start line or header") from error
    headers = message.headers
    vias = tuple(split_list(headers.getlist("Via")))
    call_id, cseq = headers.get("Call-ID"), _CSEQ.fullmatch(headers.get("CSeq") or "")
    from_, to = headers.get("From"), headers.get("To")
    if not (vias and call_id and cseq and from_ and to):
        raise MessageError("a mandatory header is missing or bad")
    number = int(cseq[1])
    if number >= 2**31:
        raise MessageError("CSeq out of range")
    body = _body(headers, message.body)
    sender, receiver = parse_name_addr(from_), parse_name_addr(to)
    via = Via.parse(vias[0])
    if isinstance(message, ParsedRequest):
        if cseq[2] != message.method:
            raise MessageError("CSeq names another method")
        return Request(headers, body, via, vias, call_id, sender, receiver, number, message.method, target, parse_uri(target))
    assert isinstance(message, ParsedResponse)
    if not 100 <= message.code <= 699:
        raise MessageError("status out of range")
    return Response(headers, body, via, vias, call_id, sender, receiver, number, cseq[2], message.code, message.phrase)


def _body(headers: Headers, body: bytes) -> bytes:
    """The body as long as Content-Length says; over UDP the rest of the datagram is no part of it (RFC 3261 18.3)."""
    text = headers.get("Content-Length")
    if text is None:
        return body
    if not (text.isascii() and text.isdigit() and len(text) < 8):
        raise MessageError("bad Content-Length")
    length = int(text)
    if length > len(body):
        raise MessageError("body is shorter than Content-Length")
    return body[:length]
