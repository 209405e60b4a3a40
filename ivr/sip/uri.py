"""SIP and tel URIs and the name-addr around them (RFC 3261 19.1, 20.10), read tolerantly: only what routing and callers'
names need."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address, ip_network
from urllib.parse import quote, unquote

from ivr.sip.events import Address

SIP_PORT = 5060
# Possessive throughout: a stranger's header must not be read in quadratic time.
_QUOTED = r'"(?:[^"\\]|\\.)*+"'
_NAME_ADDR = re.compile(rf'\s*+(?:({_QUOTED})|([^"<]*+))\s*+<([^<>\s]++)>((?:[^<>"]|{_QUOTED})*+)', re.DOTALL)
_ADDR_SPEC = re.compile(rf'\s*+([^<>\s;,?"]++)((?:\s*+;(?:[^<>;,"]|{_QUOTED})*+)*+)\s*+', re.DOTALL)
_PARAM = re.compile(rf'(?:[^;"]|{_QUOTED})++', re.DOTALL)
_ESCAPED = re.compile(r"\\(.)")
_HOST_PORT = re.compile(r"(\[[0-9A-Fa-f:.%]+\]|[A-Za-z0-9._-]+)(?::([0-9]{1,5}))?")
_LONGEST = 200
"""A call's messages repeat what its first one said, so that is remembered for a while; but not what a stranger makes long."""
_USER_SAFE = "-_.!~*'()&=+$,;?/"
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class UriError(ValueError):
    """Not a URI or address that we can read."""


class SchemeError(UriError):
    """A URI of another kind."""


@dataclass(frozen=True, slots=True)
class Uri:
    """A URI taken apart. user is unescaped, without parameters and password; host has no brackets and is "" for tel; params
    are lower case."""

    scheme: str
    user: str
    host: str
    port: int | None
    params: dict[str, str]

    @property
    def address(self) -> Address | None:
        """Where it points, if its host is an IP address: no names are resolved here."""
        if not is_ip(self.host):
            return None
        return Address(self.host, SIP_PORT if self.port is None else self.port)


@dataclass(frozen=True, slots=True)
class NameAddr:
    """The value of From, To, Contact, Route: display name, URI as written, header parameters (names in lower case)."""

    display: str
    uri: str
    params: dict[str, str]

    @property
    def tag(self) -> str:
        """The tag parameter, "" without one."""
        return self.params.get("tag", "")


def parse_uri(text: str) -> Uri:
    """Take a sip:, sips: or tel: URI apart. UriError for anything else."""
    return _uri(text) if len(text) <= _LONGEST else _uri.__wrapped__(text)


@lru_cache(maxsize=512)
def _uri(text: str) -> Uri:
    scheme, _, rest = text.partition(":")
    scheme = scheme.lower()
    if scheme == "tel":
        subscriber, *parameters = rest.split(";")
        return Uri("tel", subscriber, "", None, _params(parameters))
    if scheme not in {"sip", "sips"}:
        raise SchemeError("scheme is not sip, sips or tel") if _SCHEME.fullmatch(scheme) else UriError("no scheme")
    userinfo, at, place = rest.partition("@")
    if not at:
        userinfo, place = "", rest
    host_port, *parameters = place.partition("?")[0].split(";")
    match = _HOST_PORT.fullmatch(host_port)
    if match is None:
        raise UriError("bad host or port")
    port = int(match[2]) if match[2] else None
    if port is not None and not 0 < port < 65536:
        raise UriError("port out of range")
    user = unquote(userinfo.partition(":")[0].partition(";")[0])
    return Uri(scheme, user, match[1].strip("[]"), port, _params(parameters))


def parse_name_addr(text: str) -> NameAddr:
    """Read one From, To, Contact or Route value. UriError when it is none."""
    return _name_addr(text) if len(text) <= _LONGEST else _name_addr.__wrapped__(text)


@lru_cache(maxsize=512)
def _name_addr(text: str) -> NameAddr:
    match = _NAME_ADDR.fullmatch(text)
    if match is not None:
        quoted, plain, uri, parameters = match.groups()
        display = _ESCAPED.sub(r"\1", quoted[1:-1]) if quoted is not None else plain.strip()
        return NameAddr(display, uri, _params(_PARAM.findall(parameters)))
    match = _ADDR_SPEC.fullmatch(text)
    if match is None:
        raise UriError("not an address")
    return NameAddr("", match[1], _params(_PARAM.findall(match[2])))


def split_list(values: Sequence[str]) -> list[str]:
    """The elements of a comma-separated header in all its lines; commas inside quotes and angle brackets don't count."""
    if not any("," in value for value in values):
        return [value.strip() for value in values if value.strip()]
    elements: list[str] = []
    for value in values:
        start, quoted, depth, escaped = 0, False, 0, False
        for index, char in enumerate(value):
            if escaped:
                escaped = False
            elif quoted:
                escaped = char == "\\"
                quoted = char != '"'
            elif char == '"':
                quoted = True
            elif char in "<>":
                depth = 1 if char == "<" else 0
            elif char == "," and not depth:
                elements.append(value[start:index])
                start = index + 1
        elements.append(value[start:])
    return [element.strip() for element in elements if element.strip()]


def write_name_addr(display: str, uri: str) -> str:
    """A name-addr; control characters are taken out of the display name, which may come from another peer."""
    name = _CONTROL.sub("", display).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{name}" <{uri}>' if name else f"<{uri}>"


def write_user(user: str) -> str:
    """The user part of a URI, escaped."""
    return quote(user, safe=_USER_SAFE)


def q_value(text: str) -> float:
    """The q of a contact, 0 to 1; 1 where it is missing or malformed."""
    try:
        q = float(text)
    except ValueError:
        return 1.0
    return q if 0 <= q <= 1 else 1.0


def host_port(host: str, port: int) -> str:
    """host:port as in Via and URIs, IPv6 in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def clean(value: str) -> str:
    """A header value of the app's without control characters, so that it can't become two headers."""
    return _CONTROL.sub("", value)


@lru_cache(maxsize=1024)
def is_private(host: str) -> bool:
    """Whether this IP address means nothing outside its own network: private, loopback, link-local, carrier NAT."""
    address = ip_address(host)
    return address.is_private or (address.version == 4 and address in _SHARED)


_SHARED = ip_network("100.64.0.0/10")


def is_ip(host: str) -> bool:
    """Whether it is an IP address, without brackets."""
    return len(host) <= _LONGEST and (host[:1].isdigit() or ":" in host) and _is_address(host)


@lru_cache(maxsize=1024)
def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _params(parts: Sequence[str]) -> dict[str, str]:
    params: dict[str, str] = {}
    for part in parts:
        name, _, value = part.partition("=")
        if name := name.strip():
            params[name.lower()] = value.strip().strip('"')
    return params
