"""What is known of a call when it begins."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ivr.sip.number import Caller


class Kind(StrEnum):
    """INBOUND: a caller's, or a seat's own to a menu. OUTBOUND: a seat calls an outside number, or has it called. INTERNAL: a
    seat calls a seat."""

    INBOUND = "inbound"
    OUTBOUND = "outbound"
    INTERNAL = "internal"


@dataclass(frozen=True, slots=True)
class Arrival:
    """What is known of a call when it begins. The caller is the outside party: of an outbound call, who is called; of an
    internal one, the seat that calls."""

    call_id: str
    trunk: str
    hotline: str
    called: str
    caller: Caller
    started_at: float
    """Seconds since the epoch."""
    node: str
    media_host: str
    recordings: str
    """The recordings directory."""
    recording: str
    """Where this call's recording lies below it, without the ending."""
    logged: bool = True
    """False for a seat that dials a code: it leaves no call in the log."""
    kind: Kind = Kind.INBOUND
    in_band_dtmf: str = "auto"
    """Whether the caller's keys are looked for in the sound: "always", "never", or "auto", where they don't come as events."""
    diverted: tuple[str, ...] = ()
    """Numbers the call was diverted from, the latest first."""
    early_media: bool = False
    """Whether the caller may hear us before the answer."""
    callback_id: str = ""
    """Of an outbound call: the return call it is made for, as its maker names it."""
    asked: bool = False
    """Of an outbound call: somebody asked for it (click-to-dial), and follows how far it is."""
    reference: str = ""
    """The trunk's own name of the call."""
    menu_version: int = 0
    """Which version of the hotline's menu it runs to its end; 0 where it isn't known."""
