"""Keys in SIP INFO: application/dtmf-relay ("Signal=5", "Duration=160") and application/dtmf ("5"), as telephones and
gateways send them."""

from __future__ import annotations

import re

DEFAULT_MS = 160
MAX_MS = 60000
TYPES = frozenset({"application/dtmf-relay", "application/dtmf", "application/vnd.nortelnetworks.digits"})
_SIGNAL = re.compile(r"^[ \t]*+(?:signal|d)[ \t]*+[=:][ \t]*+([0-9A-Da-d*#]{1,2})[ \t]*+\r?$", re.IGNORECASE | re.MULTILINE)
_DURATION = re.compile(r"^[ \t]*+duration[ \t]*+[=:][ \t]*+([0-9]{1,6})[ \t]*+\r?$", re.IGNORECASE | re.MULTILINE)
_EVENTS = {"10": "*", "11": "#", "12": "A", "13": "B", "14": "C", "15": "D"}


def read_digit(content_type: str, body: bytes) -> tuple[str, int] | None:
    """The key and its length in ms; None when the body names no key (hook flash, nonsense)."""
    text = body.decode("ascii", "replace").replace("\r", "\n")
    signal = text.strip()
    duration = None
    if content_type == "application/dtmf-relay" or "=" in text:
        match = _SIGNAL.search(text)
        signal = match[1] if match else ""
        duration = _DURATION.search(text)
    key = _EVENTS.get(signal, signal).upper()
    if len(key) != 1 or key not in "0123456789*#ABCD":
        return None
    milliseconds = int(duration[1]) if duration else DEFAULT_MS
    return key, min(milliseconds, MAX_MS) or DEFAULT_MS
