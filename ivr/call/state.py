"""What a call remembers, and how it is put down and picked up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Self

from ivr.call.leg import Leg
from ivr.config import Queue
from ivr.flow.model import Document
from ivr.flow.run import FlowRun
from ivr.media import control as media
from ivr.sip.number import Caller
from ivr.steps import Action, Emit, Tell

MUSIC_PLAY = -1
ANNOUNCEMENT_PLAY = -2
"""Play numbers of the call's own; the menu's are positive."""


class Phase(StrEnum):
    """Where a call is."""

    ARRIVED = "ARRIVED"
    MENU = "MENU"
    QUEUED = "QUEUED"
    OFFERED = "OFFERED"
    TALKING = "TALKING"
    ENDED = "ENDED"


FOLLOWS: Mapping[Phase, frozenset[Phase]] = {
    Phase.ARRIVED: frozenset({Phase.MENU, Phase.ENDED}),
    Phase.MENU: frozenset({Phase.QUEUED, Phase.ENDED}),
    Phase.QUEUED: frozenset({Phase.OFFERED, Phase.MENU, Phase.ENDED}),
    Phase.OFFERED: frozenset({Phase.TALKING, Phase.QUEUED, Phase.ENDED}),
    Phase.TALKING: frozenset({Phase.ENDED}),
    Phase.ENDED: frozenset(),
}


@dataclass(frozen=True, slots=True)
class Arrival:
    """What is known of a call when it comes."""

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


@dataclass(slots=True)
class Times:
    """Moments of a call on its own clock, None until they come."""

    began: float
    queued: float | None = None
    talking: float | None = None


@dataclass
class State:
    """The data of a call and the few verbs that all phases share."""

    arrival: Arrival
    flow: FlowRun
    queues: Mapping[str, Queue]
    legs: dict[str, Leg]
    times: Times
    phase: Phase = Phase.ARRIVED
    queue: str = ""
    seat: str = ""
    """Agent number of the seat that is dialled or talking."""
    offers: int = 0
    """Seats claimed so far; numbers their legs."""
    takes: int = 0
    """Recordings begun so far; each media process writes its own."""
    sent_away: bool = False
    """The queue's time limit sent the caller back: a return call is owed however the call ends."""
    media_there: bool = True
    offer: bytes = b""
    """SDP of the caller's INVITE until it is answered."""
    timers: dict[str, float] = field(default_factory=dict)
    """"ring", "queue", "reinvite:<leg>" to when they run out."""
    now: float = 0.0
    _out: list[Action] = field(default_factory=list, repr=False)

    # What the shell sees

    @property
    def call_id(self) -> str:
        return self.arrival.call_id

    @property
    def caller_leg(self) -> Leg:
        return next(leg for leg in self.legs.values() if not leg.seat)

    @property
    def seat_leg(self) -> Leg | None:
        """The telephone of the seat that is dialled or talking."""
        return self.legs.get(self.seat_leg_name) if self.seat else None

    @property
    def seat_leg_name(self) -> str:
        return f"{self.call_id}.s{self.offers}"

    @property
    def finished(self) -> bool:
        """Ended, and every last message is answered: nothing is left to keep."""
        return self.phase is Phase.ENDED and not any(leg.closing for leg in self.legs.values())

    @property
    def summary(self) -> dict[str, str | float]:
        """What the floor shows of a live call."""
        caller = self.arrival.caller
        return {
            "phase": self.phase.value,
            "trunk": self.arrival.trunk,
            "hotline": self.arrival.hotline,
            "called": self.arrival.called,
            "caller": caller.number,
            "place": caller.province if caller.city == caller.province else caller.province + caller.city,
            "queue": self.queue,
            "seat": self.seat,
            "menu": self.flow.node,
            "since": self.arrival.started_at,
        }

    # What the phases share

    def do(self, action: Action) -> None:
        """This is to be done, after what was said before."""
        self._out.append(action)

    def take(self) -> list[Action]:
        """Hand out what is to be done."""
        out, self._out = self._out, []
        return out

    def go(self, phase: Phase) -> None:
        assert phase in FOLLOWS[self.phase], f"{self.phase} to {phase}"
        self.phase = phase

    def emit(self, kind: str, **data: Any) -> None:
        if self.arrival.logged:
            self.do(Emit(kind, data))

    def is_offered(self, leg: str) -> bool:
        """Whether this is the leg of the seat that is being dialled."""
        return self.phase is Phase.OFFERED and leg == self.seat_leg_name

    def wait_s(self) -> float:
        """Seconds from the queue to the talk, or to now."""
        if self.times.queued is None:
            return 0.0
        until = self.now if self.times.talking is None else self.times.talking
        return round(until - self.times.queued, 3)

    def recording(self) -> tuple[str, str]:
        """Name of the running take in media, and its path below the recordings directory."""
        part = "" if self.takes == 1 else f"-{self.takes}"
        return f"{self.call_id}-{self.takes}", f"{self.arrival.recording}{part}.wav"

    def sdp_terms(self, leg: Leg) -> dict[str, Any]:
        """Our side of an offer or answer. The SDP session's number is the call's start, its version counts our descriptions
        (RFC 3264 8)."""
        return {
            "host": self.arrival.media_host,
            "port": leg.port,
            "session_id": int(self.arrival.started_at),
            "version": leg.sdp_version,
        }

    def remote(self, leg: Leg) -> Action:
        """Tell media where the leg's peer listens and what it speaks."""
        stream = leg.stream
        assert stream is not None, f"{leg.leg} has no negotiated stream"
        return Tell(
            media.Remote(
                leg.leg,
                stream.host,
                stream.port,
                stream.codec,
                stream.payload_type,
                stream.dtmf_payload_type,
                stream.ptime_ms,
                send=stream.sends,
                receive=stream.receives,
            )
        )

    # Put down and picked up

    def to_json(self, now: float) -> dict[str, Any]:
        """The state as JSON values; times as seconds that remain or have passed."""
        arrival, times = self.arrival, self.times
        caller = arrival.caller
        return {
            "arrival": {
                "call_id": arrival.call_id,
                "trunk": arrival.trunk,
                "hotline": arrival.hotline,
                "called": arrival.called,
                "started_at": arrival.started_at,
                "node": arrival.node,
                "media_host": arrival.media_host,
                "recordings": arrival.recordings,
                "recording": arrival.recording,
                "logged": arrival.logged,
            },
            "caller": {"number": caller.number, "dialable": caller.dialable, "province": caller.province, "city": caller.city},
            "offer": self.offer.decode("latin-1") if self.phase is Phase.ARRIVED else "",
            "document": None if arrival.hotline else self.flow.document.model_dump(mode="json", exclude_defaults=True),
            "flow": self.flow.to_json(now),
            "legs": [leg.to_json() for leg in self.legs.values()],
            "ago_s": {
                "began": now - times.began,
                "queued": None if times.queued is None else now - times.queued,
                "talking": None if times.talking is None else now - times.talking,
            },
            "phase": self.phase.value,
            "queue": self.queue,
            "seat": self.seat,
            "offers": self.offers,
            "takes": self.takes,
            "sent_away": self.sent_away,
            "media_there": self.media_there,
            "remaining_s": {name: at - now for name, at in self.timers.items()},
        }

    @classmethod
    def from_json(
        cls, data: Mapping[str, Any], document: Document, queues: Mapping[str, Queue], now: float, elapsed_s: float
    ) -> Self:
        """Pick up what to_json() put down `elapsed_s` ago; deadlines that passed meanwhile are due at once, in their order."""

        def moment(ago: float | None) -> float | None:
            return None if ago is None else now - ago - elapsed_s

        ago = data["ago_s"]
        return cls(
            Arrival(**data["arrival"], caller=Caller(**data["caller"])),
            FlowRun.from_json(document, data["flow"], now, elapsed_s),
            queues,
            {leg["leg"]: Leg.from_json(leg) for leg in data["legs"]},
            Times(now - ago["began"] - elapsed_s, moment(ago["queued"]), moment(ago["talking"])),
            phase=Phase(data["phase"]),
            queue=data["queue"],
            seat=data["seat"],
            offers=data["offers"],
            takes=data["takes"],
            sent_away=data["sent_away"],
            media_there=data["media_there"],
            timers={name: now + left - elapsed_s for name, left in data["remaining_s"].items()},
            offer=data["offer"].encode("latin-1"),
            now=now,
        )
