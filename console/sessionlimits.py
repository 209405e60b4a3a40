"""How long a login lasts."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """A session ends idle_s after its last use, and whole_s after its beginning."""

    idle_s: float = 2 * 3600.0
    whole_s: float = 12 * 3600.0
