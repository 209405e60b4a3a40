"""What is told about a call: the events of one stream, which call log, wallboard and return calls are made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

STREAM = "{hotline}:events"
"""Key of the stream. An entry's fields: subject (call id, "seat:<number>", "trunk:<name>", "speech:<node>:<process>" or
"number:<number>"), seq, type, at
(s since 1970), data (JSON)."""

EVENTS_PER_COMMIT = 1000
"""An event's seq is version * EVENTS_PER_COMMIT + its place in the commit: the same at every replay, rising in each call."""

QUALITY_SEQ = 2**52
"""Above all numbers of steps: the event "quality" of the caller's leg; QUALITY_SEQ + n that of the n-th telephone called."""


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened to a call. `data` must be fit for JSON."""

    type: str
    data: Mapping[str, Any] = field(default_factory=dict)
