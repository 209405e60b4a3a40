"""Who calls whom, as a request's headers say it: P-Asserted-Identity and Privacy (RFC 3325, RFC 3323), Diversion (RFC 5806),
History-Info (RFC 7044), and the number that was dialled."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from urllib.parse import unquote

from ivr.sip.message import Request
from ivr.sip.uri import Uri, UriError, parse_name_addr, parse_uri, split_list

_SEPARATORS = re.compile(r"[-.()\s]")
_MAX_DIVERSIONS = 20
_MAX_REFERENCE = 64
_CAUSE = re.compile(r"\bcause\s*=\s*([0-9]{1,3})\b", re.IGNORECASE)


def number(uri: Uri) -> str:
    """The user part; of a telephone number (tel: or user=phone) without visual separators (RFC 3966 5.1.1)."""
    if uri.scheme == "tel" or uri.params.get("user", "").lower() == "phone":
        return _SEPARATORS.sub("", uri.user)
    return uri.user


def number_of(value: str) -> str:
    """The number in a name-addr or URI, "" when it can't be read."""
    try:
        return number(parse_uri(parse_name_addr(value).uri))
    except UriError:
        return ""


def called(request: Request, called_from: str) -> str:
    """The dialled number: of the Request-URI, or of the header that the trunk names; without that header again of the
    Request-URI."""
    text = next(iter(split_list(request.headers.getlist(called_from))), "") if called_from else ""
    return (number_of(text) if text else "") or number(request.uri)


def caller(request: Request) -> str:
    """The number in From; "" when it can't be read or is anonymous (RFC 3323 4.1.1.3)."""
    try:
        uri = parse_uri(request.from_.uri)
    except UriError:
        return ""
    return "" if _anonymous(uri) else number(uri)


def asserted(request: Request) -> str:
    """The number that the network vouches for: the first P-Asserted-Identity with one, "" without (RFC 3325 9.1)."""
    return next((found for value in _values(request, "P-Asserted-Identity") if (found := number_of(value))), "")


def private(request: Request) -> bool:
    """Whether the caller wants the number kept from others."""
    wishes = {wish.strip().lower() for value in request.headers.getlist("Privacy") for wish in value.split(";")}
    if wishes & {"id", "user"}:
        return True
    try:
        return _anonymous(parse_uri(request.from_.uri))
    except UriError:
        return False


def reference(request: Request) -> str:
    """The trunk's own name of the call (X-Call-Reference), "" where it gives none that can be shown."""
    text = request.get("X-Call-Reference").strip()
    return text if text.isascii() and text.isprintable() and len(text) <= _MAX_REFERENCE else ""


def cause(request: Request) -> int:
    """Why it is sent, as a cause of Q.850 (RFC 3326); 0 where it doesn't say."""
    for value in request.values("Reason"):
        protocol, _, parameters = value.partition(";")
        found = _CAUSE.search(parameters) if protocol.strip().lower() == "q.850" else None
        if found is not None:
            return int(found[1])
    return 0


def diverted(request: Request) -> tuple[str, ...]:
    """The numbers that the call was diverted from, the latest first and each once: of Diversion, else of History-Info."""
    found = [number_of(value) for value in _values(request, "Diversion")] or list(_history(request))
    return tuple(dict.fromkeys(filter(None, found)))


def _history(request: Request) -> Iterator[str]:
    """The entries that were diverted: those with a Reason (RFC 4244 4.1), and those followed by one with a cause (RFC 4458,
    RFC 7544 6.2)."""
    entries = _values(request, "History-Info")
    uris = [_uri(value) for value in entries]
    for index in range(len(entries) - 1, -1, -1):
        uri = uris[index]
        after = uris[index + 1] if index + 1 < len(uris) else None
        _, _, headers = entries[index].partition("?")
        diverted = "reason=" in unquote(headers).lower() or (after is not None and "cause" in after.params)
        if uri is not None and diverted:
            yield number(uri)


def _uri(value: str) -> Uri | None:
    try:
        return parse_uri(parse_name_addr(value).uri)
    except UriError:
        return None


def _anonymous(uri: Uri) -> bool:
    return uri.user.lower() == "anonymous" or uri.host.lower() == "anonymous.invalid"


def _values(request: Request, name: str) -> Sequence[str]:
    return request.values(name)[:_MAX_DIVERSIONS]
