"""One side's telephone in a call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from ivr.dialplan import Callee
from ivr.sip import sdp


class LegState(StrEnum):
    """NEW: waits for a port. INVITED: its INVITE waits for our answer. DIALLED: ours waits for its. UP: answered. CLOSING: a
    last request of ours is not answered yet. OVER: nothing is to come."""

    NEW = "new"
    INVITED = "invited"
    DIALLED = "dialled"
    UP = "up"
    CLOSING = "closing"
    OVER = "over"


@dataclass(slots=True)
class Leg:
    """One side's telephone. `leg` is its name in SIP and in media."""

    leg: str
    seat: str = ""
    """Agent number of the seat whose telephone it is, "" for the caller's or another outside one."""
    state: LegState = LegState.NEW
    callee: Callee | None = None
    """Whom we dialled; None for a telephone that called us."""
    port: int = 0
    host: str = ""
    """Address and port at which media receives, as the peer is told them."""
    srtp_key: str = field(default="", repr=False)
    """Our key where its listener's media is encrypted (RFC 4568), else ""."""
    srtp_required: bool = False
    stream: sdp.Stream | None = None
    sdp_version: int = 0
    offer: bytes = b""
    """SDP of its INVITE until it is answered."""
    early: bool = False
    """Our 183 with a description has answered its INVITE's offer (early.py)."""
    fork_of: str = ""
    """The leg of the same seat's first telephone, while both are called (forking.py)."""
    rang: bool = False
    refusal: tuple[str, int] | None = None
    """Why, and with what status, nobody took the call at this telephone while others of the seat went on ringing."""
    rest_s: float = 0.0
    """So long whoever refused there wishes not to be called again (Retry-After)."""

    targets: tuple[Callee, ...] = ()
    """Where whom we call is tried next, after a redirection (redirecting.py)."""
    tried: tuple[str, ...] = ()
    """The places of all targets there were, and of the first callee."""

    @property
    def up(self) -> bool:
        """Answered and not hung up."""
        return self.state is LegState.UP

    @property
    def waits(self) -> bool:
        """Hears us already and is not answered yet."""
        return self.early and self.state is LegState.INVITED

    @property
    def held(self) -> bool:
        """The peer put us on hold (RFC 3264 8.4)."""
        return self.stream is not None and self.stream.held

    def accept(self, answer: bytes) -> None:
        """Take the peer's answer to our offer. Raises SdpError."""
        self.stream = sdp.accept(answer, srtp_key=self.srtp_key, srtp_required=self.srtp_required)

    def to_json(self) -> dict[str, Any]:
        return {
            "leg": self.leg,
            "seat": self.seat,
            "state": self.state.value,
            "callee": asdict(self.callee) if self.callee else None,
            "port": self.port,
            "host": self.host,
            "srtp_key": self.srtp_key,
            "srtp_required": self.srtp_required,
            "stream": self.stream.to_json() if self.stream else None,
            "sdp_version": self.sdp_version,
            "offer": self.offer.decode("latin-1"),
            "early": self.early,
            "fork_of": self.fork_of,
            "rang": self.rang,
            "refusal": list(self.refusal) if self.refusal else None,
            "rest_s": self.rest_s,
            "targets": [asdict(target) for target in self.targets],
            "tried": list(self.tried),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Leg:
        stream, callee, refusal = data["stream"], data["callee"], data["refusal"]
        return cls(
            leg=data["leg"],
            seat=data["seat"],
            state=LegState(data["state"]),
            callee=Callee(**callee) if callee else None,
            port=data["port"],
            host=data["host"],
            srtp_key=data["srtp_key"],
            srtp_required=data["srtp_required"],
            stream=sdp.Stream.from_json(stream) if stream else None,
            sdp_version=data["sdp_version"],
            offer=data["offer"].encode("latin-1"),
            early=data["early"],
            fork_of=data["fork_of"],
            rang=data["rang"],
            refusal=(refusal[0], refusal[1]) if refusal else None,
            rest_s=data["rest_s"],
            targets=tuple(Callee(**target) for target in data["targets"]),
            tried=tuple(data["tried"]),
        )
