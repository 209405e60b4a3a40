"""SIP messages as text, the digest client, session descriptions: what a telephone needs of them, written apart from ivr.sip."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import quote

from ivr.phones.audio import Codec

COMPACT = {
    "v": "Via",
    "f": "From",
    "t": "To",
    "i": "Call-ID",
    "m": "Contact",
    "l": "Content-Length",
    "c": "Content-Type",
    "s": "Subject",
}
COMPACT |= {
    "k": "Supported",
    "o": "Event",
    "r": "Refer-To",
    "u": "Allow-Events",
    "x": "Session-Expires",
    "e": "Content-Encoding",
}
PAYLOAD_TYPES: dict[Codec, int] = {"PCMU": 0, "PCMA": 8}
LISTS = ("via", "record-route", "route", "contact", "allow", "supported", "require", "unsupported")


class BadMessage(ValueError):
    """What came is no SIP message, or lacks what every one must have."""


@dataclass(slots=True)
class Message:
    """A request or a response. Header names compare without case; their order is kept."""

    first: str
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""

    def get(self, name: str) -> str:
        """The first value of this header, "" when there is none."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), "")

    def all(self, name: str) -> list[str]:
        """Each value of this header, in order; comma lists are taken apart where the header is a list (RFC 3261 7.3.1)."""
        values = [value for key, value in self.headers if key.lower() == name.lower()]
        return [part for value in values for part in split_commas(value)] if name.lower() in LISTS else values

    @property
    def status(self) -> int:
        """The status of a response, 0 for a request."""
        return int(self.first.split(" ")[1]) if self.first.startswith("SIP/2.0 ") else 0

    @property
    def reason(self) -> str:
        """The reason phrase of a response."""
        return self.first.split(" ", 2)[2] if self.status and self.first.count(" ") > 1 else ""

    @property
    def method(self) -> str:
        """The request's method; for a response the one of its CSeq."""
        return self.get("CSeq").split()[1] if self.status else self.first.split(" ")[0]

    @property
    def uri(self) -> str:
        """The Request-URI."""
        return self.first.split(" ")[1]

    @property
    def cseq(self) -> int:
        """The CSeq number."""
        return int(self.get("CSeq").split()[0])

    @property
    def branch(self) -> str:
        """The branch of the topmost Via."""
        return parameter(self.all("Via")[0], "branch")

    def __bytes__(self) -> bytes:
        lines = [self.first, *(f"{name}: {value}" for name, value in self.headers), f"Content-Length: {len(self.body)}", "", ""]
        return "\r\n".join(lines).encode() + self.body


def parse(data: bytes) -> Message:
    """A datagram as a message. BadMessage when it isn't one or lacks Via, From, To, Call-ID or CSeq (RFC 3261 8.1.1)."""
    head, separator, body = data.partition(b"\r\n\r\n")
    try:
        lines = re.sub(r"\r\n[ \t]+", " ", head.decode()).split("\r\n")
    except UnicodeDecodeError as error:
        raise BadMessage(f"the header is not UTF-8: {error}") from error
    request = re.fullmatch(r"[A-Z]+ \S+ SIP/2\.0", lines[0])
    if not separator or not (request or re.fullmatch(r"SIP/2\.0 [1-6]\d\d( .*)?", lines[0])):
        raise BadMessage(f"no SIP message: {lines[0][:80]!r}")
    message = Message(lines[0])
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        if not colon:
            raise BadMessage(f"a header without a colon: {line[:80]!r}")
        name = COMPACT.get(name.strip().lower(), name.strip())
        if name.lower() != "content-length":
            message.headers.append((name, value.strip()))
        elif not value.strip().isdigit() or int(value) > len(body):
            raise BadMessage(f"Content-Length {value.strip()} of {len(body)} octets")
        else:
            body = body[: int(value)]
    message.body = body
    missing = [name for name in ("Via", "From", "To", "Call-ID", "CSeq") if not message.get(name)]
    if missing or not re.fullmatch(r"\d+\s+[A-Z]+", message.get("CSeq")):
        raise BadMessage(f"{lines[0]!r} lacks a good {', '.join(missing) or 'CSeq'}")
    return message


def split_commas(value: str) -> list[str]:
    """The parts of a comma list; commas within quotes or angle brackets don't count."""
    return [part.strip() for part in re.findall(r'(?:"(?:\\.|[^"\\])*"|<[^>]*>|[^,"<])+', value) if part.strip()]


def parameter(value: str, name: str) -> str:
    """A header parameter behind the angle brackets, "" when absent. parameter('<sip:a@b>;tag=x', 'tag') is 'x'."""
    behind = re.sub(r'"(?:\\.|[^"\\])*"', "", value).rpartition(">")[2]
    found = re.search(rf";\s*{name}\s*=\s*([^;,\s]+)", behind, re.IGNORECASE)
    return found.group(1) if found else ""


def address_uri(value: str) -> str:
    """The URI of a From, To, Contact or Route value, brackets and display name taken away."""
    found = re.search(r"<([^>]*)>", value)
    return found.group(1) if found else value.split(";", maxsplit=1)[0].strip()


def display_name(value: str) -> str:
    """The display name of a From or To value, "" when there is none."""
    found = re.match(r'\s*(?:"((?:\\.|[^"\\])*)"|([^<"]*?))\s*<', value)
    return (
        re.sub(r"\\(.)", r"\1", found.group(1)) if found and found.group(1) is not None else (found.group(2) if found else "")
    )


def uri_user(uri: str) -> str:
    """The user part of a SIP URI, "" when it has none."""
    return uri.partition(":")[2].rpartition("@")[0].split(":")[0].split(";")[0]


def uri_address(uri: str) -> tuple[str, int]:
    """Host and port of a SIP URI, an IPv6 address without brackets; the port is 5060 when it names none."""
    place = uri.partition(":")[2].rpartition("@")[2].split(";")[0].split("?")[0]
    if place.startswith("["):
        host, _, port = place[1:].partition("]")
    else:
        host, _, port = place.partition(":")
    port = port.removeprefix(":")
    return host, int(port) if port.isdigit() else 5060


def written(host: str) -> str:
    """As URIs and Via have it: an IPv6 address in brackets."""
    return f"[{host}]" if ":" in host else host


def authorization(challenge: str, method: str, uri: str, *, user: str, password: str, cnonce: str) -> str:
    """The Authorization value for a Digest challenge (RFC 7616; MD5, SHA-256; qop=auth or none). ValueError for others."""
    scheme, _, rest = challenge.partition(" ")
    fields = {key.lower(): quoted or bare for key, quoted, bare in re.findall(r'(\w+)\s*=\s*(?:"([^"]*)"|([^\s,]+))', rest)}
    algorithm = fields.get("algorithm", "MD5")
    if scheme.lower() != "digest" or algorithm.upper() not in {"MD5", "SHA-256"} or "nonce" not in fields:
        raise ValueError(f"no answer to the challenge {challenge!r}")

    def digest(*parts: str) -> str:
        return hashlib.new(algorithm.replace("-", "").lower(), ":".join(parts).encode()).hexdigest()

    realm, nonce = fields.get("realm", ""), fields["nonce"]
    secret, request = digest(user, realm, password), digest(method, uri)
    answer = f'Digest username="{user}", realm="{realm}", nonce="{nonce}", uri="{uri}", algorithm={algorithm}'
    if "opaque" in fields:
        answer += f', opaque="{fields["opaque"]}"'
    if "auth" in [word.strip() for word in fields.get("qop", "").split(",")]:
        response = digest(secret, nonce, "00000001", cnonce, "auth", request)
        return f'{answer}, qop=auth, nc=00000001, cnonce="{cnonce}", response="{response}"'
    return f'{answer}, response="{digest(secret, nonce, request)}"'


@dataclass(frozen=True, slots=True)
class Sound:
    """Where and how the other side wants its sound."""

    host: str
    port: int
    codec: Codec
    payload_type: int
    dtmf_payload_type: int | None
    direction: str
    """As the other side wrote it: sendrecv, sendonly, recvonly or inactive."""

    @property
    def listens(self) -> bool:
        """True when sound sent to it is heard."""
        return self.port != 0 and self.host != "0.0.0.0" and self.direction in {"sendrecv", "recvonly"}


def describe(
    host: str, port: int, codecs: Sequence[Codec], *, version: int, direction: str = "sendrecv", dtmf: int | None = 101
) -> bytes:
    """A session description with one audio stream (RFC 4566), the codecs in the order wanted."""
    types = [str(PAYLOAD_TYPES[codec]) for codec in codecs] + ([str(dtmf)] if dtmf is not None else [])
    address = f"IN {'IP6' if ':' in host else 'IP4'} {host}"
    lines = ["v=0", f"o=phone 3842 {version} {address}", "s=-", f"c={address}", "t=0 0"]
    lines += [
        f"m=audio {port} RTP/AVP {' '.join(types)}",
        *(f"a=rtpmap:{PAYLOAD_TYPES[codec]} {codec}/8000" for codec in codecs),
    ]
    if dtmf is not None:
        lines += [f"a=rtpmap:{dtmf} telephone-event/8000", f"a=fmtp:{dtmf} 0-15"]
    return "\r\n".join([*lines, "a=ptime:20", f"a={direction}", ""]).encode()


def read_description(body: bytes, codecs: Sequence[Codec]) -> Sound:
    """The audio stream of a session description, on its first codec that is one of ours. BadMessage when there is none."""
    host, direction, stream = "", "sendrecv", ""
    media: list[str] = []
    names: dict[str, str] = {}
    for line in body.decode(errors="replace").replace("\r\n", "\n").split("\n"):
        kind, _, value = line.partition("=")
        if kind == "m":
            stream = value.split(" ")[0]
            media = value.split(" ") if stream == "audio" and not media else media
        elif kind == "c" and stream in {"", "audio"}:
            host = value.split(" ")[-1].split("/")[0]
        elif kind == "a" and stream in {"", "audio"}:
            if value in {"sendrecv", "sendonly", "recvonly", "inactive"}:
                direction = value
            elif value.startswith("rtpmap:"):
                number, _, name = value[7:].partition(" ")
                names[number] = name.upper()
    if len(media) < 4 or not media[1].isdigit() or not host:
        raise BadMessage(f"no audio stream in {body!r}")
    known = {number: names.get(number, {"0": "PCMU/8000", "8": "PCMA/8000"}.get(number, "")) for number in media[3:]}
    dtmf = next((int(number) for number, name in known.items() if name.startswith("TELEPHONE-EVENT/8000")), None)
    for number, name in known.items():
        for codec in codecs:
            if name.split("/")[:2] == [codec, "8000"]:
                return Sound(host, int(media[1]), codec, int(number), dtmf, direction)
    raise BadMessage(f"none of {', '.join(codecs)} in {body!r}")


def pressed(info: Message) -> str:
    """The key that an INFO tells (application/dtmf-relay), "" for none."""
    lines = info.body.decode(errors="replace").splitlines()
    return next((line[7:].strip() for line in lines if line[:7] == "Signal="), "")


def refer_to(number: str, host: str, call_id: str = "", to_tag: str = "", from_tag: str = "") -> str:
    """Refer-To: a number, or whom the call of a dialog talks to (RFC 3891)."""
    replaces = "?Replaces=" + quote(f"{call_id};to-tag={to_tag};from-tag={from_tag}", safe="") if call_id else ""
    return f"<sip:{number}@{host}{replaces}>"
