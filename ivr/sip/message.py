"""Datagrams in: what every SIP message must have, read once."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

from ivr.sip.headers import HeaderError, Headers
from ivr.sip.stream import MAX_HEAD_BYTES
from ivr.sip.uri import NameAddr, SchemeError, Uri, UriError, parse_name_addr, parse_uri, split_list
from ivr.sip.via import COOKIE, Via, ViaError

MAX_BYTES = 65535
_TOKEN = r"[A-Za-z0-9.!%*_+`'~-]+"
_CSEQ = re.compile(rf"([0-9]{{1,20}})[ \t]+({_TOKEN})")
_STATUS_LINE = re.compile(r"SIP/2\.0 ([1-6][0-9]{2})(?: (.*))?", re.DOTALL)
_REQUEST_LINE = re.compile(rf"({_TOKEN}) (\S+) SIP/([0-9]+\.[0-9]+)")
_SINGLE = {"call-id", "cseq", "from", "to", "max-forwards", "content-length", "content-type"}
_UNREADABLE = NameAddr("", "", {})


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
        lines = self.headers.getlist(name)
        return split_list(lines) if lines else []

    def knows(self, option: str) -> bool:
        """Whether the sender speaks this extension (Supported or Require names it)."""
        return any(option == value.lower() for value in self.values("Supported") + self.values("Require"))

    def allows(self, method: str) -> bool | None:
        """Whether the sender takes this method; None where it doesn't say."""
        values = self.headers.getlist("Allow")
        return any(method in value for value in values) if values else None

    @property
    def sdp(self) -> bytes:
        """The session description, empty without one."""
        return self.body if self.content_type == "application/sdp" else b""

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


class BadRequest(MessageError):
    """A request that can't be followed: `status` says why, `head` has what a response to it repeats."""

    def __init__(self, status: int, why: str, head: Head) -> None:
        super().__init__(why)
        self.status = status
        self.head = head


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
    """Read one datagram. BadRequest for a request that breaks the rules but can be answered, MessageError for everything else
    that is not a whole SIP message."""
    if len(data) > MAX_BYTES:
        raise MessageError("too long")
    head, separator, body = data.lstrip(b"\r\n").partition(b"\r\n\r\n")  # empty lines may come first (7.5)
    if not separator:
        raise MessageError("no end of headers")
    if len(head) > MAX_HEAD_BYTES:
        raise MessageError("headers too long")
    try:
        start, _, lines = head.decode().partition("\r\n")
        headers = Headers(lines)
        if start.startswith("SIP/"):
            return _response(start, headers, body)
        return _request(start, headers, body)
    except UnicodeDecodeError as error:
        raise MessageError("not UTF-8") from error
    except (HeaderError, UriError, ViaError) as error:
        raise MessageError(str(error)) from error


class _Common(NamedTuple):
    """What requests and responses share, but for headers and body."""

    via: Via
    vias: tuple[str, ...]
    call_id: str
    from_: NameAddr
    to: NameAddr
    cseq: int
    method: str


def _response(start: str, headers: Headers, body: bytes) -> Response:
    line = _STATUS_LINE.fullmatch(start)
    if line is None:
        raise MessageError("bad status line")
    common = _common(headers)
    _check(headers, common)
    return Response(headers, _body(headers, body), *common, int(line[1]), line[2] or "")


def _request(start: str, headers: Headers, body: bytes) -> Request:
    common = _common(headers)
    try:
        line = _REQUEST_LINE.fullmatch(start)
        if line is None:
            raise MessageError("bad start line")
        if line[3] != "2.0":
            raise BadRequest(505, "another version", Head(headers, b"", *common))
        _check(headers, common)
        if line[1] != common.method:
            raise MessageError("CSeq names another method")
        uri = parse_uri(line[2])
        if "?" in line[2].rpartition("@")[2]:
            raise MessageError("headers in the Request-URI")  # 19.1.1
        return Request(headers, _body(headers, body), *common, line[2], uri)
    except SchemeError as error:
        raise BadRequest(416, str(error), Head(headers, b"", *common)) from error
    except BadRequest:
        raise
    except (MessageError, UriError, ViaError) as error:
        raise BadRequest(400, str(error), Head(headers, b"", *common)) from error


def _common(headers: Headers) -> _Common:
    """What a response repeats. MessageError where that can't be read: then there is nobody to answer."""
    vias = tuple(split_list(headers.getlist("Via")))
    call_id, cseq = headers.get("Call-ID"), _CSEQ.fullmatch(headers.get("CSeq") or "")
    from_, to = headers.get("From"), headers.get("To")
    if not (vias and call_id and cseq and from_ and to):
        raise MessageError("a mandatory header is missing or bad")
    return _Common(Via.parse(vias[0]), vias, call_id, _address(from_), _address(to), int(cseq[1]), cseq[2])


def _address(text: str) -> NameAddr:
    try:
        return parse_name_addr(text)
    except UriError:
        return _UNREADABLE


def _check(headers: Headers, common: _Common) -> None:
    """What a response to it may do without, but a message must have right."""
    if headers.repeated & _SINGLE:
        raise MessageError("a header stands there twice")
    if common.from_ is _UNREADABLE or common.to is _UNREADABLE:
        raise MessageError("From or To can't be read")
    if common.cseq >= 2**31:
        raise MessageError("CSeq out of range")
    for via in common.vias[1:]:
        Via.parse(via)


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
