"""The headers of a message (RFC 3261 7.3): names in any case or in compact form, folded lines, blanks before the colon."""

from __future__ import annotations

import re

MAX_HEADERS = 256
"""Lines; a message with more is nobody's."""

_COMPACT = {
    "a": "accept-contact",
    "b": "referred-by",
    "c": "content-type",
    "d": "request-disposition",
    "e": "content-encoding",
    "f": "from",
    "i": "call-id",
    "j": "reject-contact",
    "k": "supported",
    "l": "content-length",
    "m": "contact",
    "o": "event",
    "r": "refer-to",
    "s": "subject",
    "t": "to",
    "u": "allow-events",
    "v": "via",
    "x": "session-expires",
    "y": "identity",
}
"""The IANA registry's compact forms."""
_FOLD = re.compile(r"\r\n[ \t]+")
_NAME = re.compile(r"[A-Za-z0-9.!%*_+`'~-]+")


_USUAL = {
    name: name.lower()
    for name in (
        "Accept", "Allow", "Authorization", "CSeq", "Call-ID", "Contact", "Content-Length", "Content-Type", "Expires", "From",
        "Max-Forwards", "Min-SE", "P-Asserted-Identity", "Privacy", "Record-Route", "Require", "Route", "Server",
        "Session-Expires", "Supported", "To", "User-Agent", "Via",
    )
}  # fmt: skip
"""Names as nearly everybody writes them: they need no further look."""


class HeaderError(ValueError):
    """What stands there is no list of headers."""


class Headers:
    """All values of each header in their order. Names in any case, never in the compact form."""

    __slots__ = ("_values", "repeated")

    def __init__(self, text: str) -> None:
        """Read the lines between the start line and the empty line. HeaderError when one is no header."""
        values: dict[str, list[str]] = {}
        repeated: set[str] = set()
        if "\r\n " in text or "\r\n\t" in text:
            text = _FOLD.sub(" ", text)
        lines = text.split("\r\n")
        if len(lines) > MAX_HEADERS:
            raise HeaderError("too many headers")
        if text.count("\n") != len(lines) - 1 or text.count("\r") != len(lines) - 1:
            raise HeaderError("half a line's end")
        for line in lines:
            name, colon, value = line.partition(":")
            if not colon:
                raise HeaderError("a line that is no header")
            name = _USUAL.get(name) or _name(name)
            if name in values:
                values[name].append(value.strip(" \t"))
                repeated.add(name)
            else:
                values[name] = [value.strip(" \t")]
        self._values = values
        self.repeated = repeated
        """Names, in lower case, that stand on more than one line."""

    def get(self, name: str) -> str | None:
        """The first value, None without one."""
        found = self._values.get(_USUAL.get(name) or name.lower())
        return found[0] if found else None

    def getlist(self, name: str) -> list[str]:
        """All values; [] without one."""
        return self._values.get(_USUAL.get(name) or name.lower(), [])


def _name(written: str) -> str:
    """The name in lower case, not compact. HeaderError when it is none."""
    name = written.rstrip(" \t").lower()
    if not _NAME.fullmatch(name):
        raise HeaderError("a line that is no header")
    return _COMPACT.get(name, name)
