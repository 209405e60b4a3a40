"""One side's telephone in a call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ivr.sip import sdp


@dataclass(slots=True)
class Leg:
    """One side's telephone. `leg` is its name in SIP and in media."""

    leg: str
    seat: str = ""
    """Agent number, or "" for the caller."""
    up: bool = False
    """Answered and not hung up."""
    closing: bool = False
    """A last request of ours is not answered yet."""
    port: int = 0
    stream: sdp.Stream | None = None
    sdp_version: int = 0

    @property
    def held(self) -> bool:
        """The peer put us on hold (RFC 3264 8.4)."""
        return self.stream is not None and self.stream.held

    def to_json(self) -> dict[str, Any]:
        return {
            "leg": self.leg,
            "seat": self.seat,
            "up": self.up,
            "closing": self.closing,
            "port": self.port,
            "stream": self.stream.to_json() if self.stream else None,
            "sdp_version": self.sdp_version,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Leg:
        stream = data["stream"]
        return cls(**{**data, "stream": sdp.Stream.from_json(stream) if stream else None})
