"""One call between an outside party's stream and a SIP leg towards the engine: what may follow what.

    a caller comes:    CALLING ──engine answers──▶ WAITING ──stream──▶ JOINED ──▶ OVER
    a call goes out:   DIALLING ──────────the party answers: stream──▶ JOINED ──▶ OVER

The engine's answer to a caller is acknowledged only when the caller's stream is there: its menu begins with the ACK, so that
nothing of the first prompt is lost. A caller whom nobody took leave of (the stream never came, or broke) is not hung up but cut
off: the engine owes a return call.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

PATIENCE_S = 9.0
"""The engine answers a caller's INVITE within this; it may be replaced meanwhile."""
STREAM_S = 10.0
"""A caller's stream comes within this after the TwiML that asks for it."""
DIALLING_S = 120.0
"""The longest a call out may ring; the engine gives up long before."""
GOODBYE_S = 0.5
"""The last words are heard, when the engine has hung up; then the stream is closed."""


class Phase(StrEnum):
    """See the module. LEAVING: the engine has hung up, its last words are being heard."""

    CALLING = "calling"
    WAITING = "waiting"
    DIALLING = "dialling"
    JOINED = "joined"
    LEAVING = "leaving"
    OVER = "over"


# What happens


@dataclass(frozen=True, slots=True)
class EngineAnswered:
    """200 to our INVITE; its ACK is held."""


@dataclass(frozen=True, slots=True)
class EngineRefused:
    """The final refusal of our INVITE, 408 where nobody answered."""

    status: int


@dataclass(frozen=True, slots=True)
class EngineLeft:
    """The engine's BYE or CANCEL, or its dialog broke."""


@dataclass(frozen=True, slots=True)
class StreamStarted:
    """The outside party's stream is there."""


@dataclass(frozen=True, slots=True)
class StreamEnded:
    """It is gone; clean: its peer said so."""

    clean: bool


@dataclass(frozen=True, slots=True)
class Heard:
    """All that was sent has been heard."""


@dataclass(frozen=True, slots=True)
class Rings:
    """The party that we call rings."""


@dataclass(frozen=True, slots=True)
class OutsideEnded:
    """The outside network says that the call is over, or could not be made: status as of SIP."""

    status: int


@dataclass(frozen=True, slots=True)
class Dismiss:
    """End it: this process ends."""


Event = (
    EngineAnswered | EngineRefused | EngineLeft | StreamStarted | StreamEnded | Heard | Rings | OutsideEnded | Dismiss
)  # fmt: skip

# What is to be done


@dataclass(frozen=True, slots=True)
class Admit:
    """The caller may be connected: ask for its stream."""


@dataclass(frozen=True, slots=True)
class TurnAway:
    """The engine didn't take the caller: status as of SIP."""

    status: int


@dataclass(frozen=True, slots=True)
class Acknowledge:
    """The held ACK."""


@dataclass(frozen=True, slots=True)
class Ring:
    """180 to the engine."""


@dataclass(frozen=True, slots=True)
class Answer:
    """200 to the engine."""


@dataclass(frozen=True, slots=True)
class Refuse:
    """A final refusal to the engine."""

    status: int


@dataclass(frozen=True, slots=True)
class HangUp:
    """End the leg towards the engine. cut_off: nobody hung up, the way broke down."""

    cut_off: bool = False


@dataclass(frozen=True, slots=True)
class Join:
    """Let sound pass."""


@dataclass(frozen=True, slots=True)
class FinishPlaying:
    """Ask to be told (Heard) when all that was sent has been heard."""


@dataclass(frozen=True, slots=True)
class CloseStream:
    """End the stream. The outside network asks what to do with the caller then."""


@dataclass(frozen=True, slots=True)
class EndOutside:
    """End the outside party's call by its network's API."""


Action = (
    Admit | TurnAway | Acknowledge | Ring | Answer | Refuse | HangUp | Join | FinishPlaying | CloseStream | EndOutside
)  # fmt: skip


class Bridge:
    """See the module. `ended_by` says after the end who ended it: "engine", "outside", or "broken"."""

    def __init__(self, *, outbound: bool, now: float) -> None:
        self.outbound = outbound
        self.phase = Phase.DIALLING if outbound else Phase.CALLING
        self.ended_by: Literal["", "engine", "outside", "broken"] = ""
        self._deadline: float | None = now + (DIALLING_S if outbound else PATIENCE_S)

    def deadline(self) -> float | None:
        """When tick() is wanted."""
        return self._deadline

    def tick(self, now: float) -> list[Action]:
        """Time passed."""
        if self._deadline is None or now < self._deadline:
            return []
        match self.phase:
            case Phase.CALLING:
                return self._over("broken", [HangUp(), TurnAway(408)])
            case Phase.WAITING:
                return self._over("broken", [Acknowledge(), HangUp(cut_off=True)])
            case Phase.DIALLING:
                return self._over("broken", [EndOutside(), Refuse(408)])
            case Phase.LEAVING:
                return self._over("engine", [CloseStream()])
        return []

    def receive(self, event: Event, now: float) -> list[Action]:
        """Something happened; what no longer fits gives []."""
        match event:
            case EngineAnswered() if self.phase is Phase.CALLING:
                self.phase, self._deadline = Phase.WAITING, now + STREAM_S
                return [Admit()]
            case EngineRefused(status) if self.phase is Phase.CALLING:
                return self._over("engine", [TurnAway(status)])
            case EngineLeft():
                return self._engine_left(now)
            case StreamStarted():
                return self._started()
            case StreamEnded(clean) if self.phase is Phase.JOINED:
                # A caller whose stream just broke may still be there, and is owed more than silence.
                return self._over("outside" if clean else "broken", [HangUp(cut_off=not clean)])
            case StreamEnded() if self.phase is Phase.WAITING:  # it could not even begin
                return self._over("broken", [Acknowledge(), HangUp(cut_off=True)])
            case StreamEnded() if self.phase is Phase.LEAVING:
                return self._over("engine", [])
            case Heard() if self.phase is Phase.LEAVING:
                return self._over("engine", [CloseStream()])
            case Rings() if self.phase is Phase.DIALLING:
                return [Ring()]
            case OutsideEnded(status):
                return self._outside_ended(status)
            case Dismiss():
                return self._dismissed()
        return []

    def _engine_left(self, now: float) -> list[Action]:
        match self.phase:
            case Phase.JOINED:
                self.phase, self._deadline = Phase.LEAVING, now + GOODBYE_S
                return [FinishPlaying()]
            case Phase.DIALLING:
                return self._over("engine", [EndOutside()])
            case Phase.CALLING:
                return self._over("engine", [TurnAway(480)])
            case Phase.WAITING:
                return self._over("engine", [])
        return []

    def _started(self) -> list[Action]:
        if self.phase not in (Phase.WAITING, Phase.DIALLING):
            return [CloseStream()]  # whatever it belongs to is over
        first: Sequence[Action] = [Answer()] if self.outbound else [Acknowledge()]
        self.phase, self._deadline = Phase.JOINED, None
        return [*first, Join()]

    def _outside_ended(self, status: int) -> list[Action]:
        match self.phase:
            case Phase.CALLING:
                return self._over("outside", [HangUp(), TurnAway(487)])
            case Phase.WAITING:
                return self._over("outside", [Acknowledge(), HangUp()])
            case Phase.DIALLING:
                return self._over("outside", [Refuse(status)])
            case Phase.JOINED:
                return self._over("outside", [HangUp(), CloseStream()])
            case Phase.LEAVING:
                return self._over("engine", [CloseStream()])
        return []

    def _dismissed(self) -> list[Action]:
        match self.phase:
            case Phase.CALLING:
                return self._over("broken", [HangUp(), TurnAway(503)])
            case Phase.WAITING:
                return self._over("broken", [Acknowledge(), HangUp(cut_off=True)])
            case Phase.DIALLING:
                return self._over("broken", [EndOutside(), Refuse(503)])
            case Phase.JOINED:
                return self._over("broken", [HangUp(cut_off=True), CloseStream()])
            case Phase.LEAVING:
                return self._over("engine", [CloseStream()])
        return []

    def _over(self, by: Literal["engine", "outside", "broken"], actions: list[Action]) -> list[Action]:
        self.phase, self.ended_by, self._deadline = Phase.OVER, by, None
        return actions
