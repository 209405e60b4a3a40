"""One entry of the event stream, as its readers see it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any

from storage import jsontext

STREAM = "{hotline}:events"
MAX_TEXT = 64
"""Longest name kept in a column: a remote's caller id may be any rubbish."""


@dataclass(frozen=True, slots=True)
class StreamEvent:
    """What happened to `subject` (a call id, or "seat:<number>"); `seq` counts per subject; `at` is epoch seconds (UTC)."""

    subject: str
    seq: int
    type: str
    at: float
    data: Mapping[str, Any]
    raw: str = "{}"
    """`data` as the JSON text it came as."""

    @property
    def is_call(self) -> bool:
        return ":" not in self.subject

    def text(self, key: str) -> str:
        """data[key] as a short printable string; "" where it is missing or null."""
        value = self.data.get(key)
        if value is None or isinstance(value, (dict, list)):
            return ""
        return clean(str(value))[:MAX_TEXT]

    def number(self, key: str) -> float | None:
        """data[key] as a finite number, None where it is missing or none."""
        value = self.data.get(key)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not isfinite(value):
            return None
        return float(value)


def clean(text: str) -> str:
    """Text that any SQL database takes: no NUL, no lone surrogates."""
    return text.replace("\0", "").encode("utf-8", "replace").decode("utf-8")


def read(fields: Mapping[str, str]) -> StreamEvent:
    """Read a stream entry's fields subject, seq, type, at, data. Raises ValueError for an entry that is none of ours."""
    try:
        subject, seq, kind, at, raw = fields["subject"], int(fields["seq"]), fields["type"], float(fields["at"]), fields["data"]
        data = jsontext.read(raw)
    except (KeyError, ValueError) as error:
        raise ValueError(f"not an event: {error!r}") from error
    if not isinstance(data, dict):
        raise ValueError("not an event: data is no object")
    if not isfinite(at) or not 0 < len(subject) <= MAX_TEXT or not 0 < len(kind) <= MAX_TEXT or not 0 <= seq < 2**63:
        raise ValueError("not an event: a field is out of range")
    return StreamEvent(clean(subject), seq, clean(kind), at, data, clean(raw))


def unreadable(entry_id: str, fields: Mapping[str, str], at: float) -> StreamEvent:
    """Stands in for an entry that read() refused, so that it is kept for people and stops nobody."""
    raw = json.dumps({"fields": {clean(key): clean(value) for key, value in fields.items()}}, ensure_ascii=True)
    return StreamEvent(f"stream:{entry_id}", 0, "unreadable", at, {}, raw)
